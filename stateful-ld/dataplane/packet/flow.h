/**
 * @file
 * The name of a flow: what the session table is keyed by, for both directions of a session.
 */
#ifndef SLUICE_PACKET_FLOW_H
#define SLUICE_PACKET_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "packet/address.h"

/** TCP flag bits (RFC 9293 3.1). */
enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
};

enum {
    /** In the protocol's byte: the addresses are IPv6. No protocol the LD knows is above 127. */
    FLOW_V6 = 0x80,
};

/**
 * A packet's own tuple, as it is in the packet (addresses and ports in network order).
 *
 * One lookup serves both directions: a session is entered under the tuple the client's packets
 * carry and under the tuple the RS's answers carry. The two never meet, because a VIP is never a
 * local IP (config_validate() sees to it).
 *
 * The first 16 bytes are all there is of an IPv4 flow. An IPv6 flow has its addresses in `v6`,
 * which nobody looks at otherwise, and 0 in `src` and `dst`.
 */
struct flow_key {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint32_t vni_protocol; /**< VNI << 8 | FLOW_V6 | IP protocol; never 0 in a valid key */
    struct ip6_pair v6;
};

/** The beginning of a key: compared and hashed as two 64-bit words, and what sessions keep. */
struct flow_short {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint32_t vni_protocol;
};

_Static_assert(sizeof(struct flow_short) == 16 &&
                   offsetof(struct flow_key, v6) == sizeof(struct flow_short) &&
                   offsetof(struct flow_key, vni_protocol) ==
                       offsetof(struct flow_short, vni_protocol),
               "a key begins with its short form");

static inline uint32_t flow_vni_protocol(uint32_t vni, uint8_t protocol) {
    return vni << 8 | protocol;
}

static inline uint32_t flow_vni(const struct flow_key *key) {
    return key->vni_protocol >> 8;
}

static inline uint8_t flow_protocol(const struct flow_key *key) {
    return key->vni_protocol & 0x7f;
}

static inline bool flow_is_v6(const struct flow_key *key) {
    return (key->vni_protocol & FLOW_V6) != 0;
}

/** Two values of half the size of @p type, one behind the other in memory, put together in a
 * register: by stores they would be two, see flow_set_ports(). */
#define FLOW_PAIR(type, first, second)                                                             \
    (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? (type)(second) << sizeof(type) * 4 | (type)(first)      \
                                         : (type)(first) << sizeof(type) * 4 | (type)(second))

/**
 * Set the ports of a key whose VNI and protocol are set; @p ports: the packet's, source first.
 *
 * One store of 8 bytes: the hash reads these bytes next, and a load that has to be put together
 * from smaller stores waits until all of them have left the core.
 */
static inline void flow_set_ports(struct flow_key *key, const void *ports) {
    struct {
        uint32_t ports;
        uint32_t vni_protocol;
    } half = { .vni_protocol = key->vni_protocol };
    uint64_t word;

    memcpy(&half.ports, ports, sizeof(half.ports));
    memcpy(&word, &half, sizeof(word));
    memcpy(&key->src_port, &word, sizeof(word));
}

/** Set the addresses of an IPv4 key; @p addresses: the packet's, source first. One store, as above.
 */
static inline void flow_set_ip4(struct flow_key *key, const void *addresses) {
    uint64_t word;

    memcpy(&word, addresses, sizeof(word));
    memcpy(&key->src, &word, sizeof(word));
}

static inline struct ip_address flow_src(const struct flow_key *key) {
    return flow_is_v6(key) ? key->v6.src : ip_from_v4(key->src);
}

static inline struct ip_address flow_dst(const struct flow_key *key) {
    return flow_is_v6(key) ? key->v6.dst : ip_from_v4(key->dst);
}

/** Give a key its addresses, both of one family. */
static inline void flow_set_addresses(struct flow_key *key, const struct ip_address *src,
                                      const struct ip_address *dst) {
    if (ip_family(dst) == FAMILY_IPV4) {
        const uint64_t addresses = FLOW_PAIR(uint64_t, ip_to_v4(src), ip_to_v4(dst));

        key->vni_protocol &= ~(uint32_t)FLOW_V6;
        flow_set_ip4(key, &addresses);
    } else {
        key->vni_protocol |= FLOW_V6;
        key->src = key->dst = 0;
        key->v6 = (struct ip6_pair){ .src = *src, .dst = *dst };
    }
}

/** No host has any other source address, an answer to it would go nowhere. */
static inline bool flow_source_valid(const struct flow_key *key) {
    return flow_is_v6(key) ? ip6_is_unicast(&key->v6.src) : ip4_is_unicast(key->src);
}

/** The short forms of two keys, either in whole or in short form. */
static inline bool flow_short_equal(const void *a, const void *b) {
    uint64_t x[2], y[2];

    memcpy(x, a, sizeof(x));
    memcpy(y, b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool ip6_pair_equal(const struct ip6_pair *a, const struct ip6_pair *b) {
    return ip_equal(&a->src, &b->src) && ip_equal(&a->dst, &b->dst);
}

static inline bool flow_equal(const struct flow_key *a, const struct flow_key *b) {
    return flow_short_equal(a, b) && (!flow_is_v6(a) || ip6_pair_equal(&a->v6, &b->v6));
}

static inline uint64_t flow_mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Both factors hold a secret: neither can be made 0 from outside. */
static inline uint64_t flow_mix_addresses(const struct ip6_pair *v6, uint64_t seed) {
    uint64_t other = seed << 32 | seed >> 32;
    uint64_t mixed = flow_mix(v6->src.half[0] ^ seed, v6->src.half[1] ^ other);

    return flow_mix(v6->dst.half[0] ^ mixed ^ seed, v6->dst.half[1] ^ other) ^ mixed;
}

/** flow_hash() of a key in two parts: its short form, and its IPv6 addresses, read if it has any.
 */
static inline uint32_t flow_hash_parts(const void *short_form, const struct ip6_pair *v6,
                                       uint64_t seed) {
    struct flow_short key;
    uint64_t word[2];
    uint64_t mixed;

    memcpy(&key, short_form, sizeof(key));
    memcpy(word, &key, sizeof(word));
    if (__builtin_expect((key.vni_protocol & FLOW_V6) != 0, 0))
        word[0] = flow_mix_addresses(v6, seed);
    mixed = flow_mix(word[0] ^ seed, word[1] ^ 0x9e3779b97f4a7c15ULL);
    return (uint32_t)flow_mix(mixed ^ seed, 0xd6e8feb86659fd93ULL);
}

/**
 * Seeded hash of a flow: 64x64 multiplications, so that a sender who does not know the seed cannot
 * choose tuples that fall into one slot.
 */
static inline uint32_t flow_hash(const struct flow_key *key, uint64_t seed) {
    return flow_hash_parts(key, &key->v6, seed);
}

#endif
