#include "config/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH_SLOTS = TARGETS_MAX * 2
};

int registry_init(struct registry *registry) {
    memset(registry, 0, sizeof(*registry));
    registry->entries = calloc(TARGETS_MAX, sizeof(*registry->entries));
    registry->hash = calloc(HASH_SLOTS, sizeof(*registry->hash));
    if (registry->entries == NULL || registry->hash == NULL) {
        registry_free(registry);
        return -ENOMEM;
    }
    return 0;
}

void registry_free(struct registry *registry) {
    for (uint32_t number = 0; number < registry->used_up_to; number++)
        registry_forget(registry, number);
    free(registry->entries);
    free(registry->hash);
    memset(registry, 0, sizeof(*registry));
}

static uint32_t fnv(uint32_t hash, const void *data, size_t bytes) {
    const uint8_t *at = data;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 16777619u;
    return hash;
}

static uint32_t slot_of(const struct target_identity *identity) {
    uint32_t hash = 2166136261u;

    hash = fnv(hash, identity->service, strlen(identity->service) + 1);
    hash = fnv(hash, identity->rs, strlen(identity->rs) + 1);
    hash = fnv(hash, &identity->vni, sizeof(identity->vni));
    hash = fnv(hash, &identity->address, sizeof(identity->address));
    hash = fnv(hash, &identity->port, sizeof(identity->port));
    return hash % HASH_SLOTS;
}

static bool same(const struct target_identity *a, const struct target_identity *b) {
    return a->vni == b->vni && ip_equal(&a->address, &b->address) && a->port == b->port &&
           strcmp(a->rs, b->rs) == 0 && strcmp(a->service, b->service) == 0;
}

/* The slot of the entry, or the empty slot where it would be. */
static uint32_t *find(struct registry *registry, const struct target_identity *identity) {
    uint32_t slot = slot_of(identity);

    while (registry->hash[slot] != 0 &&
           !same(&registry->entries[registry->hash[slot] - 1].identity, identity))
        slot = (slot + 1) % HASH_SLOTS;
    return &registry->hash[slot];
}

void registry_begin(struct registry *registry) {
    memset(registry->hash, 0, HASH_SLOTS * sizeof(*registry->hash));
    for (uint32_t number = 0; number < registry->used_up_to; number++) {
        registry->entries[number].wanted = false;
        if (registry_used(registry, number))
            *find(registry, &registry->entries[number].identity) = number + 1;
    }
}

static int take_number(struct registry *registry) {
    for (uint32_t number = 0; number < registry->used_up_to; number++)
        if (!registry_used(registry, number))
            return (int)number;
    if (registry->used_up_to == TARGETS_MAX)
        return -ENOSPC;
    return (int)registry->used_up_to++;
}

int registry_want(struct registry *registry, const struct target_identity *identity) {
    uint32_t *slot = find(registry, identity);
    struct registry_entry *entry;
    int number;

    if (*slot != 0) {
        registry->entries[*slot - 1].wanted = true;
        return (int)*slot - 1;
    }
    number = take_number(registry);
    if (number < 0)
        return number;
    entry = &registry->entries[number];
    memset(entry, 0, sizeof(*entry));
    entry->identity = *identity;
    entry->identity.rs = strdup(identity->rs);
    entry->identity.service = strdup(identity->service);
    entry->wanted = true;
    entry->fresh = true;
    if (entry->identity.rs == NULL || entry->identity.service == NULL) {
        registry_forget(registry, (uint32_t)number);
        return -ENOMEM;
    }
    *slot = (uint32_t)number + 1;
    return number;
}

void registry_abandon(struct registry *registry) {
    for (uint32_t number = 0; number < registry->used_up_to; number++) {
        struct registry_entry *entry = &registry->entries[number];

        if (entry->wanted && !entry->configured && entry->fresh)
            registry_forget(registry, number);
        entry->wanted = false;
    }
}

void registry_commit(struct registry *registry) {
    for (uint32_t number = 0; number < registry->used_up_to; number++) {
        registry->entries[number].configured = registry->entries[number].wanted;
        registry->entries[number].fresh = false;
    }
}

void registry_forget(struct registry *registry, uint32_t number) {
    struct registry_entry *entry = &registry->entries[number];

    free((char *)entry->identity.service);
    free((char *)entry->identity.rs);
    memset(entry, 0, sizeof(*entry));
}
