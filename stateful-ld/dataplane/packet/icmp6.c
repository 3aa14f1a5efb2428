#include "packet/icmp6.h"

#include <netinet/in.h>

#include "packet/checksum.h"
#include "packet/translate.h"

uint64_t ip6_pseudo_sum(const uint8_t *src, const uint8_t *dst, uint32_t bytes, uint8_t protocol) {
    return checksum_sum(src, 16) + checksum_sum(dst, 16) + rte_cpu_to_be_32(bytes) +
           rte_cpu_to_be_32(protocol);
}

void icmp6_set_checksum(const struct rte_ipv6_hdr *ip, struct icmp6_header *icmp, uint32_t bytes) {
    icmp->checksum = 0;
    icmp->checksum =
        (uint16_t)~checksum_fold(ip6_pseudo_sum(ip->src_addr, ip->dst_addr, bytes, IPPROTO_ICMPV6) +
                                 checksum_sum(icmp, bytes));
}

void icmp6_make_echo_reply(uint8_t *frame, const struct packet *packet) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + packet->l3_off);

    memcpy(ip->src_addr, &packet->key.v6.dst, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, &packet->key.v6.src, sizeof(ip->dst_addr));
    ip->hop_limits = OWN_HOP_LIMIT;
    icmp_answer_type(frame + packet->l4_off, packet, ICMP6_ECHO_REPLY);
}

void icmp6_rewrite_error(uint8_t *frame, const struct packet *packet,
                         const struct flow_key *other) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + packet->l3_off);
    struct icmp6_header *icmp = (struct icmp6_header *)(frame + packet->l4_off);
    struct rte_ipv6_hdr *embedded = (struct rte_ipv6_hdr *)(icmp + 1);
    uint32_t end = packet->l3_off + packet->l3_len;

    /* The packet the error is about went the other way. */
    translate_l4(frame + packet->inner_l4_off, end - packet->inner_l4_off,
                 flow_protocol(&packet->key), other->src_port, other->dst_port,
                 translate_delta(&packet->key, other));
    memcpy(embedded->src_addr, &other->v6.src, 16);
    memcpy(embedded->dst_addr, &other->v6.dst, 16);
    memcpy(ip->src_addr, &other->v6.dst, 16);
    memcpy(ip->dst_addr, &other->v6.src, 16);
    ip->hop_limits--;
    icmp6_set_checksum(ip, icmp, end - packet->l4_off);
}

void icmp6_write_error(uint8_t *at, const struct icmp_error *error, uint16_t quoted) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
    struct icmp6_header *icmp = (struct icmp6_header *)(ip + 1);
    const struct rte_ipv6_hdr *about = (const struct rte_ipv6_hdr *)(icmp + 1);

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = RTE_BE32(6u << 28),
        .payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*icmp) + quoted)),
        .proto = IPPROTO_ICMPV6,
        .hop_limits = OWN_HOP_LIMIT,
    };
    memcpy(ip->src_addr, about->dst_addr, 16);
    memcpy(ip->dst_addr, about->src_addr, 16);
    *icmp = (struct icmp6_header){
        .type = error->type,
        .code = error->code,
        .word = rte_cpu_to_be_32(error->mtu_bytes),
    };
    icmp6_set_checksum(ip, icmp, sizeof(*icmp) + quoted);
}
