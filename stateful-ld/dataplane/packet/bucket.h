/**
 * @file
 * The bucket: the number that keeps switch, LD, core and local port in step.
 */
#ifndef SLUICE_PACKET_BUCKET_H
#define SLUICE_PACKET_BUCKET_H

#include <stddef.h>
#include <stdint.h>

#include "packet/flow.h"

enum {
    BUCKET_COUNT = 1024,
    BUCKET_MASK = BUCKET_COUNT - 1,
    BUCKET_NONE = 0xffff, /**< the packet came without one */

    /** VXLAN source ports from here on carry a bucket in bits 4..13. */
    BUCKET_PORT_BASE = 0xC000,
    BUCKET_PORT_SHIFT = 4,
};

/** CRC-32 of IEEE 802.3 3.2.9 (the one of zlib): reflected, polynomial 0xEDB88320. */
uint32_t crc32_ieee(const void *data, size_t bytes);

/**
 * Bucket of a client's packet: the low 10 bits of crc32 over {VNI 24, source, destination,
 * protocol 8, source port 16, destination port 16}, big endian: 16 bytes, or 40 with addresses of
 * IPv6.
 */
uint16_t bucket_of_flow(const struct flow_key *key);

/** Bucket a local port belongs to; @p local_port in host order. */
static inline uint16_t bucket_of_local_port(uint16_t local_port) {
    return local_port & BUCKET_MASK;
}

/** VXLAN source port (host order) that carries @p bucket. */
static inline uint16_t bucket_to_udp_port(uint16_t bucket) {
    return (uint16_t)(BUCKET_PORT_BASE | bucket << BUCKET_PORT_SHIFT);
}

/** Bucket a VXLAN source port (host order) carries, or BUCKET_NONE. */
static inline uint16_t bucket_from_udp_port(uint16_t udp_port) {
    if (udp_port < BUCKET_PORT_BASE)
        return BUCKET_NONE;
    return udp_port >> BUCKET_PORT_SHIFT & BUCKET_MASK;
}

#endif
