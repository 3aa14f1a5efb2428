/**
 * @file
 * SYN cookies under flood (RFC 4987 3.6): beyond a service's threshold of new sessions a second,
 * the LD answers SYNs itself, with all it has to know in the answer. Only a client that
 * acknowledges it gets a session, and then the LD opens the connection to the RS in the client's
 * name.
 *
 * The client is told a window of 0, so it waits with its data until the RS has answered. From then
 * on the RS's numbers, timestamps and window are moved to what the client has been told.
 */
#ifndef SLUICE_FORWARD_COOKIE_H
#define SLUICE_FORWARD_COOKIE_H

#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "config/policy.h"
#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct worker;

/** Has this service more new sessions than it wants to remember? Counts this one. */
bool cookie_wanted(struct worker *worker, const struct policy *policy, const struct packet *packet);

/** Answer a SYN. The packet is dropped. */
void cookie_answer(struct worker *worker, const struct rte_mbuf *mbuf, const struct packet *packet);

/**
 * A client's packet that belongs to no session: is it the acknowledgement of a cookie? Any LD of
 * the cluster may have made that. Where the other LD of the bucket may have opened the session
 * already, it gets the packet.
 *
 * @return DROP_NONE when a session has been opened, and the mbuf freed, or passed on; or why not
 */
enum drop_reason cookie_accept(struct worker *worker, struct rte_mbuf *mbuf,
                               const struct packet *packet);

/** A client's packet while the RS has not answered. @return DROP_NONE when it may go on */
enum drop_reason cookie_of_client(struct worker *worker, session_ref ref, struct rte_tcp_hdr *tcp);

/**
 * An RS answers the LD's SYN for an old connection, as alter_is_challenged() has it of clients'.
 * What a client would do is done for it, once: a RST, and a SYN that suits.
 *
 * @return why the packet goes no further
 */
enum drop_reason cookie_challenged(struct worker *worker, session_ref ref,
                                   const struct rte_tcp_hdr *tcp);

/** An RS's packet while it has not answered: its SYN-ACK becomes the client's window. */
void cookie_of_rs(struct worker *worker, session_ref ref, struct rte_tcp_hdr *tcp);

/** The window of an RS's packet, on the scale the client has been told. */
void cookie_scale_window(const struct session_numbers *numbers, struct rte_tcp_hdr *tcp);

/** The RS has not answered in time: the client, who thinks it is connected, is told. */
void cookie_give_up(struct worker *worker, uint32_t number);

#endif
