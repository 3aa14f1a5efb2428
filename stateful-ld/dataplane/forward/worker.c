#include "forward/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "forward/admission.h"
#include "forward/capture.h"
#include "forward/fullnat.h"
#include "forward/heartbeat.h"
#include "forward/local_ip_rules.h"
#include "forward/session_life.h"
#include "forward/session_opening.h"
#include "forward/slow_path.h"
#include "packet/parse_usual.h"
#include "session/memory.h"

enum {
    RING_SLOTS = 1024,
    /* Packets between asking for headers, which the NIC has left in the cache, and reading them. */
    HEADERS_AHEAD = 4,
};

_Thread_local struct worker *worker_of_this_thread;

static struct rte_ring *make_ring(const char *what, uint32_t worker, unsigned flags) {
    static uint32_t serial; /* names are global to the process; tests make many data planes */
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "%s%u_%u", what, worker, serial++);
    return rte_ring_create(name, RING_SLOTS, SOCKET_ID_ANY, flags);
}

/* Nothing a worker writes on its way shares a cache line with what another one, or control, writes
 * or reads there: neither its own state, nor its counters, nor what all of them read. */
_Static_assert(_Alignof(struct worker) >= RTE_CACHE_LINE_SIZE &&
                   sizeof(struct worker) % RTE_CACHE_LINE_SIZE == 0,
               "workers are on lines of their own");
_Static_assert(offsetof(struct worker, stats) % RTE_CACHE_LINE_SIZE == 0,
               "counters, which control reads, are on lines of their own");
_Static_assert(offsetof(struct dataplane, registry) % RTE_CACHE_LINE_SIZE == 0,
               "what control writes is not on the lines workers read");

struct worker *worker_create(struct dataplane *dataplane, const struct worker_options *options) {
    struct worker *worker = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*worker), 64));

    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof(*worker));
    worker->dataplane = dataplane;
    worker->id = options->id;
    worker->lcore = options->lcore;
    worker->now_ms = options->now_ms;
    worker->local_ip_share = local_ip_share(options->id, options->workers);
    worker->queue = QUEUE_NONE;
    worker->transmitter = worker;
    worker->rs = memory_map(TARGETS_MAX * sizeof(*worker->rs));
    worker->rs_answers = memory_map(TARGETS_MAX * sizeof(*worker->rs_answers));
    worker->handoff = make_ring("handoff", options->id, RING_F_SC_DEQ);
    worker->outbox = make_ring("outbox", options->id, RING_F_SC_DEQ);
    if (worker->rs == NULL || worker->rs_answers == NULL || worker->handoff == NULL ||
        worker->outbox == NULL ||
        session_table_init(&worker->sessions, options->sessions, options->seed) < 0 ||
        wheel_init(&worker->wheel, options->sessions, options->now_ms) < 0 ||
        time_wait_init(&worker->time_wait, options->sessions) < 0 ||
        local_ports_init(&worker->ports[FAMILY_IPV4], options->seed) < 0 ||
        local_ports_init(&worker->ports[FAMILY_IPV6], options->seed) < 0 ||
        fragments_init(&worker->fragments, options->seed) < 0 || replicate_init(worker) < 0) {
        worker_destroy(worker);
        return NULL;
    }
    return worker;
}

static void free_ring(struct rte_ring *ring) {
    void *mbuf;

    while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
        rte_pktmbuf_free(mbuf);
    rte_ring_free(ring);
}

void worker_destroy(struct worker *worker) {
    if (worker == NULL)
        return;
    rte_pktmbuf_free_bulk(worker->tx, worker->tx_count);
    free_ring(worker->handoff);
    free_ring(worker->outbox);
    memory_unmap(worker->rs, TARGETS_MAX * sizeof(*worker->rs));
    memory_unmap(worker->rs_answers, TARGETS_MAX * sizeof(*worker->rs_answers));
    session_table_free(&worker->sessions);
    wheel_free(&worker->wheel);
    time_wait_free(&worker->time_wait);
    local_ports_free(&worker->ports[FAMILY_IPV4]);
    local_ports_free(&worker->ports[FAMILY_IPV6]);
    fragments_free(&worker->fragments);
    replicate_free(worker);
    free(worker);
}

void worker_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason) {
    worker->stats.drops[reason]++;
    rte_pktmbuf_free(mbuf);
}

