#include "forward/session_life.h"

#include <rte_branch_prediction.h>

#include "forward/admission.h"
#include "forward/alter.h"
#include "forward/cookie.h"
#include "forward/worker.h"
#include "replicate/counted.h"
#include "replicate/install.h"

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

/* It is the RS that has not answered, as far as anybody knows here: not so when the LD has stood
 * still, was offline or had no link since the session's SYN, for its answer may have come then. */
static void note_unanswered(struct worker *worker, const struct session *session) {
    if (session->created_ms >= worker->turns_since_ms &&
        session->created_ms >= replicate_hears_since(&worker->dataplane->replication))
        worker->rs_answers[session->target].unanswered++;
}

/* Whether RSs answer new connections: a refusal is no answer, a client that gives up says nothing.
 */
static void note_answer(struct worker *worker, session_ref ref, enum session_state state) {
    const struct session *session = session_at(&worker->sessions, ref);

    if (state == STATE_SYN_RECV)
        worker->rs_answers[session->target].answered++;
    else if (state == STATE_CLOSE && session_direction(ref) == FROM_RS)
        note_unanswered(worker, session);
}

/* What the other LD has to hear of, should it have to go on with the session at any moment. That it
 * is established shows in its next packet (tcp_state_at_least()), or is presumed of one that has
 * none (install_presume()); but what its packets have to be altered by is known since the RS has
 * answered. That the RS has is followed by the client's acknowledgement, or by nothing that
 * matters; an end may be late. */
static void tell(struct worker *worker, uint32_t number, enum session_state state) {
    if (state == STATE_ESTABLISHED && worker->sessions.sessions[number].alter != 0)
        replicate_mark(worker, number);
    else if (state != STATE_SYN_RECV)
        replicate_mark_later(worker, number);
}

void session_set_state(struct worker *worker, session_ref ref, enum session_state state) {
    struct session *session = session_at(&worker->sessions, ref);

    if (session->state == STATE_SYN_SENT)
        note_answer(worker, ref, state);
    session->state = (uint8_t)state;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    session_rearm(worker, ref >> 1);
    tell(worker, ref >> 1, state);
}

void session_touch(struct worker *worker, session_ref ref, const struct packet *packet) {
    struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    enum session_state state = session->state;

    session_count(worker, ref, packet);
    if (unlikely((session->replica & REPLICA_STANDBY) != 0)) {
        install_activate(worker, ref >> 1);
        state = tcp_state_at_least(state, packet->tcp_flags);
    }
    if (flow_protocol(&packet->key) == IPPROTO_TCP &&
        likely(!alter_goes_on(session, direction, packet->tcp_flags)))
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
    counted_end(worker, session);
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
    uint64_t deadline_ms;

    install_presume(worker, session);
    deadline_ms = session_deadline_ms(worker, session);
    if (deadline_ms <= worker->now_ms)
        return false;
    session->armed_tick = wheel_arm(&worker->wheel, number, deadline_ms);
    /* It lives, the other LD has to know; how long one lives that is over was told when it was. */
    if ((session->replica & REPLICA_STANDBY) == 0 &&
        tcp_state_refreshed((enum session_state)session->state))
        replicate_mark_later(worker, number);
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
        note_unanswered(worker, session);
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
