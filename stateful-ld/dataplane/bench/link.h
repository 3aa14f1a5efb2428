/**
 * @file
 * The wire between two data planes of the bench: what one of them sends to the other one's VTEP
 * arrives there, after a while, or is lost. As with two NICs, the receiver copies a frame to a
 * buffer of its own, and the sender gets its buffer back: a buffer that another core has had is in
 * that core's cache, and who sends would pay for it with its next packet.
 *
 * Thread safe as the ports' queues are: one sends, one receives.
 */
#ifndef SLUICE_BENCH_LINK_H
#define SLUICE_BENCH_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "forward/worker.h"

enum {
    LINK_BURST = 8,
};

/** One direction. */
struct link {
    struct rte_ring *ring; /**< what is on its way, with when it arrives */
    struct rte_ring *done; /**< what has arrived: the sender's buffers */
    rte_be32_t to;         /**< the receiver's VTEP */
    uint64_t delay_cycles;
    uint32_t loss; /**< one frame of so many; 0: none */
    uint64_t sent;
    uint32_t lent;   /**< sender's buffers that it has not got back */
    uint64_t full;   /**< lost because too many were on their way, or had not come back */
    uint32_t closed; /**< to what is not the link's; atomic */
    /* The receiver's own, on other lines than the sender's: */
    bool addresses __rte_cache_aligned; /**< traffic is made for another LD */
    uint16_t spares;                    /**< buffers for what arrives in this burst */
    struct rte_mbuf *spare[BURST];
    struct rte_mbuf *next; /**< taken from the ring, not due yet */
    uint64_t next_due;
};

/** @param to VTEP of the receiver */
void link_init(struct link *link, rte_be32_t to, uint32_t delay_us, uint32_t loss);

/** Queue 0 of @p port sends to the link. */
void link_attach_sender(struct link *link, uint16_t port);

/**
 * Queue 0 of @p port receives from the link, beside what @p attach adds to its receive queue.
 * net_null fills every burst: before traffic is made room is kept for the link's frames, and they
 * are put in after it. Traffic is what a switch sends to this LD, whatever address it is made with.
 *
 * @param attach of traffic; NULL: the link's frames are all there is
 */
void link_attach_receiver(struct link *link, uint16_t port, int (*attach)(void *), void *context);

/** Let nothing but the link's frames arrive at the receiver's port, or traffic as well. */
void link_gate(struct link *link, bool open);

#endif
