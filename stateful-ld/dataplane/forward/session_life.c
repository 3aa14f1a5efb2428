#include "forward/session_life.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>

#include "forward/admission.h"
#include "forward/alter.h"
#include "forward/cookie.h"
#include "forward/rs_share.h"
#include "forward/scheduler.h"
#include "forward/worker.h"
#include "packet/bucket.h"
#include "replicate/install.h"
#include "replicate/port_share.h"

/* The tuple an RS answers with, while its local side is being chosen. */
struct candidate {
    const struct session_table *sessions;
    struct ip_address rs;
    struct flow_key from_rs;
    uint8_t shares;
};

/* A port is free towards an RS when no session has the tuple. The table is the only judge of it,
 * so a port is never given twice, whatever happens to the order ports are tried in. */
static bool is_free(void *context, const struct local_port *port) {
    struct candidate *candidate = context;

    flow_set_addresses(&candidate->from_rs, &candidate->rs, &port->address);
    candidate->from_rs.dst_port = rte_cpu_to_be_16(port->port);
    if (!shares_have_port(candidate->shares, port->port))
        return false;
    return session_find(candidate->sessions, &candidate->from_rs,
                        session_hash(candidate->sessions, &candidate->from_rs)) == 0;
}

/* The local IPs whose packets the port brings to this worker, where it does. */
static uint64_t own_slots(const struct worker *worker, enum ip_family family) {
    uint64_t slots = worker->snapshot->local_ips[family].slots;

    return worker->snapshot->local_ips_shared[family] ? slots & worker->local_ip_share : slots;
}

static bool take_port(struct worker *worker, const struct target *target, uint8_t protocol,
                      uint16_t bucket, struct candidate *candidate, struct local_port *port) {
    enum ip_family family = ip_family(&target->address);

    candidate->sessions = &worker->sessions;
    candidate->shares = shares_here(&worker->snapshot->cluster, bucket);
    candidate->rs = target->address;
    candidate->from_rs.src_port = target->port;
    candidate->from_rs.vni_protocol = flow_vni_protocol(target->vni, protocol);
    return local_port_take(&worker->ports[family], &worker->snapshot->local_ips[family],
                           own_slots(worker, family), bucket, is_free, candidate, port);
}

/* Choose an RS that has a port left for us: the scheduler's choice first, then any other. */
static enum drop_reason choose(struct worker *worker, const struct service *service,
                               const struct packet *packet, struct candidate *candidate,
                               struct local_port *port, uint32_t *target) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct choice *choices = &snapshot->choices[service->first_choice];
    int chosen = scheduler_choose(worker, service, &packet->key);

    if (chosen < 0)
        return DROP_NO_RS_AVAILABLE;
    for (uint32_t i = 0; i < service->choices; i++) {
        const struct choice *choice = &choices[((uint32_t)chosen + i) % service->choices];

        if (choice->weight == 0 || rs_share_of(worker->dataplane->rs_shares, choice->target) == 0)
            continue;
        *target = choice->target;
        if (take_port(worker, &snapshot->targets[choice->target], flow_protocol(&packet->key),
                      packet->bucket, candidate, port))
            return DROP_NONE;
    }
    __atomic_store_n(&worker->without_port, *target + 1, __ATOMIC_RELAXED);
    return DROP_NO_LOCAL_PORT;
}

static bool is_local_ip(const struct snapshot *snapshot, const struct packet *packet) {
    struct ip_address address = flow_dst(&packet->key);

    return snapshot_is_local_ip(snapshot, &address);
}

/* A bucket's primary, and its backup for as long as the switch sends it the bucket's packets. */
static bool serves(const struct worker *worker, uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;

    return snapshot_owns(snapshot, bucket) ||
           (snapshot->cluster.replicates && cluster_backs_up(&snapshot->cluster, bucket));
}

static bool is_online(const struct worker *worker) {
    return !worker->snapshot->cluster.replicates ||
           __atomic_load_n(&worker->dataplane->replication.online, __ATOMIC_ACQUIRE) != 0;
}

