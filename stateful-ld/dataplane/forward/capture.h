/**
 * @file
 * Capturing packets of chosen sessions, as they come in and as they leave. Control arms it; workers
 * then copy what the filter holds into a ring, from which control writes. While nothing is armed,
 * that is a branch a burst.
 *
 * A packet is copied by the worker that owns its bucket, who knows its session; so one that is
 * handed over is captured once, and what a session's two sides have of one packet is captured
 * both. Where there is no session, the packet's own tuple must be what the filter says of clients.
 * Later fragments have no ports; they are held to be any port's.
 */
#ifndef SLUICE_FORWARD_CAPTURE_H
#define SLUICE_FORWARD_CAPTURE_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "forward/session_filter.h"

struct worker;

enum capture_direction {
    CAPTURE_IN = 1, /**< as rte_pcapng has them */
    CAPTURE_OUT = 2,
};

/** What is armed. Immutable while workers see it, but for what is said to be atomic. */
struct capture {
    struct session_filter filter;
    bool all; /**< the filter asks for nothing: also what is of no session, such as ARP */
    uint32_t snap_bytes;       /**< of each packet */
    struct rte_mempool *mbufs; /**< for copies */
    struct rte_ring *ring;     /**< copies, workers to control */
    uint64_t missed;           /**< atomic: there was no room for so many */
};

/** Worker: copy what is wanted of @p count frames. */
void capture_frames(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count,
                    enum capture_direction direction);

#endif
