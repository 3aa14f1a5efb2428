/**
 * @file
 * The LDs of a cluster and who of them has which bucket, in the form workers use.
 */
#ifndef SLUICE_CONFIG_CLUSTER_H
#define SLUICE_CONFIG_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"
#include "packet/bucket.h"
#include "packet/port_share.h"
#include "packet/tag.h"
#include "sluice/ld/v1/ld.pb-c.h"

struct neighbour;

enum {
    CLUSTER_LDS_MAX = 64,
    CLUSTER_NO_LD = 0xff,
    REPLICATION_KEY_BYTES = 16,
};

struct peer {
    uint32_t ld_id;
    struct ip_address vtep;
    bool twin; /**< of the other cluster, where services migrate from or to */
    const struct neighbour *next_hop; /**< NULL for this LD itself */
};

struct cluster {
    uint32_t ld_count; /**< 0: the LD has no peers, nothing else here is valid */
    uint8_t self;      /**< index into `lds` */
    bool replicates;
    struct peer lds[CLUSTER_LDS_MAX]; /**< ld_id 0: none; an LD keeps its index while it stays */
    uint8_t primary[BUCKET_COUNT];    /**< index into `lds`, or CLUSTER_NO_LD */
    uint8_t backup[BUCKET_COUNT];     /**< the same */
    uint8_t shares[BUCKET_COUNT];     /**< of its ports, that this LD gives out; bit 0..3 */
    bool leaves;                      /**< a bucket has an entry in `former` */
    /**
     * Of a bucket that an LD has left, as long as a switch may not know: to the primary who has
     * left it, to that one the primary; else CLUSTER_NO_LD. Both tell each other its sessions.
     */
    uint8_t former[BUCKET_COUNT];
    struct tag_key replication_key;
    struct siphash_key cookie_key; /**< of SYN cookies; made from the same */

    /* Services move between this cluster and another one, whose LDs are in `lds` too. */
    bool migrates;
    uint32_t migration_epoch;
    struct tag_key migration_key;
    /** Who is primary there, of buckets that this LD is primary of; else CLUSTER_NO_LD. */
    uint8_t twin[BUCKET_COUNT];
};

/**
 * Check the cluster part of a configuration.
 *
 * @param[out] reason when refused: one line of at most @p reason_bytes
 */
bool cluster_validate(const Sluice__Ld__V1__LdConfig *config, char *reason, size_t reason_bytes);

/**
 * Fill in all but the next hops from a message cluster_validate() has accepted.
 *
 * @param previous the one in force, or NULL: LDs of it keep their index
 */
void cluster_build(struct cluster *cluster, const Sluice__Ld__V1__Cluster *config,
                   const struct cluster *previous);

/**
 * Give an LD an index: the one it has had, else one that is free.
 *
 * @param previous as of cluster_build()
 * @return the index
 */
uint8_t cluster_place(struct cluster *cluster, const Sluice__Ld__V1__Peer *ld,
                      const struct cluster *previous);

/** The other LD of a bucket that this LD is primary or backup of; else CLUSTER_NO_LD. */
static inline uint8_t cluster_partner(const struct cluster *cluster, uint16_t bucket) {
    if (cluster->ld_count == 0)
        return CLUSTER_NO_LD;
    if (cluster->primary[bucket] == cluster->self)
        return cluster->backup[bucket];
    return cluster->backup[bucket] == cluster->self ? cluster->primary[bucket] : CLUSTER_NO_LD;
}

/** True when a peer of the same cluster is told of a bucket's sessions. */
static inline bool cluster_tells(const struct cluster *cluster, uint16_t bucket, uint8_t peer) {
    return cluster_partner(cluster, bucket) == peer || cluster->former[bucket] == peer;
}

/** True when a peer is told of sessions of a bucket: of all, or of those of services that move. */
static inline bool cluster_shares(const struct cluster *cluster, uint16_t bucket, uint8_t peer) {
    return cluster_tells(cluster, bucket, peer) || cluster->twin[bucket] == peer;
}

/** Shares of a bucket's ports that this LD gives out. @return a bit each */
static inline uint8_t cluster_port_shares(const struct cluster *cluster, uint16_t bucket) {
    return cluster->ld_count == 0 ? SHARES_ALL : cluster->shares[bucket];
}

/** True when this LD is the backup of the bucket. */
static inline bool cluster_backs_up(const struct cluster *cluster, uint16_t bucket) {
    return cluster->ld_count != 0 && cluster->backup[bucket] == cluster->self;
}

/** The LD with an id, or CLUSTER_NO_LD. */
uint8_t cluster_find(const struct cluster *cluster, uint32_t ld_id);

#endif
