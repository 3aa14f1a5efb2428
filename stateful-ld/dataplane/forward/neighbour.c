#include "forward/neighbour.h"

#include <stdlib.h>

#include <rte_common.h>
#include <rte_random.h>

#include "packet/flow.h"

static uint32_t hash_of(const struct neighbour_set *set, const struct ip_address *address) {
    uint64_t other = set->seed << 32 | set->seed >> 32;

    return (uint32_t)flow_mix(address->half[0] ^ set->seed, address->half[1] ^ other) & set->mask;
}

struct neighbour *neighbour_find(const struct neighbour_set *set,
                                 const struct ip_address *address) {
    uint32_t number;

    for (uint32_t slot = hash_of(set, address); (number = set->hash[slot]) != 0;
         slot = (slot + 1) & set->mask)
        if (ip_equal(&set->entries[number - 1]->address, address))
            return set->entries[number - 1];
    return NULL;
}

static void set_add(struct neighbour_set *set, struct neighbour *neighbour) {
    uint32_t slot = hash_of(set, &neighbour->address);

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
    set->seed = rte_rand();
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

/* A learnt neighbour, and when it gives way: the least first. */
struct learnt {
    uint64_t order;
    struct neighbour *neighbour;
};

/* Workers go on using it meanwhile, so it is read once. */
static uint64_t order_of(const struct neighbour *neighbour) {
    uint64_t rank = !resolved(neighbour)                                       ? 0
                    : __atomic_load_n(&neighbour->used, __ATOMIC_RELAXED) == 0 ? 1
                                                                               : 2;

    return rank << 62 | neighbour->confirmed_ms;
}

static int by_order(const void *a, const void *b) {
    const struct learnt *x = a, *y = b;

    return (x->order > y->order) - (x->order < y->order);
}

static bool stays(const struct neighbour *neighbour) {
    return neighbour->configured || !neighbour->over;
}

/* Let so many of those that are learnt go that there is room for `count` more. */
static bool make_room(const struct neighbour_set *set, uint32_t count) {
    struct learnt *learnt = malloc((set->count + 1) * sizeof(*learnt));
    uint32_t used = 0;

    if (learnt == NULL)
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->entries[i]->configured && stays(set->entries[i]))
            learnt[used++] = (struct learnt){ order_of(set->entries[i]), set->entries[i] };
    if (used + count > NEIGHBOURS_LEARNT_MAX) {
        qsort(learnt, used, sizeof(*learnt), by_order);
        for (uint32_t i = 0; i < used + count - NEIGHBOURS_LEARNT_MAX; i++)
            learnt[i].neighbour->over = true;
    }
    free(learnt);
    return true;
}

struct neighbour_set *neighbour_set_with(const struct neighbour_set *old,
                                         const struct ip_address *addresses, uint32_t count,
                                         uint64_t now_ms) {
    struct neighbour_set *set = set_alloc(old->count + count);

    if (set == NULL || !make_room(old, count)) {
        neighbour_set_free(set, NULL);
        return NULL;
    }
    for (uint32_t i = 0; i < old->count; i++)
        if (stays(old->entries[i]))
            set_add(set, old->entries[i]);
    for (uint32_t i = 0; i < count; i++) {
        struct neighbour *neighbour = neighbour_new(&addresses[i]);

        if (neighbour == NULL) {
            neighbour_set_free(set, old);
            return NULL;
        }
        neighbour->used = 1;
        neighbour->confirmed_ms = now_ms;
        set_add(set, neighbour);
    }
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

/* It is time to ask for it, and it is not worth it. */
static bool is_over(struct neighbour *neighbour) {
    if (neighbour->configured)
        return false;
    if (!resolved(neighbour))
        return neighbour->probes >= NEIGHBOUR_LEARNT_PROBES;
    return neighbour->probes == 0 &&
           __atomic_exchange_n(&neighbour->used, 0, __ATOMIC_RELAXED) == 0;
}

uint32_t neighbours_tick(const struct neighbour_set *set, uint64_t now_ms, neighbour_ask ask,
                         void *context) {
    uint32_t over = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        struct neighbour *neighbour = set->entries[i];

        if (resolved(neighbour) && now_ms - neighbour->confirmed_ms < NEIGHBOUR_CONFIRM_MS)
            continue;
        if (neighbour->probes > 0 && now_ms - neighbour->asked_ms < NEIGHBOUR_RETRY_MS)
            continue;
        neighbour->over = is_over(neighbour);
        over += neighbour->over;
        if (!neighbour->over)
            probe(neighbour, now_ms, ask, context);
    }
    return over;
}
