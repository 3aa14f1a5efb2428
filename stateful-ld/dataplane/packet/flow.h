/**
 * @file
 * The name of a flow: what the session table is keyed by, for both directions of a session.
 */
#ifndef SLUICE_PACKET_FLOW_H
#define SLUICE_PACKET_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

/** TCP flag bits (RFC 9293 3.1). */
enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
};

/**
 * A packet's own tuple, as it is in the packet (addresses and ports in network order).
 *
 * One lookup serves both directions: a session is entered under the tuple the client's packets
 * carry and under the tuple the RS's answers carry. The two never meet, because a VIP is never a
 * local IP (config_validate() sees to it).
 */
struct flow_key {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint32_t vni_protocol; /**< VNI << 8 | IP protocol, host order; never 0 in a valid key */
};

_Static_assert(sizeof(struct flow_key) == 16, "compared and hashed as two 64-bit words");

static inline uint32_t flow_vni_protocol(uint32_t vni, uint8_t protocol) {
    return vni << 8 | protocol;
}

static inline uint32_t flow_vni(const struct flow_key *key) {
    return key->vni_protocol >> 8;
}

static inline uint8_t flow_protocol(const struct flow_key *key) {
    return key->vni_protocol & 0xff;
}

/** RFC 1812 5.3.7: no host has any other source address, an answer to it would go nowhere. */
static inline bool flow_source_valid(const struct flow_key *key) {
    uint32_t source = rte_be_to_cpu_32(key->src);

    return source >> 24 != 0 && source >> 24 != 127 && source >> 28 < 0xe;
}

static inline bool flow_equal(const struct flow_key *a, const struct flow_key *b) {
    uint64_t x[2], y[2];

    memcpy(x, a, sizeof(x));
    memcpy(y, b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/**
 * Seeded hash of a flow: two 64x64 multiplications, so that a sender who does not know the seed
 * cannot choose tuples that fall into one slot.
 */
static inline uint32_t flow_hash(const struct flow_key *key, uint64_t seed) {
    uint64_t word[2];
    __uint128_t product;
    uint64_t mixed;

    memcpy(word, key, sizeof(word));
    product = (__uint128_t)(word[0] ^ seed) * (word[1] ^ 0x9e3779b97f4a7c15ULL);
    mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    product = (__uint128_t)(mixed ^ seed) * 0xd6e8feb86659fd93ULL;
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64));
}

#endif
