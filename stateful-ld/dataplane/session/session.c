#include "session/session.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "session/memory.h"

enum {
    INDEX_ENTRIES_PER_SESSION = 4 /* two are used: the index is at most half full */
};

static size_t sessions_bytes(uint32_t capacity) {
    return ((size_t)capacity + 1) * sizeof(struct session);
}

static size_t addresses_bytes(uint32_t capacity) {
    return (size_t)capacity * sizeof(struct session_addresses);
}

int session_table_init(struct session_table *table, uint32_t capacity, uint64_t seed) {
    size_t entries = (size_t)capacity * INDEX_ENTRIES_PER_SESSION;

    memset(table, 0, sizeof(*table));
    table->capacity = capacity;
    table->used_from = capacity + 1;
    table->seed = seed;
    table->sessions = memory_map(sessions_bytes(capacity));
    table->addresses = memory_map(addresses_bytes(capacity));
    if (table->sessions == NULL || table->addresses == NULL ||
        session_index_init(&table->index, entries) < 0) {
        session_table_free(table);
        return -ENOMEM;
    }
    return 0;
}

void session_table_free(struct session_table *table) {
    memory_unmap(table->sessions, sessions_bytes(table->capacity));
    memory_unmap(table->addresses, addresses_bytes(table->capacity));
    session_index_free(&table->index);
    memset(table, 0, sizeof(*table));
}

static session_ref find_in_line(const struct session_table *table, const struct index_line *line,
                                const struct flow_key *key, uint32_t hash) {
    for (int i = 0; i < INDEX_LINE_ENTRIES; i++)
        if (line->hash[i] == hash && session_is(table, line->ref[i], key))
            return line->ref[i];
    return 0;
}

session_ref session_find(const struct session_table *table, const struct flow_key *key,
                         uint32_t hash) {
    const struct session_index *index = &table->index;
    uint32_t number = session_index_home(index, hash);
    session_ref ref;

    while ((ref = find_in_line(table, &index->lines[number], key, hash)) == 0 &&
           unlikely(index_line_full(&index->lines[number])))
        number = session_index_next(index, number);
    return ref;
}

static uint32_t take_free(struct session_table *table, enum ip_family family) {
    uint32_t number = table->free_head[family];

    if (number != 0) {
        uint32_t next = table->sessions[number].next_free;

        table->free_head[family] = next;
        /* For the next one: both its lines will be written, and this read. */
        rte_prefetch0(&table->sessions[next]);
        rte_prefetch0(&table->sessions[next].next_free);
    }
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
    session_index_insert(&table->index, session_hash(table, key), ref);
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

void session_close(struct session_table *table, uint32_t number) {
    struct session *session = &table->sessions[number];
    enum ip_family family = session_has_v6_side(session) ? FAMILY_IPV6 : FAMILY_IPV4;

    for (session_ref ref = number << 1; ref <= (number << 1 | 1); ref++)
        session_index_remove(&table->index, session_hash_of(table, ref), ref);
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
