/**
 * @file
 * Which of a bucket's ports may be given out by whom. A bucket has two LDs that may get its packets
 * at the same time, when two switches do not agree about who is alive; each gives out ports of its
 * own share, so none is given out twice, whatever anybody believes (docs/failover.md).
 */
#ifndef SLUICE_REPLICATE_PORT_SHARE_H
#define SLUICE_REPLICATE_PORT_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cluster.h"

enum port_share {
    SHARE_ALL,     /**< nobody else has the bucket */
    SHARE_PRIMARY, /**< three quarters: 47 of the 63 ports of a bucket and local IP */
    SHARE_BACKUP,  /**< the rest: 16, for as long as the primary is away */
};

static inline enum port_share share_of(const struct cluster *cluster, uint16_t bucket) {
    if (cluster_partner(cluster, bucket) == CLUSTER_NO_LD)
        return SHARE_ALL;
    return cluster_backs_up(cluster, bucket) ? SHARE_BACKUP : SHARE_PRIMARY;
}

/** @param port a local port, host order */
static inline bool share_has_port(enum port_share share, uint16_t port) {
    bool backups = port / BUCKET_COUNT % 4 == 3;

    return share == SHARE_ALL || backups == (share == SHARE_BACKUP);
}

#endif
