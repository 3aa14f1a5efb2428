/**
 * @file
 * Packets of sessions that another LD of the cluster has.
 *
 * The switch steers by the bucket it computes, and so cannot know the session's for a fragment,
 * whose ports are elsewhere; and a router that is no Sluice switch knows no buckets at all. The LD
 * that gets such a packet finds its bucket and passes it on to the bucket's owner, in VXLAN with
 * that bucket. A packet that has come with its own bucket is not passed on, so none goes round
 * when two LDs disagree on who owns what; but for the time that buckets move
 * (replicate/released.h), and then not when it comes from an LD.
 */
#ifndef SLUICE_FORWARD_PEER_H
#define SLUICE_FORWARD_PEER_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"

struct worker;

/**
 * Pass a packet, which has not been changed, on to the owner of packet->bucket, which this LD does
 * not own.
 *
 * @return DROP_NONE, or why the caller must drop it
 */
enum drop_reason peer_pass_on(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet);

/** True when the other LD of the packet's bucket may have the session that this one has not. */
bool peer_may_know(const struct worker *worker, const struct packet *packet);

/** Pass a packet for which peer_may_know() holds, and which has not been changed, on to that LD. */
enum drop_reason peer_ask_partner(struct worker *worker, struct rte_mbuf *mbuf,
                                  const struct packet *packet);

#endif
