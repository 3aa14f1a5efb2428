#include "replicate/replicate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward/worker.h"
#include "packet/own_udp.h"
#include "replicate/install.h"
#include "replicate/receiver.h"
#include "replicate/sender.h"

enum {
    RECORDS_RING = 4096,
    /** Within so long after a change, the other LD knows of it, though packets be lost. */
    TOLD_WITHIN_MS = SENDER_LATER_MS + 2 * SENDER_RETRY_MAX_MS,
};

_Static_assert((int)REPLICATION_WORKERS_MAX == (int)WORKERS_MAX, "a bit for each worker");

int replicate_init(struct worker *worker) {
    static uint32_t serial; /* names of rings are global to the process */
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "records%u", serial++);
    worker->replication.records = rte_ring_create_elem(name, sizeof(struct record), RECORDS_RING,
                                                       SOCKET_ID_ANY, RING_F_SC_DEQ);
    worker->replication.receivers = calloc(CLUSTER_LDS_MAX, sizeof(*worker->replication.receivers));
    memset(worker->replication.partner, CLUSTER_NO_LD, sizeof(worker->replication.partner));
    memset(worker->replication.former, CLUSTER_NO_LD, sizeof(worker->replication.former));
    memset(worker->replication.twin, CLUSTER_NO_LD, sizeof(worker->replication.twin));
    worker->replication.released.forget_from_ms = UINT64_MAX;
    return worker->replication.records != NULL && worker->replication.receivers != NULL ? 0
                                                                                        : -ENOMEM;
}

void replicate_free(struct worker *worker) {
    for (uint32_t peer = 0; peer < CLUSTER_LDS_MAX; peer++)
        sender_free(worker->replication.senders[peer]);
    free(worker->replication.receivers);
    rte_ring_free(worker->replication.records);
}

static bool has_buckets_of(const struct worker *worker, const struct cluster *cluster, uint8_t peer,
                           uint16_t *first) {
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        if (worker->dataplane->owner_of_bucket[bucket] != worker->id ||
            !cluster_shares(cluster, bucket, peer))
            continue;
        *first = bucket;
        return true;
    }
    return false;
}

/* What is known by an index of an LD that has left is not of the one that has it now. */
static void forget_others(struct dataplane *dataplane, const struct cluster *cluster) {
    struct replication *replication = &dataplane->replication;

    for (uint8_t peer = 0; peer < CLUSTER_LDS_MAX; peer++) {
        if (replication->peer_ids[peer] == cluster->lds[peer].ld_id ||
            cluster->lds[peer].ld_id == 0)
            continue;
        replication->peer_ids[peer] = cluster->lds[peer].ld_id;
        memset(&replication->peers[peer], 0, sizeof(replication->peers[peer]));
        memset(replication->copies[peer], 0, sizeof(replication->copies[peer]));
    }
}

int replicate_prepare(struct dataplane *dataplane, const struct snapshot *snapshot) {
    uint16_t bucket;

    if (!snapshot->cluster.replicates)
        return 0;
    forget_others(dataplane, &snapshot->cluster);
    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        struct worker *worker = dataplane->workers[id];

        for (uint8_t peer = 0; peer < snapshot->cluster.ld_count; peer++) {
            if (worker->replication.senders[peer] != NULL ||
                !has_buckets_of(worker, &snapshot->cluster, peer, &bucket))
                continue;
            worker->replication.senders[peer] = sender_create();
            if (worker->replication.senders[peer] == NULL)
                return -ENOMEM;
        }
    }
    return 0;
}

/* Another LD has the index that this worker knew one by. */
static void forget_receivers(struct worker_replication *replication, uint8_t peer, uint32_t ld_id) {
    if (replication->receives_from[peer] == ld_id)
        return;
    replication->receives_from[peer] = ld_id;
    memset(replication->receivers[peer], 0, sizeof(replication->receivers[peer]));
}

/* What a new map means for what one peer shares. */
struct look {
    bool shared;
    uint64_t workers;                   /* of this LD that have a bucket which is; a bit each */
    uint16_t first;                     /* of the buckets that are */
    uint64_t gained[BUCKET_COUNT / 64]; /* that were not; */
    uint64_t left[BUCKET_COUNT / 64]; /* and were shared with another one, who is out of them now */
};

/* It has all that is told of a bucket already. To whom leaves it, what waits in the stream is told
 * still; but marks that had found no room were a partner's. */
