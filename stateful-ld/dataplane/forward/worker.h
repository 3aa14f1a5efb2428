/**
 * @file
 * A worker: one core, its sessions, its buckets, its counters. All it does is in worker_poll();
 * tests call ld_process() instead, with frames of their own.
 */
#ifndef SLUICE_FORWARD_WORKER_H
#define SLUICE_FORWARD_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "config/snapshot.h"
#include "forward/dataplane.h"
#include "forward/fragments.h"
#include "forward/rate_limit.h"
#include "forward/session_scan.h"
#include "forward/stats.h"
#include "replicate/replicate.h"
#include "session/local_port.h"
#include "session/session.h"
#include "session/time_wait.h"
#include "session/wheel.h"

enum {
    BURST = 32,
    /** Sessions looked at for expiry between two bursts. */
    EXPIRY_BUDGET = 64,
    QUEUE_NONE = UINT16_MAX,
    /** A turn of the loop that comes so late shows that the worker stood still: queues may have run
     * over. Well above what one waits that shares its CPU. */
    STOOD_STILL_MS = 100,
    /** Packets sent at a time: two bursts, and the fragments that waited for something in them. */
    TX_MAX = 2 * BURST + FRAGMENTS_HELD_MAX,
};

struct beats;
struct last_words;

struct worker {
    struct dataplane *dataplane;
    const struct snapshot *snapshot;        /**< of the burst in hand */
    const struct neighbour_set *neighbours; /**< of the burst in hand */
    uint64_t now_ms;                        /**< of the burst in hand */
    uint64_t turns_since_ms;                /**< it has not stood still since then */
    struct capture *capture;                /**< NULL, but while somebody captures */
    uint32_t id;
    unsigned lcore;

    struct session_table sessions;
    struct wheel wheel;
    struct time_wait time_wait;
    struct local_ports ports[FAMILY_COUNT];
    uint64_t local_ip_share;       /**< slots, while they are shared */
    struct rs_counters *rs;        /**< by registry number */
    struct rs_answers *rs_answers; /**< the same */

    struct rte_mbuf *tx[TX_MAX]; /**< what the burst in hand sends */
    uint16_t tx_count;

    uint16_t port_id;
    uint16_t queue;             /**< receive and transmit queue, or QUEUE_NONE */
    struct worker *transmitter; /**< who sends for a worker that has no queue; itself otherwise */
    struct rte_ring *handoff;   /**< packets of our buckets that others have received */
    struct rte_ring *outbox;    /**< packets control or other workers want us to transmit */

    struct worker_replication replication;
    struct fragments fragments;
    struct rate_limit pings;
    struct rate_limit icmp_errors;
    struct rate_limit resets;
    uint32_t without_port; /**< target + 1 no local port was left for, last; for control to log */

    /** A tunnelled packet that came to the wrong worker: bucket << 32 | the NIC's hash or 0. */
    uint64_t misdirected;

    uint64_t turns;                      /**< of the loop; control looks whether it rises */
    uint32_t transmitting;               /**< inside the driver: for a handler of fatal signals */
    struct beats *beats;                 /**< heartbeats to be sent now; NULL: they are gone */
    const struct last_words *last_words; /**< what control wants said before all ends */

    struct session_scan *scan; /**< set by control: sessions it wants to see */
    struct worker_stats stats;
} __attribute__((aligned(64)));

struct worker_options {
    uint32_t id;
    uint32_t workers; /**< of the data plane */
    unsigned lcore;
    uint32_t sessions;
    uint64_t seed;
    uint64_t now_ms;
};

/** @return NULL when out of memory. */
struct worker *worker_create(struct dataplane *dataplane, const struct worker_options *options);
void worker_destroy(struct worker *worker);

/**
 * The receive path: what comes in here goes out through worker->tx, to another worker, or is
 * dropped and counted. Takes over the mbufs. Time is worker->now_ms, the configuration
 * worker->snapshot, which worker_refresh() sets.
 */
void ld_process(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count);

/** Begin a burst: look at the clock and at the configuration. */
void worker_refresh(struct worker *worker, uint64_t now_ms);

/** What is done between bursts besides packets: expiry, session scans. */
void worker_housekeeping(struct worker *worker);

/** The bucket of a packet, whether or not its tunnel names it. */
uint16_t worker_bucket_of(const struct snapshot *snapshot, const struct packet *packet);

/** True when a packet's bucket is another worker's, and the packet has been taken care of. */
bool worker_hand_off(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet);

/** Count and free one packet. */
void worker_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason);

/** Transmit what is queued. */
void worker_flush(struct worker *worker);

/** Queue one packet for transmission. */
static inline void worker_send(struct worker *worker, struct rte_mbuf *mbuf) {
    if (unlikely(worker->tx_count == TX_MAX))
        worker_flush(worker);
    worker->tx[worker->tx_count++] = mbuf;
}

/** The worker this thread runs; NULL on the main lcore. */
extern _Thread_local struct worker *worker_of_this_thread;

/**
 * Transmit frames at once, if the worker (or NULL) has a queue and is not just using it.
 * Async-signal-safe as far as the driver's transmit function is: drivers neither allocate nor lock
 * in it, they write descriptors.
 */
void worker_say_last_words(struct worker *worker, const struct last_words *words);

/**
 * One turn of the loop of a running worker.
 *
 * @return packets received from port and rings
 */
uint32_t worker_poll(struct worker *worker, uint64_t now_ms);

#endif
