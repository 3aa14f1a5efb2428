/**
 * @file
 * How a session begins: who may open one, at which RS and with which local port.
 *
 * All of it on the worker that owns the session's bucket.
 */
#ifndef SLUICE_FORWARD_SESSION_OPENING_H
#define SLUICE_FORWARD_SESSION_OPENING_H

#include <stdbool.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct service;
struct worker;

enum {
    CHOICE_LATER = -2 /**< the scheduler has not been asked */
};

/** What has been found out about a packet that belongs to no session, on the way to one. */
struct opening {
    const struct service *service; /**< when `reason` is DROP_NONE */
    int choice;                    /**< scheduler_choose(), or CHOICE_LATER */
    enum drop_reason reason;       /**< why it opens none */
};

/**
 * Find out about a packet that seems to belong to no session, some packets before session_admit(),
 * and ask for the memory that will be read there. To be called once for a packet, for there is
 * somebody's turn in it and some quota; when the packet turns out to belong to a session, they are
 * lost, which harms nobody.
 */
struct opening session_foresee(struct worker *worker, const struct packet *packet);

/**
 * Open a session for a packet that belongs to none: choose an RS and a local port.
 *
 * @param opening what session_foresee() has said, or NULL
 * @param[out] ref the session, in the direction from the client
 * @return DROP_NONE, or why there is no session for this packet
 */
enum drop_reason session_admit(struct worker *worker, const struct packet *packet,
                               const struct opening *opening, session_ref *ref);

/** True when nobody has sessions of the bucket that this LD has not: it may give out its ports. */
bool session_bucket_is_whole(const struct worker *worker, uint16_t bucket);

/**
 * Open one without asking whether the packet is of those that do: behind a SYN cookie.
 *
 * @param opening without a reason not to
 * @return as session_admit()
 */
enum drop_reason session_start(struct worker *worker, const struct opening *opening,
                               const struct packet *packet, session_ref *ref);

#endif
