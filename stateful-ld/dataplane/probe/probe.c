#include "probe/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "forward/fullnat.h"
#include "forward/icmp_path.h"
#include "forward/way_out.h"
#include "forward/worker.h"
#include "probe/address.h"
#include "probe/device.h"
#include "probe/echo.h"

enum {
    RING_SLOTS = 1024,
    PACKETS_A_TURN = 256,
    EXPIRY_A_TURN = 256,
    /** A connection that is over is of no use any more, but for packets that come late. */
    OVER_MS = 1000,
    /** Answers come soon after a packet, or by a device that wakes control: the timeouts. */
    BUSY_MS = 50,
    BUSY_WAIT_MS = 1,
    IDLE_WAIT_MS = 10,
};

static struct rte_ring *make_ring(void) {
    static uint32_t serial; /* names of rings are global to the process */
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "probe%u", serial++);
    return rte_ring_create(name, RING_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
}

int probe_init(struct probe *probe, struct dataplane *dataplane, int device, uint64_t now_ms) {
    const struct worker_options options = {
        .id = dataplane->worker_count, /* nobody's: what is kept for each worker is not for it */
        .workers = dataplane->worker_count,
        .lcore = LCORE_ID_ANY,
        .sessions = PROBE_SESSIONS,
        .seed = now_ms,
        .now_ms = now_ms,
    };

    *probe = (struct probe){ .dataplane = dataplane, .device = device };
    probe->worker = worker_create(dataplane, &options);
    dataplane->probe_answers = make_ring();
    if (probe->worker == NULL || dataplane->probe_answers == NULL) {
        probe_free(probe);
        return -ENOMEM;
    }
    probe->worker->transmitter = dataplane->workers[0];
    return 0;
}

void probe_free(struct probe *probe) {
    struct rte_ring *answers = probe->dataplane->probe_answers;
    void *mbuf;

    while (answers != NULL && rte_ring_dequeue(answers, &mbuf) == 0)
        rte_pktmbuf_free(mbuf);
    rte_ring_free(answers);
    probe->dataplane->probe_answers = NULL;
    worker_destroy(probe->worker);
    probe->worker = NULL;
    if (probe->device >= 0)
        close(probe->device);
    probe->device = -1;
}

bool probe_possible(const struct dataplane *dataplane) {
    const struct snapshot *snapshot = dataplane->snapshot;

    if (dataplane->probe_answers == NULL || snapshot == NULL)
        return false;
    for (uint16_t bucket = 1; bucket < BUCKET_COUNT; bucket++)
        if (snapshot_owns(snapshot, bucket))
            return true;
    return false;
}

static bool has_probe_port(const struct packet *packet) {
    uint16_t port = rte_be_to_cpu_16(packet->key.dst_port);

    return port != 0 && port < LOCAL_PORT_FIRST;
}

bool probe_answer(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    struct ip_address destination = flow_dst(&packet->key);
    struct rte_ring *answers = worker->dataplane->probe_answers;

    if (answers == NULL || !has_probe_port(packet) ||
        !snapshot_is_local_ip(worker->snapshot, &destination))
        return false;
    if (rte_ring_enqueue(answers, mbuf) != 0)
        worker_drop(worker, mbuf, DROP_HANDOFF_FULL);
    return true;
}

static void close_session(struct worker *worker, uint32_t number) {
    wheel_disarm(&worker->wheel, number);
    session_close(&worker->sessions, number);
}

static uint64_t deadline_ms(const struct worker *worker, const struct session *session) {
    bool over = tcp_state_over((enum session_state)session->state);
    uint32_t idle_ms = (uint32_t)worker->now_ms - session->last_seen_ms;

    return worker->now_ms - idle_ms + (over ? OVER_MS : PROBE_IDLE_MS);
}

static void due(void *context, const uint32_t *numbers, uint32_t count) {
    struct worker *worker = context;

    for (uint32_t i = 0; i < count; i++) {
        struct session *session = &worker->sessions.sessions[numbers[i]];
        uint64_t when_ms = deadline_ms(worker, session);

        if (when_ms > worker->now_ms)
            session->armed_tick = wheel_arm(&worker->wheel, numbers[i], when_ms);
        else
            session_close(&worker->sessions, numbers[i]);
    }
}

/* A connection that has just ended is looked at sooner than one that lives. */
static void rearm(struct worker *worker, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];
    uint64_t when_ms = deadline_ms(worker, session);

    if (!wheel_too_late(&worker->wheel, session->armed_tick, when_ms))
        return;
    wheel_disarm(&worker->wheel, number);
    session->armed_tick = wheel_arm(&worker->wheel, number, when_ms);
}

/* The tuple of the RS's answers, with a local IP and port that no other check of this RS has now.
 */
