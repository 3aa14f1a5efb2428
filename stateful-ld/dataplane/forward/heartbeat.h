/**
 * @file
 * Heartbeats to the switches: as long as they come, the LD gets its buckets' packets; when they
 * stop, the backups do (docs/design.md, failover).
 *
 * A thread of its own beats: a configuration that is being applied, or a listing that is made, must
 * not make the LD late. Workers transmit: a queue has one owner. A beat says that packets get
 * through: that every worker has gone round its loop since the one before, so a stuck worker
 * silences the whole LD, that there are packet buffers, and that the port has its link; and that
 * the LD has the sessions of its buckets (replicate/online.c).
 *
 * What was true when a beat was made need not be when it leaves: the worker that is to transmit it
 * may be the one that gets stuck. A switch would take it for a sign of life, whatever its age. So
 * it is dropped when the switches may have turned away meanwhile, and only those that have left
 * count.
 *
 * The last beat, "going down", is made in advance with each ordinary one, because it may have to be
 * sent by a process that is crashing. heartbeat_last_words() is called from signal handlers: it
 * allocates nothing and takes no lock and no ring slot (the crashed thread may be in the middle of
 * taking one); it writes a sequence number into finished frames and hands a pointer to them to a
 * worker that still runs. Only when there is no other worker with a queue does the crashed worker
 * transmit them itself, and not if it crashed while transmitting.
 */
#ifndef SLUICE_FORWARD_HEARTBEAT_H
#define SLUICE_FORWARD_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/snapshot.h"
#include "forward/dataplane.h"

enum {
    /** How long heartbeat_tick() lets its caller wait when there is nothing to send. */
    HEARTBEAT_NOTHING_DUE_MS = 1000,
    /** How long the last words may take. */
    HEARTBEAT_LAST_WORDS_MS = 1000,
    /** So far ahead the last words' sequence is, that a beat that was on its way is too old after
     * them, and one of a restarted LD is not. */
    HEARTBEAT_LAST_WORDS_LEAD_US = 100 * 1000,
};

/** Frames a worker sends in the name of control. */
struct last_words {
    struct rte_mbuf *mbufs[HEARTBEAT_SWITCHES_MAX];
    uint16_t count;
};

/** What is on its way to the switches. The heartbeat thread's, but for the time in which the worker
 * has it: from the moment it is at `worker->beats` until the worker puts NULL there. */
struct beats {
    struct rte_mbuf *mbufs[2 * HEARTBEAT_SWITCHES_MAX]; /**< for two epochs */
    uint16_t count;
    uint16_t sent; /**< the worker says so */
    uint64_t made_ms;
    uint64_t until_ms; /**< after that they are stale */
};

struct heartbeat {
    struct dataplane *dataplane;
    uint64_t due_ms;
    uint64_t sequence;           /**< of the last beat */
    uint64_t turns[WORKERS_MAX]; /**< workers' turns at the last beat */
    bool link_is_down;
    struct beats beats;
    struct last_words words[2]; /**< one is ready, the other is being made */
    struct last_words *ready;   /**< who exchanges it for NULL may say them; NULL also before */
    bool prepared;              /**< `ready` has been set, so that NULL means: said */
};

void heartbeat_init(struct heartbeat *heartbeat, struct dataplane *dataplane);

/** No worker runs any more. */
void heartbeat_free(struct heartbeat *heartbeat);

/**
 * Tell whether the port has its link. Without it the LD is offline, whatever it sends: the other
 * LDs have its packets, and their copies come first when the link is back. Heartbeat thread only.
 */
void heartbeat_link(struct heartbeat *heartbeat, bool up);

/**
 * Beat when it is time and all is well. Heartbeat thread only; control may publish meanwhile. Tells
 * workers what time it is (dataplane->since_1970_ms).
 *
 * @param now_us microseconds since 1970
 * @return milliseconds until it wants to be called again, at least 1
 */
int heartbeat_tick(struct heartbeat *heartbeat, uint64_t now_ms, uint64_t now_us);

/**
 * Tell the switches that this LD is going down; no beat follows. Waits until the workers have sent
 * it, but not for long. Async-signal-safe; calls after the first one do nothing.
 */
void heartbeat_last_words(struct heartbeat *heartbeat, uint64_t now_us);

#endif
