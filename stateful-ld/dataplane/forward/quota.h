/**
 * @file
 * Limits of what services take in: new sessions a second, sessions at once, bandwidth each way.
 *
 * All workers share a limit. A large one is dealt to them: every 300 ms control looks at what each
 * has been asked for and publishes new shares, so workers touch nothing but lines of their own. The
 * shares never add up to more than the limit. Of a small limit a share would be too little to be
 * fair with, so workers count against one number together: exact at any time, and that it is small
 * bounds how often its line changes hands (refusals only read it, but for the clock, once a
 * millisecond).
 *
 * Rates are kept by virtual scheduling (GCRA, ITU-T I.371), as the switch's limits of EIPs are:
 * what is refused costs nothing.
 */
#ifndef SLUICE_FORWARD_QUOTA_H
#define SLUICE_FORWARD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_rate {
    QUOTA_BYTES_IN = 0, /**< equal to FROM_CLIENT */
    QUOTA_BYTES_OUT = 1,
    QUOTA_NEW_SESSIONS = 2,
    QUOTA_RATES = 3,
};

enum {
    QUOTA_REDISTRIBUTE_MS = 300,
    /** Limits up to these are kept exactly by all workers together. */
    QUOTA_EXACT_NEW_SESSIONS = 10000,
    QUOTA_EXACT_SESSIONS = 10000,
    QUOTA_EXACT_BYTES_PER_S = 10 * 1000 * 1000 / 8,
};

/** 0: no limit. */
struct quota_limits {
    uint64_t per_s[QUOTA_RATES]; /**< bytes of IP packets; sessions */
    uint64_t sessions;
};

/** One worker's. Times are in 2^-8 ns. */
struct quota_cell {
    uint64_t asked[QUOTA_RATES]; /**< ever, whether or not it was granted */
    uint64_t sessions_asked;
    uint64_t sessions; /**< that are open */
    uint64_t due[QUOTA_RATES];
    uint64_t counted; /**< of `sessions`, in the number all workers share */
    uint64_t recount; /**< for admission_recount() alone */

    /** Written by control, every 300 ms. */
    uint64_t unit_time[QUOTA_RATES] __attribute__((aligned(64))); /**< at the share, in 2^-20 ns */
    uint64_t session_share;
} __attribute__((aligned(64)));

/** One limit, for as long as some configuration names it. */
struct quota {
    char *name;
    uint32_t references; /**< of snapshots; control's */
    uint32_t workers;
    struct quota_limits limits; /**< changed by control when nobody looks: with a new snapshot */
    uint64_t redistributed_ms;
    uint64_t *seen; /**< [worker][rate], then [worker]: what control has seen asked */
    struct quota_cell *cells;
    uint64_t shared_due[QUOTA_RATES] __attribute__((aligned(64)));
    uint64_t shared_now[QUOTA_RATES]; /**< the latest time at which any worker has asked */
    uint64_t shared_sessions __attribute__((aligned(64)));
};

/** What a snapshot knows of a limit. It does not change under the workers' hands. */
struct quota_use {
    struct quota *quota; /**< NULL: no limit */
    struct quota_limits limits;
    uint64_t unit_time[QUOTA_RATES]; /**< of the whole limit, in 2^-20 ns */
    uint64_t tolerance[QUOTA_RATES]; /**< in 2^-8 ns */
    bool exact_rate[QUOTA_RATES];
    bool exact_sessions;
};

/** @return a limit that is in force nowhere yet, with one reference; NULL when out of memory */
struct quota *quota_create(const char *name, uint32_t workers);

/** Give up a reference. NULL is ignored. Control only. */
void quota_put(struct quota *quota);

/** What snapshots say of @p quota from now on. Deals new shares when the limits are new. */
struct quota_use quota_use(struct quota *quota, const struct quota_limits *limits);

/** Deal the shares anew by what workers have been asked for, if it is time. Control only. */
void quota_redistribute(struct quota *quota, uint64_t now_ms);

/**
 * May this worker open one more session? If so it is counted, until quota_session_over().
 *
 * @return false: too many at once
 */
bool quota_session_begin(const struct quota_use *use, uint32_t worker);
void quota_session_over(const struct quota_use *use, uint32_t worker);

/** Set how many sessions a worker has: when it has got a new snapshot. */
void quota_sessions_set(const struct quota_use *use, uint32_t worker, uint64_t sessions);

/**
 * Take @p units now.
 *
 * @param high half of the tolerance is kept for what has high priority
 * @return false: too much, and nothing has been taken
 */
bool quota_take(const struct quota_use *use, uint32_t worker, enum quota_rate rate, uint32_t units,
                bool high, uint64_t now_ms);

#endif
