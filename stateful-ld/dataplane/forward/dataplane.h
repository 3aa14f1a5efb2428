/**
 * @file
 * The data plane as a whole: what control and workers share, and who may touch it.
 */
#ifndef SLUICE_FORWARD_DATAPLANE_H
#define SLUICE_FORWARD_DATAPLANE_H

#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "config/registry.h"
#include "config/snapshot.h"
#include "forward/local_ip_rules.h"
#include "forward/neighbour.h"
#include "forward/source_limit.h"
#include "packet/bucket.h"
#include "packet/siphash.h"
#include "replicate/replicate.h"

struct capture;
struct port;
struct worker;

enum {
    WORKERS_MAX = 64,
    /* Who reads the snapshot, by thread ids of the RCU: workers by theirs, and */
    READER_HEARTBEAT = WORKERS_MAX,
    READERS_MAX,
};

/** What control has last said about ports and sessions that ran out. */
struct exhaustion {
    uint64_t checked_ms;
    uint64_t no_port;
    uint64_t table_full;
};

struct dataplane {
    /* Set at start, then read only. */
    struct rte_ether_addr mac;
    struct rte_mempool *mbufs;
    const struct port *port; /**< NULL: there is none, as in tests */
    struct worker *workers[WORKERS_MAX];
    uint32_t worker_count;
    uint8_t owner_of_bucket[BUCKET_COUNT]; /**< worker id */
    uint32_t rss_entries;                  /**< as in the options */
    struct rte_ring *neighbour_events;     /**< workers to control; struct neighbour_event */
    /** The same; addresses of hosts to be found. A ring of their own: whoever sends packets can
     * fill it, and what next hops answer must get through. */
    struct rte_ring *neighbour_wishes;
    struct rte_rcu_qsbr *rcu;           /**< of the snapshot's readers */
    struct source_limits source_limits; /**< of all workers */
    struct siphash_key cookie_key;      /**< of SYN cookies, where no cluster has one */
    uint16_t *rs_shares;                /**< by registry number (forward/rs_share.h) */
    struct rte_ring *probe_answers;     /**< workers to control; NULL: RSs are not checked */

    /* Written by control, read by workers with an acquire load a burst; NULL: not configured.
     * Every next hop of the snapshot is in the set. */
    const struct snapshot *snapshot;
    const struct neighbour_set *neighbours;
    struct capture *capture; /**< the same; NULL: nobody captures */

    struct replication replication; /**< who writes what is said there */

    /* Control's own, on cache lines of its own: what it writes here must not take those above from
     * the workers. */
    struct registry registry __attribute__((aligned(RTE_CACHE_LINE_SIZE)));
    struct local_ip_rules local_ip_rules; /**< none, until they are initialized */
    uint64_t rss_watched_ms;
    uint64_t misdirected; /**< packets that have been logged as such */
    uint64_t neighbours_checked_ms;
    struct exhaustion exhaustion;

    /* The heartbeat thread's own; control reads them. */
    uint64_t heartbeats_sent;
    uint64_t heartbeats_withheld; /**< looks that found it unfit: see forward/heartbeat.h */
    uint64_t since_1970_ms; /**< of the workers' clock's 0, by the clock that LDs share; workers
                               read it, too */
};

struct dataplane_options {
    struct rte_ether_addr mac;
    struct rte_mempool *mbufs;
    const unsigned *lcores; /**< of the workers */
    uint32_t workers;
    uint32_t rss_entries; /**< of the port's RSS, when it is as rss_share() says; 0: it is not */
    uint32_t sessions_per_worker;
    uint64_t seed; /**< of hashes and first ports; unpredictable outside of tests */
    uint64_t now_ms;
};

/** @return 0, -ENOMEM or -EINVAL. No worker runs yet. */
int dataplane_init(struct dataplane *dataplane, const struct dataplane_options *options);

/** No worker runs any more. */
void dataplane_free(struct dataplane *dataplane);

/**
 * Replace snapshot and neighbours, wait until no worker uses the old ones, free them.
 * Control only.
 */
void dataplane_publish(struct dataplane *dataplane, struct snapshot *snapshot,
                       struct neighbour_set *neighbours);

/**
 * Take in what workers have heard about neighbours, and ask for what is missing. Control only,
 * every 100 ms or oftener.
 */
void dataplane_neighbours(struct dataplane *dataplane, uint64_t now_ms);

/**
 * Deal limits anew to the workers, and log what has run out, at most once in ten seconds. Control
 * only, every 100 ms or oftener.
 */
void dataplane_limits(struct dataplane *dataplane, uint64_t now_ms);

/** Send a packet of control's own through a worker; frees it when that is not possible. */
void dataplane_send(struct dataplane *dataplane, struct rte_mbuf *mbuf);

#endif
