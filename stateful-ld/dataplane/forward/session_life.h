/**
 * @file
 * The life of a session: moved through its states by what is seen of it, ended when it has been
 * idle for too long or is replaced.
 *
 * All of it on the worker that owns the session's bucket.
 */
#ifndef SLUICE_FORWARD_SESSION_LIFE_H
#define SLUICE_FORWARD_SESSION_LIFE_H

#include <stdint.h>

#include "forward/worker.h"
#include "packet/parse.h"
#include "session/session.h"

/** A packet of the session has come: count it, move the TCP state, put the end off. */
void session_touch(struct worker *worker, session_ref ref, const struct packet *packet);

/** The part of session_touch() that only counts: for fragments without a TCP header. */
static inline void session_count(struct worker *worker, session_ref ref,
                                 const struct packet *packet) {
    struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    struct rs_counters *rs = &worker->rs[session->target];

    session->packets[direction]++;
    rs->packets[direction]++;
    rs->bytes[direction] += packet->l3_len;
}

/** Move a session into another state, and its end with it. */
void session_set_state(struct worker *worker, session_ref ref, enum session_state state);

/** End an open session: its number and its local port may be used again. */
void session_end(struct worker *worker, uint32_t number);

/** Its state has been changed from outside: let the wheel look in time. */
void session_rearm(struct worker *worker, uint32_t number);

/** When the session ends if nothing more is seen of it, on the worker's clock. */
uint64_t session_deadline_ms(const struct worker *worker, const struct session *session);

/** wheel_due of a worker: end these sessions, or look at them again later. */
void session_due(void *worker, const uint32_t *numbers, uint32_t count);

#endif
