/**
 * @file
 * A short way through the parser for the frame nearly every frame is: TCP or UDP over IPv4 in VXLAN
 * from a switch, over IPv4 or over IPv6, no tags, no options, no fragment. It accepts less than
 * parse_frame() and says the same of what it accepts; a unit test and the fuzzer hold it to that.
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

/** Headers of the usual tunnel's packet one behind the other. */
struct usual_tunnel {
    struct rte_udp_hdr udp;
    struct rte_vxlan_hdr vxlan;
    struct rte_ether_hdr ether;
    struct rte_ipv4_hdr ip;
    union {
        struct rte_tcp_hdr tcp;
        struct rte_udp_hdr inner_udp;
    };
} __attribute__((packed, aligned(2)));

/** The usual frame of a tunnel over IPv4. */
struct usual_frame {
    struct rte_ether_hdr ether;
    struct rte_ipv4_hdr ip;
    struct usual_tunnel in;
} __attribute__((packed, aligned(2)));

/** The same over IPv6. */
struct usual_frame_v6 {
    struct rte_ether_hdr ether;
    struct rte_ipv6_hdr ip;
    struct usual_tunnel in;
} __attribute__((packed, aligned(2)));

/* The fields that have one usual value, and which bits of them count. Compared 16 bytes at a time;
 * what is not named here is 0 in both. */
#define USUAL_FRAGMENT RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)
#define USUAL_TUNNEL_VALUE                                                                         \
    {                                                                                              \
        .udp.dst_port = RTE_BE16(UDP_PORT_VXLAN), .vxlan.vx_flags = RTE_BE32(0x08000000),          \
        .ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4), .ip.version_ihl = 0x45                  \
    }
#define USUAL_TUNNEL_MASK                                                                          \
    {                                                                                              \
        .udp.dst_port = 0xffff, .vxlan.vx_flags = RTE_BE32(0x08000000),                            \
        .ether.ether_type = 0xffff, .ip = {                                                        \
            .version_ihl = 0xff,                                                                   \
            .fragment_offset = USUAL_FRAGMENT                                                      \
        }                                                                                          \
    }

static const struct usual_frame usual_value = {
    .ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
    .ip = { .version_ihl = 0x45, .next_proto_id = IPPROTO_UDP },
    .in = USUAL_TUNNEL_VALUE,
};
static const struct usual_frame usual_mask = {
    .ether.ether_type = 0xffff,
    .ip = { .version_ihl = 0xff, .fragment_offset = USUAL_FRAGMENT, .next_proto_id = 0xff },
    .in = USUAL_TUNNEL_MASK,
};
static const struct usual_frame_v6 usual_value_v6 = {
    .ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6),
    .ip = { .vtc_flow = RTE_BE32(6u << 28), .proto = IPPROTO_UDP },
    .in = USUAL_TUNNEL_VALUE,
};
static const struct usual_frame_v6 usual_mask_v6 = {
    .ether.ether_type = 0xffff,
    .ip = { .vtc_flow = RTE_BE32(0xfu << 28), .proto = 0xff },
    .in = USUAL_TUNNEL_MASK,
};

/* 16 bytes of a frame, which may begin anywhere. */
typedef uint64_t usual_block __attribute__((vector_size(16), aligned(1), may_alias));

_Static_assert(offsetof(struct usual_frame, in.ip.fragment_offset) < 5 * sizeof(usual_block) &&
                   sizeof(struct usual_frame) >= 5 * sizeof(usual_block),
               "five blocks have all of the fields, and are all there");
_Static_assert(offsetof(struct usual_frame_v6, in.ip.fragment_offset) < 6 * sizeof(usual_block) &&
                   sizeof(struct usual_frame_v6) >= 6 * sizeof(usual_block),
               "six have those of the longer frame");

/* 0 when all fields in so many blocks that have one usual value have it. */
static inline uint64_t usual_differences(const void *frame, const void *values, const void *masks,
                                         uint32_t blocks) {
    const usual_block *is = frame, *value = values, *mask = masks;
    usual_block differs = (is[0] ^ value[0]) & mask[0];

    for (uint32_t i = 1; i < blocks; i++)
        differs |= (is[i] ^ value[i]) & mask[i];
    return differs[0] | differs[1];
}

/* 0 when the frame is for this MAC. */
static inline uint64_t usual_other_mac(const struct rte_ether_hdr *ether,
                                       const struct own_address *own) {
    const uint16_t *to = (const uint16_t *)&ether->dst_addr;
    const uint16_t *mac = (const uint16_t *)&own->mac;

    return (uint64_t)(to[0] ^ mac[0]) | (uint64_t)(to[1] ^ mac[1]) | (uint64_t)(to[2] ^ mac[2]);
}

static inline uint64_t usual_other_vtep_v6(const struct rte_ipv6_hdr *ip,
                                           const struct own_address *own) {
    struct ip_address to;

    memcpy(&to, ip->dst_addr, sizeof(to));
    return (to.half[0] ^ own->vtep.half[0]) | (to.half[1] ^ own->vtep.half[1]);
}

/* Each header says how long what is in it is, and all of it must be there: negative when it is not,
 * or when the packet must not go further. One sign for all, so that there is one branch.
 * `available`: for the tunnel's UDP packet. */
