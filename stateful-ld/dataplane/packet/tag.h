/**
 * @file
 * What proves that a packet between LDs is from one that knows their key: 64 bits that nobody
 * makes without it.
 *
 *     tag = SipHash-2-4(header | NH(records) | length of the records)
 *
 * NH is a universal hash (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, 1999; with 64-bit words
 * as in VMAC, 2007): a multiplication for each 16 bytes, where SipHash has four rounds. Two
 * different records give the same NH for one key of 2^64, and SipHash hides what it gives: of two
 * packets nobody sees more than whether their headers and hashes are the same.
 */
#ifndef SLUICE_PACKET_TAG_H
#define SLUICE_PACKET_TAG_H

#include <stddef.h>
#include <stdint.h>

#include "packet/siphash.h"

enum {
    TAG_HEADER_BYTES = 48,
    TAG_UNIT_BYTES = 16, /**< records are a multiple of it, */
    TAG_BODY_MAX = 1344, /**< and no more than this */
};

struct tag_key {
    struct siphash_key siphash;
    uint64_t nh[TAG_BODY_MAX / sizeof(uint64_t)]; /**< made from it */
};

void tag_key_init(struct tag_key *key, const struct siphash_key *siphash);

/**
 * The tag of a packet.
 *
 * @param header TAG_HEADER_BYTES of it
 * @param bytes of @p body: a multiple of TAG_UNIT_BYTES, at most TAG_BODY_MAX
 */
uint64_t tag_of(const struct tag_key *key, const uint8_t *header, const uint8_t *body,
                size_t bytes);

#endif