static bool knows_bucket(const struct worker *worker, uint16_t bucket, uint8_t peer) {
    const struct worker_replication *replication = &worker->replication;
    const struct cluster *cluster = &worker->snapshot->cluster;

    if (cluster->lds[peer].twin)
        return replication->twin[bucket] == peer;
    if (cluster->former[bucket] != peer)
        return replication->partner[bucket] == peer;
    return replication->former[bucket] == peer ||
           (replication->partner[bucket] == peer && replication->senders[peer] != NULL &&
            replication->senders[peer]->sweep == SWEEP_NONE);
}

static void look_at_buckets(const struct worker *worker, uint8_t peer, struct look *look) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    memset(look, 0, sizeof(*look));
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint32_t owner = worker->dataplane->owner_of_bucket[bucket];

        if (!cluster_shares(cluster, bucket, peer))
            continue;
        look->workers |= 1ULL << owner;
        if (owner != worker->id)
            continue;
        if (!look->shared)
            look->first = bucket;
        look->shared = true;
        if (knows_bucket(worker, bucket, peer))
            continue;
        look->gained[bucket / 64] |= 1ULL << bucket % 64;
        if (cluster_partner(cluster, bucket) == peer &&
            worker->replication.partner[bucket] != CLUSTER_NO_LD)
            look->left[bucket / 64] |= 1ULL << bucket % 64;
    }
}

/* The configuration has changed. Streams go on: what they have told of buckets that are not shared
 * any more is refused there, and what is shared from now on is copied. */
static void arrange(struct worker *worker) {
    const struct snapshot *snapshot = worker->snapshot;
    struct worker_replication *replication = &worker->replication;
    struct look look;

    gained_follow(worker);
    counted_follow(worker);
    replication->snapshot = snapshot;
    replication->sender_count = 0;
    released_follow(worker);
    for (uint8_t peer = 0; snapshot->cluster.replicates && peer < snapshot->cluster.ld_count;
         peer++) {
        struct sender *sender = replication->senders[peer];
        uint32_t ld_id = snapshot->cluster.lds[peer].ld_id;

        forget_receivers(replication, peer, ld_id);
        look_at_buckets(worker, peer, &look);
        replication->streams[peer] = (uint8_t)__builtin_popcountll(look.workers);
        if (!look.shared) {
            if (sender != NULL)
                sender_end(sender);
            continue;
        }
        replication->active[replication->sender_count++] = peer;
        if (!sender->runs || sender->ld_id != ld_id ||
            sender->twin != snapshot->cluster.lds[peer].twin) {
            sender->ld_id = ld_id;
            sender->peer = peer;
            sender->twin = snapshot->cluster.lds[peer].twin;
            sender->bucket = look.first;
            sender_end(sender);
        }
        /* Other services may move now: all of them are copied. */
        if (sender->twin && sender->epoch != replicate_epoch(snapshot, peer))
            memset(look.gained, 0xff, sizeof(look.gained));
        sender_follow(worker, sender, look.gained, look.left);
    }
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        replication->partner[bucket] = snapshot->cluster.replicates
                                           ? cluster_partner(&snapshot->cluster, bucket)
                                           : CLUSTER_NO_LD;
    memcpy(replication->former, snapshot->cluster.former, sizeof(replication->former));
    memcpy(replication->twin, snapshot->cluster.twin, sizeof(replication->twin));
}

typedef void (*mark_with)(struct worker *worker, struct sender *sender, uint32_t number);

static inline void mark_for(struct worker *worker, uint8_t peer, uint32_t number, mark_with mark) {
    if (peer != CLUSTER_NO_LD && worker->replication.senders[peer] != NULL)
        mark(worker, worker->replication.senders[peer], number);
}

static inline void mark_for_all(struct worker *worker, uint32_t number, mark_with mark) {
    const struct session *session = &worker->sessions.sessions[number];
    const struct snapshot *snapshot = worker->snapshot;

    if (worker->replication.sender_count == 0)
        return;
    mark_for(worker, cluster_partner(&snapshot->cluster, session->bucket), number, mark);
    if (unlikely(snapshot->cluster.leaves))
        mark_for(worker, snapshot->cluster.former[session->bucket], number, mark);
    if (unlikely(snapshot->cluster.migrates) &&
        snapshot_policy(snapshot, session->target)->migrates)
        mark_for(worker, snapshot->cluster.twin[session->bucket], number, mark);
}

void replicate_mark(struct worker *worker, uint32_t number) {
    mark_for_all(worker, number, sender_mark);
}