static inline int32_t usual_room(const struct usual_tunnel *in, int32_t available) {
    int32_t udp = be16toh(in->udp.dgram_len);
    int32_t inner = be16toh(in->ip.total_length);

    return (available - udp) |
           (udp - (int32_t)(sizeof(in->udp) + sizeof(in->vxlan) + sizeof(in->ether)) - inner) |
           (in->ip.time_to_live - 2);
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
    int outer = checksum_right(checksum_sum(&frame->ip, sizeof(frame->ip)));
    int inner = checksum_right(checksum_sum(&frame->in.ip, sizeof(frame->in.ip)));

    return (outer & inner) != 0;
}

/* What of the tunnel's packet has to do with L4. @return false: neither TCP nor UDP */
static inline bool usual_l4(const struct usual_tunnel *in, int32_t *room, uint8_t *flags) {
    int32_t l4_bytes = be16toh(in->ip.total_length) - (int32_t)sizeof(in->ip);

    *flags = 0;
    if (likely(in->ip.next_proto_id == IPPROTO_TCP)) {
        *room |= usual_tcp_room(&in->tcp, l4_bytes);
        *flags = in->tcp.tcp_flags;
        return true;
    }
    *room |= usual_udp_room(&in->inner_udp, l4_bytes);
    return in->ip.next_proto_id == IPPROTO_UDP;
}

static inline void usual_fill(const struct usual_tunnel *in, uint32_t at, uint8_t flags,
                              struct packet *packet) {
    packet->tcp_flags = flags;
    packet->kind = PACKET_FLOW;
    packet->bucket = packet->tunnel_bucket = bucket_from_udp_port(be16toh(in->udp.src_port));
    packet->l3_off = (uint16_t)(at + offsetof(struct usual_tunnel, ip));
    packet->l3_len = be16toh(in->ip.total_length);
    packet->l4_off = (uint16_t)(at + offsetof(struct usual_tunnel, tcp));
    flow_set_ip4(&packet->key, &in->ip.src_addr);
    packet->key.vni_protocol =
        flow_vni_protocol(be32toh(in->vxlan.vx_vni) >> 8, in->ip.next_proto_id);
    flow_set_ports(&packet->key, &in->tcp.src_port);
}

/**
 * Parse a usual frame of a tunnel over IPv4; parameters as of parse_frame().
 *
 * @return true when @p packet is what parse_frame() would make of it. Otherwise parse_frame() has
 *         to be asked, and @p packet is undefined.
 */
static inline bool parse_usual(const uint8_t *data, uint32_t bytes, const struct own_address *own,
                               struct packet *packet) {
    const struct usual_frame *frame = (const struct usual_frame *)data;
    int32_t outer, room;
    uint8_t flags;

    if (unlikely(bytes < sizeof(*frame) || bytes > UINT16_MAX))
        return false;
    outer = be16toh(frame->ip.total_length);
    room = ((int32_t)bytes - (int32_t)sizeof(frame->ether) - outer) |
           usual_room(&frame->in, outer - (int32_t)sizeof(frame->ip));
    if (unlikely(!usual_l4(&frame->in, &room, &flags)))
        return false;
    if (unlikely((usual_differences(frame, &usual_value, &usual_mask, 5) |
                  usual_other_mac(&frame->ether, own) | (frame->ip.dst_addr ^ own->vtep_v4)) != 0 ||
                 room < 0 || !usual_flags(flags) || !usual_checksums(frame)))
        return false;
    packet->tunnelled = TUNNELLED_OVER_IPV4;
    packet->tunnel_src = frame->ip.src_addr;
    usual_fill(&frame->in, offsetof(struct usual_frame, in), flags, packet);
    return true;
}

/** The same of a tunnel over IPv6, whose header has no checksum (RFC 8200 3). */
static inline bool parse_usual_v6(const uint8_t *data, uint32_t bytes,
                                  const struct own_address *own, struct packet *packet) {
    const struct usual_frame_v6 *frame = (const struct usual_frame_v6 *)data;
    int32_t payload, room;
    uint8_t flags;

    if (unlikely(bytes < sizeof(*frame) || bytes > UINT16_MAX))
        return false;
    payload = be16toh(frame->ip.payload_len);
    room = ((int32_t)bytes - (int32_t)(sizeof(frame->ether) + sizeof(frame->ip)) - payload) |
           usual_room(&frame->in, payload);
    if (unlikely(!usual_l4(&frame->in, &room, &flags)))
        return false;
    if (unlikely((usual_differences(frame, &usual_value_v6, &usual_mask_v6, 6) |
                  usual_other_mac(&frame->ether, own) | usual_other_vtep_v6(&frame->ip, own)) !=
                     0 ||
                 room < 0 || !usual_flags(flags) ||
                 !checksum_right(checksum_sum(&frame->in.ip, sizeof(frame->in.ip)))))
        return false;
    packet->tunnelled = TUNNELLED_OVER_IPV6;
    packet->tunnel_src_v6 = ip_from_v6(frame->ip.src_addr);
    usual_fill(&frame->in, offsetof(struct usual_frame_v6, in), flags, packet);
    return true;
}

#endif
