#include "packet/parse.h"

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_vxlan.h>

#include "packet/bucket.h"
#include "packet/checksum.h"
#include "packet/icmp.h"
#include "packet/parse_ipv6.h"

/* Ethernet, and one 802.1Q tag when there is one (IEEE 802.1Q 9.3). */
static enum drop_reason parse_ethernet(struct cursor *cursor, const struct rte_ether_hdr **ether,
                                       uint16_t *type) {
    *ether = take(cursor, sizeof(**ether));
    if (*ether == NULL)
        return DROP_TRUNCATED;
    *type = rte_be_to_cpu_16((*ether)->ether_type);
    if (*type == RTE_ETHER_TYPE_VLAN) {
        const struct rte_vlan_hdr *tag = take(cursor, sizeof(*tag));

        if (tag == NULL)
            return DROP_TRUNCATED;
        *type = rte_be_to_cpu_16(tag->eth_proto);
    }
    return DROP_NONE;
}

static bool fragmented(const struct rte_ipv4_hdr *ip) {
    return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0;
}

/* Nearly every header has no options, and a length the compiler knows makes a sum without a loop.
 */
static bool header_checksum_right(const struct rte_ipv4_hdr *ip, uint32_t header_bytes) {
    return checksum_right(likely(header_bytes == sizeof(*ip)) ? checksum_sum(ip, sizeof(*ip))
                                                              : checksum_sum(ip, header_bytes));
}

/* The checks a router owes every packet (RFC 1812 5.2.2); options are stepped over. */
static enum drop_reason parse_ipv4(struct cursor *cursor, const struct rte_ipv4_hdr **header) {
    uint32_t start = cursor->at;
    const struct rte_ipv4_hdr *ip = take(cursor, sizeof(*ip));
    uint32_t header_bytes, total;

    if (unlikely(ip == NULL))
        return DROP_TRUNCATED;
    if (unlikely(ip->version_ihl >> 4 != 4))
        return DROP_BAD_IP_VERSION;
    header_bytes = (ip->version_ihl & 0x0f) * 4;
    if (unlikely(header_bytes < sizeof(*ip)))
        return DROP_BAD_IP_HEADER_LENGTH;
    if (unlikely(take(cursor, header_bytes - sizeof(*ip)) == NULL))
        return DROP_BAD_IP_HEADER_LENGTH;
    total = rte_be_to_cpu_16(ip->total_length);
    if (unlikely(total < header_bytes || total > cursor->end - start))
        return DROP_BAD_IP_TOTAL_LENGTH;
    if (unlikely(!header_checksum_right(ip, header_bytes)))
        return DROP_BAD_IP_CHECKSUM;
    cursor->end = start + total;
    *header = ip;
    return DROP_NONE;
}

/* RFC 5508 REQ-3: a wrong checksum, outside or embedded, says the error is about nothing we have
 * sent; the embedded transport checksum is not to be validated. Addressed to anybody but the sender
 * of the packet it is about, or about a later fragment, it tells nothing that can be used. */
static enum drop_reason parse_embedded(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                       struct packet *packet) {
    const struct rte_ipv4_hdr *embedded = take(cursor, sizeof(*embedded));
    const rte_be16_t *ports;
    uint32_t header_bytes;

