/**
 * @file
 * Weighted least connections: the RS with the fewest sessions for its weight. A worker counts its
 * own sessions only; as each keeps its RSs level, their sums are level as well.
 */
#ifndef SLUICE_FORWARD_SCHEDULER_WLC_H
#define SLUICE_FORWARD_SCHEDULER_WLC_H

#include <stdint.h>

#include "forward/scheduler_wrr.h"
#include "forward/stats.h"

enum {
    /** RSs compared for one session; of a larger service each time the next ones. A cache line
     * each, so this bounds what a new session costs. */
    WLC_COMPARED_MAX = 64,
};

/**
 * Choose the RS with the least (sessions + 1) / weight among those compared; of equals the one that
 * comes first after the last comparison's start, so that new RSs do not always get the first.
 *
 * @param shares of their weights, by target (forward/rs_share.h)
 * @param rs     the worker's counters, by target
 * @param cursor where to begin; the worker's state, 0 at the start
 * @return index of the choice, or -1 when every weight, or share, is 0. Not thread safe on @p
 * cursor.
 */
int wlc_choose(const struct choice *choices, const uint16_t *shares, uint32_t count,
               const struct rs_counters *rs, uint64_t *cursor);

#endif
