#include "replicate/install.h"

#include <netinet/in.h>
#include <string.h>

#include "forward/admission.h"
#include "forward/session_life.h"
#include "forward/worker.h"
#include "packet/tcp_options.h"
#include "replicate/counted.h"
#include "replicate/replicate.h"

static void describe_key(const struct worker *worker, session_ref ref, struct flow_key *key) {
    memcpy(key, &session_at(&worker->sessions, ref)->key[session_direction(ref)],
           sizeof(struct flow_short));
    if (unlikely(flow_is_v6(key)))
        *key = session_flow(&worker->sessions, ref);
}

/* What the record has no use for is not written: a burst of new connections makes thousands. */
void install_describe(const struct worker *worker, uint32_t number, struct record *record) {
    const struct session *session = &worker->sessions.sessions[number];

    record->kind = RECORD_SESSION;
    record->flags = 0;
    record->state = session->state;
    record->alter = session->alter;
    record->bucket = session->bucket;
    record->idle_ms = (uint32_t)worker->now_ms - session->last_seen_ms;
    record->age_ms = worker->now_ms - session->created_ms;
    describe_key(worker, number << 1 | FROM_CLIENT, &record->client);
    describe_key(worker, number << 1 | FROM_RS, &record->rs);
    if (unlikely(session->alter != 0))
        record->numbers = session->numbers;
    if (unlikely(session->by_entry)) {
        record->flags |= RECORD_BY_ENTRY;
        record->entry = worker->snapshot->return_tunnels.vtep[session->return_tunnel];
    }
}

static session_ref find(const struct worker *worker, const struct flow_key *key) {
    return session_find(&worker->sessions, key, session_hash(&worker->sessions, key));
}

void install_presume(const struct worker *worker, struct session *session) {
    bool opening = session->state == STATE_SYN_SENT || session->state == STATE_SYN_RECV;

    if (opening && (session->replica & REPLICA_STANDBY) != 0 &&
        replicate_is_untold(worker, session))
        session->state = STATE_ESTABLISHED;
}

void install_activate(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];

    session->replica &= (uint8_t)~REPLICA_OF_OTHERS;
    worker->rs[session->target].sessions_standby--;
    worker->rs[session->target].sessions_active++;
    admission_taken_over(worker, session);
    worker->stats.sessions_taken_over++;
    replicate_mark(worker, number);
}

static bool is_twins(const struct worker *worker, const struct record *record) {
    return worker->snapshot->cluster.lds[record->from].twin;
}

/* Who has the packets of a session that a record tells of; bits of REPLICA_OF_OTHERS. */
static uint8_t whose(const struct worker *worker, const struct record *record) {
    if (is_twins(worker, record))
        return REPLICA_STANDBY | REPLICA_TWIN;
    return worker->snapshot->cluster.former[record->bucket] == record->from
               ? REPLICA_STANDBY | REPLICA_FORMER
               : REPLICA_STANDBY;
}

static void deactivate(struct worker *worker, struct session *session, uint8_t for_whom) {
    bool was_standby = (session->replica & REPLICA_STANDBY) != 0;

    session->replica = (uint8_t)((session->replica & ~REPLICA_OF_OTHERS) | for_whom);
    if (was_standby)
        return;
    worker->rs[session->target].sessions_standby++;
    worker->rs[session->target].sessions_active--;
    admission_over(worker, session);
}

/* Who has seen the last packet knows more. A session that has had no packet here, or not for as
 * long as there in its place, gives way. While a bucket moves two LDs tell of it, and each knows
 * only its own packets. */
static bool gives_way(const struct worker *worker, const struct session *session,
                      const struct record *record) {
    uint32_t last_seen_ms = (uint32_t)worker->now_ms - record->idle_ms;
    bool same = ((session->replica ^ whose(worker, record)) & REPLICA_FORMER) == 0;

    return ((session->replica & REPLICA_STANDBY) != 0 && same) ||
           (int32_t)(last_seen_ms - session->last_seen_ms) > 0;
}

/* The session that is here is the one the record tells of. */
static void update(struct worker *worker, uint32_t number, const struct record *record) {
    struct session *session = &worker->sessions.sessions[number];

    if (!gives_way(worker, session, record))
        return;
    session->state = (uint8_t)record->state;
    session->alter = (uint8_t)record->alter;
    session->numbers = record->numbers;
    session->last_seen_ms = (uint32_t)worker->now_ms - record->idle_ms;
    deactivate(worker, session, whose(worker, record));
    session_rearm(worker, number);
    replicate_relay(worker, number, record->from);
}

