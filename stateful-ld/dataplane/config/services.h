/**
 * @file
 * How a snapshot's services and VIPs are found: a hash of services by what packets carry, and VIPs
 * in order. What packets ask is in config/snapshot.h; this is for who builds the snapshot.
 */
#ifndef SLUICE_CONFIG_SERVICES_H
#define SLUICE_CONFIG_SERVICES_H

#include "config/snapshot.h"

/** Let a service be found, of which all is set. @param number index into snapshot.services */
void services_hash(struct snapshot *snapshot, uint32_t number);

/** @param vni_protocol as in flow keys. @return NULL when there is none */
const struct service *services_find(const struct snapshot *snapshot, uint32_t vni_protocol,
                                    const struct ip_address *vip, rte_be16_t port);

/** Let the VIPs be found, when all services are there. */
void services_sort_vips(struct snapshot *snapshot);

#endif
