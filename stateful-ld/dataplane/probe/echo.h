/**
 * @file
 * ICMP echo through the data plane: a check's pings. The identifier is to a ping what a port is to
 * a connection; towards the RS it is the bucket's number, as local ports of checks are.
 */
#ifndef SLUICE_PROBE_ECHO_H
#define SLUICE_PROBE_ECHO_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

/** The protocol of a ping of this family. */
uint8_t echo_protocol(enum ip_family family);

/** The identifier of an echo request or reply, network order. */
rte_be16_t echo_identifier(const struct rte_mbuf *mbuf, const struct packet *packet);

/**
 * Give a request or a reply the addresses and the identifier of its session's other side.
 *
 * @return DROP_NONE, or DROP_ICMP when the two sides are not of one family
 */
enum drop_reason echo_translate(struct worker *worker, struct rte_mbuf *mbuf,
                                const struct packet *packet, session_ref ref);

#endif
