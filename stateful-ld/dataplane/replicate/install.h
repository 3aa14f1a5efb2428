/**
 * @file
 * Sessions to records and back: what a record does to the session table.
 */
#ifndef SLUICE_REPLICATE_INSTALL_H
#define SLUICE_REPLICATE_INSTALL_H

#include <stdbool.h>
#include <stdint.h>

#include "replicate/wire.h"

struct session;
struct worker;

/** Bits of session.replica. */
enum {
    REPLICA_MARKED = 1,      /**< its change waits to be told */
    REPLICA_STANDBY = 2,     /**< the other LD has its packets: it tells us when the session ends */
    REPLICA_MARKED_TWIN = 4, /**< its change waits to be told to the other cluster */
    REPLICA_TWIN = 8,        /**< on standby, and it is the other cluster that has its packets */
    REPLICA_MARKED_FORMER = 16, /**< its change waits to be told to struct cluster's `former` */
    REPLICA_FORMER = 32,        /**< on standby, and it is that LD that has its packets */
    REPLICA_COUNTED = 64,       /**< in rs_counters.sessions_primary */
    REPLICA_OF_OTHERS = REPLICA_STANDBY | REPLICA_TWIN | REPLICA_FORMER,
};

enum {
    /** A session whose packets the other LD has is not known better than this: the other LD tells
     * that it lives when its wheel comes round. */
    STANDBY_GRACE_MS = 150 * 1000,
};

void install_describe(const struct worker *worker, uint32_t number, struct record *record);

/**
 * Do what a record says, on the worker that owns its bucket.
 *
 * @return true when the session is in the table now
 */
bool install_record(struct worker *worker, const struct record *record);

/**
 * A session that is not known to be established is, when its LD had no time to say so: or it would
 * not be waited for long enough.
 */
void install_presume(const struct worker *worker, struct session *session);

/** A packet of a standby session has come: it is ours now. */
void install_activate(struct worker *worker, uint32_t number);

#endif
