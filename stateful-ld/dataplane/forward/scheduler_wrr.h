/**
 * @file
 * Smooth weighted round robin, by stride scheduling (Waldspurger and Weihl 1995): an RS of weight w
 * serves w times a round, in even steps, and whose step is next is on top of a heap. With weights
 * 5, 1, 1 the order is A B A A A C A, not A A A A A B C. A choice costs O(log N).
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
 * @param choices the service's RSs, the same ones as with the same @p turns before
 * @param shares  of their weights, by target (forward/rs_share.h)
 * @param turns   the worker's state, one per choice, 0 at the start
 * @return index of the choice, or -1 when every weight, or share, is 0. Not thread safe on @p
 * turns.
 */
int wrr_choose(const struct choice *choices, const uint16_t *shares, uint64_t *turns,
               uint32_t count);

#endif
