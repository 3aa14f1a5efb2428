#include "replicate/gained.h"

#include <string.h>

#include "forward/worker.h"
#include "replicate/replicate.h"

static bool holds(const struct snapshot *snapshot, uint16_t bucket) {
    return snapshot_owns(snapshot, bucket) || cluster_backs_up(&snapshot->cluster, bucket);
}

/* Somebody tells us of its sessions who has not done so before. Not if we have the bucket already:
 * who is new to it knows nothing. But whoever leaves it may know more than we. */
static bool is_new(const struct worker *worker, uint16_t bucket, bool held) {
    const struct worker_replication *before = &worker->replication;
    const struct cluster *cluster = &worker->snapshot->cluster;
    uint8_t former = cluster->former[bucket];

    if (!held)
        return cluster_partner(cluster, bucket) != CLUSTER_NO_LD;
    return former != CLUSTER_NO_LD && former != before->former[bucket] &&
           former != before->partner[bucket];
}

void gained_follow(struct worker *worker) {
    const struct snapshot *snapshot = worker->snapshot;
    struct gained *gained = &worker->replication.gained;
    bool first = worker->replication.snapshot == NULL; /* it comes online by what the others tell */

    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint64_t bit = 1ULL << bucket % 64;
        uint64_t *held = &gained->held[bucket / 64];
        uint64_t *lacking = &gained->lacking[bucket / 64];

        if (!holds(snapshot, bucket)) {
            *held &= ~bit;
            *lacking &= ~bit;
            continue;
        }
        if (!first && snapshot->cluster.replicates && is_new(worker, bucket, (*held & bit) != 0)) {
            *lacking |= bit;
            gained->lacks = true;
            gained->since_ms = worker->now_ms;
        }
        *held |= bit;
    }
}

/* Or nothing can be expected of it. */
static bool has_given(const struct worker *worker, uint8_t peer) {
    const struct replication *replication = &worker->dataplane->replication;
    uint64_t heard_ms = __atomic_load_n(&replication->peers[peer].heard_ms, __ATOMIC_RELAXED);
    uint64_t since_ms = RTE_MAX(heard_ms, worker->replication.gained.since_ms);

    return replicate_is_whole(replication, worker->snapshot->epoch, peer) ||
           (int64_t)(worker->now_ms - since_ms) > PEER_GONE_MS;
}

void gained_look(struct worker *worker) {
    struct worker_replication *replication = &worker->replication;
    const struct cluster *cluster = &worker->snapshot->cluster;

    for (uint32_t i = 0; i < replication->sender_count; i++)
        if (!cluster->lds[replication->active[i]].twin &&
            !has_given(worker, replication->active[i]))
            return;
    memset(replication->gained.lacking, 0, sizeof(replication->gained.lacking));
    replication->gained.lacks = false;
}

bool gained_lacks(const struct worker *worker, uint16_t bucket) {
    const struct gained *gained = &worker->replication.gained;
    uint64_t bit = 1ULL << bucket % 64;

    /* In the turn of the loop in which a map comes, what is not held yet has been gained. */
    return (gained->held[bucket / 64] & bit) == 0 ||
           (gained->lacks && (gained->lacking[bucket / 64] & bit) != 0);
}
