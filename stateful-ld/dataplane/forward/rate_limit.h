/**
 * @file
 * How often one worker does what others can make it do: virtual scheduling (GCRA, ITU-T I.371) in
 * fractions of a millisecond.
 */
#ifndef SLUICE_FORWARD_RATE_LIMIT_H
#define SLUICE_FORWARD_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/** What is allowed. */
struct rate {
    uint32_t per_ms; /**< in the long run */
    uint32_t burst;
};

/** State of one limit; zeroed to begin with. */
struct rate_limit {
    uint64_t due; /**< when the next one would come at the full rate, in 1/per_ms ms */
};

/** Take one. @return false when it is too early. */
static inline bool rate_limit_take(struct rate_limit *limit, const struct rate *rate,
                                   uint64_t now_ms) {
    uint64_t now = now_ms * rate->per_ms;

    if (limit->due >= now + rate->burst)
        return false;
    limit->due = (limit->due > now ? limit->due : now) + 1;
    return true;
}

#endif
