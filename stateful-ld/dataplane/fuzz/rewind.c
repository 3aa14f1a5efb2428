#include "fuzz/rewind.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "session/memory.h"
#include "testing/test.h"

enum {
    TABLES_MAX = 64,
    /* Of larger tables few pages have been touched, so all of them are given back to the kernel. */
    COPIED_MAX_BYTES = 64 << 10,
};

/* What memory_map() has given. */
struct table {
    uint8_t *at;
    size_t bytes;
    uint8_t *copy; /* NULL: it was all zero */
};

static struct table tables[TABLES_MAX];
static uint32_t table_count;

static struct {
    struct dataplane dataplane;
    uint64_t now_ms;
    struct worker *workers[WORKERS_MAX];
} mark;

/* The linker lets all calls of memory_map() come here (meson.build). */
void *__real_memory_map(size_t bytes);
void *__wrap_memory_map(size_t bytes);
void __real_memory_unmap(void *memory, size_t bytes);
void __wrap_memory_unmap(void *memory, size_t bytes);

void *__wrap_memory_map(size_t bytes) {
    void *memory = __real_memory_map(bytes);

    assert_true(table_count < TABLES_MAX);
    if (memory != NULL)
        tables[table_count++] = (struct table){ .at = memory, .bytes = bytes };
    return memory;
}

void __wrap_memory_unmap(void *memory, size_t bytes) {
    for (uint32_t i = 0; memory != NULL && i < table_count; i++)
        if (tables[i].at == memory) {
            free(tables[i].copy);
            tables[i] = tables[--table_count];
            break;
        }
    __real_memory_unmap(memory, bytes);
}

static bool is_zero(const uint8_t *at, size_t bytes) {
    return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

static void mark_table(struct table *table) {
    if (table->bytes > COPIED_MAX_BYTES)
        return; /* looked at once, in check_large_tables() */
    table->copy = malloc(table->bytes);
    assert_non_null(table->copy);
    memcpy(table->copy, table->at, table->bytes);
}

/* Reading them takes as long as a hundred inputs, and what is true of one new data plane is true of
 * all. */
static void check_large_tables(void) {
    static bool checked;

    for (uint32_t i = 0; !checked && i < table_count; i++)
        if (tables[i].bytes > COPIED_MAX_BYTES)
            assert_true(is_zero(tables[i].at, tables[i].bytes));
    checked = true;
}

static void restore_table(const struct table *table) {
    if (table->copy != NULL)
        memcpy(table->at, table->copy, table->bytes);
    else
        assert_int_equal(madvise(table->at, table->bytes, MADV_DONTNEED), 0);
}

void rewind_mark(struct harness *harness) {
    check_large_tables();
    for (uint32_t i = 0; i < table_count; i++)
        mark_table(&tables[i]);
    mark.now_ms = harness->now_ms;
    mark.dataplane = harness->dataplane;
    for (uint32_t id = 0; id < harness->dataplane.worker_count; id++) {
        mark.workers[id] = aligned_alloc(64, sizeof(struct worker));
        assert_non_null(mark.workers[id]);
        *mark.workers[id] = *harness->dataplane.workers[id];
    }
}

static void empty(struct rte_ring *ring) {
    void *mbuf;

    while (rte_ring_dequeue(ring, &mbuf) == 0)
        rte_pktmbuf_free(mbuf);
}

static void empty_elements(struct rte_ring *ring, unsigned bytes) {
    uint8_t element[512];

    assert_in_range(bytes, 4, sizeof(element));
    while (rte_ring_dequeue_elem(ring, element, bytes) == 0)
        continue;
}

/* Packets that are neither sent nor dropped yet. */
static void free_what_waits(struct worker *worker) {
    rte_pktmbuf_free_bulk(worker->tx, worker->tx_count);
    empty(worker->handoff);
    empty(worker->outbox);
    empty_elements(worker->replication.records, sizeof(struct record));
    for (uint32_t i = 0; i < FRAGMENTS_HELD_MAX; i++)
        rte_pktmbuf_free(worker->fragments.held[i].mbuf);
}

void rewind_to_mark(struct harness *harness) {
    const struct snapshot *snapshot = mark.dataplane.snapshot;
    struct dataplane *dataplane = &harness->dataplane;

    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        free_what_waits(dataplane->workers[id]);
        *dataplane->workers[id] = *mark.workers[id];
        memset(snapshot->turns[id], 0, snapshot->choice_count * sizeof(*snapshot->turns[id]));
    }
    empty_elements(dataplane->neighbour_events, sizeof(struct neighbour_event));
    empty_elements(dataplane->neighbour_wishes, sizeof(struct ip_address));
    for (uint32_t i = 0; i < table_count; i++)
        restore_table(&tables[i]);
    *dataplane = mark.dataplane;
    harness->now_ms = mark.now_ms;
    harness->sent_count = 0;
    assert_int_equal(harness_mbufs_in_use(harness), 0);
}

void rewind_forget(void) {
    for (uint32_t i = 0; i < table_count; i++) {
        free(tables[i].copy);
        tables[i].copy = NULL;
    }
    for (uint32_t id = 0; id < WORKERS_MAX; id++) {
        free(mark.workers[id]);
        mark.workers[id] = NULL;
    }
}
