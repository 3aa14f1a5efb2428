#include "packet/translate.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/tcp_mss.h"

/* RFC 791 3.1: options. */
enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_ROUTE = 131,
    OPTION_STRICT_ROUTE = 137,
};

static uint64_t sum_of(const struct flow_key *key) {
    uint64_t sum = (uint64_t)key->src_port + key->dst_port;

    if (flow_is_v6(key))
        return sum + checksum_sum(&key->v6, sizeof(key->v6));
    return sum + key->src + key->dst;
}

uint64_t translate_delta(const struct flow_key *before, const struct flow_key *other) {
    return (uint64_t)(uint16_t)~checksum_fold(sum_of(before)) + sum_of(other);
}

void translate_l4(uint8_t *l4, uint32_t bytes, uint8_t protocol, rte_be16_t src_port,
                  rte_be16_t dst_port, uint64_t delta) {
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;

    udp->src_port = src_port; /* ports are where UDP has them in TCP as well */
    udp->dst_port = dst_port;
    if (protocol == IPPROTO_UDP)
        udp->dgram_cksum = checksum_update_udp(udp->dgram_cksum, delta);
    else if (bytes >= offsetof(struct rte_tcp_hdr, cksum) + 2)
        tcp->cksum = checksum_update(tcp->cksum, delta);
}

static bool is_fragment(const struct packet *packet) {
    return packet->kind == PACKET_FRAGMENT;
}

static uint16_t l3_header_bytes(const struct packet *packet) {
    return (uint16_t)(packet->l4_off - packet->l3_off);
}

/* IPv6 to IPv6 keeps all extension headers; else nothing but a fragment header has a counterpart.
 */
static uint16_t new_header_bytes(const struct packet *packet, const struct flow_key *other) {
    if (flow_is_v6(&packet->key) && flow_is_v6(other))
        return l3_header_bytes(packet);
    if (!flow_is_v6(other))
        return sizeof(struct rte_ipv4_hdr);
    return (uint16_t)(sizeof(struct rte_ipv6_hdr) +
                      (is_fragment(packet) ? sizeof(struct ip6_fragment) : 0));
}

int translate_growth(const struct packet *packet, const struct flow_key *other) {
    return new_header_bytes(packet, other) - l3_header_bytes(packet);
}

static void to_v6_from_v6(uint8_t *frame, const struct packet *packet,
                          const struct translation *translation) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + packet->l3_off);
    struct ip6_fragment *fragment = (struct ip6_fragment *)(frame + packet->l4_off) - 1;

    memcpy(ip->src_addr, &translation->other->v6.dst, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, &translation->other->v6.src, sizeof(ip->dst_addr));
    ip->hop_limits--;
    if (is_fragment(packet))
        fragment->id = rte_cpu_to_be_32(translation->id);
}

/* RFC 7915 5.1, 5.1.1. */
static void to_v4_from_v6(uint8_t *l3, const struct rte_ipv6_hdr *before,
                          const struct packet *packet, const struct translation *translation) {
    uint16_t payload = (uint16_t)(packet->l3_len - l3_header_bytes(packet));
    uint16_t total = (uint16_t)(sizeof(struct rte_ipv4_hdr) + payload);
    struct rte_ipv4_hdr ip = {
        .version_ihl = 0x45,
        .type_of_service = (uint8_t)(rte_be_to_cpu_32(before->vtc_flow) >> 20),
        .total_length = rte_cpu_to_be_16(total),
        .packet_id = rte_cpu_to_be_16((uint16_t)translation->id),
        .time_to_live = (uint8_t)(before->hop_limits - 1),
        .next_proto_id = flow_protocol(&packet->key),
        .src_addr = translation->other->dst,
        .dst_addr = translation->other->src,
    };

    if (is_fragment(packet)) {
        ip.fragment_offset = rte_cpu_to_be_16(packet->fragment);
    } else if (total > TRANSLATE_DF_CLEAR_MAX_BYTES) {
        ip.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
        ip.packet_id = 0;
    }
    ip.hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(&ip, sizeof(ip)));
    memcpy(l3, &ip, sizeof(ip));
}