static bool take_place(struct probe *probe, struct flow_key *from_rs, const struct target *target) {
    const struct snapshot *snapshot = probe->worker->snapshot;
    const struct session_table *sessions = &probe->worker->sessions;
    const struct local_ip_set *ips = &snapshot->local_ips[ip_family(&target->address)];

    for (uint32_t tried = 0; tried < BUCKET_COUNT * LOCAL_IPS_MAX; tried++) {
        uint32_t place = probe->next_place++;
        /* From the highest port down: the lowest are of services that firewalls know. */
        uint16_t bucket = (uint16_t)(BUCKET_MASK - place % BUCKET_COUNT);
        uint32_t slot = place / BUCKET_COUNT % LOCAL_IPS_MAX;

        if (bucket == 0 || !snapshot_owns(snapshot, bucket) || (ips->slots >> slot & 1) == 0)
            continue;
        flow_set_addresses(from_rs, &target->address, &ips->address[slot]);
        from_rs->dst_port = rte_cpu_to_be_16(bucket);
        if (session_find(sessions, from_rs, session_hash(sessions, from_rs)) == 0)
            return true;
    }
    return false;
}

/* @return 0 when there is no room, or no RS with this address */
static session_ref open_session(struct probe *probe, const struct packet *packet) {
    struct worker *worker = probe->worker;
    struct ip_address address = flow_dst(&packet->key);
    const struct registry *registry = &probe->dataplane->registry;
    int number = probe_target(&address);
    const struct target *target;
    struct session *session;
    struct flow_key from_rs;
    uint8_t protocol = flow_protocol(&packet->key);
    uint32_t opened;

    if (number < 0 || !registry_used(registry, (uint32_t)number) ||
        !registry->entries[number].configured || worker->sessions.active == PROBE_SESSIONS)
        return 0;
    target = &worker->snapshot->targets[number];
    if (ip_family(&target->address) == FAMILY_IPV6 && !flow_is_v6(&packet->key))
        return 0; /* there is no translation from IPv4 to IPv6 */
    if (packet->kind == PACKET_VIP_ECHO)
        protocol = echo_protocol(ip_family(&target->address));
    from_rs.vni_protocol = flow_vni_protocol(target->vni, protocol);
    from_rs.src_port = packet->kind == PACKET_VIP_ECHO ? 0 : packet->key.dst_port;
    if (!take_place(probe, &from_rs, target))
        return 0;
    opened = session_open(&worker->sessions, &packet->key, &from_rs);
    session = &worker->sessions.sessions[opened];
    session->target = (uint16_t)number;
    session->bucket = rte_be_to_cpu_16(from_rs.dst_port);
    session->state = protocol == IPPROTO_TCP ? STATE_SYN_SENT : STATE_UDP_ACTIVE;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    session->armed_tick = wheel_arm(&worker->wheel, opened, deadline_ms(worker, session));
    return opened << 1 | FROM_CLIENT;
}

/* A new connection with the ports of one that is over gets a place of its own. */
static session_ref find_or_open(struct probe *probe, const struct packet *packet) {
    struct session_table *sessions = &probe->worker->sessions;
    session_ref ref = session_find(sessions, &packet->key, session_hash(sessions, &packet->key));

    if (ref != 0 && (packet->tcp_flags & TCP_SYN) != 0 &&
        tcp_state_over((enum session_state)session_at(sessions, ref)->state)) {
        close_session(probe->worker, ref >> 1);
        ref = 0;
    }
    if (ref != 0)
        return session_direction(ref) == FROM_CLIENT ? ref : 0;
    return open_session(probe, packet);
}

static enum drop_reason to_rs(struct probe *probe, struct rte_mbuf *mbuf, struct packet *packet) {
    struct worker *worker = probe->worker;
    enum drop_reason reason;
    struct way_out way;
    session_ref ref;

    if (packet->kind == PACKET_VIP_ECHO)
        packet->key.src_port = echo_identifier(mbuf, packet);
    else if (packet->kind != PACKET_FLOW)
        return DROP_NOT_FOR_US;
    if (flow_protocol(&packet->key) != IPPROTO_TCP)
        packet->tcp_flags = 0;
    ref = find_or_open(probe, packet);
    if (ref == 0)
        return DROP_NO_SESSION;
    reason = packet->kind == PACKET_VIP_ECHO ? echo_translate(worker, mbuf, packet, ref)
                                             : fullnat_rewrite(worker, mbuf, packet, ref);
    if (reason != DROP_NONE)
        return reason;
    rearm(worker, ref >> 1);
    way = way_of(worker, ref);
    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return DROP_MTU_EXCEEDED;
    return way_send(worker, mbuf, packet, &way, session_at(&worker->sessions, ref)->bucket);
}

