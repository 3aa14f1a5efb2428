/**
 * @file
 * Which number each RS has. Sessions and counters name their RS by it, so it stays while the RS is
 * configured or has a session, over any number of configurations.
 *
 * Control only.
 */
#ifndef SLUICE_CONFIG_REGISTRY_H
#define SLUICE_CONFIG_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "forward/stats.h"
#include "packet/address.h"

enum {
    TARGETS_MAX = 16384
};

/** What makes two RSs the same one. A changed address is a new target under the same name. */
struct target_identity {
    const char *service;
    const char *rs;
    uint32_t vni; /**< of the RS's VPC, 0: none */
    struct ip_address address;
    rte_be16_t port;
};

struct registry_entry {
    struct target_identity identity; /**< its strings belong to the entry; service NULL: unused */
    bool configured;
    bool wanted;                /**< by the configuration being prepared */
    bool fresh;                 /**< new in the configuration being prepared */
    struct rs_counters carried; /**< of targets that had this name before */
};

struct registry {
    struct registry_entry *entries; /**< TARGETS_MAX */
    uint32_t used_up_to;
    uint32_t *hash; /**< number + 1; 0: empty; of the configuration being prepared */
};

/** @return 0, or -ENOMEM. */
int registry_init(struct registry *registry);
void registry_free(struct registry *registry);

/** Begin to prepare a configuration: nothing is wanted. */
void registry_begin(struct registry *registry);

/**
 * The number of a target the prepared configuration has, old or new.
 *
 * @return the number, or -ENOSPC, or -ENOMEM
 */
int registry_want(struct registry *registry, const struct target_identity *identity);

/** Give up the prepared configuration: forget what was new in it. */
void registry_abandon(struct registry *registry);

/** The prepared configuration is in force: what was wanted is configured, nothing else. */
void registry_commit(struct registry *registry);

/** Forget an entry that is not configured and has no session left. */
void registry_forget(struct registry *registry, uint32_t number);

static inline bool registry_used(const struct registry *registry, uint32_t number) {
    return registry->entries[number].identity.service != NULL;
}

#endif
