#include "control/encode.h"
#include "forward/worker.h"

typedef Sluice__Ld__V1__DataplaneResponse Response;
typedef Sluice__Ld__V1__DataplaneStatus DataplaneStatus;
typedef Sluice__Ld__V1__LdState LdState;
typedef Sluice__Ld__V1__WorkerProgress WorkerProgress;

bool encode_state(struct output *output, const struct dataplane *dataplane, uint64_t started_ms,
                  uint64_t now_ms) {
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    DataplaneStatus status = SLUICE__LD__V1__DATAPLANE_STATUS__INIT;
    LdState state = SLUICE__LD__V1__LD_STATE__INIT;
    WorkerProgress progress[WORKERS_MAX], *pointers[WORKERS_MAX];
    const struct snapshot *snapshot = dataplane->snapshot;
    struct replication_status replication;

    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        const struct worker *worker = dataplane->workers[id];

        sluice__ld__v1__worker_progress__init(&progress[id]);
        progress[id].core = worker->lcore;
        progress[id].turns = counter_read(&worker->turns);
        pointers[id] = &progress[id];
        state.sessions_active += __atomic_load_n(&worker->sessions.active, __ATOMIC_RELAXED);
        state.sessions_capacity += worker->sessions.capacity;
    }
    state.n_workers = dataplane->worker_count;
    state.workers = pointers;
    state.n_peers = encode_replication(&replication, dataplane, now_ms);
    state.peers = replication.pointers;
    state.local_ip_rules = local_ip_rules_count(&dataplane->local_ip_rules);
    state.configured = snapshot != NULL;
    state.epoch = snapshot != NULL ? snapshot->epoch : 0;
    state.online =
        snapshot != NULL && (!snapshot->cluster.replicates ||
                             __atomic_load_n(&dataplane->replication.online, __ATOMIC_RELAXED));
    status.version = (char *)SLUICE_LD_VERSION;
    status.uptime_ms = now_ms - started_ms;
    status.worker_cores = dataplane->worker_count;
    status.state = &state;
    response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_STATUS;
    response.status = &status;
    return encode_response(output, &response);
}
