/**
 * @file
 * ICMP over IPv4 (RFC 792): answering pings, translating and making errors. All in place.
 */
#ifndef SLUICE_PACKET_ICMP_H
#define SLUICE_PACKET_ICMP_H

#include <stdint.h>

#include "packet/parse.h"
#include "packet/rewrite.h"

enum {
    ICMP_UNREACHABLE = 3,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,

    ICMP_CODE_PORT = 3,        /**< of ICMP_UNREACHABLE */
    ICMP_CODE_FRAG_NEEDED = 4, /**< of ICMP_UNREACHABLE; RFC 1191 4: with the next hop's MTU */
    ICMP_CODE_TTL = 0,         /**< of ICMP_TIME_EXCEEDED: in transit */

    /** What an error must quote behind the IPv4 header (RFC 792): the ports are in it. */
    ICMP_EMBEDDED_BYTES = 8,
    /** RFC 1812 4.3.2.3: quote as much as fits into 576 bytes with both headers. */
    ICMP_ERROR_BYTES_MAX = 576,
    /** IPv4 and ICMP header in front of what an error quotes. */
    ICMP_ERROR_OVERHEAD_BYTES = 20 + 8,
};

/** Turn an echo request, or a fragment of one, into the reply's: addresses exchanged, TTL renewed.
 * Ethernet is not touched. */
void icmp_make_echo_reply(uint8_t *frame, const struct packet *packet);

/**
 * Make a request's type the reply's, where the packet has the ICMP header. Nothing else in the
 * checksum has changed: addresses that are exchanged do not change their sum.
 */
void icmp_answer_type(uint8_t *icmp, const struct packet *packet, uint8_t reply);

/**
 * Translate an ICMP error of a session: outer addresses, TTL, the embedded packet, all checksums.
 *
 * @param rewrite what a packet of the session from the error's side gets
 */
void icmp_rewrite_error(uint8_t *frame, const struct packet *packet, const struct rewrite *rewrite);

/** An error the LD itself has to report. */
struct icmp_error {
    uint8_t type;
    uint8_t code;
    uint16_t mtu_bytes; /**< of the next hop; 0 when that is not the matter */
};

/** How much of a packet of @p l3_len bytes an error quotes. */
static inline uint16_t icmp_quoted_bytes(uint16_t l3_len) {
    return l3_len < ICMP_ERROR_BYTES_MAX - ICMP_ERROR_OVERHEAD_BYTES
               ? l3_len
               : ICMP_ERROR_BYTES_MAX - ICMP_ERROR_OVERHEAD_BYTES;
}

/**
 * Write the IPv4 and ICMP headers of an error about the packet that begins
 * ICMP_ERROR_OVERHEAD_BYTES behind @p at, to its sender, from the address it was sent to.
 *
 * @param quoted bytes of that packet the error carries
 */
void icmp_write_error(uint8_t *at, const struct icmp_error *error, uint16_t quoted);

#endif
