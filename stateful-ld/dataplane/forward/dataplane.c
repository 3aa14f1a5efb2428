#include "forward/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward/worker.h"
#include "packet/arp.h"

enum {
    NEIGHBOUR_EVENTS = 256,
    NEIGHBOUR_CHECK_MS = 100
};

static struct rte_ring *make_event_ring(void) {
    static uint32_t serial;
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "neighbours%u", serial++);
    return rte_ring_create_elem(name, sizeof(struct neighbour_event), NEIGHBOUR_EVENTS,
                                SOCKET_ID_ANY, RING_F_SC_DEQ);
}

static struct rte_rcu_qsbr *make_rcu(void) {
    size_t bytes = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(WORKERS_MAX), RTE_CACHE_LINE_SIZE);
    struct rte_rcu_qsbr *rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);

    if (rcu != NULL && rte_rcu_qsbr_init(rcu, WORKERS_MAX) != 0) {
        free(rcu);
        return NULL;
    }
    return rcu;
}

static int make_workers(struct dataplane *dataplane, const struct dataplane_options *options) {
    for (uint32_t id = 0; id < options->workers; id++) {
        const struct worker_options worker = {
            .id = id,
            .lcore = options->lcores[id],
            .sessions = options->sessions_per_worker,
            .seed = options->seed,
            .now_ms = options->now_ms,
        };

        dataplane->workers[id] = worker_create(dataplane, &worker);
        if (dataplane->workers[id] == NULL)
            return -ENOMEM;
        dataplane->worker_count++;
    }
    return 0;
}

/* Each worker gets as many buckets as the others, but not simply every n-th: CRC is linear, so a
 * client that counts its ports up stays in buckets with the same low bits for long. */
static void share_buckets(struct dataplane *dataplane) {
    for (uint32_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint32_t mixed = bucket * 0x9e3779b1u >> 16 & BUCKET_MASK;

        dataplane->owner_of_bucket[bucket] =
            (uint8_t)(mixed * dataplane->worker_count / BUCKET_COUNT);
    }
}

int dataplane_init(struct dataplane *dataplane, const struct dataplane_options *options) {
    memset(dataplane, 0, sizeof(*dataplane));
    if (options->workers == 0 || options->workers > WORKERS_MAX)
        return -EINVAL;
    dataplane->mac = options->mac;
    dataplane->mbufs = options->mbufs;
    dataplane->neighbour_events = make_event_ring();
    dataplane->rcu = make_rcu();
    if (dataplane->neighbour_events == NULL || dataplane->rcu == NULL ||
        registry_init(&dataplane->registry) < 0 || make_workers(dataplane, options) < 0) {
        dataplane_free(dataplane);
        return -ENOMEM;
    }
    share_buckets(dataplane);
    return 0;
}

void dataplane_free(struct dataplane *dataplane) {
    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        worker_destroy(dataplane->workers[id]);
    snapshot_free((struct snapshot *)dataplane->snapshot);
    neighbour_set_free((struct neighbour_set *)dataplane->neighbours, NULL);
    registry_free(&dataplane->registry);
    rte_ring_free(dataplane->neighbour_events);
    free(dataplane->rcu);
    memset(dataplane, 0, sizeof(*dataplane));
}

void dataplane_publish(struct dataplane *dataplane, struct snapshot *snapshot,
                       struct neighbour_set *neighbours) {
    struct snapshot *old = (struct snapshot *)dataplane->snapshot;
    struct neighbour_set *old_neighbours = (struct neighbour_set *)dataplane->neighbours;

    /* The set first: who sees the new snapshot sees a set that fits it. */
    __atomic_store_n(&dataplane->neighbours, neighbours, __ATOMIC_RELEASE);
    __atomic_store_n(&dataplane->snapshot, snapshot, __ATOMIC_RELEASE);
    rte_rcu_qsbr_synchronize(dataplane->rcu, RTE_QSBR_THRID_INVALID);
    snapshot_free(old);
    neighbour_set_free(old_neighbours, neighbours);
}

void dataplane_send(struct dataplane *dataplane, struct rte_mbuf *mbuf) {
    if (rte_ring_enqueue(dataplane->workers[0]->outbox, mbuf) != 0)
        rte_pktmbuf_free(mbuf);
}

static void ask(void *context, const struct ip_address *address,
                const struct rte_ether_addr *destination) {
    struct dataplane *dataplane = context;
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dataplane->mbufs);

    if (mbuf == NULL) /* asked again in a second */
        return;
    arp_make_request(mbuf, &dataplane->snapshot->own, ip_to_v4(address), destination);
    dataplane_send(dataplane, mbuf);
}

/* A host on the fabric that nobody has configured: from now on it is asked for like the others. */
static void add_learnt(struct dataplane *dataplane, const struct ip_address *address) {
    struct neighbour_set *old = (struct neighbour_set *)dataplane->neighbours;
    struct neighbour_set *set;

    if (neighbour_find(old, address) != NULL)
        return;
    set = neighbour_set_with(old, address);
    if (set == NULL)
        return;
    __atomic_store_n(&dataplane->neighbours, set, __ATOMIC_RELEASE);
    rte_rcu_qsbr_synchronize(dataplane->rcu, RTE_QSBR_THRID_INVALID);
    neighbour_set_free(old, set);
}

static void take_event(struct dataplane *dataplane, const struct neighbour_event *event,
                       uint64_t now_ms) {
    struct neighbour *neighbour;

    if (dataplane->neighbours == NULL)
        return;
    if (!event->heard) {
        add_learnt(dataplane, &event->address);
        dataplane->neighbours_checked_ms = 0;
        return;
    }
    neighbour = neighbour_find(dataplane->neighbours, &event->address);
    if (neighbour != NULL)
        neighbour_heard(neighbour, &event->mac, now_ms);
}

void dataplane_neighbours(struct dataplane *dataplane, uint64_t now_ms) {
    struct neighbour_event event;

    while (rte_ring_dequeue_elem(dataplane->neighbour_events, &event, sizeof(event)) == 0)
        take_event(dataplane, &event, now_ms);
    if (dataplane->snapshot == NULL ||
        now_ms - dataplane->neighbours_checked_ms < NEIGHBOUR_CHECK_MS)
        return;
    dataplane->neighbours_checked_ms = now_ms;
    neighbours_tick(dataplane->neighbours, now_ms, ask, dataplane);
}
