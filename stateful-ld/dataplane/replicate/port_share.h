/**
 * @file
 * Which of a bucket's ports may be given out by whom. A bucket has two LDs that may get its packets
 * at the same time, when two switches do not agree about who is alive; each gives out ports of its
 * own shares, so none is given out twice, whatever anybody believes (docs/failover.md). Of the 63
 * ports of a bucket and local IP, share 0 has 15 and the others 16.
 */
#ifndef SLUICE_REPLICATE_PORT_SHARE_H
#define SLUICE_REPLICATE_PORT_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cluster.h"

/** @return bits of shares */
static inline uint8_t shares_here(const struct cluster *cluster, uint16_t bucket) {
    return cluster->ld_count == 0 ? SHARES_ALL : cluster->shares[bucket];
}

/** @param port a local port, host order */
static inline bool shares_have_port(uint8_t shares, uint16_t port) {
    return shares >> port / BUCKET_COUNT % 4 & 1;
}

#endif
