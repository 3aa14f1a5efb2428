/**
 * @file
 * Internet checksum arithmetic: incremental update (RFC 1624) and the full sum (RFC 1071).
 *
 * A "delta" is the sum of (~old + new) over the words that change. Deltas are kept in 64 bits and
 * may be added freely; 32-bit words count as two 16-bit words because 2^16 is 1 modulo 2^16 - 1.
 */
#ifndef SLUICE_PACKET_CHECKSUM_H
#define SLUICE_PACKET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A word added to itself with its halves exchanged has their sum in its upper half, and the carry
 * of the lower one has already gone round into it. */
static inline uint16_t checksum_fold(uint64_t sum) {
    uint32_t half;

    sum += sum << 32 | sum >> 32;
    half = (uint32_t)(sum >> 32);
    half += half << 16 | half >> 16;
    return (uint16_t)(half >> 16);
}

/** True when the sum of a header, its checksum included, says that nothing in it has changed. */
static inline bool checksum_right(uint64_t sum) {
    return sum != 0 && sum % 0xffff == 0; /* folds to 0xffff */
}

/** What replacing a 32-bit field adds; both in the byte order of the packet. */
static inline uint64_t checksum_delta32(uint32_t before, uint32_t after) {
    return (uint64_t)(uint32_t)~before + after;
}

/** What replacing a 16-bit field adds; both in the byte order of the packet. */
static inline uint64_t checksum_delta16(uint16_t before, uint16_t after) {
    return (uint64_t)(uint16_t)~before + after;
}

/** HC' = ~(~HC + ~m + m'), RFC 1624 equation 3. */
static inline uint16_t checksum_update(uint16_t check, uint64_t delta) {
    return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~check + delta);
}

/**
 * The same for UDP: 0 means "no checksum" and stays, and a computed 0 is sent as all ones
 * (RFC 768).
 */
static inline uint16_t checksum_update_udp(uint16_t check, uint64_t delta) {
    uint16_t updated;

    if (check == 0)
        return 0;
    updated = checksum_update(check, delta);
    return updated == 0 ? 0xffff : updated;
}

/** Unfolded one's complement sum of @p bytes; an odd last byte is padded with zero (RFC 1071). */
static inline uint64_t checksum_sum(const void *data, size_t bytes) {
    const uint8_t *at = data;
    uint64_t sum = 0;

    for (; bytes >= 4; bytes -= 4, at += 4) {
        uint32_t word;

        memcpy(&word, at, 4);
        sum += word;
    }
    if (bytes >= 2) {
        uint16_t half;

        memcpy(&half, at, 2);
        sum += half;
        at += 2;
        bytes -= 2;
    }
    if (bytes == 1) {
        uint16_t last = 0;

        memcpy(&last, at, 1);
        sum += last;
    }
    return sum;
}

#endif
