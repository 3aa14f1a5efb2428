/* How far an LD is with what it and its peers have to tell each other. Workers change what is read
 * here while it is read: each number by itself is right. */
#include "control/encode.h"
#include "forward/worker.h"
#include "replicate/sender.h"

typedef Sluice__Ld__V1__PeerReplication PeerReplication;

static uint32_t shared_buckets(const struct cluster *cluster, uint8_t peer) {
    uint32_t count = 0;

    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        count += cluster_shares(cluster, bucket, peer);
    return count;
}

/* Of the sessions that a copy has not come to yet, it is assumed that as large a part is to be
 * copied as of those before. */
static void add_copy(PeerReplication *status, const struct worker *worker,
                     const struct sender *sender) {
    uint64_t copied = __atomic_load_n(&sender->copied, __ATOMIC_RELAXED);
    uint64_t looked_at = __atomic_load_n(&sender->looked_at, __ATOMIC_RELAXED);
    uint64_t active = worker->sessions.active;
    bool copying = sender->phase != SENDER_STEADY && looked_at != 0 && active > looked_at;

    status->sessions_copied += copied;
    status->sessions_to_copy += copying ? copied * active / looked_at : copied;
}

static void fill_peer(PeerReplication *status, const struct dataplane *dataplane, uint8_t peer,
                      uint64_t now_ms) {
    status->ld_id = dataplane->snapshot->cluster.lds[peer].ld_id;
    status->migration = dataplane->snapshot->cluster.lds[peer].twin;
    status->whole = replicate_is_whole(&dataplane->replication,
                                       replicate_epoch(dataplane->snapshot, peer), peer);
    status->silent = !status->whole && replicate_is_silent(&dataplane->replication, peer, now_ms);
    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        if (dataplane->workers[id]->replication.senders[peer] != NULL)
            add_copy(status, dataplane->workers[id],
                     dataplane->workers[id]->replication.senders[peer]);
}

size_t encode_replication(struct replication_status *status, const struct dataplane *dataplane,
                          uint64_t now_ms) {
    const struct snapshot *snapshot = dataplane->snapshot;
    size_t count = 0;

    if (snapshot == NULL || !snapshot->cluster.replicates)
        return 0;
    for (uint8_t peer = 0; peer < snapshot->cluster.ld_count; peer++) {
        uint32_t buckets = shared_buckets(&snapshot->cluster, peer);

        if (buckets == 0)
            continue;
        sluice__ld__v1__peer_replication__init(&status->peers[count]);
        status->peers[count].buckets = buckets;
        fill_peer(&status->peers[count], dataplane, peer, now_ms);
        status->pointers[count] = &status->peers[count];
        count++;
    }
    return count;
}
