/**
 * @file
 * What translation changes in a packet, and what that adds to its checksums. Inline: it is on the
 * way of every packet.
 */
#ifndef SLUICE_PACKET_REWRITE_H
#define SLUICE_PACKET_REWRITE_H

#include <stdint.h>

#include <rte_ip.h>

#include "packet/checksum.h"
#include "packet/flow.h"

/** New addresses and ports, and what they add to a checksum over the pseudo header and ports. */
struct rewrite {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint64_t address_delta;
    uint64_t port_delta;
};

/** A packet with the tuple @p before gets the tuple of the other side, turned round. */
static inline struct rewrite rewrite_between(const struct flow_short *before,
                                             const struct flow_short *other) {
    return (struct rewrite){
        .src = other->dst,
        .dst = other->src,
        .src_port = other->dst_port,
        .dst_port = other->src_port,
        .address_delta =
            checksum_delta32(before->src, other->dst) + checksum_delta32(before->dst, other->src),
        .port_delta = checksum_delta16(before->src_port, other->dst_port) +
                      checksum_delta16(before->dst_port, other->src_port),
    };
}

/** Addresses, TTL and header checksum. */
static inline void rewrite_ip(struct rte_ipv4_hdr *ip, const struct rewrite *rewrite) {
    uint16_t ttl_before, ttl_after;

    memcpy(&ttl_before, &ip->time_to_live, 2);             /* the 16-bit word of TTL and protocol */
    ttl_after = (uint16_t)(ttl_before - RTE_BE16(0x0100)); /* never below 0: no carry */
    memcpy(&ip->time_to_live, &ttl_after, 2);
    ip->src_addr = rewrite->src;
    ip->dst_addr = rewrite->dst;
    ip->hdr_checksum = checksum_update(
        ip->hdr_checksum, rewrite->address_delta + checksum_delta16(ttl_before, ttl_after));
}

#endif
