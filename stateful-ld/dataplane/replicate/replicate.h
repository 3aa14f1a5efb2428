/**
 * @file
 * Replication: each LD streams the sessions of its buckets to the LD that stands in for it, and
 * back (docs/failover.md).
 *
 *     session_life  ── replicate_mark() ──►  sender    a stream for each worker and peer
 *                                              │ wire
 *     session table ◄── install ◄──────────  receiver  in order, acknowledged, counted
 *
 * A stream begins with a copy of all sessions the two LDs share, and goes on with what changes.
 * All of it belongs to the worker that owns the bucket; what several workers or control have to
 * know is in struct replication.
 */
#ifndef SLUICE_REPLICATE_REPLICATE_H
#define SLUICE_REPLICATE_REPLICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "config/cluster.h"
#include "packet/parse.h"
#include "replicate/counted.h"
#include "replicate/gained.h"
#include "replicate/released.h"
#include "replicate/wire.h"

struct dataplane;
struct sender;
struct session;
struct snapshot;
struct worker;

enum {
    REPLICATION_WORKERS_MAX = 64,
    /** Packets that are acknowledged at the latest when so many have come, or with the clock's next
     * tick: a part of SENDER_WINDOW, so that no sender has to wait for it. */
    ACKNOWLEDGED_TOGETHER = 32,
    /** A peer that has said nothing for so long has no sessions to give. */
    PEER_GONE_MS = 500,
    /** So long after the switches have learnt a map, packets may still come by the one before; and
     * so long after this LD has come online, of sessions that the other one has opened. */
    STRAGGLERS_MS = 1000,
};

/** What is known of one peer; index as in struct cluster. Written by workers, atomically. */
struct replication_peer {
    uint64_t incarnation; /**< the newest heard of; 0: none */
    uint64_t since_ms;    /**< when that was first heard */
    uint64_t before_ms;   /**< when the one before was last heard; 0: there was none */
    uint64_t heard_ms;    /**< when it last said something */
    uint32_t streams;     /**< how many it has to this LD; 0: not known */
};

/** One stream's copy, as far as the workers that own its buckets have got. Atomic. */
struct copy_count {
    uint32_t pending;   /**< handed to another worker, not looked at yet */
    uint32_t installed; /**< sessions of the copy that are in the table now */
    /** All of it was, for this incarnation and epoch of ours, and by that one of the peer; 0:
     * never.
     */
    uint64_t whole_incarnation;
    uint64_t whole_from;
    uint32_t whole_epoch;
};

struct replication {
    uint64_t incarnation; /**< of this LD; the heartbeat thread writes, workers read */
    uint64_t remembered;  /**< a later one that peers know, of before the clock went back; atomic */
    uint32_t online;      /**< it may open sessions and send heartbeats; atomic */
    uint64_t online_ms;   /**< since when; atomic */
    uint64_t hears_since_ms; /**< see replicate_hears_since(); atomic */
    uint64_t believed_ms;    /**< how long switches believe the last beat; 0: none yet; atomic */
    /* The heartbeat thread's own: */
    uint64_t waiting_since_ms;          /**< for the peers' copies */
    uint64_t looked_ms;                 /**< when replicate_online() was last asked */
    uint64_t hears_ms;                  /**< the last look at which peers could be heard */
    uint64_t beat_ms;                   /**< the last beat, or going online; 0: none */
    uint64_t silent_since_ms;           /**< the last beat before it began again; 0: none */
    bool lost_touch;                    /**< see replicate_lost_touch() */
    bool told_of_clock;                 /**< that it is behind `remembered` */
    uint32_t peer_ids[CLUSTER_LDS_MAX]; /**< control's: of the LDs that `peers` are */
    /* Workers write these at each packet; on lines of their own, for all read what is above. */
    struct replication_peer peers[CLUSTER_LDS_MAX] __attribute__((aligned(64)));
    struct copy_count copies[CLUSTER_LDS_MAX][REPLICATION_WORKERS_MAX];
};

/** The receiving end of one stream. */
struct receiver {
    uint64_t stream;      /**< 0: none */
    uint64_t incarnation; /**< of the peer, that the stream has begun in */
    uint32_t sequence;
    uint32_t attempts; /**< copies that ended with a wrong count */
    bool short_copy;   /**< this stream's has: nothing is taken before it begins again */
};

/** What a worker has of it. */
struct worker_replication {
    const struct snapshot *snapshot; /**< that `senders` are arranged for */
    uint8_t partner[BUCKET_COUNT];   /**< as cluster_partner() was then; our own buckets only */
    uint8_t former[BUCKET_COUNT];    /**< the same of struct cluster's, */
    uint8_t twin[BUCKET_COUNT];      /**< and this */
    struct released released;
    struct gained gained;
    struct counted counted;
    uint32_t sender_count;
    uint8_t active[CLUSTER_LDS_MAX];         /**< peers this worker shares buckets with */
    uint8_t streams[CLUSTER_LDS_MAX];        /**< of this LD's workers that do, by peer */
    struct sender *senders[CLUSTER_LDS_MAX]; /**< by peer; NULL: never needed */
    struct receiver (*receivers)[REPLICATION_WORKERS_MAX]; /**< by peer and its worker */
    uint32_t receives_from[CLUSTER_LDS_MAX]; /**< ids of the LDs that `receivers` are of */
    struct rte_ring *records; /**< for our buckets, received by other workers; struct record */
    /** Acknowledgements owed: a stream gets one for all its packets. */
    uint32_t owed_packets;  /**< of all streams, since the last time */
    uint64_t owed_since_ms; /**< the first of them */
    uint64_t owed[CLUSTER_LDS_MAX];
    uint16_t owed_bucket[CLUSTER_LDS_MAX];
    uint64_t owed_peers;
};