static bool add_ethernet(const struct own_address *own, struct rte_mbuf *mbuf) {
    uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, RTE_ETHER_HDR_LEN);

    if (frame == NULL)
        return false;
    way_write_ethernet(frame, &own->mac, &own->mac);
    return true;
}

static enum drop_reason parse(const struct worker *worker, struct rte_mbuf *mbuf,
                              struct packet *packet) {
    return parse_frame(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf),
                       &worker->snapshot->own, packet);
}

void probe_from_kernel(struct probe *probe, struct rte_mbuf *mbuf) {
    struct worker *worker = probe->worker;
    enum drop_reason reason = DROP_NOT_CONFIGURED;
    struct packet packet;

    probe->sent_ms = worker->now_ms;
    if (worker->snapshot != NULL)
        reason = add_ethernet(&worker->snapshot->own, mbuf) ? parse(worker, mbuf, &packet)
                                                            : DROP_NO_HEADROOM;
    if (reason == DROP_NONE)
        reason = to_rs(probe, mbuf, &packet);
    if (reason != DROP_NONE)
        worker_drop(worker, mbuf, reason);
}

enum drop_reason probe_from_rs(struct probe *probe, struct rte_mbuf *mbuf) {
    struct worker *worker = probe->worker;
    enum drop_reason reason;
    struct packet packet;
    session_ref ref;

    if (worker->snapshot == NULL)
        return DROP_NOT_CONFIGURED;
    reason = parse(worker, mbuf, &packet);
    if (reason != DROP_NONE)
        return reason;
    ref =
        session_find(&worker->sessions, &packet.key, session_hash(&worker->sessions, &packet.key));
    if (ref == 0 || session_direction(ref) != FROM_RS)
        return DROP_NO_SESSION;
    if (packet.kind == PACKET_ICMP_ERROR)
        reason = icmp_rewrite_session_error(worker, mbuf, &packet, ref);
    else if (packet.kind == PACKET_ECHO_REPLY)
        reason = echo_translate(worker, mbuf, &packet, ref);
    else if (packet.kind == PACKET_FLOW)
        reason = fullnat_rewrite(worker, mbuf, &packet, ref);
    else
        reason = DROP_NOT_FOR_US;
    rearm(worker, ref >> 1);
    if (reason == DROP_NONE && !way_set_window(mbuf, packet.l3_off, packet.l3_len))
        return DROP_NO_HEADROOM;
    return reason;
}

static void take_from_kernel(struct probe *probe) {
    for (uint32_t i = 0; i < PACKETS_A_TURN; i++) {
        struct rte_mbuf *mbuf = rte_pktmbuf_alloc(probe->dataplane->mbufs);

        if (mbuf == NULL)
            return;
        if (!device_read(probe->device, mbuf)) {
            rte_pktmbuf_free(mbuf);
            return;
        }
        probe_from_kernel(probe, mbuf);
    }
}

static void take_from_workers(struct probe *probe) {
    void *mbuf;

    for (uint32_t i = 0; i < PACKETS_A_TURN; i++) {
        enum drop_reason reason;

        if (rte_ring_dequeue(probe->dataplane->probe_answers, &mbuf) != 0)
            return;
        reason = probe_from_rs(probe, mbuf);
        if (reason == DROP_NONE) {
            device_write(probe->device, rte_pktmbuf_mtod((struct rte_mbuf *)mbuf, uint8_t *),
                         rte_pktmbuf_data_len((struct rte_mbuf *)mbuf));
            rte_pktmbuf_free(mbuf);
        } else {
            worker_drop(probe->worker, mbuf, reason);
        }
    }
}

void probe_refresh(struct probe *probe, uint64_t now_ms) {
    struct worker *worker = probe->worker;

    /* Control itself publishes snapshots and frees them: this one stays for the turn. */
    worker->snapshot = probe->dataplane->snapshot;
    worker->neighbours = probe->dataplane->neighbours;
    worker->now_ms = now_ms;
}

void probe_expire(struct probe *probe) {
    wheel_advance(&probe->worker->wheel, probe->worker->now_ms, EXPIRY_A_TURN, due, probe->worker);
}

void probe_poll(struct probe *probe, uint64_t now_ms) {
    if (probe->device < 0)
        return;
    probe_refresh(probe, now_ms);
    take_from_kernel(probe);
    take_from_workers(probe);
    worker_flush(probe->worker);
    probe_expire(probe);
}

int probe_wait_ms(const struct probe *probe, uint64_t now_ms) {
    return probe->device >= 0 && now_ms - probe->sent_ms < BUSY_MS ? BUSY_WAIT_MS : IDLE_WAIT_MS;
}
