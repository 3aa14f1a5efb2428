#include "packet/tag.h"

#include <string.h>

#include <rte_byteorder.h>

/* Words are little endian, as in SipHash. */
void tag_key_init(struct tag_key *key, const struct siphash_key *siphash_key) {
    key->siphash = *siphash_key;
    for (uint64_t i = 0; i < TAG_BODY_MAX / sizeof(uint64_t); i++) {
        /* Of another length than what tag_of() gives to SipHash. */
        rte_le64_t number = rte_cpu_to_le_64(i);

        key->nh[i] = siphash(siphash_key, &number, sizeof(number));
    }
}

static __uint128_t nh(const struct tag_key *key, const uint8_t *body, size_t bytes) {
    const uint64_t *words = key->nh;
    __uint128_t sum = 0;

    for (; bytes > 0; bytes -= TAG_UNIT_BYTES, body += TAG_UNIT_BYTES, words += 2) {
        rte_le64_t pair[2];

        memcpy(pair, body, sizeof(pair));
        sum += (__uint128_t)(rte_le_to_cpu_64(pair[0]) + words[0]) *
               (rte_le_to_cpu_64(pair[1]) + words[1]);
    }
    return sum;
}

uint64_t tag_of(const struct tag_key *key, const uint8_t *header, const uint8_t *body,
                size_t bytes) {
    __uint128_t hash = nh(key, body, bytes);
    struct {
        uint8_t header[TAG_HEADER_BYTES];
        rte_le64_t hash[2];
        rte_le64_t bytes;
    } input = {
        .hash = { rte_cpu_to_le_64((uint64_t)hash), rte_cpu_to_le_64((uint64_t)(hash >> 64)) },
        .bytes = rte_cpu_to_le_64(bytes),
    };

    memcpy(input.header, header, sizeof(input.header));
    return siphash(&key->siphash, &input, sizeof(input));
}
