#include <stdlib.h>
#include <string.h>

#include "control/encode.h"
#include "forward/worker.h"
#include "port.h"

typedef Sluice__Ld__V1__DataplaneResponse Response;
typedef Sluice__Ld__V1__NamedCounter NamedCounter;
typedef Sluice__Ld__V1__RsCounters RsCounters;
typedef Sluice__Ld__V1__ServiceCounters ServiceCounters;

typedef Sluice__Ld__V1__WorkerCounters WorkerCounters;

enum {
#define COUNT_ONE(name) +1
    WORKER_COUNTERS = PORT_COUNTERS(COUNT_ONE),
    PORT_COUNTERS_MAX = WORKER_COUNTERS + PORT_LOSSES(COUNT_ONE) + 2, /* and those of control */
#undef COUNT_ONE
};

/* What one worker has counted, as messages. */
struct worker_lines {
    WorkerCounters message;
    NamedCounter port[WORKER_COUNTERS];
    NamedCounter drops[DROP_REASON_COUNT];
    NamedCounter *port_pointers[WORKER_COUNTERS];
    NamedCounter *drop_pointers[DROP_REASON_COUNT];
};

/* Everything the message points to. */
struct workspace {
    uint32_t used;
    RsCounters *rs;
    RsCounters **rs_pointers;
    ServiceCounters *services;
    ServiceCounters **service_pointers;
    uint32_t *order; /* registry numbers by service name, then RS name */
    struct worker_lines *workers;
    WorkerCounters **worker_pointers;
};

static bool workspace_init(struct workspace *work, uint32_t targets, uint32_t workers) {
    size_t count = targets + 1;

    work->used = 0;
    work->rs = calloc(count, sizeof(*work->rs));
    work->rs_pointers = calloc(count, sizeof(*work->rs_pointers));
    work->services = calloc(count, sizeof(*work->services));
    work->service_pointers = calloc(count, sizeof(*work->service_pointers));
    work->order = calloc(count, sizeof(*work->order));
    work->workers = calloc(workers, sizeof(*work->workers));
    work->worker_pointers = calloc(workers, sizeof(*work->worker_pointers));
    return work->rs != NULL && work->rs_pointers != NULL && work->services != NULL &&
           work->service_pointers != NULL && work->order != NULL && work->workers != NULL &&
           work->worker_pointers != NULL;
}

static void workspace_free(struct workspace *work) {
    free(work->rs);
    free(work->rs_pointers);
    free(work->services);
    free(work->service_pointers);
    free(work->order);
    free(work->workers);
    free(work->worker_pointers);
}

static int by_name(const void *a, const void *b, void *context) {
    const struct registry *registry = context;
    const struct target_identity *x = &registry->entries[*(const uint32_t *)a].identity;
    const struct target_identity *y = &registry->entries[*(const uint32_t *)b].identity;
    int order = strcmp(x->service, y->service);

    return order != 0 ? order : strcmp(x->rs, y->rs);
}

static uint32_t sort_targets(struct workspace *work, const struct registry *registry) {
    uint32_t count = 0;

    for (uint32_t number = 0; number < registry->used_up_to; number++)
        if (registry_used(registry, number))
            work->order[count++] = number;
    qsort_r(work->order, count, sizeof(*work->order), by_name, (void *)(uintptr_t)registry);
    return count;
}

static void add_target(RsCounters *rs, const struct dataplane *dataplane, uint32_t number) {
    struct rs_counters sum = apply_rs_totals(dataplane, number);

    rs_counters_add(&sum, &dataplane->registry.entries[number].carried);
    rs->sessions_total += sum.sessions_total;
    rs->sessions_active += sum.sessions_active;
    rs->packets_in += sum.packets[FROM_CLIENT];
    rs->bytes_in += sum.bytes[FROM_CLIENT];
    rs->packets_out += sum.packets[FROM_RS];
    rs->bytes_out += sum.bytes[FROM_RS];
}

/* Targets of one service and RS name are one line; lines of one service are one group. */
static size_t group(struct workspace *work, const struct dataplane *dataplane) {
    uint32_t targets = sort_targets(work, &dataplane->registry);
    size_t services = 0;
    uint32_t lines = 0;

    for (uint32_t i = 0; i < targets; i++) {
        const struct target_identity *identity =
            &dataplane->registry.entries[work->order[i]].identity;
        ServiceCounters *service = services > 0 ? &work->services[services - 1] : NULL;

        if (service == NULL || strcmp(service->service, identity->service) != 0) {
            service = &work->services[services];
            work->service_pointers[services++] = service;
            sluice__ld__v1__service_counters__init(service);
            service->service = (char *)identity->service;
            service->real_servers = &work->rs_pointers[lines];
        }
        if (service->n_real_servers == 0 || strcmp(work->rs[lines - 1].rs, identity->rs) != 0) {
            sluice__ld__v1__rs_counters__init(&work->rs[lines]);
            work->rs[lines].rs = (char *)identity->rs;
            work->rs_pointers[lines] = &work->rs[lines];
            lines++;
            service->n_real_servers++;
        }
        add_target(&work->rs[lines - 1], dataplane, work->order[i]);
    }
    return services;
}