    if (embedded == NULL || embedded->version_ihl >> 4 != 4)
        return DROP_BAD_ICMP;
    header_bytes = (embedded->version_ihl & 0x0f) * 4;
    if (header_bytes < sizeof(*embedded) || take(cursor, header_bytes - sizeof(*embedded)) == NULL)
        return DROP_BAD_ICMP;
    packet->inner_l4_off = (uint16_t)cursor->at;
    ports = take(cursor, ICMP_EMBEDDED_BYTES);
    if (ports == NULL || !checksum_right(checksum_sum(embedded, header_bytes)))
        return DROP_BAD_ICMP;
    if (embedded->src_addr != ip->dst_addr ||
        (embedded->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0 ||
        (embedded->next_proto_id != IPPROTO_TCP && embedded->next_proto_id != IPPROTO_UDP))
        return DROP_ICMP_EMBEDDED;
    packet->kind = PACKET_ICMP_ERROR;
    packet->key.src = embedded->dst_addr;
    packet->key.src_port = ports[1];
    packet->key.dst_port = ports[0];
    packet->key.vni_protocol = flow_vni_protocol(flow_vni(&packet->key), embedded->next_proto_id);
    return DROP_NONE;
}

/* Of the errors, source quench is dead (RFC 6633) and a redirect is for the link it is sent on. */
static enum drop_reason parse_icmp(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                   struct packet *packet) {
    const struct rte_icmp_hdr *icmp = take(cursor, sizeof(*icmp));

    if (icmp == NULL)
        return DROP_BAD_ICMP;
    if (!checksum_right(checksum_sum(icmp, cursor->end - packet->l4_off)))
        return DROP_BAD_ICMP;
    switch (icmp->icmp_type) {
    case RTE_IP_ICMP_ECHO_REQUEST:
        packet->kind = PACKET_VIP_ECHO;
        packet->key.src_port = packet->key.dst_port = 0;
        return DROP_NONE;
    case RTE_IP_ICMP_ECHO_REPLY:
        packet->kind = PACKET_ECHO_REPLY;
        packet->key.src_port = 0;
        packet->key.dst_port = icmp->icmp_ident;
        return DROP_NONE;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
        return parse_embedded(cursor, ip, packet);
    default:
        return DROP_ICMP;
    }
}

/* RFC 1812 5.3.1: a router must not forward what would leave with TTL 0; what it answers itself it
 * does not forward. */
static enum drop_reason parse_expired(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                      struct packet *packet) {
    enum drop_reason reason = DROP_TTL_EXPIRED;

    packet->kind = PACKET_TTL_EXPIRED;
    if (ip->next_proto_id == IPPROTO_TCP)
        reason = parse_tcp(cursor, packet);
    else if (ip->next_proto_id == IPPROTO_UDP)
        reason = parse_udp(cursor, packet);
    else if (ip->next_proto_id == IPPROTO_ICMP)
        reason = parse_icmp(cursor, ip, packet);
    return packet->kind == PACKET_ICMP_ERROR ? DROP_TTL_EXPIRED : reason;
}

static enum drop_reason parse_fragment(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                       struct packet *packet) {
    packet->fragment =
        rte_be_to_cpu_16(ip->fragment_offset) & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
    if (ip->next_proto_id == IPPROTO_ICMP)
        return parse_echo_fragment(cursor, packet, RTE_IP_ICMP_ECHO_REQUEST);
    if (ip->next_proto_id != IPPROTO_TCP && ip->next_proto_id != IPPROTO_UDP)
        return DROP_FRAGMENT;
    if (ip->time_to_live <= 1)
        return DROP_TTL_EXPIRED;
    packet->fragment_id = ip->packet_id;
    return parse_fragment_payload(cursor, packet);
}

/* Everything behind a checked IPv4 header of a packet that is to be load-balanced. */
static enum drop_reason parse_flow(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                   uint32_t vni, struct packet *packet) {
    packet->kind = PACKET_FLOW;
    packet->l3_off = (uint16_t)((const uint8_t *)ip - cursor->data);
    packet->l3_len = (uint16_t)(cursor->end - packet->l3_off);
    packet->l4_off = (uint16_t)cursor->at;
    flow_set_ip4(&packet->key, &ip->src_addr);
    packet->key.vni_protocol = flow_vni_protocol(vni, ip->next_proto_id);
    if (unlikely(fragmented(ip)))
        return parse_fragment(cursor, ip, packet);
    if (unlikely(ip->time_to_live <= 1))
        return parse_expired(cursor, ip, packet);
    switch (ip->next_proto_id) {
    case IPPROTO_TCP:
        return parse_tcp(cursor, packet);
    case IPPROTO_UDP:
        return parse_udp(cursor, packet);
    case IPPROTO_ICMP:
        return parse_icmp(cursor, ip, packet);
    default:
        return DROP_UNKNOWN_PROTOCOL;
    }
}

/* RFC 7348 5: the I flag must be set; reserved bits are ignored on receipt. */
static enum drop_reason parse_vxlan(struct cursor *cursor, const struct rte_udp_hdr *udp,
                                    enum tunnelled tunnelled, struct packet *packet) {
    const struct rte_vxlan_hdr *vxlan = take(cursor, sizeof(*vxlan));
    const struct rte_ether_hdr *ether;
    const struct rte_ipv4_hdr *ip;
    enum drop_reason reason;
    uint16_t type;
    uint32_t vni;

