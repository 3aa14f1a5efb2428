/**
 * @file
 * ICMP errors about packets of a NAT64 session (RFC 7915 4.2, 4.3, 5.2, 5.3).
 */
#ifndef SLUICE_PACKET_ICMP_NAT64_H
#define SLUICE_PACKET_ICMP_NAT64_H

#include <rte_mbuf.h>

#include "packet/parse.h"

/**
 * Make of an error in one family the error in the other; the packet's data, offsets and length
 * follow.
 *
 * @param other tuple of the session's other side, of the other family
 * @return DROP_NONE, or why it cannot be translated
 */
enum drop_reason icmp_nat64_error(struct rte_mbuf *mbuf, struct packet *packet,
                                  const struct flow_key *other);

#endif
