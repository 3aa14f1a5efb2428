/**
 * @file
 * After a change of the map: packets that still come by the one before, and sessions of buckets
 * that this LD has no more.
 *
 *     map taken ──► switches learn it ──► settled ──► STRAGGLERS_MS ──► sessions forgotten
 *     └──────── packets without a session are passed on ────────────┘
 *
 * Between the two moments that two switches learn a map, one sends a session's packets here and the
 * other one there. Sessions are known to both LDs by then, but for one that was opened this
 * millisecond: its packet is passed on to the LD that must have it.
 */
#ifndef SLUICE_REPLICATE_RELEASED_H
#define SLUICE_REPLICATE_RELEASED_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bucket.h"

struct worker;

/** What a worker has of it. */
struct released {
    uint64_t over_ms;                   /**< packets of the map before do not come any more then */
    bool pending;                       /**< sessions are to be forgotten, or counted as our own */
    uint64_t forget_from_ms;            /**< UINT64_MAX: not now */
    uint32_t forgotten_up_to;           /**< session number */
    uint64_t served[BUCKET_COUNT / 64]; /**< bit per bucket, as of the map in force */
};

/** True when packets may come that the map before would have sent here. */
bool released_may_stray(const struct worker *worker);

/** The configuration has changed; whom buckets were shared with is still known. */
void released_follow(struct worker *worker);

/**
 * Forget sessions of buckets that this LD has not any more, and count those as its own that it
 * shares with nobody now; some in each turn of the loop.
 */
void released_forget(struct worker *worker);

#endif
