#include "forward/session_scan.h"

#include "forward/session_life.h"
#include "forward/worker.h"

static void copy(const struct worker *worker, uint32_t number, struct session_view *view) {
    const struct session_table *table = &worker->sessions;
    const struct session *session = &table->sessions[number];
    uint64_t deadline_ms = session_deadline_ms(worker, session);

    view->from_client = session_flow(table, number << 1 | FROM_CLIENT);
    view->from_rs = session_flow(table, number << 1 | FROM_RS);
    view->target = session->target;
    view->bucket = session->bucket;
    view->state = session->state;
    view->age_ms = worker->now_ms - session->created_ms;
    view->expires_in_ms = deadline_ms > worker->now_ms ? deadline_ms - worker->now_ms : 0;
    view->packets[FROM_CLIENT] = session->packets[FROM_CLIENT];
    view->packets[FROM_RS] = session->packets[FROM_RS];
}

void session_scan_slice(struct worker *worker) {
    struct session_scan *scan = __atomic_load_n(&worker->scan, __ATOMIC_ACQUIRE);
    const struct session_table *table = &worker->sessions;
    uint32_t copied = 0, visited = 0, next;

    if (scan == NULL || __atomic_load_n(&scan->ready, __ATOMIC_ACQUIRE))
        return;
    while ((next = session_next(table, scan->last)) != 0 && scan->count < SCAN_BATCH &&
           copied < SCAN_SLICE_COPIED && visited < SCAN_SLICE_VISITED) {
        if (session_is_open(table, next) && session_filter_has(&scan->filter, table, next)) {
            copy(worker, next, &scan->views[scan->count++]);
            copied++;
        }
        scan->last = next;
        visited++;
    }
    scan->finished = next == 0;
    if (scan->finished || scan->count == SCAN_BATCH)
        __atomic_store_n(&scan->ready, 1, __ATOMIC_RELEASE);
}

void session_scan_begin(struct worker *worker, struct session_scan *scan) {
    __atomic_store_n(&worker->scan, scan, __ATOMIC_RELEASE);
}

bool session_scan_ready(const struct session_scan *scan) {
    return __atomic_load_n(&scan->ready, __ATOMIC_ACQUIRE) != 0;
}

void session_scan_continue(struct session_scan *scan) {
    scan->count = 0;
    __atomic_store_n(&scan->ready, 0, __ATOMIC_RELEASE);
}

void session_scan_end(struct worker *worker) {
    __atomic_store_n(&worker->scan, NULL, __ATOMIC_RELEASE);
}
