/**
 * @file
 * Whether a service takes a session, and what its sessions may send: access lists and limits.
 */
#ifndef SLUICE_FORWARD_ADMISSION_H
#define SLUICE_FORWARD_ADMISSION_H

#include <rte_mbuf.h>

#include "config/policy.h"
#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct snapshot;
struct worker;

/**
 * May this client open a session now? If so it is counted: admission_withdraw() when it is not
 * opened after all, admission_over() when it ends.
 */
enum drop_reason admission_ask(struct worker *worker, const struct policy *policy,
                               const struct packet *packet);
void admission_withdraw(struct worker *worker, const struct policy *policy);
void admission_over(struct worker *worker, const struct session *session);

/** A session that another LD has opened is this one's now: it counts, whatever the limit. */
void admission_taken_over(struct worker *worker, const struct session *session);

/** Count the worker's sessions by the limits of a snapshot it has not worked with before. */
void admission_recount(struct worker *worker, const struct snapshot *snapshot);

/**
 * Look at a packet of a session, or a fragment of one: bandwidth, and whether its RS has gone.
 * Asked only while the snapshot is `attentive`, so that packets of configurations without either
 * pay one branch.
 *
 * @return DROP_NONE, or why the packet must be dropped
 */
enum drop_reason admission_packet(struct worker *worker, const struct rte_mbuf *mbuf,
                                  const struct packet *packet, session_ref ref);

#endif