/** @return 0 or -ENOMEM. */
int replicate_init(struct worker *worker);
void replicate_free(struct worker *worker);

/**
 * Control: allocate what a configuration needs, before it is published. @return 0 or -ENOMEM.
 */
int replicate_prepare(struct dataplane *dataplane, const struct snapshot *snapshot);

/**
 * Heartbeat thread: look whether the LD may be online: nobody has sessions of its buckets that it
 * does not have.
 *
 * @param hears packets get in: else a peer's silence says nothing of the peer
 * @param now_us microseconds since 1970
 */
bool replicate_online(struct dataplane *dataplane, const struct snapshot *snapshot, bool hears,
                      uint64_t now_ms, uint64_t now_us);

/**
 * Heartbeat thread: beats have been sent, but nobody knows which of them arrived: the LD begins as
 * after a silence.
 */
void replicate_lost_touch(struct dataplane *dataplane);

/** All sessions that a peer has for us are here, of the map of @p epoch. Any thread. */
bool replicate_is_whole(const struct replication *replication, uint64_t epoch, uint8_t peer);

/** All sessions that other LDs of the cluster have for us are here, and we are online. Any thread.
 */
bool replicate_has_all(const struct replication *replication, const struct snapshot *snapshot);

/** Nothing can be expected of a peer. Any thread. */
bool replicate_is_silent(const struct replication *replication, uint8_t peer, uint64_t now_ms);

/**
 * Whether the LD is online, for a worker that acts on it. Not so when its last heartbeat is older
 * than the switches' hold time: where all of the LD stood still, a worker may run again before the
 * thread that would take it offline, with packets of before in its hands.
 */
bool replicate_is_online(const struct replication *replication, uint64_t now_ms);

/** Heartbeat thread: what is sent to the LD does not reach all of it now. */
void replicate_is_deaf(struct replication *replication, uint64_t now_ms);

/** Since when all that was sent to the LD has come to it, as far as it knows: it was online, had a
 * link, and its workers turned. Any thread. */
static inline uint64_t replicate_hears_since(const struct replication *replication) {
    return __atomic_load_n(&replication->hears_since_ms, __ATOMIC_RELAXED);
}

/** Heartbeat thread: a beat has left that was made at @p made_ms. */
void replicate_beaten(struct dataplane *dataplane, uint64_t made_ms);

/**
 * Heartbeat thread: how long a beat that is made now is worth sending. Later, the switches may have
 * turned to the other LDs, and this one begins again before it says that it is there.
 */
uint64_t replicate_believed_until(const struct dataplane *dataplane,
                                  const struct snapshot *snapshot, uint64_t now_ms);

/** A session has come, or has changed: its bucket's other LD has to hear of it. */
void replicate_mark(struct worker *worker, uint32_t number);

/**
 * It has changed in a way that the other LD can do without for a while: should it have to go on
 * from before, the next packet brings the session where it would be, or only its end is late.
 */
void replicate_mark_later(struct worker *worker, uint32_t number);

/**
 * The LD that has told of a standby session may have had no time to tell what became of it
 * (replicate_mark_later()): it died, or could not be heard any more, too soon after the session's
 * last packet that we know of.
 */
bool replicate_is_untold(const struct worker *worker, const struct session *session);

/**
 * A session is as another LD has told: who shares its bucket with this LD, but not with that one,
 * has to hear of it too.
 *
 * @param from who has told
 */
void replicate_relay(struct worker *worker, uint32_t number, uint8_t from);

/** A packet of the streams has come. Takes over the mbuf. */
void replicate_receive(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet);

/** Once a turn of the loop: take in, send, acknowledge, send again. */
void replicate_poll(struct worker *worker);

/** Send a packet of @p payload to a peer: headers and transmission. */
void replicate_send(struct worker *worker, uint8_t peer, uint16_t bucket, const uint8_t *payload,
                    uint16_t payload_bytes);

/** The epoch of what is shared with a peer: of the cluster's map, or of a migration. */
uint32_t replicate_epoch(const struct snapshot *snapshot, uint8_t peer);

/** What packets to and from a peer are sealed with. */
const struct tag_key *replicate_key(const struct worker *worker, uint8_t peer);

/** The header of a packet from this LD to a peer. */
struct wire_header replicate_header(const struct worker *worker, uint8_t peer, uint8_t type);

#endif
