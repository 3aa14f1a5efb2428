#include "session/session.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "session/memory.h"

/* Two entries a session, at most half of the slots taken: about 1.5 probes a hit. */
enum {
    INDEX_SLOTS_PER_SESSION = 4,
    INDEX_SLOTS_MIN = 64
};

static size_t sessions_bytes(uint32_t capacity) {
    return ((size_t)capacity + 1) * sizeof(struct session);
}

static size_t addresses_bytes(uint32_t capacity) {
    return (size_t)capacity * sizeof(struct session_addresses);
}

static size_t index_bytes(uint32_t slots) {
    return (size_t)slots * sizeof(uint64_t);
}

int session_table_init(struct session_table *table, uint32_t capacity, uint64_t seed) {
    uint32_t slots = capacity * INDEX_SLOTS_PER_SESSION;

    memset(table, 0, sizeof(*table));
    table->capacity = capacity;
    table->used_from = capacity + 1;
    table->seed = seed;
    table->index_slots = slots < INDEX_SLOTS_MIN ? INDEX_SLOTS_MIN : slots;
    table->sessions = memory_map(sessions_bytes(capacity));
    table->addresses = memory_map(addresses_bytes(capacity));
    table->index = memory_map(index_bytes(table->index_slots));
    if (table->sessions == NULL || table->addresses == NULL || table->index == NULL) {
        session_table_free(table);
        return -ENOMEM;
    }
    return 0;
}

void session_table_free(struct session_table *table) {
    memory_unmap(table->sessions, sessions_bytes(table->capacity));
    memory_unmap(table->addresses, addresses_bytes(table->capacity));
    memory_unmap(table->index, index_bytes(table->index_slots));
    memset(table, 0, sizeof(*table));
}

session_ref session_find(const struct session_table *table, const struct flow_key *key,
                         uint32_t hash) {
    uint32_t slot = session_index_home(table, hash);
    uint64_t entry;

    for (; (entry = table->index[slot]) != 0; slot = session_index_next(table, slot))
        if (session_entry_hash(entry) == hash && session_is(table, (session_ref)entry, key))
            return (session_ref)entry;
    return 0;
}

static void index_insert(struct session_table *table, const struct flow_key *key, session_ref ref) {
    uint32_t hash = session_hash(table, key);
    uint32_t slot = session_index_home(table, hash);

    while (table->index[slot] != 0)
        slot = session_index_next(table, slot);
    table->index[slot] = (uint64_t)hash << 32 | ref;
}

/* True when an entry that belongs at `home` would not be found at `slot` if `hole` were empty. */
static bool crosses(uint32_t home, uint32_t hole, uint32_t slot) {
    if (hole <= slot)
        return home <= hole || home > slot;
    return home <= hole && home > slot;
}

/* Deletion by shifting back: no tombstones, so probes stay short however long the LD runs. */
static void index_remove(struct session_table *table, const struct flow_key *key, session_ref ref) {
    uint32_t hash = session_hash(table, key);
    uint64_t entry = (uint64_t)hash << 32 | ref;
    uint32_t hole = session_index_home(table, hash);
    uint32_t slot;

    while (table->index[hole] != entry)
        hole = session_index_next(table, hole);
    for (slot = session_index_next(table, hole); (entry = table->index[slot]) != 0;
         slot = session_index_next(table, slot)) {
        if (crosses(session_index_home(table, session_entry_hash(entry)), hole, slot)) {
            table->index[hole] = entry;
            hole = slot;
        }
    }
    table->index[hole] = 0;
}

static uint32_t take_free(struct session_table *table, enum ip_family family) {
    uint32_t number = table->free_head[family];

    if (number != 0)
        table->free_head[family] = table->sessions[number].next_free;
    return number;
}

/* A number of its own kind that has been used, one that has not, one of the other kind. */
static uint32_t session_take(struct session_table *table, enum ip_family family) {
    uint32_t number = take_free(table, family);

    if (number != 0)
        return number;
    if (table->used_up_to + 1 == table->used_from)
        return take_free(table, !family);
    return family == FAMILY_IPV4 ? ++table->used_up_to : --table->used_from;
}

static void set_key(struct session_table *table, session_ref ref, const struct flow_key *key) {
    enum direction direction = session_direction(ref);

    memcpy(&session_at(table, ref)->key[direction], key, sizeof(struct flow_short));
    if (flow_is_v6(key))
        session_addresses(table, ref)->v6[direction] = key->v6;
    index_insert(table, key, ref);
}

uint32_t session_open(struct session_table *table, const struct flow_key *from_client,
                      const struct flow_key *from_rs) {
    bool v6 = flow_is_v6(from_client) || flow_is_v6(from_rs);
    uint32_t number = session_take(table, v6 ? FAMILY_IPV6 : FAMILY_IPV4);

    if (unlikely(number == 0))
        return 0;
    memset(&table->sessions[number], 0, sizeof(struct session));
    set_key(table, number << 1 | FROM_CLIENT, from_client);
    set_key(table, number << 1 | FROM_RS, from_rs);
    table->active++;
    return number;
}

void session_prefetch_close(const struct session_table *table, uint32_t number) {
    for (session_ref ref = number << 1; ref <= (number << 1 | 1); ref++) {
        struct flow_key key = session_flow(table, ref);

        session_prefetch_index(table, session_hash(table, &key));
    }
}

void session_close(struct session_table *table, uint32_t number) {
    struct session *session = &table->sessions[number];
    enum ip_family family = FAMILY_IPV4;

    for (session_ref ref = number << 1; ref <= (number << 1 | 1); ref++) {
        struct flow_key key = session_flow(table, ref);

        if (flow_is_v6(&key))
            family = FAMILY_IPV6;
        index_remove(table, &key, ref);
    }
    /* A key without a protocol equals no packet's: guesses made before now fail safely. */
    memset(session->key, 0, sizeof(session->key));
    session->next_free = table->free_head[family];
    table->free_head[family] = number;
    table->active--;
}

struct flow_key session_flow(const struct session_table *table, session_ref ref) {
    struct flow_key key;

    memcpy(&key, &session_at(table, ref)->key[session_direction(ref)], sizeof(struct flow_short));
    if (flow_is_v6(&key))
        key.v6 = session_addresses(table, ref)->v6[session_direction(ref)];
    return key;
}

uint32_t session_next(const struct session_table *table, uint32_t number) {
    number++;
    if (number > table->used_up_to && number < table->used_from)
        number = table->used_from;
    return number <= table->capacity ? number : 0;
}
