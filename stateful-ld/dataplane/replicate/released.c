#include "replicate/released.h"

#include "forward/session_life.h"
#include "forward/worker.h"
#include "replicate/install.h"

enum {
    FORGET_BUDGET = 256, /* sessions looked at in one turn */
};

static bool serves(const struct snapshot *snapshot, uint16_t bucket) {
    return snapshot_owns(snapshot, bucket) || cluster_backs_up(&snapshot->cluster, bucket);
}

bool released_may_stray(const struct worker *worker) {
    return worker->now_ms < worker->replication.released.over_ms;
}

/* The bucket is this LD's alone, so are its sessions: no packet has to come to tell whose. */
static bool is_alone(const struct cluster *cluster, uint16_t bucket) {
    return cluster->primary[bucket] == cluster->self &&
           cluster_partner(cluster, bucket) == CLUSTER_NO_LD;
}

/* This LD has been told by one that has left the bucket, and is not told by it any more. */
static bool is_left(const struct snapshot *snapshot, uint16_t bucket, uint8_t former_before) {
    return former_before != CLUSTER_NO_LD && snapshot->cluster.former[bucket] == CLUSTER_NO_LD;
}

static void look_for_changes(const struct snapshot *snapshot, struct released *released,
                             const struct worker_replication *before) {
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint64_t *word = &released->served[bucket / 64];
        uint64_t bit = 1ULL << bucket % 64;

        if (serves(snapshot, bucket)) {
            *word |= bit;
            released->pending |= (is_alone(&snapshot->cluster, bucket) &&
                                  before->partner[bucket] != CLUSTER_NO_LD) ||
                                 is_left(snapshot, bucket, before->former[bucket]);
            continue;
        }
        released->pending |= (*word & bit) != 0;
        *word &= ~bit;
    }
}

void released_follow(struct worker *worker) {
    const struct snapshot *snapshot = worker->snapshot;
    struct released *released = &worker->replication.released;

    if (!snapshot->cluster.replicates) { /* sessions do not move: they end where they are */
        *released = (struct released){ .forget_from_ms = UINT64_MAX };
        return;
    }
    look_for_changes(snapshot, released, &worker->replication);
    /* As long as heartbeats are sent for the epoch before too, a switch may not know this one. */
    if (snapshot->heartbeat.previous_epoch != 0)
        released->over_ms = UINT64_MAX;
    else if (released->over_ms == UINT64_MAX)
        released->over_ms = worker->now_ms + STRAGGLERS_MS;
    released->forgotten_up_to = 0;
    released->forget_from_ms = released->pending && released->over_ms != UINT64_MAX
                                   ? worker->now_ms + STRAGGLERS_MS
                                   : UINT64_MAX;
}

/* Nobody else has its packets any more. */
static bool is_ours_now(const struct cluster *cluster, const struct session *session) {
    if ((session->replica & REPLICA_STANDBY) == 0)
        return false;
    return is_alone(cluster, session->bucket) ||
           ((session->replica & REPLICA_FORMER) != 0 &&
            cluster->former[session->bucket] == CLUSTER_NO_LD &&
            cluster->primary[session->bucket] == cluster->self);
}

static void settle(struct worker *worker, uint32_t number) {
    const struct session *session = &worker->sessions.sessions[number];

    if (!serves(worker->snapshot, session->bucket))
        session_end(worker, number);
    else if (is_ours_now(&worker->snapshot->cluster, session))
        install_activate(worker, number);
}

void released_forget(struct worker *worker) {
    struct released *released = &worker->replication.released;

    for (int i = 0; i < FORGET_BUDGET; i++) {
        uint32_t number = session_next(&worker->sessions, released->forgotten_up_to);

        if (number == 0) {
            released->pending = false;
            released->forget_from_ms = UINT64_MAX;
            return;
        }
        released->forgotten_up_to = number;
        if (session_is_open(&worker->sessions, number))
            settle(worker, number);
    }
}
