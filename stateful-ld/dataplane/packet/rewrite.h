/**
 * @file
 * What translation changes in a packet, and what that adds to its checksums. Inline: it is on the
 * way of every packet.
 */
#ifndef SLUICE_PACKET_REWRITE_H
#define SLUICE_PACKET_REWRITE_H

#include <stdint.h>
#include <string.h>

#include <rte_ip.h>

#include "packet/checksum.h"
#include "packet/flow.h"

/** New addresses and ports, and what they add to a checksum over the pseudo header and ports. */
struct rewrite {
    rte_be32_t src;
    rte_be32_t dst;
    union {
        struct {
            rte_be16_t src_port;
            rte_be16_t dst_port;
        };
        uint32_t ports; /**< both, as they are in the packet */
    };
    uint64_t address_delta;
    uint64_t port_delta;
};

/** A packet with the tuple @p before gets the tuple of the other side, turned round. */
static inline struct rewrite rewrite_between(const struct flow_short *before,
                                             const struct flow_short *other) {
    uint32_t ports_before, ports;

    memcpy(&ports_before, &before->src_port, sizeof(ports_before));
    memcpy(&ports, &other->src_port, sizeof(ports));
    ports = ports << 16 | ports >> 16;
    return (struct rewrite){
        .src = other->dst,
        .dst = other->src,
        .ports = ports,
        .address_delta =
            checksum_delta32(before->src, other->dst) + checksum_delta32(before->dst, other->src),
        .port_delta = checksum_delta32(ports_before, ports),
    };
}

/** Addresses, TTL and header checksum. */
static inline void rewrite_ip(struct rte_ipv4_hdr *ip, const struct rewrite *rewrite) {
    /* The 16-bit word of TTL and protocol loses this much, and never goes below 0. */
    const uint16_t hop = RTE_BE16(0x0100);

    ip->time_to_live--;
    ip->src_addr = rewrite->src;
    ip->dst_addr = rewrite->dst;
    ip->hdr_checksum = checksum_update(ip->hdr_checksum, rewrite->address_delta + (uint16_t)~hop);
}

/** Ports of a TCP or UDP header. */
static inline void rewrite_ports(void *l4, const struct rewrite *rewrite) {
    memcpy(l4, &rewrite->ports, sizeof(rewrite->ports));
}

#endif
