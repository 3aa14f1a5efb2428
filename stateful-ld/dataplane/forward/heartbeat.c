#include "forward/heartbeat.h"

#include <poll.h>
#include <string.h>

#include "forward/worker.h"
#include "log.h"
#include "packet/heartbeat.h"
#include "packet/own_udp.h"

void heartbeat_init(struct heartbeat *heartbeat, struct dataplane *dataplane) {
    memset(heartbeat, 0, sizeof(*heartbeat));
    heartbeat->dataplane = dataplane;
}

static void forget(struct last_words *words) {
    rte_pktmbuf_free_bulk(words->mbufs, words->count);
    words->count = 0;
}

static bool said(const struct heartbeat *heartbeat) {
    return heartbeat->prepared && __atomic_load_n(&heartbeat->ready, __ATOMIC_ACQUIRE) == NULL;
}

static struct worker *transmitter(const struct heartbeat *heartbeat) {
    return heartbeat->dataplane->workers[0];
}

void heartbeat_free(struct heartbeat *heartbeat) {
    struct last_words *ready = heartbeat->ready;

    if (ready != NULL) /* else its frames have gone */
        forget(ready);
    if (heartbeat->beats.count == 0)
        return;
    rte_pktmbuf_free_bulk(heartbeat->beats.mbufs, heartbeat->beats.count);
    transmitter(heartbeat)->beats = NULL;
}

/* True when every worker has gone round its loop since the last beat; remembers where they are. */
static bool all_turn(struct heartbeat *heartbeat) {
    const struct dataplane *dataplane = heartbeat->dataplane;
    uint64_t turns[WORKERS_MAX];

    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        turns[id] = __atomic_load_n(&dataplane->workers[id]->turns, __ATOMIC_RELAXED);
        if (turns[id] == heartbeat->turns[id])
            return false;
    }
    memcpy(heartbeat->turns, turns, dataplane->worker_count * sizeof(turns[0]));
    return true;
}

/* A worker that finds none receives nothing and turns all the same. Past this thread's cache: what
 * is left there is of no use to the workers. */
static bool has_buffers(const struct dataplane *dataplane) {
    void *one;

    if (rte_mempool_generic_get(dataplane->mbufs, &one, 1, NULL) != 0)
        return false;
    rte_mempool_generic_put(dataplane->mbufs, &one, 1, NULL);
    return true;
}

/* The last beats have left, or were dropped. */
static bool beats_are_gone(struct heartbeat *heartbeat) {
    struct beats *beats = &heartbeat->beats;

    if (__atomic_load_n(&transmitter(heartbeat)->beats, __ATOMIC_ACQUIRE) != NULL)
        return false;
    if (beats->sent > 0) /* else nobody takes this LD for alive, nor may it itself */
        replicate_beaten(heartbeat->dataplane, beats->made_ms);
    heartbeat->dataplane->heartbeats_sent += beats->sent;
    beats->sent = 0;
    return true;
}

/* Packets get in and out, as far as this LD can see by itself. */
static bool is_well(struct heartbeat *heartbeat) {
    return beats_are_gone(heartbeat) && !heartbeat->link_is_down &&
           has_buffers(heartbeat->dataplane) && all_turn(heartbeat);
}

void heartbeat_link(struct heartbeat *heartbeat, bool up) {
    if (up == !heartbeat->link_is_down)
        return;
    heartbeat->link_is_down = !up;
    if (up) {
        log_info("port: the link is up again");
        return;
    }
    log_warning("port: the link is down: no heartbeats until it is up and the other LDs have given "
                "their sessions");
    /* How many of the last beats went into nothing is not known. */
    replicate_lost_touch(heartbeat->dataplane);
}

static struct rte_mbuf *make_frame(const struct dataplane *dataplane,
                                   const struct snapshot *snapshot,
                                   const struct heartbeat_switch *to,
                                   const struct heartbeat_message *message) {
    struct rte_ether_addr mac;
    struct rte_mbuf *mbuf;

    if (!neighbour_mac(to->next_hop, &mac))
        return NULL;
    mbuf = rte_pktmbuf_alloc(dataplane->mbufs);
    if (mbuf != NULL)
        heartbeat_write((uint8_t *)rte_pktmbuf_append(mbuf, own_udp_headers(&snapshot->own) +
                                                                HEARTBEAT_PAYLOAD_BYTES),
                        &snapshot->own, &mac, &to->address, message);
    return mbuf;
}

static struct heartbeat_message message_of(const struct snapshot *snapshot, uint32_t epoch,
                                           uint16_t flags, uint64_t sequence) {
    return (struct heartbeat_message){
        .key = snapshot->heartbeat.key,
        .ld_id = (uint16_t)snapshot->heartbeat.ld_id,
        .flags = flags,
        .epoch = epoch,
        .sequence = sequence,
    };
}

static void make_beats(struct heartbeat *heartbeat, const struct snapshot *snapshot,
                       uint32_t epoch) {
    struct beats *beats = &heartbeat->beats;
    const struct heartbeat_config *config = &snapshot->heartbeat;
    const struct heartbeat_message message = message_of(snapshot, epoch, 0, heartbeat->sequence);

    for (uint32_t i = 0; i < config->switch_count; i++) {
        struct rte_mbuf *mbuf =
            make_frame(heartbeat->dataplane, snapshot, &config->switches[i], &message);

        if (mbuf != NULL)
            beats->mbufs[beats->count++] = mbuf;
    }
}

