/**
 * @file
 * A short way through the parser for the frame nearly every frame is: TCP or UDP over IPv4 in VXLAN
 * over IPv4 from a switch, no tags, no options, no fragment. It accepts less than parse_frame() and
 * says the same of what it accepts; a unit test and the fuzzer hold it to that.
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

/* The fields that have one usual value, and which bits of them count. Compared 16 bytes at a time;
 * what is not named here is 0 in both. */
static const struct usual_frame usual_value = {
    .outer_ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
    .outer_ip = { .version_ihl = 0x45, .next_proto_id = IPPROTO_UDP },
    .outer_udp.dst_port = RTE_BE16(UDP_PORT_VXLAN),
    .vxlan.vx_flags = RTE_BE32(0x08000000),
    .ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
    .ip.version_ihl = 0x45,
};
static const struct usual_frame usual_mask = {
    .outer_ether.ether_type = 0xffff,
    .outer_ip = { .version_ihl = 0xff,
                  .fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK),
                  .next_proto_id = 0xff },
    .outer_udp.dst_port = 0xffff,
    .vxlan.vx_flags = RTE_BE32(0x08000000),
    .ether.ether_type = 0xffff,
    .ip = { .version_ihl = 0xff,
            .fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK) },
};

/* 16 bytes of a frame, which may begin anywhere. */
typedef uint64_t usual_block __attribute__((vector_size(16), aligned(1), may_alias));

_Static_assert(offsetof(struct usual_frame, ip.fragment_offset) < 5 * sizeof(usual_block) &&
                   sizeof(struct usual_frame) >= 5 * sizeof(usual_block),
               "five blocks have all of the fields, and are all there");

/* 0 when all fields with one usual value have it. */
static inline uint64_t usual_differences(const struct usual_frame *frame,
                                         const struct own_address *own) {
    const usual_block *is = (const usual_block *)frame;
    const usual_block *value = (const usual_block *)&usual_value;
    const usual_block *mask = (const usual_block *)&usual_mask;
    usual_block differs = ((is[0] ^ value[0]) & mask[0]) | ((is[1] ^ value[1]) & mask[1]) |
                          ((is[2] ^ value[2]) & mask[2]) | ((is[3] ^ value[3]) & mask[3]) |
                          ((is[4] ^ value[4]) & mask[4]);
    const uint16_t *to = (const uint16_t *)&frame->outer_ether.dst_addr;
    const uint16_t *mac = (const uint16_t *)&own->mac;

    return differs[0] | differs[1] | (uint64_t)(to[0] ^ mac[0]) | (uint64_t)(to[1] ^ mac[1]) |
           (uint64_t)(to[2] ^ mac[2]) | (frame->outer_ip.dst_addr ^ own->vtep_v4);
}

/* Each header says how long what is in it is, and all of it must be there: negative when it is not,
 * or when the packet must not go further. One sign for all, so that there is one branch. */
static inline int32_t usual_room(const struct usual_frame *frame, uint32_t bytes) {
    int32_t outer = be16toh(frame->outer_ip.total_length);
    int32_t udp = be16toh(frame->outer_udp.dgram_len);
    int32_t inner = be16toh(frame->ip.total_length);

    return ((int32_t)bytes - (int32_t)sizeof(frame->outer_ether) - outer) |
           (outer - (int32_t)sizeof(frame->outer_ip) - udp) |
           (udp -
            (int32_t)(sizeof(frame->outer_udp) + sizeof(frame->vxlan) + sizeof(frame->ether)) -
            inner) |
           (frame->ip.time_to_live - 2);
}

/* The same of the L4 header in `l4_bytes`. */
static inline int32_t usual_tcp_room(const struct rte_tcp_hdr *tcp, int32_t l4_bytes) {
    int32_t header_bytes = (tcp->data_off & 0xf0) / 4;

    return (header_bytes - (int32_t)sizeof(*tcp)) | (l4_bytes - header_bytes);
}

static inline int32_t usual_udp_room(const struct rte_udp_hdr *udp, int32_t l4_bytes) {
    int32_t length = be16toh(udp->dgram_len);

    return (length - (int32_t)sizeof(*udp)) | (l4_bytes - length);
}

/* No TCP sends SYN together with FIN or RST. */
static inline bool usual_flags(uint8_t flags) {
    return likely((flags & TCP_SYN) == 0) || (flags & (TCP_FIN | TCP_RST)) == 0;
}

/* Both are always summed: a branch between the two sums would cost more than the second one. */
static inline bool usual_checksums(const struct usual_frame *frame) {
    int outer = checksum_right(checksum_sum(&frame->outer_ip, sizeof(frame->outer_ip)));
    int inner = checksum_right(checksum_sum(&frame->ip, sizeof(frame->ip)));

    return (outer & inner) != 0;
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
    int32_t inner, l4_bytes, room;
    uint8_t flags = 0;

    if (unlikely(bytes < sizeof(*frame) || bytes > UINT16_MAX))
        return false;
    inner = be16toh(frame->ip.total_length);
    l4_bytes = inner - (int32_t)sizeof(frame->ip);
    room = usual_room(frame, bytes);
    if (likely(frame->ip.next_proto_id == IPPROTO_TCP)) {
        room |= usual_tcp_room(&frame->tcp, l4_bytes);
        flags = frame->tcp.tcp_flags;
    } else if (frame->ip.next_proto_id == IPPROTO_UDP) {
        room |= usual_udp_room(&frame->udp, l4_bytes);
    } else {
        return false;
    }
    if (unlikely(usual_differences(frame, own) != 0 || room < 0 || !usual_flags(flags) ||
                 !usual_checksums(frame)))
        return false;
    packet->tcp_flags = flags;
    packet->kind = PACKET_FLOW;
    packet->tunnelled = TUNNELLED_OVER_IPV4;
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
