#include "forward/neighbour.h"

#include <stdlib.h>

#include <rte_common.h>

struct neighbour *neighbour_find(const struct neighbour_set *set,
                                 const struct ip_address *address) {
    uint32_t number;

    for (uint32_t slot = ip_hash(address) & set->mask; (number = set->hash[slot]) != 0;
         slot = (slot + 1) & set->mask)
        if (ip_equal(&set->entries[number - 1]->address, address))
            return set->entries[number - 1];
    return NULL;
}

static void set_add(struct neighbour_set *set, struct neighbour *neighbour) {
    uint32_t slot = ip_hash(&neighbour->address) & set->mask;

    while (set->hash[slot] != 0)
        slot = (slot + 1) & set->mask;
    set->entries[set->count++] = neighbour;
    set->hash[slot] = set->count;
}

static struct neighbour_set *set_alloc(uint32_t capacity) {
    struct neighbour_set *set = calloc(1, sizeof(*set));
    uint32_t slots = rte_align32pow2((capacity + 1) * 2);

    if (set == NULL)
        return NULL;
    set->mask = slots - 1;
    set->entries = calloc(capacity + 1, sizeof(*set->entries));
    set->hash = calloc(slots, sizeof(*set->hash));
    if (set->entries == NULL || set->hash == NULL) {
        neighbour_set_free(set, NULL);
        return NULL;
    }
    return set;
}

static struct neighbour *neighbour_new(const struct ip_address *address) {
    struct neighbour *neighbour = calloc(1, sizeof(*neighbour));

    if (neighbour != NULL)
        neighbour->address = *address;
    return neighbour;
}

static bool resolved(const struct neighbour *neighbour) {
    return (neighbour->mac & NEIGHBOUR_RESOLVED) != 0;
}

struct neighbour_set *neighbour_set_build(const struct neighbour_set *old,
                                          const struct ip_address *wanted, uint32_t count) {
    uint32_t old_count = old != NULL ? old->count : 0;
    struct neighbour_set *set = set_alloc(old_count + count);

    if (set == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct neighbour *neighbour = old != NULL ? neighbour_find(old, &wanted[i]) : NULL;

        if (neighbour_find(set, &wanted[i]) != NULL)
            continue;
        if (neighbour == NULL)
            neighbour = neighbour_new(&wanted[i]);
        if (neighbour == NULL) {
            neighbour_set_free(set, old);
            return NULL;
        }
        set_add(set, neighbour);
    }
    for (uint32_t i = 0; i < old_count; i++) {
        struct neighbour *neighbour = old->entries[i];

        if (neighbour_find(set, &neighbour->address) == NULL && !neighbour->configured &&
            resolved(neighbour))
            set_add(set, neighbour);
    }
    return set;
}

struct neighbour_set *neighbour_set_with(const struct neighbour_set *old,
                                         const struct ip_address *address) {
    struct neighbour_set *set;
    struct neighbour *neighbour;

    if (old->count >= NEIGHBOURS_LEARNT_MAX)
        return NULL;
    set = set_alloc(old->count + 1);
    neighbour = neighbour_new(address);
    if (set == NULL || neighbour == NULL) {
        free(neighbour);
        neighbour_set_free(set, old);
        return NULL;
    }
    for (uint32_t i = 0; i < old->count; i++)
        set_add(set, old->entries[i]);
    set_add(set, neighbour);
    return set;
}

void neighbour_set_free(struct neighbour_set *set, const struct neighbour_set *successor) {
    if (set == NULL)
        return;
    for (uint32_t i = 0; i < set->count; i++) {
        struct neighbour *neighbour = set->entries[i];

        if (successor == NULL || neighbour_find(successor, &neighbour->address) != neighbour)
            free(neighbour);
    }
    free(set->entries);
    free(set->hash);
    free(set);
}

void neighbour_heard(struct neighbour *neighbour, const struct rte_ether_addr *mac,
                     uint64_t now_ms) {
    uint64_t word = 0;

    memcpy(&word, mac, sizeof(*mac));
    __atomic_store_n(&neighbour->mac, word | NEIGHBOUR_RESOLVED, __ATOMIC_RELAXED);
    neighbour->confirmed_ms = now_ms;
    neighbour->probes = 0;
}

static void probe(struct neighbour *neighbour, uint64_t now_ms, neighbour_ask ask, void *context) {
    struct rte_ether_addr mac;
    bool known = neighbour_mac(neighbour, &mac);

    if (known && neighbour->probes >= NEIGHBOUR_PROBES) {
        __atomic_store_n(&neighbour->mac, 0, __ATOMIC_RELAXED);
        known = false;
    }
    ask(context, &neighbour->address,
        known && neighbour->probes < NEIGHBOUR_UNICAST_PROBES ? &mac : NULL);
    neighbour->asked_ms = now_ms;
    if (neighbour->probes < NEIGHBOUR_PROBES)
        neighbour->probes++;
}

void neighbours_tick(const struct neighbour_set *set, uint64_t now_ms, neighbour_ask ask,
                     void *context) {
    for (uint32_t i = 0; i < set->count; i++) {
        struct neighbour *neighbour = set->entries[i];

        if (resolved(neighbour) && now_ms - neighbour->confirmed_ms < NEIGHBOUR_CONFIRM_MS)
            continue;
        if (neighbour->probes > 0 && now_ms - neighbour->asked_ms < NEIGHBOUR_RETRY_MS)
            continue;
        probe(neighbour, now_ms, ask, context);
    }
}
