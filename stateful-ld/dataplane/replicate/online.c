/* When the LD may be online: the question whose answer keeps a bucket's ports with one LD
 * (docs/failover.md). */
#include "forward/worker.h"
#include "replicate/replicate.h"

/* All of its workers' copies are here. */
static bool has_given_all(const struct replication_peer *peer) {
    uint32_t workers = __atomic_load_n(&peer->workers, __ATOMIC_RELAXED);
    uint64_t wanted = workers == REPLICATION_WORKERS_MAX ? UINT64_MAX : (1ULL << workers) - 1;

    return workers != 0 && (__atomic_load_n(&peer->synced, __ATOMIC_ACQUIRE) & wanted) == wanted;
}

/* True when nothing can be expected of the peer: it has not been heard since we wait for it. */
static bool is_gone(const struct replication *replication, const struct replication_peer *peer,
                    uint64_t now_ms) {
    uint64_t heard_ms = __atomic_load_n(&peer->heard_ms, __ATOMIC_RELAXED);

    return now_ms - RTE_MAX(heard_ms, replication->waiting_since_ms) > PEER_GONE_MS;
}

static bool shares(const struct cluster *cluster, uint8_t peer) {
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        if (cluster_partner(cluster, bucket) == peer)
            return true;
    return false;
}

static bool all_have_given(const struct replication *replication, const struct cluster *cluster,
                           uint64_t now_ms) {
    for (uint8_t peer = 0; peer < cluster->ld_count; peer++)
        if (shares(cluster, peer) && !has_given_all(&replication->peers[peer]) &&
            !is_gone(replication, &replication->peers[peer], now_ms))
            return false;
    return true;
}

/* Somebody else may have had our packets meanwhile: who we were is over, the peers tell us anew. */
static void begin_again(struct replication *replication, uint64_t now_ms, uint64_t now_us) {
    __atomic_store_n(&replication->online, 0, __ATOMIC_RELEASE);
    for (uint32_t peer = 0; peer < CLUSTER_LDS_MAX; peer++)
        __atomic_store_n(&replication->peers[peer].synced, 0, __ATOMIC_RELAXED);
    replication->waiting_since_ms = now_ms;
    replication->beat_ms = 0;
    replication->lost_touch = false;
    __atomic_store_n(&replication->incarnation, RTE_MAX(replication->incarnation + 1, now_us),
                     __ATOMIC_RELEASE);
}

/* No heartbeat has reached a switch for so long that it may have turned to the others. */
static bool was_silent(const struct replication *replication, const struct snapshot *snapshot,
                       uint64_t now_ms) {
    return snapshot->cluster.replicates &&
           (replication->lost_touch ||
            (replication->beat_ms != 0 &&
             now_ms - replication->beat_ms > snapshot->heartbeat.hold_ms));
}

bool replicate_online(struct dataplane *dataplane, const struct snapshot *snapshot, bool hears,
                      uint64_t now_ms, uint64_t now_us) {
    struct replication *replication = &dataplane->replication;

    if (replication->incarnation == 0 || was_silent(replication, snapshot, now_ms))
        begin_again(replication, now_ms, now_us);
    else if (!hears) /* the time in which a peer could not be heard is not waited for it */
        replication->waiting_since_ms += now_ms - replication->looked_ms;
    replication->looked_ms = now_ms;
    if (replication->online == 0 && hears &&
        (!snapshot->cluster.replicates ||
         all_have_given(replication, &snapshot->cluster, now_ms))) {
        __atomic_store_n(&replication->online, 1, __ATOMIC_RELEASE);
        replication->beat_ms = now_ms; /* it is not online for long without a heartbeat */
    }
    return replication->online != 0;
}

void replicate_lost_touch(struct dataplane *dataplane) {
    struct replication *replication = &dataplane->replication;

    replication->lost_touch = replication->online != 0;
}

void replicate_beaten(struct dataplane *dataplane, uint64_t now_ms) {
    dataplane->replication.beat_ms = now_ms;
}