/* The tunnel names the bucket; without it, it is in the local port or computed. */
uint16_t worker_bucket_of(const struct snapshot *snapshot, const struct packet *packet) {
    struct ip_address destination;

    if (packet->bucket != BUCKET_NONE)
        return packet->bucket;
    destination = flow_dst(&packet->key);
    if (snapshot_is_local_ip(snapshot, &destination))
        return bucket_of_local_port(rte_be_to_cpu_16(packet->key.dst_port));
    return bucket_of_flow(&packet->key);
}

/* The port's RSS should have brought it to its owner: for control to log. */
static void note_misdirected(struct worker *worker, const struct rte_mbuf *mbuf, uint16_t bucket) {
    uint32_t hash = mbuf->ol_flags & RTE_MBUF_F_RX_RSS_HASH ? mbuf->hash.rss : 0;

    worker->stats.misdirected++;
    __atomic_store_n(&worker->misdirected, (uint64_t)bucket << 32 | hash, __ATOMIC_RELAXED);
}

bool worker_hand_off(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    struct dataplane *dataplane = worker->dataplane;
    struct worker *owner = dataplane->workers[dataplane->owner_of_bucket[packet->bucket]];

    if (owner == worker)
        return false;
    if (dataplane->rss_entries != 0 && packet->tunnel_bucket != BUCKET_NONE)
        note_misdirected(worker, mbuf, packet->tunnel_bucket);
    if (rte_ring_enqueue(owner->handoff, mbuf) == 0)
        worker->stats.handed_off++;
    else
        worker_drop(worker, mbuf, DROP_HANDOFF_FULL);
    return true;
}

/* Out of the way of those who have tunnels over IPv4. */
static __rte_noinline enum drop_reason parse_other(const uint8_t *data, uint32_t bytes,
                                                   const struct own_address *own,
                                                   struct packet *packet) {
    if (own_tunnels_over_v6(own) && likely(parse_usual_v6(data, bytes, own, packet)))
        return DROP_NONE;
    return parse_frame(data, bytes, own, packet);
}

static inline enum drop_reason parse(const uint8_t *data, uint32_t bytes,
                                     const struct own_address *own, struct packet *packet) {
    return likely(parse_usual(data, bytes, own, packet)) ? DROP_NONE
                                                         : parse_other(data, bytes, own, packet);
}

/* Parse one frame. True when it is a flow's packet and this worker's to translate. */
static inline bool classify(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet) {
    enum drop_reason reason = DROP_MULTI_SEGMENT;

    if (likely(mbuf->nb_segs == 1))
        reason = parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf),
                       &worker->snapshot->own, packet);
    if (unlikely(reason != DROP_NONE)) {
        worker_drop(worker, mbuf, reason);
        return false;
    }
    if (unlikely(packet->kind != PACKET_FLOW)) {
        slow_path(worker, mbuf, packet);
        return false;
    }
    if (unlikely(packet->bucket == BUCKET_NONE))
        packet->bucket = worker_bucket_of(worker->snapshot, packet);
    return likely(worker->dataplane->worker_count == 1) || !worker_hand_off(worker, mbuf, packet);
}

/* A guess: with NAT64 the local port is of the other family. */
static inline const struct local_ports *ports_for(const struct worker *worker,
                                                  const struct packet *packet) {
    return &worker->ports[flow_is_v6(&packet->key) ? FAMILY_IPV6 : FAMILY_IPV4];
}

/* What is known of a burst's packets while they are on their way through process_burst(). */
struct burst {
    struct rte_mbuf *mbufs[BURST];
    struct packet packets[BURST];
    session_ref guesses[BURST];
    uint8_t strangers[BURST];       /* packets without a session, which will open one perhaps */
    struct opening openings[BURST]; /* of strangers */
    uint32_t stranger_count;
};

static inline void guess_session(struct worker *worker, struct burst *burst, uint32_t number) {
    const struct packet *packet = &burst->packets[number];
    session_ref ref = session_index_guess(&worker->sessions.index, packet->hash);

    rte_prefetch0(session_at(&worker->sessions, ref));
    burst->guesses[number] = ref;
    if (unlikely(ref == 0)) {
        local_ports_prefetch(ports_for(worker, packet), packet->bucket);
        burst->strangers[burst->stranger_count++] = (uint8_t)number;
    }
}

