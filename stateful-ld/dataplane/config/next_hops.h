/**
 * @file
 * By whom a configuration's packets leave: the neighbours on the fabric that destinations are
 * reached by. For who builds a snapshot; workers find them in it.
 */
#ifndef SLUICE_CONFIG_NEXT_HOPS_H
#define SLUICE_CONFIG_NEXT_HOPS_H

#include "config/snapshot.h"
#include "forward/neighbour.h"

/** The LD on the fabric, in one family. */
struct fabric {
    struct ip_address own;
    struct ip_address gateway;
    uint32_t prefix_len; /**< of the 128 bits */
};

struct fabric fabric_of(const Sluice__Ld__V1__LdConfig *config, enum ip_family family);

/**
 * Addresses that have to be resolved for @p config: the gateway, and for each destination that is
 * on the fabric subnet its own, with duplicates. Draining targets of @p previous are included.
 *
 * @return malloc()ed, to be freed by the caller; NULL when out of memory
 */
struct ip_address *next_hops(const Sluice__Ld__V1__LdConfig *config,
                             const struct snapshot *previous, uint32_t *count);

/** The neighbour that a packet to @p destination is sent to; it is in the set. */
const struct neighbour *hop_to(const Sluice__Ld__V1__LdConfig *config,
                               const struct neighbour_set *set, struct ip_address destination);

/** Where packets for an RS go on the fabric: to its host, when it is in a VPC. */
struct ip_address tunnel_end_of(const Sluice__Ld__V1__RealServer *rs);

/** The same of an RS that is not configured any more. @return NULL: it is not reached any more */
const struct neighbour *hop_while_draining(const Sluice__Ld__V1__LdConfig *config,
                                           const struct neighbour_set *set,
                                           const struct target *target);

#endif
