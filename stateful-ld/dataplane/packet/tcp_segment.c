#include "packet/tcp_segment.h"

#include <netinet/in.h>

#include <rte_ip.h>

#include "packet/checksum.h"

enum {
    OWN_TTL = 64, /* RFC 1700, "IP option numbers": recommended default */
    IPV6_VERSION = 6,
};

static uint16_t write_ipv4(uint8_t *at, const struct flow_key *flow, uint16_t l4_bytes) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + l4_bytes)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG), /* RFC 6864 4.1: so needs no id */
        .time_to_live = OWN_TTL,
        .next_proto_id = IPPROTO_TCP,
        .src_addr = flow->src,
        .dst_addr = flow->dst,
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof(*ip)));
    return sizeof(*ip);
}

static uint16_t write_ipv6(uint8_t *at, const struct flow_key *flow, uint16_t l4_bytes) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = RTE_BE32((uint32_t)IPV6_VERSION << 28),
        .payload_len = rte_cpu_to_be_16(l4_bytes),
        .proto = IPPROTO_TCP,
        .hop_limits = OWN_TTL,
    };
    memcpy(ip->src_addr, flow->v6.src.bytes, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, flow->v6.dst.bytes, sizeof(ip->dst_addr));
    return sizeof(*ip);
}

/* RFC 9293 3.1: addresses, protocol and length. */
static uint64_t pseudo_header_sum(const struct flow_key *flow, uint16_t l4_bytes) {
    uint64_t rest = (uint64_t)RTE_BE16(IPPROTO_TCP) + rte_cpu_to_be_16(l4_bytes);

    if (flow_is_v6(flow))
        return rest + checksum_sum(&flow->v6, sizeof(flow->v6));
    return rest + (uint64_t)flow->src + flow->dst;
}

uint16_t tcp_segment_write(uint8_t *at, const struct tcp_segment *segment) {
    const struct flow_key *flow = &segment->flow;
    uint8_t options[TCP_OPTIONS_BYTES_MAX];
    uint16_t option_bytes =
        segment->options != NULL ? (uint16_t)tcp_options_write(options, segment->options) : 0;
    uint16_t header_bytes = (uint16_t)(sizeof(struct rte_tcp_hdr) + option_bytes);
    uint16_t l4_bytes = (uint16_t)(header_bytes + segment->data_bytes);
    uint16_t l3_bytes =
        flow_is_v6(flow) ? write_ipv6(at, flow, l4_bytes) : write_ipv4(at, flow, l4_bytes);
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(at + l3_bytes);

    *tcp = (struct rte_tcp_hdr){
        .src_port = flow->src_port,
        .dst_port = flow->dst_port,
        .sent_seq = rte_cpu_to_be_32(segment->sequence),
        .recv_ack = rte_cpu_to_be_32(segment->ack),
        .data_off = (uint8_t)(header_bytes / 4 << 4),
        .tcp_flags = segment->flags,
        .rx_win = rte_cpu_to_be_16(segment->window),
    };
    memcpy(tcp + 1, options, option_bytes);
    if (segment->data_bytes > 0)
        memcpy((uint8_t *)tcp + header_bytes, segment->data, segment->data_bytes);
    tcp->cksum =
        (uint16_t)~checksum_fold(pseudo_header_sum(flow, l4_bytes) + checksum_sum(tcp, l4_bytes));
    return (uint16_t)(l3_bytes + l4_bytes);
}
