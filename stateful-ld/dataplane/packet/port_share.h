/**
 * @file
 * Which of a bucket's ports may be given out by whom. A bucket has two LDs that may get its packets
 * at the same time, when two switches do not agree about who is alive; each gives out ports of its
 * own shares, so none is given out twice, whatever anybody believes (docs/failover.md). Of the 63
 * ports of a bucket and local IP, share 0 has 15 and the others 16.
 */
#ifndef SLUICE_PACKET_PORT_SHARE_H
#define SLUICE_PACKET_PORT_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bucket.h"

enum {
    PORT_SHARES = 4,
    SHARES_ALL = (1 << PORT_SHARES) - 1, /**< a bit each */
};

/** @param port a local port, host order */
static inline bool shares_have_port(uint8_t shares, uint16_t port) {
    return shares >> port / BUCKET_COUNT % PORT_SHARES & 1;
}

#endif
