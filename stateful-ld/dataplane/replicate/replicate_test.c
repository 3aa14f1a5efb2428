/* Two LDs of a cluster, a network between them that loses, repeats and mixes up, and what each
 * knows of the other's sessions. */
#include "replicate/replicate.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "replicate/install.h"
#include "replicate/port_share.h"
#include "testing/harness.h"
#include "testing/test.h"

#define VIP "203.0.113.10"
#define RS  "10.0.0.31"

enum {
    LD_1 = 0,
    LD_2 = 1,
    SESSIONS = 2000,
    BUCKET_1 = 5,   /* LD 1 has it, LD 2 is its backup */
    BUCKET_2 = 700, /* the other way round */
    HOLD_MS = 50,
    IN_FLIGHT_MAX = 4096,
};

static const char *const vtep[2] = { "10.0.0.11", "10.0.0.12" };
static struct harness ld[2];
static struct message messages[2];
static uint64_t now_ms;

/* The network: what is on its way, and how bad it is. */
static struct on_its_way {
    struct frame frame;
    uint64_t due_ms;
    int to; /* -1: unused */
} * wire;
static struct {
    uint32_t loss_percent;
    uint32_t repeat_percent;
    uint32_t delay_max_ms;
    bool cut;
    uint32_t random;
} network;

static uint32_t roll(uint32_t sides) {
    network.random = network.random * 1664525 + 1013904223;
    return (network.random >> 8) % sides;
}

static void carry(const struct frame *frame, int to) {
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (wire[i].to >= 0)
            continue;
        wire[i] = (struct on_its_way){ *frame, now_ms + roll(network.delay_max_ms + 1), to };
        return;
    }
    fail_msg("the network is full");
}

/* What an LD sends to the other one; the rest is clients' and RSs'. */
static void take_sent(int from) {
    for (uint32_t i = 0; i < ld[from].sent_count; i++) {
        struct frame_view view = frame_view(&ld[from].sent[i]);

        if (view.udp == NULL || view.udp->dst_port != htons(UDP_PORT_REPLICATION))
            continue;
        assert_int_equal(view.ip->dst_addr, ip4(vtep[!from]));
        if (network.cut || roll(100) < network.loss_percent)
            continue;
        carry(&ld[from].sent[i], !from);
        if (roll(100) < network.repeat_percent)
            carry(&ld[from].sent[i], !from);
    }
}

static void receive(int to, const struct frame *frame) {
    struct frame delivered = *frame;
    struct rte_mbuf *mbuf;

    memcpy(delivered.bytes, &frame_ld_mac, sizeof(frame_ld_mac));
    harness_receive(&ld[to], &delivered);
    take_sent(to);
    for (uint32_t id = 0; id < ld[to].dataplane.worker_count; id++)
        while (rte_ring_dequeue(ld[to].dataplane.workers[id]->handoff, (void **)&mbuf) == 0) {
            harness_run_mbuf(&ld[to], id, mbuf);
            take_sent(to);
        }
}

static void deliver_due(void) {
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        int to = wire[i].to;

        if (to < 0 || wire[i].due_ms > now_ms)
            continue;
        wire[i].to = -1;
        receive(to, &wire[i].frame);
    }
}

static void pass(uint32_t ms) {
    for (; ms > 0; ms--) {
        now_ms++;
        for (int i = 0; i < 2; i++) {
            ld[i].now_ms = now_ms;
            for (uint32_t id = 0; id < ld[i].dataplane.worker_count; id++) {
                harness_poll(&ld[i], id);
                take_sent(i);
            }
        }
        deliver_due();
    }
}

static bool online(int which) {
    return replicate_online(&ld[which].dataplane, ld[which].dataplane.snapshot, true, now_ms,
                            now_ms * 1000);
}

/* Its workers are stuck, or its link is down. */
static bool online_but_deaf(int which) {
    return replicate_online(&ld[which].dataplane, ld[which].dataplane.snapshot, false, now_ms,
                            now_ms * 1000);
}

static void pass_until_online(int which) {
    for (int ms = 0; !online(which); ms++) {
        assert_in_range(ms, 0, 5000);
        pass(1);
    }
}

