/**
 * @file
 * Smooth weighted round robin: with weights 5, 1, 1 the order is A A B A C A A, not A A A A A B C.
 */
#ifndef SLUICE_FORWARD_SCHEDULER_WRR_H
#define SLUICE_FORWARD_SCHEDULER_WRR_H

#include <stdint.h>

/** One RS a service may choose. */
struct choice {
    uint32_t target; /**< index into snapshot.targets */
    uint32_t weight; /**< 0: never chosen */
};

/**
 * Choose the next RS.
 *
 * @param choices the service's RSs
 * @param credit  the worker's state, one per choice, 0 at the start
 * @return index of the choice, or -1 when every weight is 0. Not thread safe on @p credit.
 */
int wrr_choose(const struct choice *choices, int64_t *credit, uint32_t count);

#endif