/* Another session stands where the record's belongs. An LD that is offline believes the other. */
static bool make_room(struct worker *worker, session_ref ref, const struct record *record) {
    if (!gives_way(worker, session_at(&worker->sessions, ref), record) &&
        __atomic_load_n(&worker->dataplane->replication.online, __ATOMIC_RELAXED) != 0)
        return false;
    session_end(worker, ref >> 1);
    return true;
}

/* An LD that was not told of the entry answers straight. */
static void set_way_back(const struct worker *worker, struct session *session,
                         const struct record *record) {
    uint8_t entry = (record->flags & RECORD_BY_ENTRY) != 0
                        ? snapshot_return_slot(worker->snapshot, &record->entry)
                        : 0;

    session->by_entry = entry != 0;
    session->return_tunnel = entry != 0 ? (uint8_t)(entry - 1) : 0;
}

static bool insert(struct worker *worker, const struct record *record) {
    const struct snapshot *snapshot = worker->snapshot;
    enum ip_family family = flow_is_v6(&record->rs) ? FAMILY_IPV6 : FAMILY_IPV4;
    struct ip_address local = flow_dst(&record->rs);
    int target = snapshot_target(snapshot, &record->client, &record->rs);
    int slot = snapshot_local_slot(snapshot, family, &local);
    struct session *session;
    uint32_t number;

    if (target < 0 || (slot < 0 && !snapshot_policy(snapshot, (uint32_t)target)->migrates))
        return false;
    number = session_open(&worker->sessions, &record->client, &record->rs);
    if (number == 0)
        return false;
    session = &worker->sessions.sessions[number];
    session->target = (uint16_t)target;
    session->bucket = record->bucket;
    session->guest = slot < 0;
    session->local_slot = slot < 0 ? 0 : (uint8_t)slot;
    session->state = (uint8_t)record->state;
    session->alter = (uint8_t)record->alter;
    session->numbers = record->numbers;
    set_way_back(worker, session, record);
    session->replica = whose(worker, record);
    session->created_ms = worker->now_ms - RTE_MIN(worker->now_ms, record->age_ms);
    session->last_seen_ms = (uint32_t)worker->now_ms - record->idle_ms;
    session->armed_tick = wheel_arm(&worker->wheel, number, session_deadline_ms(worker, session));
    worker->rs[target].sessions_standby++;
    worker->rs[target].sessions_guest += session->guest;
    counted_begin(worker, session);
    replicate_relay(worker, number, record->from);
    return true;
}

static bool is_scale(uint8_t scale) {
    return scale <= TCP_WINDOW_SCALE_MAX || scale == WINDOW_NOT_SCALED;
}

/* Packets are altered by it without further questions. */
static bool is_alteration(const struct record *record, uint8_t protocol) {
    uint16_t known = protocol == IPPROTO_UDP
                         ? ALTER_DATAGRAM
                         : ALTER_TOA | ALTER_PROXY | ALTER_SYN | ALTER_NUMBERS | ALTER_COOKIE;

    return (record->alter & ~known) == 0 &&
           ((record->alter & ALTER_NUMBERS) == 0 ||
            (is_scale(record->numbers.window_scale) && is_scale(record->numbers.rs_window_scale)));
}

/* What the record says of itself must fit: the port is one that LDs give out, and carries the
 * bucket. */
static bool is_sound(const struct record *record) {
    uint16_t port = rte_be_to_cpu_16(record->rs.dst_port);
    uint8_t protocol = flow_protocol(&record->client);

    return port >= LOCAL_PORT_FIRST && bucket_of_local_port(port) == record->bucket &&
           protocol == flow_protocol(&record->rs) &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
           (record->state == STATE_UDP_ACTIVE) == (protocol == IPPROTO_UDP) &&
           is_alteration(record, protocol);
}

/* The other cluster has a say in the services that move, and in no others. */
static bool is_shared(const struct worker *worker, const struct record *record) {
    const struct snapshot *snapshot = worker->snapshot;
    int target;

    if (!is_twins(worker, record))
        return cluster_tells(&snapshot->cluster, record->bucket, record->from);
    target = snapshot_target(snapshot, &record->client, &record->rs);
    return snapshot->cluster.twin[record->bucket] == record->from && target >= 0 &&
           snapshot_policy(snapshot, (uint32_t)target)->migrates;
}

bool install_record(struct worker *worker, const struct record *record) {
    session_ref client, rs;

    if (!is_sound(record) || !is_shared(worker, record))
        return false;
    client = find(worker, &record->client);
    rs = find(worker, &record->rs);
    if (client != 0 && client >> 1 == rs >> 1) {
        update(worker, client >> 1, record);
        return true;
    }
    if (client != 0 && !make_room(worker, client, record))
        return false;
    if (rs != 0 && !make_room(worker, rs, record))
        return false;
    return insert(worker, record);
}