/* The burst's packets that are flows' and this worker's, and their index entries on their way. */
static inline uint32_t classify_burst(struct worker *worker, struct rte_mbuf **mbufs,
                                      uint16_t count, struct burst *burst) {
    uint32_t found = 0;

    for (uint32_t i = 0; i < count && i < HEADERS_AHEAD; i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (uint32_t i = 0; i < count; i++) {
        struct packet *packet = &burst->packets[found];

        if (i + HEADERS_AHEAD < count)
            rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + HEADERS_AHEAD], void *));
        if (!classify(worker, mbufs[i], packet))
            continue;
        packet->hash = session_hash(&worker->sessions, &packet->key);
        burst->mbufs[found++] = mbufs[i];
    }
    for (uint32_t i = 0; i < found; i++)
        session_index_prefetch(&worker->sessions.index, burst->packets[i].hash);
    return found;
}

static void foresee_sessions(struct worker *worker, struct burst *burst) {
    for (uint32_t i = 0; i < burst->stranger_count; i++) {
        const struct packet *packet = &burst->packets[burst->strangers[i]];

        local_ports_prefetch_first(ports_for(worker, packet), packet->bucket);
    }
    for (uint32_t i = 0; i < burst->stranger_count; i++)
        burst->openings[i] = session_foresee(worker, &burst->packets[burst->strangers[i]]);
}

/* One pass over the burst for each thing that has to come from memory, so that it is on its way for
 * all packets at a time: index entries, sessions, and what opens one where there is none. Passes of
 * their own, and not some packets ahead in one: a wait for the first packet is a wait for all. */
static void process_burst(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count) {
    struct burst burst;
    uint32_t strangers = 0;
    uint32_t found;

    burst.stranger_count = 0;
    found = classify_burst(worker, mbufs, count, &burst);
    for (uint32_t i = 0; i < found; i++)
        guess_session(worker, &burst, i);
    if (burst.stranger_count != 0)
        foresee_sessions(worker, &burst);
    for (uint32_t i = 0; i < found; i++) {
        const struct opening *opening =
            unlikely(burst.guesses[i] == 0) ? &burst.openings[strangers++] : NULL;
        enum drop_reason reason =
            fullnat_translate(worker, burst.mbufs[i], &burst.packets[i], burst.guesses[i], opening);

        if (unlikely(reason != DROP_NONE))
            worker_drop(worker, burst.mbufs[i], reason);
    }
}

void ld_process(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count) {
    if (unlikely(worker->snapshot == NULL)) {
        worker->stats.drops[DROP_NOT_CONFIGURED] += count;
        rte_pktmbuf_free_bulk(mbufs, count);
        return;
    }
    if (unlikely(worker->capture != NULL))
        capture_frames(worker, mbufs, count, CAPTURE_IN);
    for (uint16_t done = 0; done < count; done += BURST)
        process_burst(worker, mbufs + done, RTE_MIN(count - done, BURST));
}

void worker_refresh(struct worker *worker, uint64_t now_ms) {
    const struct snapshot *snapshot =
        __atomic_load_n(&worker->dataplane->snapshot, __ATOMIC_ACQUIRE);

    if (unlikely(now_ms - worker->now_ms > STOOD_STILL_MS))
        worker->turns_since_ms = now_ms;
    worker->now_ms = now_ms;
    if (unlikely(snapshot != worker->snapshot))
        admission_recount(worker, snapshot);
    worker->snapshot = snapshot;
    worker->neighbours = __atomic_load_n(&worker->dataplane->neighbours, __ATOMIC_ACQUIRE);
    worker->capture = __atomic_load_n(&worker->dataplane->capture, __ATOMIC_ACQUIRE);
}

void worker_housekeeping(struct worker *worker) {
    /* Without a configuration there are no sessions and no timeouts. */
    if (worker->snapshot == NULL)
        return;
    wheel_advance(&worker->wheel, worker->now_ms, EXPIRY_BUDGET, session_due, worker);
    fragments_expire(worker);
    session_scan_slice(worker);
}

