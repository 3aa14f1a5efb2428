/**
 * @file
 * Buckets that this LD has got by a new map, and whose sessions are not all here yet. It opens none
 * of its own in them until they are: a port that it gives out could be one of those. While an LD is
 * not online it opens none anyway (replicate/online.c).
 */
#ifndef SLUICE_REPLICATE_GAINED_H
#define SLUICE_REPLICATE_GAINED_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bucket.h"

struct worker;

/** What a worker has of it. */
struct gained {
    bool lacks;                          /**< a bucket is in `lacking` */
    uint64_t lacking[BUCKET_COUNT / 64]; /**< bit per bucket */
    uint64_t held[BUCKET_COUNT / 64]; /**< that this LD has by the map in force; bit per bucket */
    uint64_t since_ms;                /**< the last of them */
};

/** The configuration has changed; whom buckets were shared with is still known. */
void gained_follow(struct worker *worker);

/** See whether the sessions have come meanwhile. */
void gained_look(struct worker *worker);

/** True when there may be sessions of the bucket that this LD has not. */
bool gained_lacks(const struct worker *worker, uint16_t bucket);

#endif