/* Why a packet without a session may not open one. */
static enum drop_reason may_open(const struct worker *worker, const struct packet *packet,
                                 const struct service **service) {
    const struct snapshot *snapshot = worker->snapshot;

    if (!serves(worker, packet->bucket))
        return DROP_BUCKET_NOT_OWNED;
    *service = snapshot_service(snapshot, &packet->key);
    if (*service == NULL)
        return is_local_ip(snapshot, packet) ? DROP_NO_SESSION : DROP_NO_SERVICE;
    if (flow_protocol(&packet->key) == IPPROTO_TCP &&
        (packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
        return DROP_NOT_SYN;
    if (!is_online(worker))
        return DROP_NOT_ONLINE;
    return flow_source_valid(&packet->key) ? DROP_NONE : DROP_BAD_IP_SOURCE;
}

static void set_way_back(const struct worker *worker, struct session *session,
                         const struct packet *packet) {
    uint8_t entry = snapshot_return_tunnel(worker->snapshot, packet->tunnel_src);

    session->by_entry = entry != 0;
    session->return_tunnel = entry != 0 ? (uint8_t)(entry - 1) : 0;
}

static const struct policy *policy_of(const struct worker *worker, const struct service *service) {
    return &worker->snapshot->policies[service - worker->snapshot->services + 1];
}

enum drop_reason session_admit(struct worker *worker, const struct packet *packet,
                               session_ref *ref) {
    const struct service *service;
    enum drop_reason reason = may_open(worker, packet, &service);

    if (reason != DROP_NONE)
        return reason;
    if (unlikely(cookie_wanted(worker, policy_of(worker, service), packet)))
        return DROP_SYN_COOKIE;
    return session_start(worker, service, packet, ref);
}

enum drop_reason session_start(struct worker *worker, const struct service *service,
                               const struct packet *packet, session_ref *ref) {
    const struct policy *policy = policy_of(worker, service);
    struct candidate candidate;
    struct local_port port;
    struct session *session;
    uint32_t number, target = 0;
    enum drop_reason reason;

    if (unlikely(worker->sessions.active == worker->sessions.capacity))
        return DROP_SESSION_TABLE_FULL;
    reason = admission_ask(worker, policy, packet);
    if (unlikely(reason != DROP_NONE))
        return reason;
    reason = choose(worker, service, packet, &candidate, &port, &target);
    if (unlikely(reason != DROP_NONE)) {
        admission_withdraw(worker, policy);
        return reason;
    }
    number = session_open(&worker->sessions, &packet->key, &candidate.from_rs);
    session = &worker->sessions.sessions[number];
    session->target = (uint16_t)target;
    session->bucket = packet->bucket;
    session->local_slot = port.slot;
    set_way_back(worker, session, packet);
    session->alter = alter_of(policy, &packet->key);
    if (flow_protocol(&packet->key) == IPPROTO_TCP &&
        time_wait_find(&worker->time_wait, session_hash(&worker->sessions, &candidate.from_rs),
                       worker->now_ms, &session->numbers.client_end))
        session->alter |= ALTER_SYN;
    session->created_ms = worker->now_ms;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    session->state = flow_protocol(&packet->key) == IPPROTO_TCP ? STATE_SYN_SENT : STATE_UDP_ACTIVE;
    session->armed_tick = wheel_arm(&worker->wheel, number, session_deadline_ms(worker, session));
    worker->rs[target].sessions_total++;
    worker->rs[target].sessions_active++;
    worker->stats.sessions_opened++;
    replicate_mark(worker, number);
    *ref = number << 1 | FROM_CLIENT;
    return DROP_NONE;
}

uint64_t session_deadline_ms(const struct worker *worker, const struct session *session) {
    const struct policy *policy = snapshot_policy(worker->snapshot, session->target);
    uint32_t idle_ms = (uint32_t)worker->now_ms - session->last_seen_ms;

    uint32_t grace_ms = (session->replica & REPLICA_STANDBY) != 0 &&
                                tcp_state_refreshed((enum session_state)session->state)
                            ? STANDBY_GRACE_MS
                            : 0;

    return worker->now_ms - idle_ms + policy->timeout_ms[session->state] + grace_ms;
}

/* Deadlines that move away need nothing: the wheel looks at the session when its old one has come.
 * Only one that comes closer (an established session closes) has to be moved. */
void session_rearm(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];
    uint64_t deadline_ms = session_deadline_ms(worker, session);

    if (wheel_too_late(&worker->wheel, session->armed_tick, deadline_ms)) {
        wheel_disarm(&worker->wheel, number);
        session->armed_tick = wheel_arm(&worker->wheel, number, deadline_ms);
    }
}

/* Whether RSs answer new connections: a refusal is no answer, a client that gives up says nothing.
 */
static void note_answer(struct worker *worker, session_ref ref, enum session_state state) {
    struct rs_answers *answers = &worker->rs_answers[session_at(&worker->sessions, ref)->target];

    if (state == STATE_SYN_RECV)
        answers->answered++;
    else if (state == STATE_CLOSE && session_direction(ref) == FROM_RS)
        answers->unanswered++;
}

void session_set_state(struct worker *worker, session_ref ref, enum session_state state) {
    struct session *session = session_at(&worker->sessions, ref);

    if (session->state == STATE_SYN_SENT)
        note_answer(worker, ref, state);
    session->state = (uint8_t)state;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    session_rearm(worker, ref >> 1);
    replicate_mark(worker, ref >> 1);
}

void session_touch(struct worker *worker, session_ref ref, const struct packet *packet) {
    struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    enum session_state state = session->state;

    session_count(worker, ref, packet);
    if (unlikely((session->replica & REPLICA_STANDBY) != 0))
        install_activate(worker, ref >> 1);
    if (flow_protocol(&packet->key) == IPPROTO_TCP)
        state = tcp_next_state(state, direction, packet->tcp_flags);
    if (unlikely(state != session->state))
        session_set_state(worker, ref, state);
    else if (likely(tcp_state_refreshed(state)))
        session->last_seen_ms = (uint32_t)worker->now_ms;
}

/* The RS closed first, so it has the tuple in TIME-WAIT. */
static void note_time_wait(struct worker *worker, uint32_t number) {
    time_wait_note(&worker->time_wait,
                   session_hash_of(&worker->sessions, (session_ref)(number << 1 | FROM_RS)),
                   worker->sessions.sessions[number].numbers.client_end, worker->now_ms);
}

static struct local_ports *ports_of(struct worker *worker, const struct session *session) {
    bool v6 = (session->key[FROM_RS].vni_protocol & FLOW_V6) != 0;

    return &worker->ports[v6 ? FAMILY_IPV6 : FAMILY_IPV4];
}

static uint16_t local_port_of(const struct session *session) {
    return rte_be_to_cpu_16(session->key[FROM_RS].dst_port);
}

static void forget(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];

    if ((session->replica & REPLICA_STANDBY) != 0) {
        worker->rs[session->target].sessions_standby--;
    } else {
        worker->rs[session->target].sessions_active--;
        admission_over(worker, session);
    }
    worker->rs[session->target].sessions_guest -= session->guest;
    if (session->state == STATE_TIME_WAIT && session->numbers.client_end != 0)
        note_time_wait(worker, number);
    if (likely(!session->guest))
        local_port_release(ports_of(worker, session), session->bucket, session->local_slot,
                           local_port_of(session));
    session_close(&worker->sessions, number);
}

