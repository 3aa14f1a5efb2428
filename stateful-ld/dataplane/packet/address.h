/**
 * @file
 * An address of either family in one form, for whatever is looked up once a session or more rarely.
 * Packets of established IPv4 sessions are handled by their 32-bit words alone.
 */
#ifndef SLUICE_PACKET_ADDRESS_H
#define SLUICE_PACKET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

/** In network order; IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). All zero: none. */
struct ip_address {
    union {
        uint8_t bytes[16];
        rte_be32_t word[4];
        uint64_t half[2];
    };
};

/** Also the index of what there is of each family. */
enum ip_family {
    FAMILY_IPV4 = 0,
    FAMILY_IPV6 = 1,
    FAMILY_COUNT = 2,
};

/** Source and destination of an IPv6 packet, or what a session knows in their place. */
struct ip6_pair {
    struct ip_address src;
    struct ip_address dst;
};

static inline struct ip_address ip_from_v4(rte_be32_t address) {
    return (struct ip_address){ .word = { 0, 0, RTE_BE32(0xffff), address } };
}

/** @param bytes 16 of them, anywhere */
static inline struct ip_address ip_from_v6(const uint8_t *bytes) {
    struct ip_address address;

    memcpy(&address, bytes, sizeof(address));
    return address;
}

/** @param count 4 or 16; of anything else 0.0.0.0 */
static inline struct ip_address ip_from_bytes(const uint8_t *bytes, size_t count) {
    rte_be32_t word = 0;

    if (count == sizeof(struct ip_address))
        return ip_from_v6(bytes);
    if (count == sizeof(word))
        memcpy(&word, bytes, sizeof(word));
    return ip_from_v4(word);
}

static inline bool ip_is_none(const struct ip_address *address) {
    return (address->half[0] | address->half[1]) == 0;
}

static inline enum ip_family ip_family(const struct ip_address *address) {
    return address->half[0] == 0 && address->word[2] == RTE_BE32(0xffff) ? FAMILY_IPV4
                                                                         : FAMILY_IPV6;
}

/** Of an address that is IPv4. */
static inline rte_be32_t ip_to_v4(const struct ip_address *address) {
    return address->word[3];
}

static inline bool ip_equal(const struct ip_address *a, const struct ip_address *b) {
    return ((a->half[0] ^ b->half[0]) | (a->half[1] ^ b->half[1])) == 0;
}

/** Ascending by bytes, for sorting. */
static inline int ip_compare(const struct ip_address *a, const struct ip_address *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/** True when both are in the same subnet; @p prefix_len counts from the first of the 128 bits. */
static inline bool ip_same_subnet(const struct ip_address *a, const struct ip_address *b,
                                  uint32_t prefix_len) {
    for (uint32_t i = 0; i < 2 && prefix_len > 64 * i; i++) {
        uint32_t bits = prefix_len - 64 * i < 64 ? prefix_len - 64 * i : 64;
        uint64_t differ = rte_be_to_cpu_64(a->half[i] ^ b->half[i]);

        if (differ >> (64 - bits) != 0)
            return false;
    }
    return true;
}

/** For tables that only the configuration fills: nobody chooses addresses to make them collide. */
static inline uint32_t ip_hash(const struct ip_address *address) {
    uint64_t mixed = (address->half[0] ^ 0xd6e8feb86659fd93ULL) * 0x9e3779b97f4a7c15ULL;

    mixed = (mixed ^ mixed >> 29 ^ address->half[1]) * 0xd6e8feb86659fd93ULL;
    return (uint32_t)(mixed >> 32);
}

/** ff00::/8, the unspecified and the loopback address excluded (RFC 4291 2.5.2, 2.5.3, 2.7). */
static inline bool ip6_is_unicast(const struct ip_address *address) {
    bool low = address->half[0] == 0 && rte_be_to_cpu_64(address->half[1]) <= 1;

    return address->bytes[0] != 0xff && !low;
}

/** fe80::/10 (RFC 4291 2.5.6). */
static inline bool ip6_is_link_local(const struct ip_address *address) {
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/** 0.0.0.0/8, loopback, multicast and above excluded (RFC 1122 3.2.1.3, RFC 1812 5.3.7). */
static inline bool ip4_is_unicast(rte_be32_t address) {
    uint32_t word = rte_be_to_cpu_32(address);

    return word >> 24 != 0 && word >> 24 != 127 && word >> 28 < 0xe;
}

static inline bool ip_is_unicast(const struct ip_address *address) {
    return ip_family(address) == FAMILY_IPV4 ? ip4_is_unicast(ip_to_v4(address))
                                             : ip6_is_unicast(address);
}

#endif