    if (unlikely(vxlan == NULL))
        return DROP_TRUNCATED;
    if (unlikely((vxlan->vx_flags & RTE_BE32(0x08000000)) == 0))
        return DROP_BAD_VXLAN;
    vni = rte_be_to_cpu_32(vxlan->vx_vni) >> 8;
    packet->tunnelled = tunnelled;
    packet->bucket = packet->tunnel_bucket = bucket_from_udp_port(rte_be_to_cpu_16(udp->src_port));
    reason = parse_ethernet(cursor, &ether, &type);
    if (unlikely(reason != DROP_NONE))
        return reason;
    if (unlikely(type != RTE_ETHER_TYPE_IPV4))
        return type == RTE_ETHER_TYPE_IPV6 ? parse_ipv6(cursor, vni, NULL, packet)
                                           : DROP_UNKNOWN_ETHERTYPE;
    reason = parse_ipv4(cursor, &ip);
    if (unlikely(reason != DROP_NONE))
        return reason;
    return parse_flow(cursor, ip, vni, packet);
}

static enum drop_reason parse_replication(const struct cursor *cursor,
                                          const struct rte_udp_hdr *udp, struct packet *packet) {
    packet->kind = PACKET_REPLICATION;
    packet->l4_off = (uint16_t)cursor->at;
    packet->l3_len = (uint16_t)(cursor->end - cursor->at);
    packet->bucket = bucket_from_udp_port(rte_be_to_cpu_16(udp->src_port));
    return DROP_NONE;
}

/* The checksum may be 0, over IPv6 too (RFC 6935 5), and need not be looked at when it is not
 * (RFC 7348 5): the packet inside has its own. */
enum drop_reason parse_tunnel(struct cursor *cursor, enum tunnelled tunnelled,
                              struct packet *packet) {
    uint32_t available = cursor->end - cursor->at;
    const struct rte_udp_hdr *udp = take(cursor, sizeof(*udp));
    uint32_t length;

    if (unlikely(udp == NULL))
        return DROP_BAD_UDP_LENGTH;
    length = rte_be_to_cpu_16(udp->dgram_len);
    if (unlikely(length < sizeof(*udp) || length > available))
        return DROP_BAD_UDP_LENGTH;
    cursor->end = cursor->at - sizeof(*udp) + length;
    if (unlikely(udp->dst_port == RTE_BE16(UDP_PORT_REPLICATION)))
        return parse_replication(cursor, udp, packet);
    if (unlikely(udp->dst_port != RTE_BE16(UDP_PORT_VXLAN)))
        return DROP_NOT_FOR_US;
    return parse_vxlan(cursor, udp, tunnelled, packet);
}

static enum drop_reason parse_echo(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                   struct packet *packet) {
    const struct rte_icmp_hdr *icmp = take(cursor, sizeof(*icmp));

