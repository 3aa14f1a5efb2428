/* When the LD may be online: the question whose answer keeps a bucket's ports with one LD
 * (docs/failover.md). */
#include <inttypes.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "forward/worker.h"
#include "log.h"
#include "replicate/replicate.h"

static bool is_whole(const struct copy_count *copy, uint64_t ours, uint64_t theirs,
                     uint32_t epoch) {
    return __atomic_load_n(&copy->whole_incarnation, __ATOMIC_ACQUIRE) == ours &&
           __atomic_load_n(&copy->whole_from, __ATOMIC_RELAXED) == theirs &&
           __atomic_load_n(&copy->whole_epoch, __ATOMIC_RELAXED) == epoch;
}

/* The copies of all its streams are. Which of its workers have one is not known: those that have
 * none of the buckets have none. */
bool replicate_is_whole(const struct replication *replication, uint64_t epoch, uint8_t peer) {
    uint32_t streams = __atomic_load_n(&replication->peers[peer].streams, __ATOMIC_RELAXED);
    uint64_t theirs = __atomic_load_n(&replication->peers[peer].incarnation, __ATOMIC_RELAXED);
    uint64_t ours = __atomic_load_n(&replication->incarnation, __ATOMIC_RELAXED);
    uint32_t whole = 0;

    for (uint32_t from = 0; from < REPLICATION_WORKERS_MAX; from++)
        whole += is_whole(&replication->copies[peer][from], ours, theirs, (uint32_t)epoch);
    return streams != 0 && whole >= streams;
}

/* It has not been heard since we wait for it. */
bool replicate_is_silent(const struct replication *replication, uint8_t peer, uint64_t now_ms) {
    uint64_t heard_ms = __atomic_load_n(&replication->peers[peer].heard_ms, __ATOMIC_RELAXED);
    uint64_t since_ms = __atomic_load_n(&replication->waiting_since_ms, __ATOMIC_RELAXED);

    /* Who hears may have read the clock after who asks. */
    return (int64_t)(now_ms - RTE_MAX(heard_ms, since_ms)) > PEER_GONE_MS;
}

static bool shares(const struct cluster *cluster, uint8_t peer) {
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        if (cluster_tells(cluster, bucket, peer))
            return true;
    return false;
}

bool replicate_has_all(const struct replication *replication, const struct snapshot *snapshot) {
    const struct cluster *cluster = &snapshot->cluster;

    for (uint8_t peer = 0; cluster->replicates && peer < cluster->ld_count; peer++)
        if (shares(cluster, peer) && !replicate_is_whole(replication, snapshot->epoch, peer))
            return false;
    return __atomic_load_n(&replication->online, __ATOMIC_ACQUIRE) != 0;
}

/* It had been gone when we fell silent, and not for long enough to come back, to find nobody, and
 * to open sessions: with the other LD dead, a pause of the one that is left is no reason to wait.
 */
static bool had_gone(const struct replication *replication, uint8_t peer, uint64_t now_ms) {
    uint64_t heard_ms = __atomic_load_n(&replication->peers[peer].heard_ms, __ATOMIC_RELAXED);
    uint64_t since_ms = replication->silent_since_ms;

    return since_ms != 0 && now_ms - since_ms <= PEER_GONE_MS && heard_ms + PEER_GONE_MS < since_ms;
}

static bool all_have_given(const struct replication *replication, const struct snapshot *snapshot,
                           uint64_t now_ms) {
    const struct cluster *cluster = &snapshot->cluster;

    for (uint8_t peer = 0; peer < cluster->ld_count; peer++)
        if (shares(cluster, peer) && !replicate_is_whole(replication, snapshot->epoch, peer) &&
            !had_gone(replication, peer, now_ms) && !replicate_is_silent(replication, peer, now_ms))
            return false;
    return true;
}

/* Somebody else may have had our packets meanwhile: who we were is over, the peers tell us anew.
 * What they have told was told to the incarnation before. */
