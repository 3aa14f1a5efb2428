/**
 * @file
 * The sending end of one stream: from one worker to one peer.
 *
 * Packets are numbered and kept until they are acknowledged, at most a window of them; what is lost
 * is sent again from there on. A packet holds what its sessions are when it is made, so changes
 * that come quicker than packets leave are told once. A change leaves at once unless
 * something has left in this millisecond. What the peer could do without waits for
 * SENDER_LATER_MS: the session may have changed again by then.
 */
#ifndef SLUICE_REPLICATE_SENDER_H
#define SLUICE_REPLICATE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bucket.h"
#include "replicate/wire.h"

struct worker;

enum {
    SENDER_WINDOW = 128,
    SENDER_MARKS = 65536,
    /** What may be told later waits so long, and no more than a step less or longer, for what else
     * becomes of its session. */
    SENDER_LATER_MS = 200,
    SENDER_LATER_STEPS = 8,
    SENDER_LATER_MARKS = 262144,
    SENDER_RETRY_MS = 10,
    SENDER_RETRY_MAX_MS = 200,
    /** So long without an answer, the peer has gone: a new stream begins when it is back. */
    SENDER_GONE_MS = 1000,
    SENDER_COPY_BUDGET = 256, /**< sessions looked at in one turn */
    /** Something is sent at least as often: the peer has to know that we live, a twin soon. */
    SENDER_KEEPALIVE_MS = 100,
    SENDER_TWIN_KEEPALIVE_MS = 20,
};

enum sender_phase {
    SENDER_HELLO = 0, /**< an empty packet, until the peer answers and says who it is */
    SENDER_COPY,      /**< all sessions that it has to get */
    SENDER_STEADY,    /**< what changes */
};

/** Marks that found no room in the ring: where the search for them is. */
enum sender_sweep {
    SWEEP_NONE = 0,
    SWEEP_ON,
    SWEEP_FROM_START, /**< there are new ones, perhaps behind where it is */
};

/** Numbers of changed sessions, in the order of the changes. */
struct mark_ring {
    uint32_t *numbers;
    uint32_t room; /**< a power of two */
    uint32_t head;
    uint32_t tail;
};

struct sender_packet {
    uint16_t bytes;
    uint8_t payload[WIRE_PAYLOAD_MAX];
};

struct sender {
    uint64_t stream;
    uint64_t own_incarnation;  /**< in which the stream has begun */
    uint64_t peer_incarnation; /**< that it is for; 0: not known yet */
    bool runs;                 /**< there is something that the peer shares */
    bool twin;                 /**< it is of the other cluster that services migrate from or to */
    uint32_t ld_id;            /**< of the peer */
    uint32_t epoch;
    uint8_t peer;
    uint8_t phase;
    uint16_t bucket;       /**< of the packets' source port: one of ours the peer shares */
    uint32_t next;         /**< sequence of the next packet */
    uint32_t acknowledged; /**< sequence */
    uint64_t sent_ms;      /**< the last new packet */
    uint64_t progress_ms;  /**< of the last acknowledgement that told something new */
    uint64_t sent_again_ms;
    uint32_t retry_ms;
    uint64_t to_copy[BUCKET_COUNT / 64];  /**< bit per bucket that the copy is of */
    uint64_t to_claim[BUCKET_COUNT / 64]; /**< those of them that another LD has left to us */
    uint32_t copied_up_to;                /**< session number */
    uint32_t copied;                      /**< sessions; atomic, as is `looked_at` */
    uint32_t looked_at;                   /**< open sessions on the way there */
    struct mark_ring soon;
    struct mark_ring later;
    uint32_t later_tail[SENDER_LATER_STEPS]; /**< where `later` ended, by step of time */
    uint64_t later_step;                     /**< the present one */
    uint8_t sweep;                           /**< enum sender_sweep */
    uint32_t swept_up_to;                    /**< session number */
    struct sender_packet *window;            /**< by sequence */
};

/** @return NULL when out of memory. */
struct sender *sender_create(void);
void sender_free(struct sender *sender);

/** Forget everything; the peer will get a new copy. */
void sender_begin(struct worker *worker, struct sender *sender);

/** Nothing is shared with the peer any more. Should anything be again, a new stream begins. */
void sender_end(struct sender *sender);

/**
 * The configuration has changed. The stream goes on, with a copy of what the peer has to have
 * besides.
 *
 * @param gained bit per bucket that was not shared with it
 * @param left bit per bucket of these that was shared with another one
 */
void sender_follow(struct worker *worker, struct sender *sender,
                   const uint64_t gained[BUCKET_COUNT / 64],
                   const uint64_t left[BUCKET_COUNT / 64]);

/** A session has changed. */
void sender_mark(struct worker *worker, struct sender *sender, uint32_t number);

/** The same, but the peer can do without for a while. */
void sender_mark_later(struct worker *worker, struct sender *sender, uint32_t number);

void sender_acknowledged(struct worker *worker, struct sender *sender,
                         const struct wire_header *header);

void sender_poll(struct worker *worker, struct sender *sender);

#endif
