/**
 * @file
 * Sending TCP segments of the LD's own making.
 */
#ifndef SLUICE_FORWARD_OWN_SEGMENT_H
#define SLUICE_FORWARD_OWN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "forward/way_out.h"
#include "packet/tcp_segment.h"

/** The tuple of the answer to a packet. */
static inline struct flow_key flow_turned(const struct flow_key *flow) {
    struct flow_key turned = *flow;

    turned.src = flow->dst;
    turned.dst = flow->src;
    turned.src_port = flow->dst_port;
    turned.dst_port = flow->src_port;
    turned.v6.src = flow->v6.dst;
    turned.v6.dst = flow->v6.src;
    return turned;
}

/**
 * A segment in an mbuf of its own, as if it had been received and parsed, but for hash and bucket.
 *
 * @return NULL when there is no mbuf
 */
struct rte_mbuf *own_segment_make(struct worker *worker, const struct tcp_segment *segment,
                                  struct packet *packet);

/**
 * Send a segment in an mbuf of its own.
 *
 * @return false when there is no mbuf or no way: TCP is used to losses
 */
bool own_segment_send(struct worker *worker, const struct tcp_segment *segment,
                      const struct way_out *way, uint16_t bucket);

#endif