    if (icmp == NULL)
        return DROP_TRUNCATED;
    if (icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST)
        return DROP_ICMP;
    packet->kind = PACKET_ECHO;
    packet->key.vni_protocol = flow_vni_protocol(0, IPPROTO_ICMP);
    packet->l3_off = (uint16_t)((const uint8_t *)ip - cursor->data);
    packet->l3_len = (uint16_t)(cursor->end - packet->l3_off);
    packet->l4_off = (uint16_t)((const uint8_t *)icmp - cursor->data);
    return DROP_NONE;
}

/* A packet to the VTEP itself: the switch's tunnel or a ping. */
static enum drop_reason parse_own(struct cursor *cursor, const struct rte_ipv4_hdr *ip,
                                  struct packet *packet) {
    if (unlikely(fragmented(ip)))
        return DROP_FRAGMENT; /* RFC 7348 4.3: VTEPs must not fragment, and may drop fragments */
    packet->tunnel_src = ip->src_addr;
    if (likely(ip->next_proto_id == IPPROTO_UDP))
        return parse_tunnel(cursor, TUNNELLED_OVER_IPV4, packet);
    if (ip->next_proto_id == IPPROTO_ICMP)
        return parse_echo(cursor, ip, packet);
    return DROP_NOT_FOR_US;
}

static enum drop_reason parse_arp(struct cursor *cursor, struct packet *packet) {
    packet->l3_off = (uint16_t)cursor->at;
    packet->kind = PACKET_ARP;
    return take(cursor, sizeof(struct rte_arp_hdr)) == NULL ? DROP_TRUNCATED : DROP_NONE;
}

/* RFC 2464 7. */
static bool is_multicast6(const struct rte_ether_hdr *ether, uint16_t type) {
    return type == RTE_ETHER_TYPE_IPV6 && ether->dst_addr.addr_bytes[0] == 0x33 &&
           ether->dst_addr.addr_bytes[1] == 0x33;
}

/* Of what goes to many, only questions for neighbours concern us. */
static enum drop_reason parse_multicast6(struct cursor *cursor, const struct own_address *own,
                                         struct packet *packet) {
    enum drop_reason reason = parse_ipv6(cursor, 0, own, packet);

    return reason == DROP_NONE && packet->kind != PACKET_ND ? DROP_NOT_OUR_MAC : reason;
}

enum drop_reason parse_frame(const uint8_t *data, uint32_t bytes, const struct own_address *own,
                             struct packet *packet) {
    struct cursor cursor = { .data = data, .at = 0, .end = RTE_MIN(bytes, (uint32_t)UINT16_MAX) };
    const struct rte_ether_hdr *ether;
    const struct rte_ipv4_hdr *ip;
    enum drop_reason reason;
    uint16_t type;

    packet->tunnelled = NOT_TUNNELLED;
    packet->tunnel_src = 0;
    packet->bucket = packet->tunnel_bucket = BUCKET_NONE;
    reason = parse_ethernet(&cursor, &ether, &type);
    if (unlikely(reason != DROP_NONE))
        return reason;
    if (type == RTE_ETHER_TYPE_ARP && rte_is_broadcast_ether_addr(&ether->dst_addr))
        return parse_arp(&cursor, packet);
    if (unlikely(!rte_is_same_ether_addr(&ether->dst_addr, &own->mac)))
        return is_multicast6(ether, type) ? parse_multicast6(&cursor, own, packet)
                                          : DROP_NOT_OUR_MAC;
    if (type == RTE_ETHER_TYPE_ARP)
        return parse_arp(&cursor, packet);
    if (unlikely(type != RTE_ETHER_TYPE_IPV4))
        return type == RTE_ETHER_TYPE_IPV6 ? parse_ipv6(&cursor, 0, own, packet)
                                           : DROP_UNKNOWN_ETHERTYPE;
    reason = parse_ipv4(&cursor, &ip);
    if (unlikely(reason != DROP_NONE))
        return reason;
    if (likely(ip->dst_addr == own->vtep_v4))
        return parse_own(&cursor, ip, packet);
    return parse_flow(&cursor, ip, 0, packet);
}
