/**
 * @file
 * FULLNAT: (client, VIP) on one side, (local IP, RS) on the other, and the way out on each.
 */
#ifndef SLUICE_FORWARD_FULLNAT_H
#define SLUICE_FORWARD_FULLNAT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct opening;
struct worker;

/**
 * Translate one packet and queue it for transmission.
 *
 * @param packet what the parser and the caller (hash, bucket) know of it; not to be used after
 * @param guess  what session_index_guess() said, or 0
 * @param opening what session_foresee() said, or NULL
 * @return DROP_NONE, or why the caller must drop the packet, which may have been changed by then
 */
enum drop_reason fullnat_translate(struct worker *worker, struct rte_mbuf *mbuf,
                                   struct packet *packet, session_ref guess,
                                   const struct opening *opening);

/**
 * The translation alone, in place: for a packet that goes another way, or has been given one by the
 * caller.
 *
 * @param[in,out] packet follows what becomes of the packet: l3_off, l3_len
 */
enum drop_reason fullnat_rewrite(struct worker *worker, struct rte_mbuf *mbuf,
                                 struct packet *packet, session_ref ref);

/**
 * The same for a fragment. The first one finds or opens the session; later ones, which have no L4
 * header, only find it.
 *
 * @param packet with the ports of the first fragment and the session's bucket
 * @param new_id identification it goes on with, the same for all fragments of the datagram
 */
enum drop_reason fullnat_translate_fragment(struct worker *worker, struct rte_mbuf *mbuf,
                                            struct packet *packet, uint32_t new_id);

#endif
