#include "replicate/counted.h"

#include <string.h>

#include "forward/worker.h"
#include "replicate/install.h"
#include "replicate/replicate.h"

enum {
    COUNT_BUDGET = 256, /* sessions looked at in one turn */
};

void counted_begin(struct worker *worker, struct session *session) {
    if (!snapshot_owns(worker->snapshot, session->bucket))
        return;
    session->replica |= REPLICA_COUNTED;
    worker->rs[session->target].sessions_primary++;
}

void counted_end(struct worker *worker, const struct session *session) {
    if ((session->replica & REPLICA_COUNTED) != 0)
        worker->rs[session->target].sessions_primary--;
}

void counted_follow(struct worker *worker) {
    const uint64_t *owned = worker->snapshot->owned_buckets;
    struct counted *counted = &worker->replication.counted;

    if (memcmp(counted->buckets, owned, sizeof(counted->buckets)) != 0) {
        memcpy(counted->buckets, owned, sizeof(counted->buckets));
        counted->looks = true;
        counted->looked_up_to = 0;
    }
    counted->pending = true;
    __atomic_store_n(&counted->epoch, 0, __ATOMIC_RELAXED);
}

static void count_again(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];

    counted_end(worker, session);
    session->replica &= (uint8_t)~REPLICA_COUNTED;
    counted_begin(worker, session);
}

static void look(struct worker *worker, struct counted *counted) {
    for (int i = 0; i < COUNT_BUDGET; i++) {
        uint32_t number = session_next(&worker->sessions, counted->looked_up_to);

        if (number == 0) {
            counted->looks = false;
            return;
        }
        counted->looked_up_to = number;
        if (session_is_open(&worker->sessions, number))
            count_again(worker, number);
    }
}

void counted_go_on(struct worker *worker) {
    struct counted *counted = &worker->replication.counted;

    if (counted->looks)
        look(worker, counted);
    if (counted->looks || worker->replication.gained.lacks)
        return;
    counted->pending = false;
    /* Control reads the counters after it. */
    __atomic_store_n(&counted->epoch, worker->snapshot->epoch, __ATOMIC_RELEASE);
}

uint64_t counted_epoch(const struct dataplane *dataplane) {
    const struct snapshot *snapshot = dataplane->snapshot;

    if (snapshot == NULL || !replicate_has_all(&dataplane->replication, snapshot))
        return 0;
    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        if (__atomic_load_n(&dataplane->workers[id]->replication.counted.epoch, __ATOMIC_ACQUIRE) !=
            snapshot->epoch)
            return 0;
    return snapshot->epoch;
}
