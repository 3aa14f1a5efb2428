#include "config/cluster.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Cluster Cluster;
typedef Sluice__Ld__V1__Peer Peer;
typedef Sluice__Ld__V1__BucketAssignment BucketAssignment;

enum {
    LD_ID_MAX = 65535
};

struct check {
    const LdConfig *config;
    const Cluster *cluster;
    char *reason;
    size_t reason_bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct check *check,
                                                         const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(check->reason, check->reason_bytes, format, arguments);
    va_end(arguments);
    return false;
}

static const Peer *find(const Cluster *cluster, uint32_t ld_id) {
    for (size_t i = 0; i < cluster->n_lds; i++)
        if (cluster->lds[i]->ld_id == ld_id)
            return cluster->lds[i];
    return NULL;
}

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b) {
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool check_lds(const struct check *check) {
    const Cluster *cluster = check->cluster;
    const Peer *self = find(cluster, cluster->ld_id);

    if (cluster->n_lds > CLUSTER_LDS_MAX)
        return refuse(check, "cluster: lds: %zu of them (at most %d)", cluster->n_lds,
                      CLUSTER_LDS_MAX);
    for (size_t i = 0; i < cluster->n_lds; i++) {
        const Peer *ld = cluster->lds[i];

        if (ld->ld_id == 0 || ld->ld_id > LD_ID_MAX)
            return refuse(check, "cluster: lds: id %u is out of range (1..%d)", ld->ld_id,
                          LD_ID_MAX);
        if (ld->vtep.len != check->config->vtep.len)
            return refuse(check,
                          "cluster: LD %u: a vtep of %zu bytes, but the LD's own one has %zu (the "
                          "tunnels of a fabric are of one family)",
                          ld->ld_id, ld->vtep.len, check->config->vtep.len);
        for (size_t j = 0; j < i; j++)
            if (cluster->lds[j]->ld_id == ld->ld_id || same(cluster->lds[j]->vtep, ld->vtep))
                return refuse(check, "cluster: LD %u: its id or its vtep is listed twice",
                              ld->ld_id);
    }
    if (self == NULL)
        return refuse(check, "cluster: ld_id: %u is not one of lds", cluster->ld_id);
    if (!same(self->vtep, check->config->vtep))
        return refuse(check, "cluster: LD %u: its vtep is not the LD's own one", self->ld_id);
    return true;
}

static bool check_assignment(const struct check *check, const BucketAssignment *item) {
    if (item->last >= BUCKET_COUNT || item->first > item->last)
        return refuse(check, "cluster: buckets: %u..%u is not a range in 0..%d", item->first,
                      item->last, BUCKET_COUNT - 1);
    if (find(check->cluster, item->ld_id) == NULL)
        return refuse(check, "cluster: buckets: %u..%u: ld_id %u is not one of lds", item->first,
                      item->last, item->ld_id);
    if (item->backup_ld_id != 0 && find(check->cluster, item->backup_ld_id) == NULL)
        return refuse(check, "cluster: buckets: %u..%u: backup_ld_id %u is not one of lds",
                      item->first, item->last, item->backup_ld_id);
    if (item->backup_ld_id == item->ld_id)
        return refuse(check, "cluster: buckets: %u..%u: LD %u is its own backup", item->first,
                      item->last, item->ld_id);
    if (item->former_ld_id != 0 &&
        (find(check->cluster, item->former_ld_id) == NULL || item->former_ld_id == item->ld_id ||
         item->former_ld_id == item->backup_ld_id))
        return refuse(check,
                      "cluster: buckets: %u..%u: former_ld_id %u is not one of lds, or has them "
                      "still",
                      item->first, item->last, item->former_ld_id);
    if (item->withheld_shares > SHARES_ALL ||
        (item->shares != NULL && ((item->shares->primary | item->shares->backup) > SHARES_ALL ||
                                  (item->shares->primary & item->shares->backup) != 0)))
        return refuse(check,
                      "cluster: buckets: %u..%u: shares of ports are four bits, none of them the "
                      "primary's and the backup's",
                      item->first, item->last);
    return true;
}

static bool check_buckets(const struct check *check) {
    const Cluster *cluster = check->cluster;
    bool primary[BUCKET_COUNT] = { false };
    uint32_t next = 0;

    for (size_t i = 0; i < cluster->n_buckets; i++) {
        const BucketAssignment *item = cluster->buckets[i];

        if (!check_assignment(check, item))
            return false;
        if (item->first < next)
            return refuse(check,
                          "cluster: buckets: %u..%u overlaps or precedes the range before it "
                          "(list them ascending)",
                          item->first, item->last);
        next = item->last + 1;
        for (uint32_t bucket = item->first; bucket <= item->last; bucket++)
            primary[bucket] = item->ld_id == cluster->ld_id;
    }
    for (size_t i = 0; i < check->config->n_owned_buckets; i++)
        for (uint32_t bucket = check->config->owned_buckets[i]->first;
             bucket <= check->config->owned_buckets[i]->last; bucket++)
            if (!primary[bucket])
                return refuse(check,
                              "owned_buckets: %u: cluster: buckets does not give it to LD %u",
                              bucket, cluster->ld_id);
    return true;
}

bool cluster_validate(const LdConfig *config, char *reason, size_t reason_bytes) {
    const struct check check = { config, config->cluster, reason, reason_bytes };

    if (config->cluster == NULL)
        return true;
    if (config->cluster->replication_key.len != 0 &&
        config->cluster->replication_key.len != REPLICATION_KEY_BYTES)
        return refuse(&check, "cluster: replication_key: %zu bytes (it has %d)",
                      config->cluster->replication_key.len, REPLICATION_KEY_BYTES);
    if (config->epoch > UINT32_MAX)
        return refuse(&check, "cluster: epoch: %llu is out of range (0..%u)",
                      (unsigned long long)config->epoch, UINT32_MAX);
    return check_lds(&check) && check_buckets(&check);
}

uint8_t cluster_find(const struct cluster *cluster, uint32_t ld_id) {
    for (uint32_t i = 0; ld_id != 0 && i < cluster->ld_count; i++)
        if (cluster->lds[i].ld_id == ld_id)
            return (uint8_t)i;
    return CLUSTER_NO_LD;
}

static void place_at(struct cluster *cluster, uint8_t at, const Peer *ld) {
    cluster->lds[at].ld_id = ld->ld_id;
    cluster->lds[at].vtep = ip_from_bytes(ld->vtep.data, ld->vtep.len);
    cluster->ld_count = at >= cluster->ld_count ? at + 1u : cluster->ld_count;
}

/* An index for an LD that is new. What is known of the LD that has left is still looked at while
 * the configuration changes, so its index is not the first choice. */
static uint8_t free_index(const struct cluster *cluster, const struct cluster *previous) {
    for (uint8_t at = 0; at < CLUSTER_LDS_MAX; at++)
        if (cluster->lds[at].ld_id == 0 && (previous == NULL || previous->lds[at].ld_id == 0))
            return at;
    for (uint8_t at = 0;; at++)
        if (cluster->lds[at].ld_id == 0)
            return at;
}

/* Streams and what is known of peers go by the index, so it stays. */
static void place_all(struct cluster *cluster, const Cluster *config,
                      const struct cluster *previous) {
    for (size_t i = 0; previous != NULL && i < config->n_lds; i++) {
        uint8_t at = cluster_find(previous, config->lds[i]->ld_id);

        if (at != CLUSTER_NO_LD)
            place_at(cluster, at, config->lds[i]);
    }
    for (size_t i = 0; i < config->n_lds; i++)
        if (cluster_find(cluster, config->lds[i]->ld_id) == CLUSTER_NO_LD)
            place_at(cluster, free_index(cluster, previous), config->lds[i]);
}

uint8_t cluster_place(struct cluster *cluster, const Peer *ld, const struct cluster *previous) {
    uint8_t at = previous != NULL ? cluster_find(previous, ld->ld_id) : CLUSTER_NO_LD;

    if (at == CLUSTER_NO_LD || cluster->lds[at].ld_id != 0)
        at = free_index(cluster, previous);
    place_at(cluster, at, ld);
    return at;
}

static uint8_t shares_of(const BucketAssignment *item, uint32_t ld_id) {
    static const uint8_t backups = 1 << 3;

    if (item->ld_id == ld_id)
        return item->shares != NULL      ? (uint8_t)item->shares->primary
               : item->backup_ld_id == 0 ? SHARES_ALL
                                         : SHARES_ALL ^ backups;
    if (item->backup_ld_id != ld_id)
        return 0;
    return item->shares != NULL ? (uint8_t)item->shares->backup : backups;
}

static void build_bucket(struct cluster *cluster, uint32_t bucket, const BucketAssignment *item,
                         uint32_t ld_id) {
    uint8_t former = cluster_find(cluster, item->former_ld_id);

    cluster->primary[bucket] = cluster_find(cluster, item->ld_id);
    cluster->backup[bucket] = cluster_find(cluster, item->backup_ld_id);
    cluster->shares[bucket] = shares_of(item, ld_id) & (uint8_t)~item->withheld_shares;
    if (former == CLUSTER_NO_LD)
        return;
    if (cluster->primary[bucket] == cluster->self)
        cluster->former[bucket] = former;
    else if (former == cluster->self)
        cluster->former[bucket] = cluster->primary[bucket];
    cluster->leaves |= cluster->former[bucket] != CLUSTER_NO_LD;
}

/* What is said with the one key must not help to guess what is said with the other. */
static void use_key(struct cluster *cluster, const uint8_t *replication_key) {
    static const char *const labels[] = { "SYN cookies, 0", "SYN cookies, 1" };
    struct siphash_key key;

    memcpy(&key, replication_key, REPLICATION_KEY_BYTES);
    tag_key_init(&cluster->replication_key, &key);
    for (int i = 0; i < 2; i++)
        cluster->cookie_key.word[i] = siphash(&key, labels[i], strlen(labels[i]));
}

void cluster_build(struct cluster *cluster, const Cluster *config, const struct cluster *previous) {
    memset(cluster, 0, sizeof(*cluster));
    memset(cluster->primary, CLUSTER_NO_LD, sizeof(cluster->primary));
    memset(cluster->backup, CLUSTER_NO_LD, sizeof(cluster->backup));
    memset(cluster->former, CLUSTER_NO_LD, sizeof(cluster->former));
    memset(cluster->twin, CLUSTER_NO_LD, sizeof(cluster->twin));
    if (config == NULL)
        return;
    place_all(cluster, config, previous);
    cluster->self = cluster_find(cluster, config->ld_id);
    for (size_t i = 0; i < config->n_buckets; i++)
        for (uint32_t bucket = config->buckets[i]->first; bucket <= config->buckets[i]->last;
             bucket++)
            build_bucket(cluster, bucket, config->buckets[i], config->ld_id);
    cluster->replicates = config->replication_key.len == REPLICATION_KEY_BYTES;
    if (cluster->replicates)
        use_key(cluster, config->replication_key.data);
}
