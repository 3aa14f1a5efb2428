/**
 * @file
 * How many sessions an RS has in the buckets of which this LD is the primary. Sessions that have
 * been idle since an LD restarted are on standby at both LDs of their bucket: whoever asks whether
 * an RS is still in use must know of them, and must not count them twice. So they are the
 * primary's.
 *
 * A new map is followed by one look at every session, some in each turn of the loop. Until it is
 * over, the LD does not say that it has counted.
 */
#ifndef SLUICE_REPLICATE_COUNTED_H
#define SLUICE_REPLICATE_COUNTED_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bucket.h"

struct dataplane;
struct session;
struct worker;

/** What a worker has of it. */
struct counted {
    uint64_t buckets[BUCKET_COUNT / 64]; /**< whose sessions count; bit per bucket */
    bool pending;          /**< `epoch` waits for what is to be looked at, or to come */
    bool looks;            /**< sessions are to be looked at, */
    uint32_t looked_up_to; /**< behind this number */
    uint64_t epoch; /**< of the map by which all of them count; 0: not yet. Control reads it */
};

/** A session has been opened, or has come by a stream: its target and bucket are known. */
void counted_begin(struct worker *worker, struct session *session);

/** It ends. */
void counted_end(struct worker *worker, const struct session *session);

/** The configuration has changed; what it lacks is known (replicate/gained.h). */
void counted_follow(struct worker *worker);

/** Once a turn while `pending`. */
void counted_go_on(struct worker *worker);

/**
 * Control: the epoch of the map by which rs_counters.sessions_primary are all sessions of this LD's
 * buckets.
 *
 * @return 0: not all have been counted, or another LD has yet to tell of some
 */
uint64_t counted_epoch(const struct dataplane *dataplane);

#endif
