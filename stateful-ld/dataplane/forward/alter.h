/**
 * @file
 * What changes in a session's packets besides addresses and ports: the client's address for the RS.
 *
 * TOA is an option of the packets that can complete the handshake on the RS: those of the client
 * that acknowledge the RS's SYN and nothing more, until the RS has sent data. Where header or MTU
 * leave no room, and in fragments, the packet goes without it. What the client has put there itself
 * is blanked, in any case: an RS believes the first such option.
 *
 * PROXY protocol v2 takes sequence numbers. They are taken from in front of the client's: its SYN
 * leaves with a number lower by the header's length, so everything the client sends keeps its
 * number, and nothing has to be changed once the RS has acknowledged the header. Until then the
 * header is sent, as a segment of its own, before any packet of the client that begins where its
 * data begins. So the client's retransmission repeats it as well.
 */
#ifndef SLUICE_FORWARD_ALTER_H
#define SLUICE_FORWARD_ALTER_H

#include <rte_mbuf.h>

#include "config/policy.h"
#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

/** Where a packet has to go through alter_packet(). */
static inline bool alter_wanted(const struct session *session, const struct packet *packet) {
    return (session->alter | (packet->tcp_flags & TCP_FIN)) != 0;
}

/**
 * True when a packet of the RS answers a SYN for an old connection: the RS has the tuple in
 * TIME-WAIT, or half open, from a time that this LD knows nothing of.
 */
static inline bool alter_is_challenged(const struct session *session, enum direction direction,
                                       const struct packet *packet) {
    return session->state == STATE_SYN_SENT && direction == FROM_RS && session->alter == 0 &&
           (packet->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/**
 * Note what the RS expects of the old connection, from a packet for which alter_is_challenged()
 * holds. The client will say RST to it and send its SYN again (RFC 9293 3.10.7.3); that one is made
 * to suit, and the session keeps its port: another one may be in TIME-WAIT as well.
 */
void alter_challenged(struct session *session, const struct rte_mbuf *mbuf,
                      const struct packet *packet);

/** True when a RST of the client's is the answer to that, and the client goes on connecting. */
static inline bool alter_goes_on(const struct session *session, enum direction direction,
                                 uint8_t tcp_flags) {
    return session->state == STATE_SYN_SENT && direction == FROM_CLIENT &&
           (session->alter & ALTER_SYN) != 0 && (tcp_flags & TCP_RST) != 0;
}

/** The bits of a new session's `alter`. @param client tuple of its client's packets */
uint8_t alter_of(const struct policy *policy, const struct flow_key *client);

/**
 * Change a packet of a session, before it is translated, and note where the client's data ends.
 *
 * @return DROP_NONE, or why it must be dropped
 */
enum drop_reason alter_packet(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet,
                              session_ref ref);

/**
 * The length up to which a packet of a session, as it has come, fits its way: what translation and
 * alter_packet() are going to add to it is taken off. To be asked first: an error about a packet
 * must quote it as its sender knows it.
 */
int alter_mtu_bytes(struct worker *worker, const struct packet *packet, session_ref ref);

/**
 * Undo in an ICMP error, before it is translated, what alter_packet() has done to the packet the
 * error is about: a TCP ignores errors about numbers it has not sent (RFC 5927 4.1), and a sender
 * has to leave room for what is added on the way.
 *
 * @param ref session, in the direction the error goes
 */
void alter_error(struct worker *worker, uint8_t *frame, const struct packet *packet,
                 session_ref ref);

#endif
