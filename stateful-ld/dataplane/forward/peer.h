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
 *
 * While a service migrates to another cluster, its RSs' answers to the old cluster's local IPs
 * still come to the old cluster's LD. That passes them on to its twin, the LD that has the bucket
 * in the other cluster, as soon as the twin has said that it has had a client's packet. The other
 * way round a client's packet may come to the new LD a moment before its session does: the switch
 * names the LD that had the bucket before in the VXLAN header, and there it goes.
 */
#ifndef SLUICE_FORWARD_PEER_H
#define SLUICE_FORWARD_PEER_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

enum {
    /** A twin that has said nothing for so long has failed; its sessions are ours again. */
    PEER_TWIN_SILENT_MS = 100,
};

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

/**
 * True when the other LD of the packet's bucket may open the session that this one may not, for it
 * is not online: a switch has not turned to the other one yet, or the packet waited in a queue
 * while this one stood still.
 */
bool peer_may_open(const struct worker *worker, const struct packet *packet);

/** True when the other cluster has the session's packets, and is to have this one of its RS too. */
bool peer_twin_has(const struct worker *worker, const struct session *session,
                   enum direction direction, const struct packet *packet);

/** Pass a packet for which peer_twin_has() holds, and which has not been changed, on to the twin.
 */
enum drop_reason peer_give_to_twin(struct worker *worker, struct rte_mbuf *mbuf,
                                   const struct packet *packet);

/**
 * The LD that the switch has named as the one that had the bucket before, as an index of struct
 * cluster's `lds`; CLUSTER_NO_LD: none that we know, or it is that one which sends us the packet.
 */
uint8_t peer_hinted(const struct worker *worker, const struct rte_mbuf *mbuf,
                    const struct packet *packet);

/** Pass a packet, which has not been changed, on to an LD. */
enum drop_reason peer_send_to(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet, uint8_t to);

/**
 * Pass a packet for which peer_may_know() or peer_may_open() holds, and which has not been changed,
 * on to that LD.
 */
enum drop_reason peer_ask_partner(struct worker *worker, struct rte_mbuf *mbuf,
                                  const struct packet *packet);

#endif