void replicate_mark_later(struct worker *worker, uint32_t number) {
    mark_for_all(worker, number, sender_mark_later);
}

/* Who has its packets. */
static uint8_t teller_of(const struct cluster *cluster, const struct session *session) {
    if ((session->replica & REPLICA_TWIN) != 0)
        return cluster->twin[session->bucket];
    return (session->replica & REPLICA_FORMER) != 0 ? cluster->former[session->bucket]
                                                    : cluster_partner(cluster, session->bucket);
}

bool replicate_is_untold(const struct worker *worker, const struct session *session) {
    uint8_t teller = teller_of(&worker->snapshot->cluster, session);
    uint32_t idle_ms = (uint32_t)worker->now_ms - session->last_seen_ms;
    uint64_t seen_ms = worker->now_ms - idle_ms;
    const struct replication_peer *peer;
    uint64_t before_ms;

    if (teller == CLUSTER_NO_LD)
        return false;
    peer = &worker->dataplane->replication.peers[teller];
    if (seen_ms < __atomic_load_n(&peer->since_ms, __ATOMIC_RELAXED)) { /* begun anew meanwhile */
        before_ms = __atomic_load_n(&peer->before_ms, __ATOMIC_RELAXED);
        return before_ms != 0 && before_ms < seen_ms + TOLD_WITHIN_MS;
    }
    return worker->now_ms >= seen_ms + TOLD_WITHIN_MS && /* until then it may still tell */
           __atomic_load_n(&peer->heard_ms, __ATOMIC_RELAXED) < seen_ms + TOLD_WITHIN_MS;
}

void replicate_relay(struct worker *worker, uint32_t number, uint8_t from) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    uint16_t bucket = worker->sessions.sessions[number].bucket;

    if (likely(cluster->former[bucket] == CLUSTER_NO_LD))
        return;
    mark_for(worker,
             cluster->former[bucket] == from ? cluster_partner(cluster, bucket)
                                             : cluster->former[bucket],
             number, sender_mark);
}

void replicate_poll(struct worker *worker) {
    struct worker_replication *replication = &worker->replication;

    if (unlikely(replication->snapshot != worker->snapshot))
        arrange(worker);
    if (unlikely(replication->released.forget_from_ms <= worker->now_ms))
        released_forget(worker);
    if (unlikely(replication->gained.lacks))
        gained_look(worker);
    if (unlikely(replication->counted.pending))
        counted_go_on(worker);
    receiver_take_records(worker); /* also those of buckets that this worker has no part in now */
    if (likely(replication->sender_count == 0))
        return;
    for (uint32_t i = 0; i < replication->sender_count; i++)
        sender_poll(worker, replication->senders[replication->active[i]]);
    receiver_acknowledge(worker);
}

uint32_t replicate_epoch(const struct snapshot *snapshot, uint8_t peer) {
    const struct cluster *cluster = &snapshot->cluster;

    return cluster->lds[peer].twin ? cluster->migration_epoch : (uint32_t)snapshot->epoch;
}

const struct tag_key *replicate_key(const struct worker *worker, uint8_t peer) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return cluster->lds[peer].twin ? &cluster->migration_key : &cluster->replication_key;
}

struct wire_header replicate_header(const struct worker *worker, uint8_t peer, uint8_t type) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return (struct wire_header){
        .type = type,
        .streams = worker->replication.snapshot == worker->snapshot
                       ? worker->replication.streams[peer]
                       : 0,
        .from = (uint16_t)cluster->lds[cluster->self].ld_id,
        .to = (uint16_t)cluster->lds[peer].ld_id,
        .epoch = replicate_epoch(worker->snapshot, peer),
        .from_incarnation =
            __atomic_load_n(&worker->dataplane->replication.incarnation, __ATOMIC_RELAXED),
    };
}

void replicate_send(struct worker *worker, uint8_t peer, uint16_t bucket, const uint8_t *payload,
                    uint16_t payload_bytes) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct peer *to = &snapshot->cluster.lds[peer];
    uint16_t headers = own_udp_headers(&snapshot->own);
    struct rte_ether_addr mac;
    const struct own_udp udp = {
        .next_hop = &mac,
        .to = &to->vtep,
        .src_port = bucket_to_udp_port(bucket),
        .dst_port = UDP_PORT_REPLICATION,
    };
    struct rte_mbuf *mbuf;
    uint8_t *frame;

    if (to->next_hop == NULL || !neighbour_mac(to->next_hop, &mac))
        return; /* as if it were lost */
    mbuf = rte_pktmbuf_alloc(worker->dataplane->mbufs);
    if (mbuf == NULL)
        return;
    frame = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)(headers + payload_bytes));
    memcpy(frame + headers, payload, payload_bytes);
    own_udp_write(frame, &snapshot->own, &udp, payload_bytes);
    worker->stats.replication_packets_sent++;
    worker_send(worker, mbuf);
}