static void beat(struct heartbeat *heartbeat, const struct snapshot *snapshot, uint64_t now_ms) {
    struct beats *beats = &heartbeat->beats;

    make_beats(heartbeat, snapshot, (uint32_t)snapshot->epoch);
    if (snapshot->heartbeat.previous_epoch != 0)
        make_beats(heartbeat, snapshot, snapshot->heartbeat.previous_epoch);
    if (beats->count == 0)
        return;
    beats->made_ms = now_ms;
    beats->until_ms = replicate_believed_until(heartbeat->dataplane, snapshot, now_ms);
    __atomic_store_n(&transmitter(heartbeat)->beats, beats, __ATOMIC_RELEASE);
}

/* What would be said if all ended now. The frames are new each time: configuration and neighbours
 * may have changed, and it is a hundred times a second. There is always a finished set, also while
 * the next is being made. */
static void prepare_last_words(struct heartbeat *heartbeat, const struct snapshot *snapshot) {
    struct dataplane *dataplane = heartbeat->dataplane;
    const struct heartbeat_config *config = &snapshot->heartbeat;
    const struct heartbeat_message message =
        message_of(snapshot, (uint32_t)snapshot->epoch, HEARTBEAT_GOING_DOWN, heartbeat->sequence);
    struct last_words *old = heartbeat->ready;
    struct last_words *words = &heartbeat->words[old == &heartbeat->words[0]];

    for (uint32_t i = 0; i < config->switch_count; i++) {
        struct rte_mbuf *mbuf = make_frame(dataplane, snapshot, &config->switches[i], &message);

        if (mbuf != NULL)
            words->mbufs[words->count++] = mbuf;
    }
    if (__atomic_compare_exchange_n(&heartbeat->ready, &old, words, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        heartbeat->prepared = true;
        if (old != NULL)
            forget(old);
    } else {
        forget(words); /* they have just been said */
    }
}

static int tick(struct heartbeat *heartbeat, const struct snapshot *snapshot, uint64_t now_ms,
                uint64_t now_us) {
    bool well;

    if (snapshot == NULL || snapshot->heartbeat.switch_count == 0 || said(heartbeat))
        return HEARTBEAT_NOTHING_DUE_MS;
    /* A longer interval than the one that was in force when `due_ms` was set does no harm. */
    heartbeat->due_ms = RTE_MIN(heartbeat->due_ms, now_ms + snapshot->heartbeat.interval_ms);
    if (now_ms < heartbeat->due_ms)
        return (int)(heartbeat->due_ms - now_ms);
    well = is_well(heartbeat);
    heartbeat->dataplane->heartbeats_withheld += !well;
    if (!replicate_online(heartbeat->dataplane, snapshot, well, now_ms, now_us) || !well)
        return 1;
    /* Rises also when the clock is set back while we run. */
    heartbeat->sequence = RTE_MAX(heartbeat->sequence + 1, now_us);
    beat(heartbeat, snapshot, now_ms);
    prepare_last_words(heartbeat, snapshot);
    heartbeat->due_ms += snapshot->heartbeat.interval_ms;
    if (heartbeat->due_ms <= now_ms) /* behind, or the first one: no beats to catch up */
        heartbeat->due_ms = now_ms + snapshot->heartbeat.interval_ms;
    return (int)(heartbeat->due_ms - now_ms);
}

int heartbeat_tick(struct heartbeat *heartbeat, uint64_t now_ms, uint64_t now_us) {
    struct dataplane *dataplane = heartbeat->dataplane;
    int wait_ms;

    __atomic_store_n(&dataplane->since_1970_ms, now_us / 1000 - now_ms, __ATOMIC_RELAXED);
    if (heartbeat->link_is_down)
        replicate_is_deaf(&dataplane->replication, now_ms);
    rte_rcu_qsbr_thread_online(dataplane->rcu, READER_HEARTBEAT);
    wait_ms =
        tick(heartbeat, __atomic_load_n(&dataplane->snapshot, __ATOMIC_ACQUIRE), now_ms, now_us);
    rte_rcu_qsbr_thread_offline(dataplane->rcu, READER_HEARTBEAT);
    return wait_ms;
}

/* Whom to ask: somebody with a queue who is not the one that has crashed. */
static struct worker *spokesman(const struct dataplane *dataplane) {
    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        struct worker *worker = dataplane->workers[id];

        if (worker->queue != QUEUE_NONE && worker != worker_of_this_thread)
            return worker;
    }
    return NULL;
}

void heartbeat_last_words(struct heartbeat *heartbeat, uint64_t now_us) {
    struct last_words *words = __atomic_exchange_n(&heartbeat->ready, NULL, __ATOMIC_ACQ_REL);
    uint64_t sequence = RTE_MAX(heartbeat->sequence, now_us) + HEARTBEAT_LAST_WORDS_LEAD_US;
    struct worker *worker;

    if (words == NULL)
        return;
    for (uint16_t i = 0; i < words->count; i++)
        heartbeat_set_sequence(rte_pktmbuf_mtod(words->mbufs[i], uint8_t *),
                               rte_pktmbuf_data_len(words->mbufs[i]), sequence);
    worker = spokesman(heartbeat->dataplane);
    if (worker == NULL) {
        worker_say_last_words(worker_of_this_thread, words);
        return;
    }
    __atomic_store_n(&worker->last_words, words, __ATOMIC_RELEASE);
    for (int ms = 0; ms < HEARTBEAT_LAST_WORDS_MS; ms++) {
        if (__atomic_load_n(&worker->last_words, __ATOMIC_ACQUIRE) == NULL)
            return;
        poll(NULL, 0, 1); /* unlike nanosleep(), on POSIX's list of async-signal-safe functions */
    }
}
