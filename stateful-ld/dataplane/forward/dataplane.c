#include "forward/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "forward/rs_share.h"
#include "forward/rss.h"
#include "forward/worker.h"
#include "log.h"
#include "packet/arp.h"
#include "packet/nd.h"

enum {
    NEIGHBOUR_EVENTS = 256,
    NEIGHBOUR_CHECK_MS = 100,
    EXHAUSTION_LOG_MS = 10 * 1000,
};

static struct rte_ring *make_event_ring(const char *what, unsigned element_bytes) {
    static uint32_t serial;
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "%s%u", what, serial++);
    return rte_ring_create_elem(name, element_bytes, NEIGHBOUR_EVENTS, SOCKET_ID_ANY,
                                RING_F_SC_DEQ);
}

static struct rte_rcu_qsbr *make_rcu(void) {
    size_t bytes = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(READERS_MAX), RTE_CACHE_LINE_SIZE);
    struct rte_rcu_qsbr *rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);

    if (rcu != NULL && rte_rcu_qsbr_init(rcu, READERS_MAX) != 0) {
        free(rcu);
        return NULL;
    }
    return rcu;
}

static uint16_t *make_shares(void) {
    uint16_t *shares = calloc(TARGETS_MAX, sizeof(*shares));

    for (uint32_t target = 0; shares != NULL && target < TARGETS_MAX; target++)
        shares[target] = RS_SHARE_FULL;
    return shares;
}