/* @return how many have left */
static uint16_t transmit(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count) {
    uint64_t bytes = 0;
    uint16_t sent;

    for (uint16_t i = 0; i < count; i++)
        bytes += mbufs[i]->pkt_len;
    __atomic_store_n(&worker->transmitting, 1, __ATOMIC_RELAXED);
    sent = rte_eth_tx_burst(worker->port_id, worker->queue, mbufs, count);
    __atomic_store_n(&worker->transmitting, 0, __ATOMIC_RELAXED);
    for (uint16_t i = sent; i < count; i++) {
        bytes -= mbufs[i]->pkt_len;
        worker_drop(worker, mbufs[i], DROP_TX_FULL);
    }
    worker->stats.tx_packets += sent;
    worker->stats.tx_bytes += bytes;
    return sent;
}

void worker_flush(struct worker *worker) {
    uint16_t count = worker->tx_count;
    uint16_t taken;

    if (unlikely(worker->capture != NULL))
        capture_frames(worker, worker->tx, count, CAPTURE_OUT);
    worker->tx_count = 0;
    if (worker->transmitter == worker) {
        if (count > 0)
            transmit(worker, worker->tx, count);
        return;
    }
    taken = (uint16_t)rte_ring_enqueue_burst(worker->transmitter->outbox, (void **)worker->tx,
                                             count, NULL);
    for (uint16_t i = taken; i < count; i++)
        worker_drop(worker, worker->tx[i], DROP_TX_FULL);
}

static uint16_t receive(struct worker *worker, struct rte_mbuf **mbufs) {
    uint16_t count;

    if (worker->queue == QUEUE_NONE)
        return 0;
    count = rte_eth_rx_burst(worker->port_id, worker->queue, mbufs, BURST);
    worker->stats.rx_packets += count;
    for (uint16_t i = 0; i < count; i++)
        worker->stats.rx_bytes += mbufs[i]->pkt_len;
    return count;
}

/* Packets of others that leave through our queue. */
static uint32_t forward_outbox(struct worker *worker) {
    struct rte_mbuf *mbufs[BURST];
    uint16_t count;

    if (worker->queue == QUEUE_NONE)
        return 0;
    count = (uint16_t)rte_ring_dequeue_burst(worker->outbox, (void **)mbufs, BURST, NULL);
    if (count > 0)
        transmit(worker, mbufs, count);
    return count;
}

/* The first thing in a turn: the clock has just been read, wherever this worker was held up. */
static void send_beats(struct worker *worker) {
    struct beats *beats = __atomic_load_n(&worker->beats, __ATOMIC_ACQUIRE);

    if (likely(beats == NULL) || worker->queue == QUEUE_NONE)
        return;
    if (worker->now_ms <= beats->until_ms)
        beats->sent = transmit(worker, beats->mbufs, beats->count);
    else
        for (uint16_t i = 0; i < beats->count; i++)
            worker_drop(worker, beats->mbufs[i], DROP_STALE_HEARTBEAT);
    beats->count = 0;
    __atomic_store_n(&worker->beats, NULL, __ATOMIC_RELEASE);
}

void worker_say_last_words(struct worker *worker, const struct last_words *words) {
    if (worker == NULL || worker->queue == QUEUE_NONE || worker->transmitting != 0)
        return;
    (void)rte_eth_tx_burst(worker->port_id, worker->queue, (struct rte_mbuf **)words->mbufs,
                           words->count);
}

static void say_last_words(struct worker *worker) {
    worker_say_last_words(worker, worker->last_words);
    __atomic_store_n(&worker->last_words, NULL, __ATOMIC_RELEASE);
}

uint32_t worker_poll(struct worker *worker, uint64_t now_ms) {
    struct rte_mbuf *mbufs[BURST];
    uint32_t total;
    uint16_t count;

    worker_refresh(worker, now_ms);
    send_beats(worker);
    total = count = receive(worker, mbufs);
    if (count > 0)
        ld_process(worker, mbufs, count);
    count = (uint16_t)rte_ring_dequeue_burst(worker->handoff, (void **)mbufs, BURST, NULL);
    total += count;
    if (count > 0)
        ld_process(worker, mbufs, count);
    if (likely(worker->snapshot != NULL))
        replicate_poll(worker);
    worker_flush(worker);
    total += forward_outbox(worker);
    worker_housekeeping(worker);
    if (unlikely(__atomic_load_n(&worker->last_words, __ATOMIC_ACQUIRE) != NULL))
        say_last_words(worker);
    __atomic_store_n(&worker->turns, worker->turns + 1, __ATOMIC_RELAXED);
    return total;
}
