#include "forward/scheduler_maglev.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/registry.h"
#include "forward/turn_heap.h"

/* Whose turn it is: round << MEMBER_BITS | member. A round has 32 bits. */
enum {
    MEMBER_BITS = 14,
    MEMBER_MASK = (1 << MEMBER_BITS) - 1
};

_Static_assert(TARGETS_MAX <= 1 << MEMBER_BITS, "a member fits into its bits");

/* A permutation of the slots, and how far it has been followed. */
struct member {
    const struct maglev_identity *identity;
    uint32_t weight;
    uint32_t at;
    uint32_t skip;
    uint32_t taken; /* slots */
    uint16_t choice;
};

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The same on every LD and in every version: changing it moves every client. */
static uint64_t identity_hash(const struct maglev_identity *identity) {
    uint64_t word[3];

    _Static_assert(sizeof(word) == sizeof(*identity), "no padding");
    memcpy(word, identity, sizeof(word));
    return mix(mix(word[0] ^ 0xa0761d6478bd642fULL, word[1] ^ 0xe7037ed1a0b428dbULL) ^ word[2],
               0x8ebc6af09c88c6e3ULL);
}

static int by_identity(const void *a, const void *b) {
    const struct member *x = a, *y = b;

    return memcmp(x->identity, y->identity, sizeof(*x->identity));
}

/* Those that may be chosen, in an order that does not depend on the configuration's. */
static uint32_t set_members(struct member *members, const struct choice *choices,
                            const struct maglev_identity *identities, uint32_t count) {
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = identity_hash(&identities[i]);

        if (choices[i].weight == 0)
            continue;
        members[used++] = (struct member){
            .identity = &identities[i],
            .weight = choices[i].weight,
            .at = (uint32_t)(hash >> 32) % MAGLEV_SLOTS,
            .skip = (uint32_t)hash % (MAGLEV_SLOTS - 1) + 1,
            .choice = (uint16_t)i,
        };
    }
    qsort(members, used, sizeof(*members), by_identity);
    return used;
}

static uint32_t heaviest_of(const struct member *members, uint32_t count) {
    uint32_t heaviest = 0;

    for (uint32_t i = 0; i < count; i++)
        if (members[i].weight > heaviest)
            heaviest = members[i].weight;
    return heaviest;
}

static void take_slot(struct maglev_table *table, struct member *member) {
    table->steps++;
    for (; table->slot[member->at] != UINT16_MAX; table->steps++)
        member->at = (member->at + member->skip) % MAGLEV_SLOTS;
    table->slot[member->at] = member->choice;
    member->taken++;
}

/* The heaviest has a turn in every round, the others as often as their weight is of its. So a
 * member's n-th turn is in the first round by which n have added up. */
static uint64_t next_turn(const struct member *members, uint32_t number, uint32_t heaviest) {
    const struct member *member = &members[number];
    uint64_t rounds = ((member->taken + 1ULL) * heaviest + member->weight - 1) / member->weight;

    return rounds << MEMBER_BITS | number;
}

/* Each takes the next free slot of its permutation in its turn. In rounds in which it has none a
 * member is not looked at: they may be tens of thousands for every one in which it has. */
static void populate(struct maglev_table *table, struct member *members, uint64_t *turns,
                     uint32_t count) {
    uint32_t heaviest = heaviest_of(members, count);

    memset(table->slot, 0xff, sizeof(table->slot));
    for (uint32_t i = 0; i < count; i++)
        turns[i] = next_turn(members, i, heaviest);
    turn_heap_make(turns, count);
    for (uint32_t taken = 0; count > 0 && taken < MAGLEV_SLOTS; taken++) {
        uint32_t number = (uint32_t)turns[0] & MEMBER_MASK;

        take_slot(table, &members[number]);
        turns[0] = next_turn(members, number, heaviest);
        table->steps += turn_heap_sink(turns, count, 0);
    }
}

static bool is_table_of(const struct maglev_table *table, const struct choice *choices,
                        const struct maglev_identity *identities, uint32_t count) {
    if (table == NULL || table->count != count ||
        memcmp(table->identities, identities, count * sizeof(*identities)) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (table->weights[i] != choices[i].weight)
            return false;
    return true;
}

static void free_table(struct maglev_table *table) {
    free(table->identities);
    free(table->weights);
    free(table);
}

/* What a table remembers of whom it was built of. @return NULL when out of memory */
static struct maglev_table *make_table(const struct choice *choices,
                                       const struct maglev_identity *identities, uint32_t count) {
    struct maglev_table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->references = 1;
    table->count = count;
    table->identities = calloc(count + 1, sizeof(*identities));
    table->weights = calloc(count + 1, sizeof(*table->weights));
    if (table->identities == NULL || table->weights == NULL) {
        free_table(table);
        return NULL;
    }
    memcpy(table->identities, identities, count * sizeof(*identities));
    for (uint32_t i = 0; i < count; i++)
        table->weights[i] = choices[i].weight;
    return table;
}

static struct maglev_table *build(const struct choice *choices,
                                  const struct maglev_identity *identities, uint32_t count) {
    struct maglev_table *table = make_table(choices, identities, count);
    struct member *members = calloc(count + 1, sizeof(*members));
    uint64_t *turns = calloc(count + 1, sizeof(*turns));

    if (table != NULL && members != NULL && turns != NULL) {
        populate(table, members, turns, set_members(members, choices, identities, count));
    } else if (table != NULL) {
        free_table(table);
        table = NULL;
    }
    free(members);
    free(turns);
    return table;
}

struct maglev_table *maglev_get(const struct choice *choices,
                                const struct maglev_identity *identities, uint32_t count,
                                struct maglev_table *old) {
    if (!is_table_of(old, choices, identities, count))
        return build(choices, identities, count);
    old->references++;
    return old;
}

void maglev_put(struct maglev_table *table) {
    if (table != NULL && --table->references == 0)
        free_table(table);
}