static void begin_again(struct replication *replication, uint64_t now_ms, uint64_t now_us) {
    __atomic_store_n(&replication->online, 0, __ATOMIC_RELEASE);
    replication->waiting_since_ms = now_ms;
    if (replication->beat_ms != 0)
        replication->silent_since_ms = replication->beat_ms;
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

/* Offline, with copies perhaps, and without a turn or a link since: they say nothing of what others
 * have had meanwhile. Copies that go on without a pause do. */
static bool was_deaf(const struct replication *replication, const struct snapshot *snapshot,
                     bool hears, uint64_t now_ms) {
    return snapshot->cluster.replicates && hears && replication->online == 0 &&
           now_ms - replication->hears_ms > snapshot->heartbeat.hold_ms;
}

/* Peers, and switches, believe nobody from before the last they have heard of: incarnations,
 * streams and heartbeats are numbered by the clock. @return true when it has passed that, after all
 */
static bool clock_has_caught_up(struct replication *replication, uint64_t now_us) {
    uint64_t remembered = __atomic_load_n(&replication->remembered, __ATOMIC_RELAXED);

    if (likely(remembered <= replication->incarnation))
        return false;
    if (now_us <= remembered && !replication->told_of_clock)
        log_error(
            "replication: this LD has been known to others at a time %" PRIu64
            " s from now: its clock has been set back, and it is not believed until that time "
            "has come (set the clock right, and keep it so by NTP)",
            (remembered - now_us) / US_PER_S + 1);
    replication->told_of_clock = now_us <= remembered;
    return now_us > remembered;
}

void replicate_is_deaf(struct replication *replication, uint64_t now_ms) {
    __atomic_store_n(&replication->hears_since_ms, now_ms, __ATOMIC_RELAXED);
}

bool replicate_online(struct dataplane *dataplane, const struct snapshot *snapshot, bool hears,
                      uint64_t now_ms, uint64_t now_us) {
    struct replication *replication = &dataplane->replication;

    if (replication->incarnation == 0 || was_silent(replication, snapshot, now_ms) ||
        was_deaf(replication, snapshot, hears, now_ms) ||
        clock_has_caught_up(replication, now_us)) {
        if (replication->beat_ms != 0)
            log_warning("replication: offline: the last heartbeat was %" PRIu64
                        " ms ago (hold time %u ms): other LDs may have had our packets",
                        now_ms - replication->beat_ms, snapshot->heartbeat.hold_ms);
        begin_again(replication, now_ms, now_us);
    } else if (!hears) { /* the time in which a peer could not be heard is not waited for it */
        replication->waiting_since_ms += now_ms - replication->looked_ms;
    }
    replication->looked_ms = now_ms;
    if (replication->online == 0 || now_ms - replication->hears_ms > STOOD_STILL_MS)
        replicate_is_deaf(replication, now_ms);
    if (hears)
        replication->hears_ms = now_ms;
    if (replication->online == 0 && hears &&
        (!snapshot->cluster.replicates || all_have_given(replication, snapshot, now_ms))) {
        __atomic_store_n(&replication->believed_ms, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&replication->online_ms, now_ms, __ATOMIC_RELAXED);
        __atomic_store_n(&replication->online, 1, __ATOMIC_RELEASE);
        replication->beat_ms = now_ms; /* it is not online for long without a heartbeat */
        if (snapshot->cluster.replicates)
            log_info("replication: online: waited %" PRIu64 " ms for the copies",
                     now_ms - replication->waiting_since_ms);
    }
    return replication->online != 0;
}

void replicate_lost_touch(struct dataplane *dataplane) {
    struct replication *replication = &dataplane->replication;

    replication->lost_touch = replication->online != 0;
}

void replicate_beaten(struct dataplane *dataplane, uint64_t made_ms) {
    struct replication *replication = &dataplane->replication;

    /* One of before the LD began again does not count. */
    if (replication->online == 0)
        return;
    replication->beat_ms = RTE_MAX(replication->beat_ms, made_ms);
    __atomic_store_n(&replication->believed_ms,
                     replication->beat_ms + dataplane->snapshot->heartbeat.hold_ms,
                     __ATOMIC_RELAXED);
}

bool replicate_is_online(const struct replication *replication, uint64_t now_ms) {
    uint64_t believed_ms = __atomic_load_n(&replication->believed_ms, __ATOMIC_RELAXED);

    return __atomic_load_n(&replication->online, __ATOMIC_ACQUIRE) != 0 &&
           (believed_ms == 0 || (int64_t)(now_ms - believed_ms) <= 0);
}

uint64_t replicate_believed_until(const struct dataplane *dataplane,
                                  const struct snapshot *snapshot, uint64_t now_ms) {
    uint64_t since_ms = snapshot->cluster.replicates ? dataplane->replication.beat_ms : now_ms;

    return since_ms + snapshot->heartbeat.hold_ms;
}
