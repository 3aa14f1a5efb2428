/**
 * @file
 * SipHash-2-4 (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012): a keyed hash of short
 * input that nobody without the key can predict.
 */
#ifndef SLUICE_PACKET_SIPHASH_H
#define SLUICE_PACKET_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t word[2];
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t bytes);

#endif
