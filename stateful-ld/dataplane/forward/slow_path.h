/**
 * @file
 * Everything that comes in and is not a whole TCP or UDP packet to be forwarded. Kept apart, so
 * that it costs the others nothing.
 */
#ifndef SLUICE_FORWARD_SLOW_PATH_H
#define SLUICE_FORWARD_SLOW_PATH_H

#include <rte_mbuf.h>

#include "packet/parse.h"

struct worker;

/** Deal with a packet whose kind is not PACKET_FLOW. Takes the mbuf over. */
void slow_path(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet);

#endif
