/**
 * @file
 * ICMPv6 (RFC 4443): answering pings, translating and making errors. All in place.
 */
#ifndef SLUICE_PACKET_ICMP6_H
#define SLUICE_PACKET_ICMP6_H

#include <stdint.h>

#include <rte_ip.h>

#include "packet/icmp.h"
#include "packet/parse.h"

enum {
    ICMP6_UNREACHABLE = 1,
    ICMP6_PACKET_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAMETER_PROBLEM = 4,
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,

    ICMP6_CODE_PORT = 4, /**< of ICMP6_UNREACHABLE */

    /** RFC 8200 5: every link takes so much; RFC 4443 2.4 c): no error is longer. */
    IPV6_MTU_MIN_BYTES = 1280,
    /** IPv6 and ICMPv6 header in front of what an error quotes. */
    ICMP6_ERROR_OVERHEAD_BYTES = 40 + 8,
    OWN_HOP_LIMIT = 64,
};

/* Packets begin at even addresses, no more. */
struct icmp6_header {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    rte_be32_t word; /**< MTU, pointer, or identifier and sequence */
} __attribute__((packed, aligned(2)));

/** RFC 8200 4.5. */
struct ip6_fragment {
    uint8_t next_header;
    uint8_t reserved;
    rte_be16_t offset; /**< in 8 bytes << 3 | more fragments */
    rte_be32_t id;
} __attribute__((packed, aligned(2)));

/** Sum of the pseudo header (RFC 8200 8.1), unfolded. */
uint64_t ip6_pseudo_sum(const uint8_t *src, const uint8_t *dst, uint32_t bytes, uint8_t protocol);

/** Turn an echo request, or a fragment of one, into the reply's. Ethernet is not touched. */
void icmp6_make_echo_reply(uint8_t *frame, const struct packet *packet);

/**
 * Translate an ICMPv6 error of a session that is IPv6 on both sides.
 *
 * @param other tuple of the session's other side
 */
void icmp6_rewrite_error(uint8_t *frame, const struct packet *packet, const struct flow_key *other);

/** How much of a packet of @p l3_len bytes an error quotes. */
static inline uint16_t icmp6_quoted_bytes(uint16_t l3_len) {
    return l3_len < IPV6_MTU_MIN_BYTES - ICMP6_ERROR_OVERHEAD_BYTES
               ? l3_len
               : IPV6_MTU_MIN_BYTES - ICMP6_ERROR_OVERHEAD_BYTES;
}

/** As icmp_write_error(), with ICMP6_ERROR_OVERHEAD_BYTES. */
void icmp6_write_error(uint8_t *at, const struct icmp_error *error, uint16_t quoted);

/** Set the checksum of the @p bytes of an ICMPv6 message in a packet with the header @p ip. */
void icmp6_set_checksum(const struct rte_ipv6_hdr *ip, struct icmp6_header *icmp, uint32_t bytes);

#endif