/* RFC 7915 4.1. */
static void to_v6_from_v4(uint8_t *l3, const struct rte_ipv4_hdr *before,
                          const struct packet *packet, const struct translation *translation) {
    uint16_t payload = (uint16_t)(packet->l3_len - l3_header_bytes(packet));
    uint8_t protocol = flow_protocol(&packet->key);
    struct rte_ipv6_hdr ip = {
        .vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)before->type_of_service << 20),
        .proto = is_fragment(packet) ? IPPROTO_FRAGMENT : protocol,
        .hop_limits = (uint8_t)(before->time_to_live - 1),
    };
    const struct ip6_fragment fragment = {
        .next_header = protocol,
        .offset = rte_cpu_to_be_16((uint16_t)(packet_fragment_offset(packet) |
                                              (packet->fragment & PACKET_MORE_FRAGMENTS ? 1 : 0))),
        .id = rte_cpu_to_be_32(translation->id),
    };

    memcpy(ip.src_addr, &translation->other->v6.dst, sizeof(ip.src_addr));
    memcpy(ip.dst_addr, &translation->other->v6.src, sizeof(ip.dst_addr));
    if (is_fragment(packet)) {
        payload = (uint16_t)(payload + sizeof(fragment));
        memcpy(l3 + sizeof(ip), &fragment, sizeof(fragment));
    }
    ip.payload_len = rte_cpu_to_be_16(payload);
    memcpy(l3, &ip, sizeof(ip));
}

/* RFC 7915 4.1: options are dropped, but a packet with a source route that has not ended is not
 * forwarded. */
static bool has_route_left(const struct rte_ipv4_hdr *ip) {
    const uint8_t *option = (const uint8_t *)(ip + 1);
    const uint8_t *end = (const uint8_t *)ip + (ip->version_ihl & 0x0f) * 4;

    while (option < end && *option != OPTION_END) {
        if (*option == OPTION_NOP) {
            option++;
            continue;
        }
        if (end - option < 3 || option[1] < 2)
            return false;
        if ((*option == OPTION_LOOSE_ROUTE || *option == OPTION_STRICT_ROUTE) &&
            option[2] <= option[1])
            return true;
        option += option[1];
    }
    return false;
}

/* RFC 7915 4.5: IPv6 wants a checksum where IPv4 does without. What is in several fragments cannot
 * get one from a translator that keeps no state of them. */
static enum drop_reason add_udp_checksum(uint8_t *frame, const struct packet *packet) {
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + packet->l3_off);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + packet->l4_off);

    if (udp->dgram_cksum != 0)
        return DROP_NONE;
    if (is_fragment(packet))
        return DROP_UDP_WITHOUT_CHECKSUM;
    udp->dgram_cksum = (uint16_t)~checksum_fold(
        checksum_sum(&ip->src_addr, 8) + rte_cpu_to_be_16(IPPROTO_UDP) + udp->dgram_len +
        checksum_sum(udp, rte_be_to_cpu_16(udp->dgram_len)));
    if (udp->dgram_cksum == 0)
        udp->dgram_cksum = 0xffff;
    return DROP_NONE;
}

static bool has_l4(const struct packet *packet) {
    return !is_fragment(packet) || packet_fragment_offset(packet) == 0;
}

static enum drop_reason check_v4(uint8_t *frame, const struct packet *packet) {
    if (has_route_left((const struct rte_ipv4_hdr *)(frame + packet->l3_off)))
        return DROP_BAD_IP_EXTENSION;
    if (flow_protocol(&packet->key) == IPPROTO_UDP && has_l4(packet))
        return add_udp_checksum(frame, packet);
    return DROP_NONE;
}

static void translate_segment(uint8_t *frame, const struct packet *packet,
                              const struct translation *translation) {
    const struct flow_key *other = translation->other;
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + packet->l4_off);
    uint8_t protocol = flow_protocol(&packet->key);

    translate_l4((uint8_t *)tcp, sizeof(*tcp), protocol, other->dst_port, other->src_port,
                 translate_delta(&packet->key, other));
    if (protocol == IPPROTO_TCP && (tcp->tcp_flags & TCP_SYN) != 0)
        tcp_clamp_mss(tcp, translation->mss_max);
}

enum drop_reason translate_packet(uint8_t *frame, struct packet *packet,
                                  const struct translation *translation) {
    const struct flow_key *other = translation->other;
    uint16_t header_bytes = new_header_bytes(packet, other);
    uint8_t *l3 = frame + packet->l4_off - header_bytes;
    enum drop_reason reason;

    if (!flow_is_v6(&packet->key)) {
        const struct rte_ipv4_hdr before = *(const struct rte_ipv4_hdr *)(frame + packet->l3_off);

        reason = check_v4(frame, packet);
        if (reason != DROP_NONE)
            return reason;
        to_v6_from_v4(l3, &before, packet, translation);
    } else if (!flow_is_v6(other)) {
        const struct rte_ipv6_hdr before = *(const struct rte_ipv6_hdr *)(frame + packet->l3_off);

        to_v4_from_v6(l3, &before, packet, translation);
    } else {
        to_v6_from_v6(frame, packet, translation);
    }
    if (has_l4(packet))
        translate_segment(frame, packet, translation);
    packet->l3_len = (uint16_t)(packet->l3_len - l3_header_bytes(packet) + header_bytes);
    packet->l3_off = (uint16_t)(packet->l4_off - header_bytes);
    return DROP_NONE;
}
