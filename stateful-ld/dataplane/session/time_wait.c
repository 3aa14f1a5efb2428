#include "session/time_wait.h"

#include <errno.h>
#include <stddef.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "session/memory.h"

static size_t bytes_of(const struct time_wait *table) {
    return ((size_t)table->mask + 1) * sizeof(*table->sets);
}

/* Five entries for every four to eight sessions. Memory is touched as it is used. */
int time_wait_init(struct time_wait *table, uint32_t sessions) {
    table->mask = rte_align32prevpow2(sessions > 64 ? sessions / 4 : 16) - 1;
    table->last_ms = 0;
    table->sets = memory_map(bytes_of(table));
    return table->sets != NULL ? 0 : -ENOMEM;
}

void time_wait_free(struct time_wait *table) {
    memory_unmap(table->sets, bytes_of(table));
    table->sets = NULL;
}

enum {
    MS_PER_S = 1000
};

static uint32_t age_s(const struct time_wait_entry *entry, uint64_t now_ms) {
    return (uint32_t)(now_ms / MS_PER_S) - entry->ended_s;
}

/* The tuple's entry, or else the oldest. */
static struct time_wait_entry *entry_for(const struct time_wait *table, uint32_t hash,
                                         uint64_t now_ms) {
    struct time_wait_set *set = &table->sets[hash & table->mask];
    struct time_wait_entry *oldest = &set->way[0];

    for (int i = 0; i < TIME_WAIT_WAYS; i++) {
        struct time_wait_entry *entry = &set->way[i];

        if (entry->hash == hash)
            return entry;
        if (age_s(entry, now_ms) > age_s(oldest, now_ms))
            oldest = entry;
    }
    return oldest;
}

void time_wait_note(struct time_wait *table, uint32_t hash, uint32_t next, uint64_t now_ms) {
    *entry_for(table, hash, now_ms) = (struct time_wait_entry){
        .hash = hash,
        .next = next,
        .ended_s = (uint32_t)(now_ms / MS_PER_S),
    };
    table->last_ms = now_ms;
}

void time_wait_prefetch(const struct time_wait *table, uint32_t hash) {
    if (table->last_ms != 0)
        rte_prefetch0(&table->sets[hash & table->mask]);
}

bool time_wait_find(const struct time_wait *table, uint32_t hash, uint64_t now_ms, uint32_t *next) {
    const struct time_wait_entry *entry;

    if (table->last_ms == 0 || now_ms - table->last_ms > TIME_WAIT_OF_RS_MS)
        return false;
    entry = entry_for(table, hash, now_ms);
    if (entry->hash != hash || age_s(entry, now_ms) > TIME_WAIT_OF_RS_MS / MS_PER_S)
        return false;
    *next = entry->next;
    return true;
}
