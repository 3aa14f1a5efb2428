#include "bench/memory.h"

#include <rte_prefetch.h>

#include "forward/worker.h"
#include "session/session.h"

enum {
    BURSTS_BETWEEN_LOOKS = 64,
};

/* xorshift64 (Marsaglia 2003): a few instructions, and no address that any prefetcher foresees. */
static inline uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline uint32_t below(uint32_t random, uint32_t count) {
    return (uint32_t)((uint64_t)random * count >> 32);
}

static void burst(struct session_table *table, uint64_t *state) {
    const struct session_index *index = &table->index;
    const struct index_line *lines[BURST];
    struct session *sessions[BURST];

    for (int i = 0; i < BURST; i++) {
        uint64_t random = next_random(state);

        lines[i] = &index->lines[below((uint32_t)random, index->line_count)];
        sessions[i] = &table->sessions[1 + below((uint32_t)(random >> 32), table->used_up_to)];
        rte_prefetch0(lines[i]);
    }
    for (int i = 0; i < BURST; i++) /* which session is known only when the line is here */
        rte_prefetch0(sessions[i] + (lines[i]->ref[0] == UINT32_MAX));
    for (int i = 0; i < BURST; i++)
        sessions[i]->packets[FROM_CLIENT]++;
}

void memory_run(struct session_table *table, uint64_t *done, const volatile int *stop) {
    uint64_t state = (uintptr_t)table | 1;

    while (!*stop) {
        for (int i = 0; i < BURSTS_BETWEEN_LOOKS; i++)
            burst(table, &state);
        __atomic_store_n(done, *done + BURSTS_BETWEEN_LOOKS * BURST, __ATOMIC_RELAXED);
    }
}
