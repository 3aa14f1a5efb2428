/**
 * @file
 * What part of its weight an RS may count on: all of it, none while it is down, and something in
 * between for its slow start. Control writes, workers read it for each new session, so it takes
 * effect without a new configuration, and stays over those that come.
 */
#ifndef SLUICE_FORWARD_RS_SHARE_H
#define SLUICE_FORWARD_RS_SHARE_H

#include <stdint.h>

enum {
    RS_SHARE_FULL = 1000
};

/** @param shares dataplane.rs_shares */
static inline uint32_t rs_share_of(const uint16_t *shares, uint32_t target) {
    return __atomic_load_n(&shares[target], __ATOMIC_RELAXED);
}

/** Control only. */
static inline void rs_share_set(uint16_t *shares, uint32_t target, uint16_t share) {
    __atomic_store_n(&shares[target], share, __ATOMIC_RELAXED);
}

#endif
