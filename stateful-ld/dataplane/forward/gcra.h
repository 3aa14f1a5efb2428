/**
 * @file
 * Virtual scheduling (GCRA, ITU-T I.371, annex A) with times in 2^-8 ns of the worker's clock:
 * finer than a byte at 100 Gbit/s, and good for two years. A state is the time at which all that
 * has been granted would be over at the full rate; 0 at the start.
 */
#ifndef SLUICE_FORWARD_GCRA_H
#define SLUICE_FORWARD_GCRA_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GCRA_TIME_BITS = 8,
};

static inline uint64_t gcra_ms(uint64_t ms) {
    return ms * 1000000 << GCRA_TIME_BITS;
}

/**
 * Take what lasts @p cost, if that ends no later than @p tolerance from now; or whatever it costs,
 * if nothing is outstanding.
 */
static inline bool gcra_take(uint64_t *due, uint64_t now, uint64_t cost, uint64_t tolerance) {
    if (*due > now && *due + cost > now + tolerance)
        return false;
    *due = (*due > now ? *due : now) + cost;
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
