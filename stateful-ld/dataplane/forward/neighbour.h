/**
 * @file
 * MAC addresses of the hosts on the fabric.
 *
 * Control owns everything here and is the only writer. Workers read a neighbour's MAC with one
 * load, and tell control what they hear and what they miss through a ring.
 */
#ifndef SLUICE_FORWARD_NEIGHBOUR_H
#define SLUICE_FORWARD_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ring.h>

#include "packet/address.h"

enum {
    NEIGHBOUR_CONFIRM_MS = 30 * 1000, /**< RFC 1122 2.3.2.1: once a minute or oftener */
    NEIGHBOUR_RETRY_MS = 1000,        /**< RFC 1122 2.3.2.1: at most one request a second */
    NEIGHBOUR_UNICAST_PROBES = 3,
    NEIGHBOUR_PROBES = 6,         /**< unicast, then to all; then the MAC is given up */
    NEIGHBOUR_LEARNT_PROBES = 3,  /**< RFC 4861 10: MAX_MULTICAST_SOLICIT; then nobody is there */
    NEIGHBOURS_LEARNT_MAX = 4096, /**< besides next hops, of which there may be any number */
};

struct neighbour {
    uint64_t mac; /**< 48 bits and NEIGHBOUR_RESOLVED; read by workers */
    struct ip_address address;
    uint8_t used; /**< of those that are learnt: packets go there. Control takes it back */
    /* Control's own: */
    bool configured;       /**< a next hop of the configuration, not just a host someone wrote to */
    bool over;             /**< the next set is without it */
    uint8_t probes;        /**< requests since the last answer */
    uint64_t confirmed_ms; /**< also when it was learnt */
    uint64_t asked_ms;
};

#define NEIGHBOUR_RESOLVED (1ULL << 48)

/** Immutable map from address to neighbour; replaced as a whole under RCU. */
struct neighbour_set {
    uint64_t seed; /**< clients choose their addresses, and must not choose their places */
    uint32_t count;
    uint32_t mask; /**< of the hash table behind the entries */
    struct neighbour **entries;
    uint32_t *hash; /**< entry number + 1; 0: empty */
};

/** What a worker has heard, and tells control. */
struct neighbour_event {
    struct ip_address address;
    struct rte_ether_addr mac;
    uint8_t reserved[2];
};

_Static_assert(sizeof(struct neighbour_event) % 8 == 0, "elements of a ring are 32-bit words");

/** Read a neighbour's MAC. Any thread. @return false while it is not known. */
static inline bool neighbour_mac(const struct neighbour *neighbour, struct rte_ether_addr *mac) {
    uint64_t word = __atomic_load_n(&neighbour->mac, __ATOMIC_RELAXED);

    memcpy(mac, &word, sizeof(*mac));
    return (word & NEIGHBOUR_RESOLVED) != 0;
}

/** A packet goes to a learnt neighbour. One that nothing is sent to is forgotten. */
static inline void neighbour_use(struct neighbour *neighbour) {
    /* Read first: so the line stays with all workers, but for once in NEIGHBOUR_CONFIRM_MS. */
    if (__atomic_load_n(&neighbour->used, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&neighbour->used, 1, __ATOMIC_RELAXED);
}

/** Any thread that has not reported quiescence. @return NULL when @p address is not in the set. */
struct neighbour *neighbour_find(const struct neighbour_set *set, const struct ip_address *address);

/**
 * Make a set of the neighbours of @p old that are in @p wanted, new ones for the other @p wanted
 * addresses (duplicates allowed), and those of @p old that were learnt and are resolved.
 *
 * @param old may be NULL
 * @return NULL when out of memory
 */
struct neighbour_set *neighbour_set_build(const struct neighbour_set *old,
                                          const struct ip_address *wanted, uint32_t count);

/**
 * A copy of @p old without the neighbours that are over, and with more that are learnt.
 *
 * When there are too many, others that are learnt give way: those that have not answered first,
 * then those to whom nothing is sent, then those that have not been confirmed for longest.
 *
 * @param addresses not in @p old, no duplicates
 * @param count     at most NEIGHBOURS_LEARNT_MAX
 * @return NULL when out of memory
 */
struct neighbour_set *neighbour_set_with(const struct neighbour_set *old,
                                         const struct ip_address *addresses, uint32_t count,
                                         uint64_t now_ms);

/**
 * Free a set that no worker can see any more, and its neighbours that are not in @p successor
 * (NULL: all).
 */
void neighbour_set_free(struct neighbour_set *set, const struct neighbour_set *successor);

/** @p address answers with @p mac. Control only. */
void neighbour_heard(struct neighbour *neighbour, const struct rte_ether_addr *mac,
                     uint64_t now_ms);

/** Sends an ARP request or neighbour solicitation; @p destination NULL: to all who may have it. */
typedef void (*neighbour_ask)(void *context, const struct ip_address *address,
                              const struct rte_ether_addr *destination);

/**
 * Ask for what is unknown or has not been confirmed for long. Control only, every 100 ms or so.
 *
 * @return how many are over: hosts that do not answer, or that nothing is sent to any more
 */
uint32_t neighbours_tick(const struct neighbour_set *set, uint64_t now_ms, neighbour_ask ask,
                         void *context);

#endif
