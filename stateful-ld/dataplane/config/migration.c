#include "config/migration.h"

#include <string.h>

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Migration Migration;
typedef Sluice__Ld__V1__Peer Peer;
typedef Sluice__Ld__V1__BucketAssignment BucketAssignment;

enum {
    LD_ID_MAX = 65535
};

static bool has_service(const LdConfig *config, const char *name) {
    for (size_t i = 0; i < config->n_services; i++)
        if (strcmp(config->services[i]->name, name) == 0)
            return true;
    return false;
}

static const Peer *find(Peer *const *lds, size_t count, uint32_t ld_id) {
    for (size_t i = 0; i < count; i++)
        if (lds[i]->ld_id == ld_id)
            return lds[i];
    return NULL;
}

static bool check_ld(const struct check *check, size_t at) {
    const Migration *migration = check->config->migration;
    const Sluice__Ld__V1__Cluster *own = check->config->cluster;
    const Peer *ld = migration->lds[at];

    if (!check_range(check, "migration: lds: id", ld->ld_id, 1, LD_ID_MAX) ||
        !check_tunnel_end(check, "migration: lds: vtep", ld->vtep))
        return false;
    if (find(own->lds, own->n_lds, ld->ld_id) != NULL)
        return refuse(check, "migration: LD %u is of this cluster, not of the other one",
                      ld->ld_id);
    for (size_t i = 0; i < own->n_lds; i++)
        if (same(own->lds[i]->vtep, ld->vtep))
            return refuse(check, "migration: LD %u: its vtep is LD %u's of this cluster", ld->ld_id,
                          own->lds[i]->ld_id);
    for (size_t i = 0; i < at; i++)
        if (migration->lds[i]->ld_id == ld->ld_id || same(migration->lds[i]->vtep, ld->vtep))
            return refuse(check, "migration: LD %u: its id or its vtep is listed twice", ld->ld_id);
    return true;
}

static bool check_assignments(const struct check *check) {
    const Migration *migration = check->config->migration;
    uint32_t next = 0;

    for (size_t i = 0; i < migration->n_buckets; i++) {
        const BucketAssignment *item = migration->buckets[i];

        if (item->last >= BUCKET_COUNT || item->first > item->last || item->first < next)
            return refuse(check,
                          "migration: buckets: %u..%u is not a range in 0..%d behind the one "
                          "before it",
                          item->first, item->last, BUCKET_COUNT - 1);
        if (find(migration->lds, migration->n_lds, item->ld_id) == NULL)
            return refuse(check, "migration: buckets: %u..%u: ld_id %u is not one of lds",
                          item->first, item->last, item->ld_id);
        next = item->last + 1;
    }
    return true;
}

bool check_migration(const struct check *check) {
    const LdConfig *config = check->config;
    const Migration *migration = config->migration;

    if (migration == NULL)
        return true;
    if (config->cluster == NULL || config->cluster->replication_key.len == 0)
        return refuse(check, "migration: the LD's own cluster does not replicate sessions (give "
                             "cluster: replication_key)");
    if (migration->key.len != REPLICATION_KEY_BYTES)
        return refuse(check, "migration: key: %zu bytes (it has %d)", migration->key.len,
                      REPLICATION_KEY_BYTES);
    if (config->cluster->n_lds + migration->n_lds > CLUSTER_LDS_MAX)
        return refuse(check, "migration: lds: %zu, and %zu of this cluster (at most %d together)",
                      migration->n_lds, config->cluster->n_lds, CLUSTER_LDS_MAX);
    for (size_t i = 0; i < migration->n_services; i++)
        if (!has_service(config, migration->services[i]))
            return refuse(check, "migration: service \"%s\" is not one of services",
                          migration->services[i]);
    for (size_t i = 0; i < migration->n_lds; i++)
        if (!check_ld(check, i))
            return false;
    return check_assignments(check);
}

bool migration_moves(const LdConfig *config, const char *service) {
    const Migration *migration = config->migration;

    for (size_t i = 0; migration != NULL && i < migration->n_services; i++)
        if (strcmp(migration->services[i], service) == 0)
            return true;
    return false;
}

void migration_build(struct cluster *cluster, const LdConfig *config,
                     const struct cluster *previous) {
    const Migration *migration = config->migration;
    struct siphash_key key;

    if (migration == NULL)
        return;
    cluster->migrates = true;
    cluster->migration_epoch = migration->epoch;
    memcpy(&key, migration->key.data, REPLICATION_KEY_BYTES);
    tag_key_init(&cluster->migration_key, &key);
    for (size_t i = 0; i < migration->n_lds; i++)
        cluster->lds[cluster_place(cluster, migration->lds[i], previous)].twin = true;
    for (size_t i = 0; i < migration->n_buckets; i++)
        for (uint32_t bucket = migration->buckets[i]->first; bucket <= migration->buckets[i]->last;
             bucket++)
            if (cluster->primary[bucket] == cluster->self)
                cluster->twin[bucket] = cluster_find(cluster, migration->buckets[i]->ld_id);
}
