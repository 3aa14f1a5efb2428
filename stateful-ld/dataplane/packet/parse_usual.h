/**
 * @file
 * A short way through the parser for the frame nearly every frame is: TCP or UDP over IPv4 in VXLAN
 * from a switch, no tags, no options, no fragment. It accepts less than parse_frame() and says the
 * same of what it accepts; a unit test and the fuzzer hold it to that.
 *
 * One test for all fields that have one usual value, instead of one each, and nothing is kept in
 * between: a third of the instructions.
 */
#ifndef SLUICE_PACKET_PARSE_USUAL_H
#define SLUICE_PACKET_PARSE_USUAL_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "packet/bucket.h"
#include "packet/checksum.h"
#include "packet/parse.h"

/** Headers of the usual frame one behind the other. */
struct usual_frame {
    struct rte_ether_hdr outer_ether;
    struct rte_ipv4_hdr outer_ip;
    struct rte_udp_hdr outer_udp;
    struct rte_vxlan_hdr vxlan;
    struct rte_ether_hdr ether;
    struct rte_ipv4_hdr ip;
    union {
        struct rte_tcp_hdr tcp;
        struct rte_udp_hdr udp;
    };
} __attribute__((packed, aligned(2)));

/* 0 when all fields with one usual value have it. */
static inline uint32_t usual_differences(const struct usual_frame *frame,
                                         const struct own_address *own) {
    const rte_be16_t fragment = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
    const uint16_t *to = (const uint16_t *)&frame->outer_ether.dst_addr;
    const uint16_t *mac = (const uint16_t *)&own->mac;

    return (uint32_t)(to[0] ^ mac[0]) | (uint32_t)(to[1] ^ mac[1]) | (uint32_t)(to[2] ^ mac[2]) |
           (uint32_t)(frame->outer_ether.ether_type ^ RTE_BE16(RTE_ETHER_TYPE_IPV4)) |
           (frame->outer_ip.version_ihl ^ 0x45u) | (frame->outer_ip.fragment_offset & fragment) |
           (frame->outer_ip.next_proto_id ^ (uint32_t)IPPROTO_UDP) |
           (frame->outer_ip.dst_addr ^ own->vtep) |
           (uint32_t)(frame->outer_udp.dst_port ^ RTE_BE16(UDP_PORT_VXLAN)) |
           (~frame->vxlan.vx_flags & RTE_BE32(0x08000000)) |
           (uint32_t)(frame->ether.ether_type ^ RTE_BE16(RTE_ETHER_TYPE_IPV4)) |
           (frame->ip.version_ihl ^ 0x45u) | (frame->ip.fragment_offset & fragment);
}

/* Each header says how long what is in it is, and all of it must be there. */
static inline bool usual_lengths(const struct usual_frame *frame, uint32_t bytes) {
    uint32_t outer = be16toh(frame->outer_ip.total_length);
    uint32_t udp = be16toh(frame->outer_udp.dgram_len);
    uint32_t inner = be16toh(frame->ip.total_length);

    return sizeof(frame->outer_ether) + outer <= bytes && sizeof(frame->outer_ip) + udp <= outer &&
           sizeof(frame->outer_udp) + sizeof(frame->vxlan) + sizeof(frame->ether) + inner <= udp;
}

static inline bool usual_tcp(const struct usual_frame *frame, uint32_t l4_bytes,
                             struct packet *packet) {
    uint32_t header_bytes = (frame->tcp.data_off >> 4) * 4;
    uint8_t flags = frame->tcp.tcp_flags;

    packet->tcp_flags = flags;
    return header_bytes >= sizeof(frame->tcp) && header_bytes <= l4_bytes &&
           ((flags & TCP_SYN) == 0 || (flags & (TCP_FIN | TCP_RST)) == 0);
}

static inline bool usual_udp(const struct usual_frame *frame, uint32_t l4_bytes,
                             struct packet *packet) {
    uint32_t length = be16toh(frame->udp.dgram_len);

    packet->tcp_flags = 0;
    return length >= sizeof(frame->udp) && length <= l4_bytes;
}

static inline bool usual_checksum(const struct rte_ipv4_hdr *ip) {
    return checksum_fold(checksum_sum(ip, sizeof(*ip))) == 0xffff;
}

/**
 * Parse a usual frame; parameters as of parse_frame().
 *
 * @return true when @p packet is what parse_frame() would make of it. Otherwise parse_frame() has
 *         to be asked, and @p packet is undefined.
 */
static inline bool parse_usual(const uint8_t *data, uint32_t bytes, const struct own_address *own,
                               struct packet *packet) {
    const struct usual_frame *frame = (const struct usual_frame *)data;
    uint32_t inner, l4_bytes;

    if (unlikely(bytes < sizeof(*frame) || bytes > UINT16_MAX))
        return false;
    inner = be16toh(frame->ip.total_length);
    l4_bytes = inner - sizeof(frame->ip);
    if (unlikely(usual_differences(frame, own) != 0 || !usual_lengths(frame, bytes) ||
                 inner < sizeof(frame->ip) || frame->ip.time_to_live <= 1))
        return false;
    if (likely(frame->ip.next_proto_id == IPPROTO_TCP)) {
        if (unlikely(!usual_tcp(frame, l4_bytes, packet)))
            return false;
    } else if (frame->ip.next_proto_id != IPPROTO_UDP || !usual_udp(frame, l4_bytes, packet)) {
        return false;
    }
    if (unlikely(!usual_checksum(&frame->outer_ip) || !usual_checksum(&frame->ip)))
        return false;
    packet->kind = PACKET_FLOW;
    packet->tunnelled = true;
    packet->bucket = packet->tunnel_bucket =
        bucket_from_udp_port(be16toh(frame->outer_udp.src_port));
    packet->tunnel_src = frame->outer_ip.src_addr;
    packet->l3_off = offsetof(struct usual_frame, ip);
    packet->l3_len = (uint16_t)inner;
    packet->l4_off = offsetof(struct usual_frame, tcp);
    flow_set_ip4(&packet->key, &frame->ip.src_addr);
    packet->key.vni_protocol =
        flow_vni_protocol(be32toh(frame->vxlan.vx_vni) >> 8, frame->ip.next_proto_id);
    flow_set_ports(&packet->key, &frame->tcp.src_port);
    return true;
}

#endif