static void configure(int which, uint32_t epoch) {
    struct message *message = &messages[which];
    struct message_service *service;

    message_begin(message);
    message->config.vtep = message_address(message, vtep[which]);
    message->config.epoch = epoch;
    message->config.n_owned_buckets = 0;
    message_buckets(message, which == LD_1 ? 0 : 512, which == LD_1 ? 511 : 1023);
    message_heartbeat(message, which + 1u, 1, 10);
    message->heartbeat.hold_ms = HOLD_MS;
    message_cluster(message, which + 1u);
    message_replicates(message);
    message_ld(message, 2u - (uint32_t)which, vtep[!which]);
    message_assign(message, 0, 511, 1, 2);
    message_assign(message, 512, 1023, 2, 1);
    service = message_service(message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(message, service, "rs", RS, 8080, 1);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

static void start_ld(int which, uint32_t workers) {
    harness_start(&ld[which], workers, SESSIONS);
    ld[which].now_ms = now_ms;
    configure(which, 1);
    online(which);
}

/* kill -9 and a new process: all it knew is gone. */
static void restart(int which, uint32_t workers) {
    dataplane_free(&ld[which].dataplane);
    start_ld(which, workers);
}

static int set_up(void **state) {
    (void)state;
    now_ms = 1000000;
    network.loss_percent = network.repeat_percent = 0;
    network.delay_max_ms = 0;
    network.cut = false;
    network.random = 4711;
    if (wire == NULL)
        wire = calloc(IN_FLIGHT_MAX, sizeof(*wire));
    for (int i = 0; i < IN_FLIGHT_MAX; i++)
        wire[i].to = -1;
    start_ld(LD_1, 1);
    start_ld(LD_2, 1);
    pass_until_online(LD_1);
    pass_until_online(LD_2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    dataplane_free(&ld[LD_1].dataplane);
    harness_stop(&ld[LD_2]);
    return 0;
}

struct connection {
    uint32_t client; /* its address and port */
    uint16_t bucket;
    uint16_t local_port;
};

/* The switch's tunnel to one of them. */
static struct frame tunnel_to(int which, const struct flow_spec *flow, uint16_t bucket) {
    const struct tunnel_spec tunnel = { .bucket = bucket };
    struct frame frame = frame_tunnelled(flow, &tunnel);
    rte_be32_t to = ip4(vtep[which]);

    memcpy(frame.bytes + RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, dst_addr), &to,
           sizeof(to));
    frame_fix_ip_checksum(&frame, RTE_ETHER_HDR_LEN);
    return frame;
}

static struct frame from_client(int which, const struct connection *connection, uint8_t flags) {
    static char address[INET_ADDRSTRLEN];
    rte_be32_t client = htonl(0xc0000200u + connection->client / 60000);
    struct flow_spec flow = { .src = address,
                              .dst = VIP,
                              .src_port = (uint16_t)(2000 + connection->client % 60000),
                              .dst_port = 80,
                              .protocol = FRAME_TCP,
                              .tcp_flags = flags };

    inet_ntop(AF_INET, &client, address, sizeof(address));
    return tunnel_to(which, &flow, connection->bucket);
}

static struct frame from_rs(int which, const struct connection *connection, uint8_t flags) {
    const struct flow_spec flow = { .src = RS,
                                    .dst = "198.18.1.1",
                                    .src_port = 8080,
                                    .dst_port = connection->local_port,
                                    .protocol = FRAME_TCP,
                                    .tcp_flags = flags };

    return tunnel_to(which, &flow, connection->bucket);
}

/* @return the local port the packet leaves with, 0 when it does not leave. */
static uint16_t send_client(int which, const struct connection *connection, uint8_t flags) {
    struct frame frame = from_client(which, connection, flags);

    harness_receive(&ld[which], &frame);
    for (uint32_t i = 0; i < ld[which].sent_count; i++) {
        struct frame_view view = frame_view(&ld[which].sent[i]);

        if (view.tcp != NULL)
            return ntohs(view.tcp->src_port);
    }
    return 0;
}

static bool send_rs(int which, const struct connection *connection, uint8_t flags) {
    struct frame frame = from_rs(which, connection, flags);

    return harness_receive(&ld[which], &frame) == 1;
}

static struct connection establish(int which, uint32_t client, uint16_t bucket) {
    struct connection connection = { client, bucket, 0 };

    connection.local_port = send_client(which, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_true(send_rs(which, &connection, TCP_SYN | TCP_ACK));
    assert_int_equal(send_client(which, &connection, TCP_ACK), connection.local_port);
    return connection;
}

static const struct session *session_of(int which, const struct connection *connection) {
    struct worker *worker = harness_worker(&ld[which]);
    const struct frame frame = from_client(which, connection, TCP_ACK);
    struct packet packet;
    session_ref ref;

    assert_int_equal(parse_frame(frame.bytes, frame.length, &worker->snapshot->own, &packet),
                     DROP_NONE);
    for (uint32_t id = 0; id < ld[which].dataplane.worker_count; id++) {
        worker = ld[which].dataplane.workers[id];
        ref = session_find(&worker->sessions, &packet.key,
                           session_hash(&worker->sessions, &packet.key));
        if (ref != 0)
            return session_at(&worker->sessions, ref);
    }
    return NULL;
}

static uint64_t standby(int which) {
    uint64_t sum = 0;

    for (uint32_t id = 0; id < ld[which].dataplane.worker_count; id++)
        sum += ld[which].dataplane.workers[id]->rs[0].sessions_standby;
    return sum;
}

static void the_backup_goes_on_where_the_primary_was(void **state) {
    struct connection connection = establish(LD_1, 1, BUCKET_1);

    (void)state;
    pass(5);
    assert_int_equal(session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    assert_int_equal(session_of(LD_2, &connection)->replica & REPLICA_STANDBY, REPLICA_STANDBY);
    assert_int_equal(standby(LD_2), 1);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 0);
    /* The switch has turned to it. */
    assert_int_equal(send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    assert_true(send_rs(LD_2, &connection, TCP_ACK));
    assert_int_equal(standby(LD_2), 0);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 1);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.sessions_taken_over, 1);
}

/* What a session's packets are altered by goes with it, and ends with it. */
static void alterations_are_told(void **state) {
    struct connection connection = establish(LD_1, 1, BUCKET_1);
    struct worker *worker = harness_worker(&ld[LD_1]);
    struct session *session = &worker->sessions.sessions[1];

    (void)state;
    session->alter = ALTER_TOA;
    session->numbers = (struct session_numbers){ .client_isn = 11, .rs_isn = 22, .rs_expects = 33 };
    replicate_mark(worker, 1);
    pass(5);
    assert_int_equal(session_of(LD_2, &connection)->alter, ALTER_TOA);
    assert_memory_equal(&session_of(LD_2, &connection)->numbers, &session->numbers,
                        sizeof(session->numbers));
    session->alter = 0;
    replicate_mark(worker, 1);
    pass(5);
    assert_int_equal(session_of(LD_2, &connection)->alter, 0);
}

static void the_end_of_a_connection_is_told(void **state) {
    struct connection connection = establish(LD_1, 1, BUCKET_1);

    (void)state;
    pass(5);
    send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    pass(5);
    assert_int_equal(session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
    send_rs(LD_1, &connection, TCP_RST);
    pass(5);
    assert_int_equal(session_of(LD_2, &connection)->state, STATE_CLOSE);
    harness_pass(&ld[LD_2], 4000);
    assert_null(session_of(LD_2, &connection));
    assert_int_equal(standby(LD_2), 0);
}

/* Loss, repetition and delays of up to 20 ms, which reorder: everything comes through, once. */
static void a_bad_network(void **state) {
    struct connection connections[300];

    (void)state;
    network.loss_percent = 25;
    network.repeat_percent = 25;
    network.delay_max_ms = 20;
    for (uint32_t i = 0; i < 300; i++) {
        connections[i] = establish(LD_1, i, (uint16_t)(i % 100));
        if (i % 5 == 0)
            pass(1);
        if (i % 3 == 0)
            send_client(LD_1, &connections[i], TCP_FIN | TCP_ACK);
    }
    pass(4000);
    assert_true(harness_worker(&ld[LD_1])->stats.replication_packets_again > 10);
    assert_int_equal(standby(LD_2), 300);
    for (uint32_t i = 0; i < 300; i++) {
        const struct session *here = session_of(LD_1, &connections[i]);
        const struct session *there = session_of(LD_2, &connections[i]);

        assert_int_equal(there->state, here->state);
        assert_true(flow_short_equal(&there->key[FROM_RS], &here->key[FROM_RS]));
        assert_int_equal(there->bucket, here->bucket);
    }
}

/* A restarted LD gets its own sessions back and those it stands in for, before it is online. */
static void a_restarted_ld_gets_all_sessions_first(void **state) {
    struct connection mine[400], other[100], meanwhile;

    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        mine[i] = establish(LD_1, i, (uint16_t)(i % 100));
        if (i < 100)
            other[i] = establish(LD_2, 1000 + i, (uint16_t)(512 + i));
        if (i % 20 == 0)
            pass(1);
    }
    pass(20);
    restart(LD_1, 1);
    assert_false(online(LD_1));
    assert_int_equal(standby(LD_1), 0);
    meanwhile = establish(LD_2, 5000, BUCKET_1); /* by the backup, in the primary's place */
    network.delay_max_ms = 3;
    network.loss_percent = 10;
    pass_until_online(LD_1);
    for (uint32_t i = 0; i < 400; i++)
        assert_non_null(session_of(LD_1, &mine[i]));
    for (uint32_t i = 0; i < 100; i++)
        assert_non_null(session_of(LD_1, &other[i]));
    assert_non_null(session_of(LD_1, &meanwhile));
    assert_int_equal(send_client(LD_1, &meanwhile, TCP_ACK), meanwhile.local_port);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.replication_copies_short, 0);
}

static void nothing_is_opened_before_it_is_online(void **state) {
    struct connection connection = { 1, BUCKET_1, 0 };
    struct frame syn = from_client(LD_1, &connection, TCP_SYN);

    (void)state;
    restart(LD_1, 1);
    harness_expect_drop(&ld[LD_1], &syn, DROP_NOT_ONLINE);
    pass_until_online(LD_1);
    assert_int_not_equal(send_client(LD_1, &connection, TCP_SYN), 0);
}

/* Nobody is there to ask: after a while it does without. */
static void an_ld_alone_comes_online(void **state) {
    uint64_t begin_ms = now_ms;

    (void)state;
    network.cut = true;
    restart(LD_1, 1);
    pass_until_online(LD_1);
    assert_in_range(now_ms - begin_ms, PEER_GONE_MS, PEER_GONE_MS + 10);
}

/* Two switches disagree about who is alive: both LDs open sessions of one bucket towards one RS. */
static void both_open_but_never_the_same_port(void **state) {
    bool taken[1 << 16] = { false };
    uint32_t opened[2] = { 0 };

    (void)state;
    network.cut = true;
    for (uint32_t i = 0; i < 140; i++) {
        struct connection connection = { i, BUCKET_1, 0 };
        int which = i % 2;
        uint16_t port = send_client(which, &connection, TCP_SYN);

        if (port == 0)
            continue;
        assert_int_equal(port % BUCKET_COUNT, BUCKET_1);
        assert_false(taken[port]);
        taken[port] = true;
        opened[which]++;
    }
    assert_int_equal(opened[LD_1], 47);
    assert_int_equal(opened[LD_2], 16);
}

static void a_bucket_without_backup_has_all_ports(void **state) {
    struct cluster cluster = { 0 };

    (void)state;
    assert_int_equal(share_of(&cluster, BUCKET_1), SHARE_ALL);
    assert_int_equal(share_of(&harness_worker(&ld[LD_1])->snapshot->cluster, BUCKET_1),
                     SHARE_PRIMARY);
    assert_int_equal(share_of(&harness_worker(&ld[LD_1])->snapshot->cluster, BUCKET_2),
                     SHARE_BACKUP);
    for (uint32_t port = 1024; port < 65536; port++) {
        assert_true(share_has_port(SHARE_ALL, (uint16_t)port));
        assert_true(share_has_port(SHARE_PRIMARY, (uint16_t)port) !=
                    share_has_port(SHARE_BACKUP, (uint16_t)port));
    }
}

/* An LD that was silent for longer than the switches wait has been replaced meanwhile. */
static void a_long_silence_takes_an_ld_offline(void **state) {
    struct connection meanwhile, old = establish(LD_1, 1, BUCKET_1);

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    pass(HOLD_MS);
    assert_true(online(LD_1));
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = establish(LD_2, 2, BUCKET_1);
    pass(HOLD_MS + 1);
    network.cut = false;
    assert_false(online(LD_1));
    pass_until_online(LD_1);
    assert_non_null(session_of(LD_1, &meanwhile));
    assert_non_null(session_of(LD_1, &old));
}

/* That nothing is heard of a peer for long does not mean that the peer has nothing to give. */
static void a_deaf_ld_waits_until_it_hears(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = establish(LD_2, 2, BUCKET_1);
    for (int ms = 0; ms < 3 * PEER_GONE_MS; ms += 10) {
        pass(10);
        assert_int_equal(online_but_deaf(LD_1), ms + 10 <= HOLD_MS);
    }
    network.cut = false;
    assert_false(online(LD_1));
    pass_until_online(LD_1);
    assert_non_null(session_of(LD_1, &meanwhile));
}

/* An outage that is shorter than the hold time, but began with a beat that went into nothing. */
static void a_lost_link_takes_an_ld_offline(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    assert_true(online(LD_1));
    replicate_lost_touch(&ld[LD_1].dataplane);
    network.cut = true;
    meanwhile = establish(LD_2, 2, BUCKET_1);
    assert_false(online_but_deaf(LD_1));
    pass(HOLD_MS / 2);
    network.cut = false;
    assert_false(online(LD_1));
    pass_until_online(LD_1);
    assert_non_null(session_of(LD_1, &meanwhile));
    assert_true(online(LD_1)); /* once */
}

/* Of the two that claim one client's connection, the one whose packets have been seen stays. */
static void an_ld_that_comes_back_believes_the_other(void **state) {
    struct connection stale = { 7, BUCKET_1, 0 }, real;

    (void)state;
    network.cut = true;
    stale.local_port = send_client(LD_1, &stale, TCP_SYN); /* its answer never came */
    real = establish(LD_2, 7, BUCKET_1);
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    pass(2 * HOLD_MS);
    assert_false(online(LD_1));
    network.cut = false;
    pass_until_online(LD_1);
    assert_int_not_equal(real.local_port, stale.local_port);
    assert_int_equal(send_client(LD_1, &real, TCP_ACK), real.local_port);
}

/* The end of a connection was seen by the backup, which then opened the client's next one. */
static void a_newer_connection_takes_the_place_of_an_older_one(void **state) {
    struct connection old = establish(LD_1, 7, BUCKET_1), next;

    (void)state;
    pass(5);
    send_rs(LD_2, &old, TCP_RST);
    next = establish(LD_2, 7, BUCKET_1);
    assert_int_not_equal(next.local_port, old.local_port);
    pass(5);
    assert_int_equal(session_of(LD_1, &next)->key[FROM_RS].dst_port, htons(next.local_port));
    assert_int_equal(send_client(LD_1, &next, TCP_ACK), next.local_port);
}

static void different_numbers_of_workers(void **state) {
    struct connection connections[200];

    (void)state;
    restart(LD_2, 3);
    pass_until_online(LD_2);
    network.loss_percent = 10;
    network.delay_max_ms = 4;
    for (uint32_t i = 0; i < 200; i++)
        connections[i] = establish(LD_1, i, (uint16_t)(i * 5 % 512));
    pass(1000);
    assert_int_equal(standby(LD_2), 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_non_null(session_of(LD_2, &connections[i]));
    restart(LD_1, 1);
    pass_until_online(LD_1);
    assert_int_equal(standby(LD_1), 200);
    for (uint32_t id = 0; id < 3; id++)
        assert_true(ld[LD_2].dataplane.workers[id]->rs[0].sessions_standby > 20);
}

/* @return the first packet of a kind that LD 1 sends */
static struct frame catch_packet(void) {
    struct frame frame = { .length = 0 };

    for (int ms = 0; ms < 1000 && frame.length == 0; ms++) {
        ld[LD_1].now_ms = ++now_ms;
        if (harness_poll(&ld[LD_1], 0) > 0)
            frame = ld[LD_1].sent[0];
    }
    assert_int_not_equal(frame.length, 0);
    memcpy(frame.bytes, &frame_ld_mac, sizeof(frame_ld_mac));
    return frame;
}

static void forged_packets_change_nothing(void **state) {
    struct frame genuine;

    (void)state;
    establish(LD_1, 1, BUCKET_1);
    genuine = catch_packet();
    for (uint32_t at = 14 + 20 + 8; at < genuine.length; at++) {
        struct frame forged = genuine;

        forged.bytes[at] ^= 0x20;
        harness_expect_drop(&ld[LD_2], &forged, DROP_BAD_REPLICATION);
    }
    assert_int_equal(standby(LD_2), 0);
    harness_receive(&ld[LD_2], &genuine);
    assert_int_equal(standby(LD_2), 1);
}

static void another_epoch_is_not_listened_to(void **state) {
    struct connection connection;
    struct frame old;

    (void)state;
    connection = establish(LD_1, 1, BUCKET_1);
    old = catch_packet();
    configure(LD_2, 2);
    harness_expect_drop(&ld[LD_2], &old, DROP_REPLICATION_EPOCH);
    pass(50);
    assert_null(session_of(LD_2, &connection));
    configure(LD_1, 2); /* with the new map all is told again */
    pass(50);
    assert_non_null(session_of(LD_2, &connection));
}

/* A copy that cannot be taken whole is asked for again, but not for ever. */
static void sessions_of_an_unknown_rs(void **state) {
    (void)state;
    messages[LD_1].config.epoch = 1;
    message_rs(&messages[LD_1], &messages[LD_1].services[0], "only1", "10.0.0.32", 8080, 1000);
    harness_apply(&ld[LD_1], &messages[LD_1]);
    harness_resolve(&ld[LD_1]);
    for (uint32_t i = 0; i < 10; i++) {
        struct connection connection = { i, BUCKET_1, 0 };

        send_client(LD_1, &connection, TCP_SYN);
    }
    restart(LD_2, 1);
    network.loss_percent = 30;
    pass_until_online(LD_2);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_copies_short, 3);
}

static void a_full_ring_of_marks_is_told_by_a_copy(void **state) {
    struct connection connection = establish(LD_1, 1, BUCKET_1);

    (void)state;
    pass(5);
    network.cut = true;
    for (uint32_t i = 0; i < 9000; i++) {
        struct connection other = { 10 + i % 40, BUCKET_1, 0 };

        send_client(LD_1, &other, TCP_SYN);
        send_client(LD_1, &other, TCP_RST);
        if (i % 40 == 0)
            harness_pass(&ld[LD_1], 0);
        harness_poll(&ld[LD_1], 0);
    }
    send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    network.cut = false;
    pass(2000);
    assert_int_equal(session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
}

static void records_survive_the_wire(void **state) {
    const struct record session = {
        .kind = RECORD_SESSION,
        .flags = RECORD_COPY,
        .state = STATE_FIN_WAIT,
        .bucket = 1023,
        .idle_ms = 12345,
        .age_ms = 77000,
        .alter = ALTER_PROXY,
        .numbers = { .client_isn = 1,
                     .rs_isn = 0x80000002,
                     .rs_expects = 3,
                     .client_end = 4,
                     .client_delta = 0x80000005,
                     .rs_delta = 6,
                     .timestamp_delta = 7,
                     .cookie = 8,
                     .first = 9,
                     .client_timestamp = 10,
                     .mss = 0x8001,
                     .window_scale = 0x82,
                     .rs_window_scale = 0x83,
                     .sack_permitted = true },
        .client = { .src_port = htons(1),
                    .dst_port = htons(2),
                    .vni_protocol = 0x123486,
                    .v6 = { .src = ip_of("2001:db8::1"), .dst = ip_of("2001:db8::2") } },
        .rs = { .src = ip4(RS),
                .dst = ip4("198.18.1.1"),
                .src_port = htons(80),
                .dst_port = htons(1023),
                .vni_protocol = 6 },
    };
    struct record read;
    uint8_t bytes[WIRE_RECORD_MAX];
    uint16_t length = wire_put_record(bytes, &session);

    (void)state;
    assert_int_equal(wire_get_record(bytes, length, &read), length);
    assert_true(flow_equal(&read.client, &session.client));
    assert_true(flow_equal(&read.rs, &session.rs));
    assert_int_equal(read.state, session.state);
    assert_int_equal(read.flags, session.flags);
    assert_int_equal(read.bucket, session.bucket);
    assert_int_equal(read.idle_ms, session.idle_ms);
    assert_int_equal(read.age_ms, session.age_ms);
    assert_int_equal(read.alter, session.alter);
    assert_memory_equal(&read.numbers, &session.numbers, sizeof(read.numbers));
    for (uint16_t cut = 0; cut < length; cut++)
        assert_int_equal(wire_get_record(bytes, cut, &read), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_backup_goes_on_where_the_primary_was),
        CASE(alterations_are_told),
        CASE(the_end_of_a_connection_is_told),
        CASE(a_bad_network),
        CASE(a_restarted_ld_gets_all_sessions_first),
        CASE(nothing_is_opened_before_it_is_online),
        CASE(an_ld_alone_comes_online),
        CASE(both_open_but_never_the_same_port),
        CASE(a_bucket_without_backup_has_all_ports),
        CASE(a_long_silence_takes_an_ld_offline),
        CASE(a_deaf_ld_waits_until_it_hears),
        CASE(a_lost_link_takes_an_ld_offline),
        CASE(an_ld_that_comes_back_believes_the_other),
        CASE(a_newer_connection_takes_the_place_of_an_older_one),
        CASE(different_numbers_of_workers),
        CASE(forged_packets_change_nothing),
        CASE(another_epoch_is_not_listened_to),
        CASE(sessions_of_an_unknown_rs),
        CASE(a_full_ring_of_marks_is_told_by_a_copy),
        cmocka_unit_test(records_survive_the_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