/* Whom a peer takes this LD for: somebody from later on, when its clock has been set back. */
static void remember(struct replication *replication, uint64_t incarnation) {
    uint64_t known = __atomic_load_n(&replication->remembered, __ATOMIC_RELAXED);

    while (incarnation > known &&
           incarnation > __atomic_load_n(&replication->incarnation, __ATOMIC_RELAXED) &&
           !__atomic_compare_exchange_n(&replication->remembered, &known, incarnation, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* What a peer says of itself. False: it is somebody who is no more. */
static bool hear(struct worker *worker, uint8_t peer, const struct wire_header *header) {
    struct replication_peer *known = &worker->dataplane->replication.peers[peer];
    uint64_t before_ms = __atomic_load_n(&known->heard_ms, __ATOMIC_RELAXED);
    uint64_t incarnation = __atomic_load_n(&known->incarnation, __ATOMIC_RELAXED);

    while (incarnation < header->from_incarnation)
        if (__atomic_compare_exchange_n(&known->incarnation, &incarnation, header->from_incarnation,
                                        false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            incarnation = header->from_incarnation;
            __atomic_store_n(&known->before_ms, before_ms, __ATOMIC_RELAXED);
            __atomic_store_n(&known->since_ms, worker->now_ms, __ATOMIC_RELAXED);
        }
    if (incarnation != header->from_incarnation)
        return false;
    remember(&worker->dataplane->replication, header->to_incarnation);
    if (header->streams != 0)
        __atomic_store_n(&known->streams, header->streams, __ATOMIC_RELAXED);
    __atomic_store_n(&known->heard_ms, worker->now_ms, __ATOMIC_RELAXED);
    return true;
}

/* By the cluster's key or, of LDs of another one, by the migration's. CLUSTER_NO_LD: counted. */
static uint8_t open_from(struct worker *worker, const uint8_t *payload, uint16_t bytes,
                         struct wire_header *header) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    bool own, opened;
    uint8_t peer;

    own = cluster->replicates && wire_open(payload, bytes, &cluster->replication_key, header);
    opened =
        own || (cluster->migrates && wire_open(payload, bytes, &cluster->migration_key, header));
    if (!opened || header->to != cluster->lds[cluster->self].ld_id ||
        header->worker >= REPLICATION_WORKERS_MAX || header->streams > REPLICATION_WORKERS_MAX) {
        worker->stats.drops[wire_is_of_another_version(payload, bytes) ? DROP_REPLICATION_VERSION
                                                                       : DROP_BAD_REPLICATION]++;
        return CLUSTER_NO_LD;
    }
    peer = cluster_find(cluster, header->from);
    /* Another epoch's map is another agreement about who has what: the controller is about to tell
     * one of us. */
    if (peer == CLUSTER_NO_LD || cluster->lds[peer].twin == own ||
        header->epoch != replicate_epoch(worker->snapshot, peer)) {
        worker->stats.drops[DROP_REPLICATION_EPOCH]++;
        return CLUSTER_NO_LD;
    }
    return peer;
}

static void handle(struct worker *worker, const uint8_t *payload, uint16_t bytes, uint16_t bucket) {
    struct wire_header header;
    uint8_t peer = open_from(worker, payload, bytes, &header);

    if (peer == CLUSTER_NO_LD)
        return;
    if (!hear(worker, peer, &header))
        return;
    if (header.type == WIRE_DATA)
        receiver_data(worker, peer, &header, payload + WIRE_HEADER_BYTES,
                      (uint16_t)(bytes - WIRE_HEADER_BYTES - WIRE_TAG_BYTES), bucket);
    else if (header.worker == worker->id && worker->replication.senders[peer] != NULL)
        sender_acknowledged(worker, worker->replication.senders[peer], &header);
}

void replicate_receive(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    if (packet->bucket == BUCKET_NONE) {
        worker_drop(worker, mbuf, DROP_BAD_REPLICATION);
        return;
    }
    if (worker_hand_off(worker, mbuf, packet))
        return;
    handle(worker, rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, packet->l4_off), packet->l3_len,
           packet->bucket);
    rte_pktmbuf_free(mbuf);
}
