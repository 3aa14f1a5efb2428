/**
 * @file
 * Services on their way from one cluster to another (docs/failover.md): which LD of the other
 * cluster is told of which sessions.
 */
#ifndef SLUICE_CONFIG_MIGRATION_H
#define SLUICE_CONFIG_MIGRATION_H

#include <stdbool.h>

#include "config/check.h"
#include "config/cluster.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** Check LdConfig.migration; the cluster has been checked. */
bool check_migration(const struct check *check);

/**
 * Add the other cluster to a cluster that is built, in all but the next hops.
 *
 * @param previous as of cluster_build()
 */
void migration_build(struct cluster *cluster, const Sluice__Ld__V1__LdConfig *config,
                     const struct cluster *previous);

/** True when the service with this name moves. */
bool migration_moves(const Sluice__Ld__V1__LdConfig *config, const char *service);

#endif
