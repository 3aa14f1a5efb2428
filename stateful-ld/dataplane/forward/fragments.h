/**
 * @file
 * Fragments. Only a datagram's first fragment has ports; what they are is remembered for the
 * fragments that follow, and fragments that come before the first one wait for it.
 *
 * Two workers may be involved. All fragments of a datagram come to the *tracker*: the owner of the
 * bucket the switch computes with ports 0 (p4src/controls/flow.p4). It finds the ports and from
 * them the session's bucket, and hands the fragment, with a note, to that bucket's owner, who has
 * the session. Fragments are not put together: their sizes are kept, and so is what they cost.
 *
 * Memory is bounded: a table of datagrams in which the oldest of a set gives way, and a number of
 * waiting fragments beyond which later ones are dropped.
 */
#ifndef SLUICE_FORWARD_FRAGMENTS_H
#define SLUICE_FORWARD_FRAGMENTS_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/parse.h"

struct worker;

enum {
    FRAGMENT_SETS = 512,
    FRAGMENT_WAYS = 8,
    FRAGMENTS_HELD_MAX = 128,
    FRAGMENTS_HELD_PER_DATAGRAM_MAX = 16,
    /** A path that reorders delays by milliseconds; nobody needs a fragment that waits longer. */
    FRAGMENT_HOLD_MS = 500,
    /** RFC 791 3.2: the least time a receiver waits for the rest of a datagram. */
    FRAGMENT_REMEMBER_MS = 15 * 1000,
};

/** A datagram of which a fragment has been seen. */
struct datagram {
    struct flow_key name; /**< the identification is in the place of both ports */
    rte_be16_t src_port;  /**< of the first fragment, once `known` */
    rte_be16_t dst_port;
    uint32_t new_id;   /**< identification it goes on with */
    uint8_t known;     /**< the first fragment has come */
    uint8_t held;      /**< fragments that wait for it */
    uint64_t since_ms; /**< first fragment, or first one that waits */
};

/** A fragment that waits for the first one of its datagram. */
struct held_fragment {
    struct rte_mbuf *mbuf; /**< NULL: unused */
    struct datagram *datagram;
    struct packet packet;
};

/** One worker's. */
struct fragments {
    struct datagram *table; /**< FRAGMENT_SETS of FRAGMENT_WAYS */
    struct held_fragment *held;
    uint32_t held_count;
    uint32_t next_id;
    uint64_t seed;
};

/** @return 0, -ENOMEM, or -ENOSPC when mbufs have no room left for a note. */
int fragments_init(struct fragments *fragments, uint64_t seed);

/** Frees what waits, too. */
void fragments_free(struct fragments *fragments);

/** Deal with a PACKET_FRAGMENT, on any worker. Takes the mbuf over. */
void fragment_process(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet);

/** An identification that no other packet of this LD has been given lately. */
uint32_t fragments_next_id(struct worker *worker);

/** Drop what has waited too long. */
void fragments_expire(struct worker *worker);

#endif
