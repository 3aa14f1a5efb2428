/**
 * @file
 * The IPv4 header of UDP that the LD sends itself: tunnels, heartbeats, what it tells other LDs.
 */
#ifndef SLUICE_PACKET_OUTER_IPV4_H
#define SLUICE_PACKET_OUTER_IPV4_H

#include <netinet/in.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "packet/checksum.h"

enum {
    OUTER_TTL = 64
};

/**
 * Write the header: DF, identification 0 (RFC 6864 4.1: atomic datagrams need none), no options.
 *
 * The checksum is of what the header is made of, and not of the header in memory: reading at once
 * what several stores have written waits until they, and all that was stored before them, have left
 * the core.
 *
 * @param type_of_service DSCP and ECN
 * @param udp_bytes with the UDP header
 */
static inline void outer_ipv4_write(struct rte_ipv4_hdr *ip, uint8_t type_of_service,
                                    rte_be32_t src, rte_be32_t dst, uint16_t udp_bytes) {
    const rte_be16_t total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_bytes));
    const uint64_t sum =
        (uint64_t)rte_cpu_to_be_16((uint16_t)(RTE_IPV4_VHL_DEF << 8 | type_of_service)) +
        total_length + RTE_BE16(RTE_IPV4_HDR_DF_FLAG) + RTE_BE16(OUTER_TTL << 8 | IPPROTO_UDP) +
        src + dst;

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = RTE_IPV4_VHL_DEF,
        .type_of_service = type_of_service,
        .total_length = total_length,
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = OUTER_TTL,
        .next_proto_id = IPPROTO_UDP,
        .hdr_checksum = (uint16_t)~checksum_fold(sum),
        .src_addr = src,
        .dst_addr = dst,
    };
}

#endif
