#include "control/telemetry.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "forward/worker.h"
#include "log.h"
#include "port.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct dataplane *shown; /* NULL: nothing to show */

struct totals {
    struct worker_stats stats;
    bool of_all_workers;
    struct port_losses losses; /* of the port, which is nobody's own: for all workers only */
    uint64_t sessions_active;
    uint64_t sessions_capacity;
};

/* Of all workers, or of the one whose core `params` names. @return false when there is no such */
static bool sum_up(const char *params, struct totals *totals) {
    bool found = false;
    long core = -1;
    char *end;

    memset(totals, 0, sizeof(*totals));
    if (params != NULL && *params != '\0') {
        core = strtol(params, &end, 10);
        if (*end != '\0' || core < 0)
            return false;
    }
    pthread_mutex_lock(&lock);
    for (uint32_t id = 0; shown != NULL && id < shown->worker_count; id++) {
        const struct worker *worker = shown->workers[id];

        if (core >= 0 && worker->lcore != (unsigned)core)
            continue;
        worker_stats_add(&totals->stats, &worker->stats);
        totals->sessions_active += __atomic_load_n(&worker->sessions.active, __ATOMIC_RELAXED);
        totals->sessions_capacity += worker->sessions.capacity;
        found = true;
    }
    totals->of_all_workers = core < 0;
    if (totals->of_all_workers && shown != NULL)
        port_losses(shown->port, &totals->losses);
    pthread_mutex_unlock(&lock);
    return found;
}

static int on_workers(const char *command, const char *params, struct rte_tel_data *data) {
    (void)command, (void)params;
    rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
    pthread_mutex_lock(&lock);
    for (uint32_t id = 0; shown != NULL && id < shown->worker_count; id++)
        rte_tel_data_add_array_int(data, (int)shown->workers[id]->lcore);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int on_counters(const char *command, const char *params, struct rte_tel_data *data) {
    struct totals totals;

    (void)command;
    if (!sum_up(params, &totals))
        return -1;
    rte_tel_data_start_dict(data);
#define ADD_COUNTER(name) rte_tel_data_add_dict_u64(data, #name, totals.stats.name);
    PORT_COUNTERS(ADD_COUNTER)
#undef ADD_COUNTER
#define ADD_LOSS(name) rte_tel_data_add_dict_u64(data, #name, totals.losses.name);
    if (totals.of_all_workers) {
        PORT_LOSSES(ADD_LOSS)
    }
#undef ADD_LOSS
    rte_tel_data_add_dict_u64(data, "sessions_active", totals.sessions_active);
    rte_tel_data_add_dict_u64(data, "sessions_capacity", totals.sessions_capacity);
    return 0;
}

static int on_drops(const char *command, const char *params, struct rte_tel_data *data) {
    struct totals totals;

    (void)command;
    if (!sum_up(params, &totals))
        return -1;
    rte_tel_data_start_dict(data);
    for (int reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++)
        if (totals.stats.drops[reason] != 0)
            rte_tel_data_add_dict_u64(data, drop_reason_name((enum drop_reason)reason),
                                      totals.stats.drops[reason]);
    return 0;
}

/* Commands cannot be taken back: registered once, they show what there is. */
static void register_commands(void) {
    if (rte_telemetry_register_cmd("/sluice/workers", on_workers,
                                   "Cores of the workers. No parameters") != 0 ||
        rte_telemetry_register_cmd("/sluice/counters", on_counters,
                                   "Counters of all workers, or of one. Parameters: [core]") != 0 ||
        rte_telemetry_register_cmd("/sluice/drops", on_drops,
                                   "Packets dropped by reason. Parameters: [core]") != 0)
        log_warning("telemetry: its commands cannot be registered");
}

void telemetry_begin(const struct dataplane *dataplane) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, register_commands);
    pthread_mutex_lock(&lock);
    shown = dataplane;
    pthread_mutex_unlock(&lock);
}

void telemetry_end(void) {
    telemetry_begin(NULL);
}
