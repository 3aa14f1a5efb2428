/**
 * @file
 * Saying no: RST to TCP, ICMP port unreachable to UDP, where the service wants it said.
 */
#ifndef SLUICE_FORWARD_REFUSE_H
#define SLUICE_FORWARD_REFUSE_H

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

/**
 * A client's packet is not let in for @p reason. Answers it when the service says so and it is the
 * service's fault: not what is blocked, or of a client that asks too often.
 *
 * @return @p reason, or DROP_NONE when the mbuf is on its way back; the reason is counted then
 */
enum drop_reason refuse_packet(struct worker *worker, struct rte_mbuf *mbuf,
                               const struct packet *packet, enum drop_reason reason);

/** End a TCP session by RST to both sides, with the numbers its client's packet says they expect.
 */
void refuse_session(struct worker *worker, const struct rte_mbuf *mbuf, const struct packet *packet,
                    session_ref ref);

#endif