static void name_counter(NamedCounter *counter, NamedCounter **pointer, const char *name,
                         uint64_t value) {
    sluice__ld__v1__named_counter__init(counter);
    counter->name = (char *)(uintptr_t)name;
    counter->value = value;
    *pointer = counter;
}

static void add_worker(struct worker_lines *lines, const struct worker *worker) {
    WorkerCounters *message = &lines->message;
    struct worker_stats stats = { 0 };

    worker_stats_add(&stats, &worker->stats);
    sluice__ld__v1__worker_counters__init(message);
    message->core = worker->lcore;
    message->sessions_active = __atomic_load_n(&worker->sessions.active, __ATOMIC_RELAXED);
    message->sessions_capacity = worker->sessions.capacity;
    message->port = lines->port_pointers;
    message->drops = lines->drop_pointers;
#define NAME_COUNTER(name)                                                                         \
    name_counter(&lines->port[message->n_port], &lines->port_pointers[message->n_port], #name,     \
                 stats.name);                                                                      \
    message->n_port++;
    PORT_COUNTERS(NAME_COUNTER)
#undef NAME_COUNTER
    for (int reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++)
        if (stats.drops[reason] != 0) {
            name_counter(&lines->drops[message->n_drops], &lines->drop_pointers[message->n_drops],
                         drop_reason_name((enum drop_reason)reason), stats.drops[reason]);
            message->n_drops++;
        }
}

bool encode_counters(struct output *output, const struct dataplane *dataplane) {
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    Sluice__Ld__V1__Counters counters = SLUICE__LD__V1__COUNTERS__INIT;
    NamedCounter port[PORT_COUNTERS_MAX], drops[DROP_REASON_COUNT];
    NamedCounter *port_pointers[PORT_COUNTERS_MAX], *drop_pointers[DROP_REASON_COUNT];
    struct worker_stats stats = { 0 };
    struct port_losses losses;
    struct workspace work;
    bool encoded = false;

    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        const struct worker *worker = dataplane->workers[id];

        worker_stats_add(&stats, &worker->stats);
        counters.sessions_active += __atomic_load_n(&worker->sessions.active, __ATOMIC_RELAXED);
        counters.sessions_capacity += worker->sessions.capacity;
    }
#define NAME_PORT_COUNTER(name, value)                                                             \
    name_counter(&port[counters.n_port], &port_pointers[counters.n_port], #name, value);           \
    counters.n_port++;
#define NAME_WORKER_COUNTER(name) NAME_PORT_COUNTER(name, stats.name)
    PORT_COUNTERS(NAME_WORKER_COUNTER)
#undef NAME_WORKER_COUNTER
    port_losses(dataplane->port, &losses);
#define NAME_LOSS(name) NAME_PORT_COUNTER(name, losses.name)
    PORT_LOSSES(NAME_LOSS)
#undef NAME_LOSS
    NAME_PORT_COUNTER(heartbeats_sent, counter_read(&dataplane->heartbeats_sent))
    NAME_PORT_COUNTER(heartbeats_withheld, counter_read(&dataplane->heartbeats_withheld))
#undef NAME_PORT_COUNTER
    for (int reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++) {
        name_counter(&drops[counters.n_drops], &drop_pointers[counters.n_drops],
                     drop_reason_name((enum drop_reason)reason), stats.drops[reason]);
        counters.n_drops++;
    }
    counters.port = port_pointers;
    counters.drops = drop_pointers;
    if (workspace_init(&work, dataplane->registry.used_up_to, dataplane->worker_count)) {
        for (uint32_t id = 0; id < dataplane->worker_count; id++) {
            add_worker(&work.workers[id], dataplane->workers[id]);
            work.worker_pointers[id] = &work.workers[id].message;
        }
        counters.n_workers = dataplane->worker_count;
        counters.workers = work.worker_pointers;
        counters.n_services = group(&work, dataplane);
        counters.services = work.service_pointers;
        response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_COUNTERS;
        response.counters = &counters;
        encoded = encode_response(output, &response);
    }
    workspace_free(&work);
    return encoded;
}
