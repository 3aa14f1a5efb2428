/**
 * @file
 * ICMP through the LD: pings of VIPs, errors about a session's packets, errors the LD reports
 * itself. Runs on the worker that owns the packet's bucket, but for pings, which any worker
 * answers.
 *
 * Functions that return a drop reason have taken the mbuf over when it is DROP_NONE; otherwise the
 * caller must drop it.
 */
#ifndef SLUICE_FORWARD_ICMP_PATH_H
#define SLUICE_FORWARD_ICMP_PATH_H

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

/**
 * Answer a ping of a VIP (PACKET_VIP_ECHO), at a limited rate, from the VIP. Of one in fragments
 * each is answered by itself: a reply says what the request has said, so nothing has to be put
 * together, and its checksum is the receiver's to look at.
 */
enum drop_reason icmp_answer_ping(struct worker *worker, struct rte_mbuf *mbuf,
                                  struct packet *packet);

/** Pass on an error about a packet of a session (PACKET_ICMP_ERROR) to the session's other side. */
enum drop_reason icmp_translate_error(struct worker *worker, struct rte_mbuf *mbuf,
                                      struct packet *packet);

/**
 * A ping of control's has been answered (PACKET_ECHO_REPLY). The switch sees no port in it, so any
 * LD of the cluster may get it: the identifier says whose it is.
 */
enum drop_reason icmp_take_reply(struct worker *worker, struct rte_mbuf *mbuf,
                                 struct packet *packet);

/** The translation alone, in place: for a packet that does not go out by the port. */
enum drop_reason icmp_rewrite_session_error(struct worker *worker, struct rte_mbuf *mbuf,
                                            struct packet *packet, session_ref ref);

/** A packet has reached its last hop here (PACKET_TTL_EXPIRED): say so, at a limited rate. */
enum drop_reason icmp_time_exceeded(struct worker *worker, struct rte_mbuf *mbuf,
                                    const struct packet *packet);

/**
 * A packet of session @p ref, not changed yet, does not fit its way: tell its sender how much
 * would, at a limited rate.
 *
 * @param mtu_bytes that much, as the packet is now, before it is translated
 */
enum drop_reason icmp_too_big(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet, session_ref ref, int mtu_bytes);

/**
 * Tell a UDP client that nobody is there (RFC 792, code 3), in place.
 *
 * @return DROP_NONE, or why nothing has been sent
 */
enum drop_reason icmp_port_unreachable(struct worker *worker, struct rte_mbuf *mbuf,
                                       const struct packet *packet);

#endif
