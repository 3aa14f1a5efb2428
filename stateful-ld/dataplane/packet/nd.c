#include "packet/nd.h"

#include <netinet/in.h>

#include "packet/checksum.h"
#include "packet/room.h"

enum {
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    ND_HOP_LIMIT = 255, /* RFC 4861 7.1.1: proves that no router has forwarded it */
    FLAG_SOLICITED = 0x40000000,
    FLAG_OVERRIDE = 0x20000000,
};

/* RFC 4861 4.6.1. */
struct mac_option {
    uint8_t type;
    uint8_t length; /* in 8 bytes */
    struct rte_ether_addr mac;
};

struct nd_packet {
    struct rte_ipv6_hdr ip;
    struct nd_message message;
    struct mac_option option;
} __attribute__((packed));

/* RFC 4291 2.7.1: ff02::1:ff, and the last three bytes. */
static struct ip_address solicited_node(const struct ip_address *address) {
    struct ip_address group = { .bytes = { 0xff, 0x02, [11] = 0x01, [12] = 0xff } };

    memcpy(group.bytes + 13, address->bytes + 13, 3);
    return group;
}

/* RFC 2464 7. */
static struct rte_ether_addr group_mac(const struct ip_address *group) {
    struct rte_ether_addr mac = { { 0x33, 0x33 } };

    memcpy(mac.addr_bytes + 2, group->bytes + 12, 4);
    return mac;
}

struct ip_address nd_link_local(const struct rte_ether_addr *mac) {
    const uint8_t *m = mac->addr_bytes;

    return (struct ip_address){ .bytes = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 0x02, m[1], m[2],
                                           0xff, 0xfe, m[3], m[4], m[5] } };
}

/* RFC 4861 4.6: an option of length 0 makes the message invalid. */
static bool find_option(const uint8_t *at, const uint8_t *end, uint8_t type,
                        const struct mac_option **found) {
    *found = NULL;
    for (; end - at >= 8; at += at[1] * 8) {
        if (at[1] == 0 || at[1] * 8 > end - at)
            return false;
        if (at[0] == type)
            *found = (const struct mac_option *)at;
    }
    return at == end;
}

bool nd_read(const uint8_t *frame, const struct packet *packet, const struct own_address *own,
             struct nd_heard *heard) {
    const struct nd_message *message = (const struct nd_message *)(frame + packet->l4_off);
    const uint8_t *end = frame + packet->l3_off + packet->l3_len;
    bool solicitation = message->icmp.type == ND_SOLICITATION;
    struct ip_address target = ip_from_v6(message->target);
    const struct mac_option *option;

    if (!ip6_is_unicast(&target) ||
        !find_option((const uint8_t *)(message + 1), end,
                     solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC, &option))
        return false;
    *heard = (struct nd_heard){
        .address = solicitation ? packet->key.v6.src : target,
        .asks = solicitation && own_address_is(own, &target),
    };
    if (option == NULL || ip_is_none(&heard->address))
        return true;
    heard->mac = option->mac;
    heard->known = rte_is_valid_assigned_ether_addr(&heard->mac);
    return true;
}

static void write_packet(uint8_t *at, const struct nd_packet *packet) {
    struct nd_packet *nd = (struct nd_packet *)at;

    *nd = *packet;
    nd->ip.vtc_flow = RTE_BE32(6u << 28);
    nd->ip.payload_len = RTE_BE16(sizeof(*nd) - sizeof(nd->ip));
    nd->ip.proto = IPPROTO_ICMPV6;
    nd->ip.hop_limits = ND_HOP_LIMIT;
    nd->option.length = 1;
    icmp6_set_checksum(&nd->ip, &nd->message.icmp, sizeof(*nd) - sizeof(nd->ip));
}

/* RFC 4861 7.2.4: who checks whether an address is free has none yet, so all nodes are told. */
bool nd_make_advertisement(struct rte_mbuf *mbuf, const struct packet *packet,
                           const struct own_address *own) {
    static const struct ip_address all_nodes = { .bytes = { 0xff, 0x02, [15] = 1 } };
    uint32_t wanted = packet->l3_off + (uint32_t)sizeof(struct nd_packet);
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
    const struct nd_message *asked = (const struct nd_message *)((uint8_t *)ether + packet->l4_off);
    bool anonymous = ip_is_none(&packet->key.v6.src);
    struct nd_packet answer = {
        .message.icmp = { .type = ND_ADVERTISEMENT,
                          .word =
                              rte_cpu_to_be_32(FLAG_OVERRIDE | (anonymous ? 0 : FLAG_SOLICITED)) },
        .option = { .type = OPTION_TARGET_MAC, .mac = own->mac },
    };

    if (!room_for(mbuf, wanted))
        return false;
    memcpy(answer.message.target, asked->target, sizeof(asked->target));
    memcpy(answer.ip.src_addr, asked->target, sizeof(asked->target));
    memcpy(answer.ip.dst_addr, anonymous ? &all_nodes : &packet->key.v6.src, 16);
    ether->dst_addr = anonymous ? group_mac(&all_nodes) : ether->src_addr;
    ether->src_addr = own->mac;
    write_packet((uint8_t *)ether + packet->l3_off, &answer);
    mbuf->data_len = (uint16_t)wanted;
    mbuf->pkt_len = wanted;
    return true;
}

void nd_make_solicitation(struct rte_mbuf *mbuf, const struct own_address *own,
                          const struct ip_address *target,
                          const struct rte_ether_addr *destination) {
    struct ip_address group = solicited_node(target);
    struct rte_ether_hdr *ether =
        (struct rte_ether_hdr *)rte_pktmbuf_append(mbuf, sizeof(*ether) + sizeof(struct nd_packet));
    struct nd_packet question = {
        .message.icmp.type = ND_SOLICITATION,
        .option = { .type = OPTION_SOURCE_MAC, .mac = own->mac },
    };

    memcpy(question.message.target, target, sizeof(*target));
    memcpy(question.ip.src_addr, &own->address_v6, sizeof(own->address_v6));
    memcpy(question.ip.dst_addr, destination != NULL ? target : &group, sizeof(group));
    ether->dst_addr = destination != NULL ? *destination : group_mac(&group);
    ether->src_addr = own->mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
    write_packet((uint8_t *)(ether + 1), &question);
}