void session_end(struct worker *worker, uint32_t number) {
    wheel_disarm(&worker->wheel, number);
    forget(worker, number);
}

/* Something has been seen of it since it was armed: look again when it may be over. */
static bool lives_on(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];
    uint64_t deadline_ms = session_deadline_ms(worker, session);

    if (deadline_ms <= worker->now_ms)
        return false;
    session->armed_tick = wheel_arm(&worker->wheel, number, deadline_ms);
    if ((session->replica & REPLICA_STANDBY) == 0)
        replicate_mark(worker, number); /* it lives, the other LD has to know */
    return true;
}

/* Each kind of memory in a loop of its own: the waits for its pages overlap then. */
static void prefetch_forget(struct worker *worker, const uint32_t *numbers, uint32_t count) {
    const struct session_table *table = &worker->sessions;
    uint32_t hash[2 * WHEEL_BATCH];

    for (uint32_t i = 0; i < 2 * count; i++)
        hash[i] = session_hash_of(table, numbers[i / 2] << 1 | (i & 1));
    for (uint32_t i = 0; i < 2 * count; i++)
        session_index_prefetch(&table->index, hash[i]);
    for (int step = 0; step < LOCAL_PORT_PREFETCH_STEPS; step++)
        for (uint32_t i = 0; i < count; i++) {
            const struct session *session = &table->sessions[numbers[i]];

            local_port_prefetch(ports_of(worker, session), session->bucket, session->local_slot,
                                local_port_of(session), step);
        }
}

static void expire(struct worker *worker, uint32_t number) {
    const struct session *session = &worker->sessions.sessions[number];

    worker->stats.sessions_expired++;
    if (session->state == STATE_SYN_SENT && (session->replica & REPLICA_STANDBY) == 0)
        worker->rs_answers[session->target].unanswered++;
    if (unlikely((session->alter & ALTER_COOKIE) != 0))
        cookie_give_up(worker, number);
    forget(worker, number);
}

/* Sessions that have been idle are in no cache, nor is what they leave behind. */
void session_due(void *context, const uint32_t *numbers, uint32_t count) {
    struct worker *worker = context;
    uint32_t over[WHEEL_BATCH];
    uint32_t ended = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct session *session = &worker->sessions.sessions[numbers[i]];

        rte_prefetch0(session);
        rte_prefetch0(&session->created_ms);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (lives_on(worker, numbers[i]))
            continue;
        over[ended++] = numbers[i];
    }
    prefetch_forget(worker, over, ended);
    for (uint32_t i = 0; i < ended; i++)
        expire(worker, over[i]);
}