static int make_workers(struct dataplane *dataplane, const struct dataplane_options *options) {
    for (uint32_t id = 0; id < options->workers; id++) {
        const struct worker_options worker = {
            .id = id,
            .workers = options->workers,
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

static void share_buckets(struct dataplane *dataplane, uint32_t rss_entries) {
    uint8_t owner_of_entry[RSS_TABLE_MAX];

    dataplane->rss_entries = rss_entries;
    rss_share(rss_entries != 0 ? rss_entries : RSS_TABLE_MAX, dataplane->worker_count,
              owner_of_entry, dataplane->owner_of_bucket);
}

int dataplane_init(struct dataplane *dataplane, const struct dataplane_options *options) {
    memset(dataplane, 0, sizeof(*dataplane));
    if (options->workers == 0 || options->workers > WORKERS_MAX)
        return -EINVAL;
    if (getrandom(&dataplane->cookie_key, sizeof(dataplane->cookie_key), 0) !=
        sizeof(dataplane->cookie_key))
        return -EIO;
    dataplane->mac = options->mac;
    dataplane->mbufs = options->mbufs;
    dataplane->neighbour_events = make_event_ring("neighbours", sizeof(struct neighbour_event));
    dataplane->neighbour_wishes = make_event_ring("wishes", sizeof(struct ip_address));
    dataplane->rcu = make_rcu();
    dataplane->rs_shares = make_shares();
    if (dataplane->neighbour_events == NULL || dataplane->neighbour_wishes == NULL ||
        dataplane->rcu == NULL || dataplane->rs_shares == NULL ||
        source_limits_init(&dataplane->source_limits, options->seed) < 0 ||
        registry_init(&dataplane->registry) < 0 || make_workers(dataplane, options) < 0) {
        dataplane_free(dataplane);
        return -ENOMEM;
    }
    share_buckets(dataplane, options->rss_entries);
    return 0;
}

void dataplane_free(struct dataplane *dataplane) {
    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        worker_destroy(dataplane->workers[id]);
    snapshot_free((struct snapshot *)dataplane->snapshot);
    neighbour_set_free((struct neighbour_set *)dataplane->neighbours, NULL);
    registry_free(&dataplane->registry);
    source_limits_free(&dataplane->source_limits);
    rte_ring_free(dataplane->neighbour_events);
    rte_ring_free(dataplane->neighbour_wishes);
    free(dataplane->rcu);
    free(dataplane->rs_shares);
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
    const struct own_address *own = &dataplane->snapshot->own;
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dataplane->mbufs);

    if (mbuf == NULL) /* asked again in a second */
        return;
    if (ip_family(address) == FAMILY_IPV4)
        arp_make_request(mbuf, own, ip_to_v4(address), destination);
    else
        nd_make_solicitation(mbuf, own, address, destination);
    dataplane_send(dataplane, mbuf);
}

static bool is_listed(const struct ip_address *list, uint32_t count,
                      const struct ip_address *address) {
    while (count > 0 && !ip_equal(&list[count - 1], address))
        count--;
    return count > 0;
}

/* Hosts on the fabric that packets are for and that nobody has configured. */
static uint32_t take_wishes(const struct dataplane *dataplane,
                            struct ip_address wanted[NEIGHBOUR_EVENTS]) {
    struct ip_address address;
    uint32_t count = 0;

    for (uint32_t i = 0; i < NEIGHBOUR_EVENTS; i++) {
        if (rte_ring_dequeue_elem(dataplane->neighbour_wishes, &address, sizeof(address)) != 0)
            break;
        if (dataplane->neighbours != NULL &&
            neighbour_find(dataplane->neighbours, &address) == NULL &&
            !is_listed(wanted, count, &address))
            wanted[count++] = address;
    }
    return count;
}

/* From now on these are asked for like the others. All at once: each change costs the time it takes
 * all workers to go round. Without memory things stay as they are. */
static void learn(struct dataplane *dataplane, const struct ip_address *addresses, uint32_t count,
                  uint64_t now_ms) {
    struct neighbour_set *old = (struct neighbour_set *)dataplane->neighbours;
    struct neighbour_set *set = neighbour_set_with(old, addresses, count, now_ms);

    if (set == NULL)
        return;
    __atomic_store_n(&dataplane->neighbours, set, __ATOMIC_RELEASE);
    rte_rcu_qsbr_synchronize(dataplane->rcu, RTE_QSBR_THRID_INVALID);
    neighbour_set_free(old, set);
    if (count > 0)
        dataplane->neighbours_checked_ms = 0;
}

static void take_event(struct dataplane *dataplane, const struct neighbour_event *event,
                       uint64_t now_ms) {
    struct neighbour *neighbour = dataplane->neighbours != NULL
                                      ? neighbour_find(dataplane->neighbours, &event->address)
                                      : NULL;

    if (neighbour != NULL)
        neighbour_heard(neighbour, &event->mac, now_ms);
}

void dataplane_neighbours(struct dataplane *dataplane, uint64_t now_ms) {
    struct ip_address wanted[NEIGHBOUR_EVENTS];
    struct neighbour_event event;
    uint32_t count;

    while (rte_ring_dequeue_elem(dataplane->neighbour_events, &event, sizeof(event)) == 0)
        take_event(dataplane, &event, now_ms);
    count = take_wishes(dataplane, wanted);
    if (count > 0)
        learn(dataplane, wanted, count, now_ms);
    if (dataplane->snapshot == NULL ||
        now_ms - dataplane->neighbours_checked_ms < NEIGHBOUR_CHECK_MS)
        return;
    dataplane->neighbours_checked_ms = now_ms;
    if (neighbours_tick(dataplane->neighbours, now_ms, ask, dataplane) > 0)
        learn(dataplane, NULL, 0, now_ms);
}

static uint64_t drops_of(const struct dataplane *dataplane, enum drop_reason reason) {
    uint64_t sum = 0;

    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        sum += counter_read(&dataplane->workers[id]->stats.drops[reason]);
    return sum;
}

/* The last RS a worker had no port towards; the others will be of the same kind. */
static const struct target_identity *without_port(const struct dataplane *dataplane) {
    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        uint32_t target = __atomic_load_n(&dataplane->workers[id]->without_port, __ATOMIC_RELAXED);

        if (target != 0 && registry_used(&dataplane->registry, target - 1))
            return &dataplane->registry.entries[target - 1].identity;
    }
    return NULL;
}

static void log_exhaustion(struct dataplane *dataplane, uint64_t now_ms) {
    struct exhaustion *said = &dataplane->exhaustion;
    uint64_t no_port, table_full;
    const struct target_identity *rs;

    if (now_ms - said->checked_ms < EXHAUSTION_LOG_MS)
        return;
    no_port = drops_of(dataplane, DROP_NO_LOCAL_PORT);
    table_full = drops_of(dataplane, DROP_SESSION_TABLE_FULL);
    rs = no_port > said->no_port ? without_port(dataplane) : NULL;
    if (rs != NULL)
        log_warning(
            "local ports: %lu sessions refused since the last such line, towards RS \"%s\" of "
            "service \"%s\" among others (give the cluster more local IPs)",
            (unsigned long)(no_port - said->no_port), rs->rs, rs->service);
    if (table_full > said->table_full)
        log_warning("sessions: %lu refused since the last such line, the table is full (raise "
                    "--sessions, or lower timeouts)",
                    (unsigned long)(table_full - said->table_full));
    if (no_port > said->no_port || table_full > said->table_full)
        *said = (struct exhaustion){ now_ms, no_port, table_full };
}

void dataplane_limits(struct dataplane *dataplane, uint64_t now_ms) {
    for (uint32_t i = 0; dataplane->snapshot != NULL && i < dataplane->snapshot->quota_count; i++)
        quota_redistribute(dataplane->snapshot->quotas[i], now_ms);
    log_exhaustion(dataplane, now_ms);
}
