/**
 * @file
 * Virtual scheduling (GCRA, ITU-T I.371, annex A) with times in 2^-8 ns of the worker's clock:
 * finer than a byte at 100 Gbit/s. They go round in 834 days, so only differences mean anything. A
 * state is the time at which all that has been granted would be over at the full rate; 0 at the
 * start.
 */
#ifndef SLUICE_FORWARD_GCRA_H
#define SLUICE_FORWARD_GCRA_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GCRA_TIME_BITS = 8,
    /** No state is so many tolerances ahead of any worker's clock: it is one from long ago. */
    GCRA_TOLERANCES_AHEAD = 16,
};

static inline uint64_t gcra_ms(uint64_t ms) {
    return ms * 1000000 << GCRA_TIME_BITS;
}

/**
 * Take what lasts @p cost, if that ends no later than @p tolerance from now; or whatever it costs,
 * if nothing is outstanding.
 */
static inline bool gcra_take(uint64_t *due, uint64_t now, uint64_t cost, uint64_t tolerance) {
    uint64_t ahead = *due != 0 ? *due - now : 0;

    if (ahead > tolerance * GCRA_TOLERANCES_AHEAD + cost)
        ahead = 0;
    if (ahead != 0 && ahead + cost > tolerance)
        return false;
    *due = now + ahead + cost;
    return true;
}

/** The same on a state that several workers use. A refusal only reads it. */
static inline bool gcra_take_shared(uint64_t *due, uint64_t now, uint64_t cost,
                                    uint64_t tolerance) {
    uint64_t before = __atomic_load_n(due, __ATOMIC_ACQUIRE), after;

    do {
        after = before;
        if (!gcra_take(&after, now, cost, tolerance))
            return false;
    } while (!__atomic_compare_exchange_n(due, &before, after, true, __ATOMIC_RELEASE,
                                          __ATOMIC_ACQUIRE));
    return true;
}

#endif
