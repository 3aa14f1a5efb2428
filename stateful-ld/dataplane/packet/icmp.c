#include "packet/icmp.h"

#include <netinet/in.h>

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"

enum {
    OWN_TTL = 64,               /* RFC 1700, "IP option numbers": recommended default */
    INTERNETWORK_CONTROL = 0xc0 /* RFC 1812 4.3.2.5: precedence 6 for errors */
};

void icmp_answer_type(uint8_t *at, const struct packet *packet, uint8_t reply) {
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)at;
    uint16_t before, after;

    if (packet->kind == PACKET_VIP_ECHO_FRAGMENT && packet_fragment_offset(packet) != 0)
        return;
    memcpy(&before, icmp, 2); /* the word of type and code */
    icmp->icmp_type = reply;
    memcpy(&after, icmp, 2);
    icmp->icmp_cksum = checksum_update(icmp->icmp_cksum, checksum_delta16(before, after));
}

void icmp_make_echo_reply(uint8_t *frame, const struct packet *packet) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + packet->l3_off);
    rte_be32_t asked = ip->dst_addr;

    ip->dst_addr = ip->src_addr;
    ip->src_addr = asked;
    ip->time_to_live = OWN_TTL;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, packet->l4_off - packet->l3_off));
    icmp_answer_type(frame + packet->l4_off, packet, RTE_IP_ICMP_ECHO_REPLY);
}

/* The checksum of the embedded segment is further in than the 8 bytes every error quotes. */
static uint16_t *embedded_tcp_checksum(struct rte_tcp_hdr *tcp, uint32_t bytes) {
    return bytes >= offsetof(struct rte_tcp_hdr, cksum) + 2 ? &tcp->cksum : NULL;
}

/* The embedded packet went the other way, so it gets the rewrite's ends exchanged. Every changed
 * word, checksums included, also changes the sum of the ICMP message around it. */
static uint64_t rewrite_embedded(struct rte_ipv4_hdr *ip, uint32_t bytes,
                                 const struct rewrite *rewrite) {
    uint32_t header_bytes = (ip->version_ihl & 0x0f) * 4;
    uint64_t l4_delta = rewrite->address_delta + rewrite->port_delta;
    struct rte_udp_hdr *l4 = (struct rte_udp_hdr *)((uint8_t *)ip + header_bytes);
    uint16_t ip_before = ip->hdr_checksum, l4_before = 0, l4_after = 0, *tcp_checksum;

    ip->src_addr = rewrite->dst;
    ip->dst_addr = rewrite->src;
    ip->hdr_checksum = checksum_update(ip_before, rewrite->address_delta);
    l4->src_port = rewrite->dst_port; /* ports are where UDP has them in TCP as well */
    l4->dst_port = rewrite->src_port;
    if (ip->next_proto_id == IPPROTO_UDP) {
        l4_before = l4->dgram_cksum;
        l4_after = l4->dgram_cksum = checksum_update_udp(l4_before, l4_delta);
    } else {
        tcp_checksum = embedded_tcp_checksum((struct rte_tcp_hdr *)l4, bytes - header_bytes);
        if (tcp_checksum != NULL) {
            l4_before = *tcp_checksum;
            l4_after = *tcp_checksum = checksum_update(l4_before, l4_delta);
        }
    }
    return l4_delta + checksum_delta16(ip_before, ip->hdr_checksum) +
           checksum_delta16(l4_before, l4_after);
}

void icmp_rewrite_error(uint8_t *frame, const struct packet *packet,
                        const struct rewrite *rewrite) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + packet->l3_off);
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + packet->l4_off);
    uint32_t bytes = packet->l3_len - (uint32_t)(packet->l4_off - packet->l3_off) - sizeof(*icmp);
    uint64_t delta = rewrite_embedded((struct rte_ipv4_hdr *)(icmp + 1), bytes, rewrite);
    struct rewrite outer = *rewrite;

    icmp->icmp_cksum = checksum_update(icmp->icmp_cksum, delta);
    /* Who reports may be neither end of the session. */
    outer.address_delta =
        checksum_delta32(ip->src_addr, rewrite->src) + checksum_delta32(ip->dst_addr, rewrite->dst);
    rewrite_ip(ip, &outer);
}

void icmp_write_error(uint8_t *at, const struct icmp_error *error, uint16_t quoted) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(ip + 1);
    const struct rte_ipv4_hdr *about = (const struct rte_ipv4_hdr *)(icmp + 1);

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .type_of_service = INTERNETWORK_CONTROL,
        .total_length = rte_cpu_to_be_16((uint16_t)(ICMP_ERROR_OVERHEAD_BYTES + quoted)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG), /* RFC 6864 4.1: so needs no id */
        .time_to_live = OWN_TTL,
        .next_proto_id = IPPROTO_ICMP,
        .src_addr = about->dst_addr,
        .dst_addr = about->src_addr,
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof(*ip)));
    *icmp = (struct rte_icmp_hdr){
        .icmp_type = error->type,
        .icmp_code = error->code,
        .icmp_seq_nb = rte_cpu_to_be_16(error->mtu_bytes), /* RFC 1191 4: where it stands */
    };
    icmp->icmp_cksum = (uint16_t)~checksum_fold(checksum_sum(icmp, sizeof(*icmp) + quoted));
}
