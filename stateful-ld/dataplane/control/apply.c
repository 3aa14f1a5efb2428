#include "control/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/next_hops.h"
#include "forward/rs_share.h"
#include "forward/worker.h"

struct rs_counters apply_rs_totals(const struct dataplane *dataplane, uint32_t target) {
    struct rs_counters sum = { 0 };

    for (uint32_t id = 0; id < dataplane->worker_count; id++)
        rs_counters_add(&sum, &dataplane->workers[id]->rs[target]);
    return sum;
}

/* A configured entry of the same service and RS name: an RS whose address has changed. */
static struct registry_entry *namesake(struct registry *registry,
                                       const struct registry_entry *entry) {
    for (uint32_t number = 0; number < registry->used_up_to; number++) {
        struct registry_entry *other = &registry->entries[number];

        if (registry_used(registry, number) && other->configured &&
            strcmp(other->identity.rs, entry->identity.rs) == 0 &&
            strcmp(other->identity.service, entry->identity.service) == 0)
            return other;
    }
    return NULL;
}

/* Forget RSs that are neither configured nor in any session. No worker opens a session towards
 * them any more: all have left the snapshots that named them. */
static void sweep(struct dataplane *dataplane) {
    struct registry *registry = &dataplane->registry;

    for (uint32_t number = 0; number < registry->used_up_to; number++) {
        struct registry_entry *entry = &registry->entries[number];
        struct rs_counters totals;
        struct registry_entry *heir;

        if (!registry_used(registry, number) || entry->configured)
            continue;
        totals = apply_rs_totals(dataplane, number);
        if (totals.sessions_active + totals.sessions_standby != 0)
            continue;
        heir = namesake(registry, entry);
        if (heir != NULL) {
            rs_counters_add(&heir->carried, &totals);
            rs_counters_add(&heir->carried, &entry->carried);
        }
        for (uint32_t id = 0; id < dataplane->worker_count; id++) {
            memset(&dataplane->workers[id]->rs[number], 0, sizeof(struct rs_counters));
            memset(&dataplane->workers[id]->rs_answers[number], 0, sizeof(struct rs_answers));
        }
        rs_share_set(dataplane->rs_shares, number, RS_SHARE_FULL);
        registry_forget(registry, number);
    }
}

static void mark_configured(const struct neighbour_set *set, const struct ip_address *hops,
                            uint32_t count) {
    for (uint32_t i = 0; i < set->count; i++)
        set->entries[i]->configured = false;
    for (uint32_t i = 0; i < count; i++)
        neighbour_find(set, &hops[i])->configured = true;
}

static int build(struct dataplane *dataplane, const Sluice__Ld__V1__LdConfig *config,
                 const struct neighbour_set *neighbours, struct snapshot **snapshot) {
    const struct snapshot_inputs inputs = {
        .mac = dataplane->mac,
        .previous = dataplane->snapshot,
        .registry = &dataplane->registry,
        .neighbours = neighbours,
        .workers = dataplane->worker_count,
    };
    int status;

    registry_begin(&dataplane->registry);
    status = snapshot_build(config, &inputs, snapshot);
    if (status < 0)
        registry_abandon(&dataplane->registry);
    return status;
}

/* 0, or what is missing as a negative errno. */
static int replace(struct dataplane *dataplane, const Sluice__Ld__V1__LdConfig *config) {
    struct neighbour_set *neighbours;
    struct snapshot *snapshot;
    struct ip_address *hops;
    uint32_t hop_count;
    int status;

    hops = next_hops(config, dataplane->snapshot, &hop_count);
    if (hops == NULL)
        return -ENOMEM;
    neighbours = neighbour_set_build(dataplane->neighbours, hops, hop_count);
    status = neighbours != NULL ? build(dataplane, config, neighbours, &snapshot) : -ENOMEM;
    if (status < 0) {
        neighbour_set_free(neighbours, dataplane->neighbours);
        free(hops);
        return status;
    }
    if (replicate_prepare(dataplane, snapshot) < 0) {
        registry_abandon(&dataplane->registry);
        snapshot_free(snapshot);
        neighbour_set_free(neighbours, dataplane->neighbours);
        free(hops);
        return -ENOMEM;
    }
    local_ip_rules_follow(&dataplane->local_ip_rules, snapshot);
    mark_configured(neighbours, hops, hop_count);
    free(hops);
    registry_commit(&dataplane->registry);
    dataplane_publish(dataplane, snapshot, neighbours);
    sweep(dataplane);
    dataplane->neighbours_checked_ms = 0; /* ask for new next hops at once */
    return 0;
}

enum status_code apply_config(struct dataplane *dataplane, const Sluice__Ld__V1__LdConfig *config,
                              char reason[CONFIG_REASON_BYTES]) {
    int status;

    if (!config_validate(config, reason))
        return STATUS_INVALID_ARGUMENT;
    if (dataplane->snapshot != NULL && config->epoch < dataplane->snapshot->epoch) {
        snprintf(reason, CONFIG_REASON_BYTES,
                 "epoch: %llu is older than %llu, which is in force (someone else configures "
                 "this LD?)",
                 (unsigned long long)config->epoch, (unsigned long long)dataplane->snapshot->epoch);
        return STATUS_FAILED_PRECONDITION;
    }
    status = replace(dataplane, config);
    if (status == 0)
        return STATUS_OK;
    snprintf(reason, CONFIG_REASON_BYTES, "services: %s",
             status == -ENOSPC ? "too many real servers, counting removed ones that still have "
                                 "sessions (wait for those to end)"
                               : "out of memory");
    return STATUS_RESOURCE_EXHAUSTED;
}
