/* Two LDs of a cluster, a network between them that loses, repeats and mixes up, and what each
 * knows of the other's sessions. */
#include "replicate/replicate.h"

#include <arpa/inet.h>

#include "replicate/install.h"
#include "replicate/port_share.h"
#include "replicate/sender.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    BUCKET_1 = 5,   /* LD 1 has it, LD 2 is its backup */
    BUCKET_2 = 700, /* the other way round */
    HOLD_MS = 50,
};

/* Its workers are stuck, or its link is down. */
static bool online_but_deaf(int which) {
    return replicate_online(&ld[which].dataplane, ld[which].dataplane.snapshot, false, now_ms,
                            now_ms * 1000);
}

static void configure(int which, uint32_t epoch) {
    struct message *message = &messages[which];

    lds_message(which, epoch);
    message_buckets(message, which == LD_1 ? 0 : 512, which == LD_1 ? 511 : 1023);
    message->heartbeat.hold_ms = HOLD_MS;
    message_ld(message, 2u - (uint32_t)which, vtep[!which]);
    message_assign(message, 0, 511, 1, 2);
    message_assign(message, 512, 1023, 2, 1);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

static void start_ld(int which, uint32_t workers) {
    lds_start(which, workers);
    configure(which, 1);
    lds_online(which);
}

/* kill -9 and a new process: all it knew is gone. */
static void restart(int which, uint32_t workers) {
    lds_kill(which);
    start_ld(which, workers);
}

static int set_up(void **state) {
    (void)state;
    lds_begin();
    start_ld(LD_1, 1);
    start_ld(LD_2, 1);
    lds_pass_until_online(LD_1);
    lds_pass_until_online(LD_2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lds_end();
    return 0;
}

static void the_backup_goes_on_where_the_primary_was(void **state) {
    struct connection connection = lds_establish(LD_1, 1, BUCKET_1);

    (void)state;
    lds_pass(5);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    assert_int_equal(lds_session_of(LD_2, &connection)->replica & REPLICA_STANDBY, REPLICA_STANDBY);
    assert_int_equal(lds_standby(LD_2), 1);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 0);
    /* The switch has turned to it. */
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    assert_true(lds_send_rs(LD_2, &connection, TCP_ACK));
    assert_int_equal(lds_standby(LD_2), 0);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 1);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.sessions_taken_over, 1);
}

/* What a session's packets are altered by goes with it, and ends with it. */
static void alterations_are_told(void **state) {
    struct connection connection = lds_establish(LD_1, 1, BUCKET_1);
    struct worker *worker = harness_worker(&ld[LD_1]);
    struct session *session = &worker->sessions.sessions[1];

    (void)state;
    session->alter = ALTER_TOA;
    session->numbers = (struct session_numbers){ .client_isn = 11, .rs_isn = 22, .rs_expects = 33 };
    replicate_mark(worker, 1);
    lds_pass(5);
    assert_int_equal(lds_session_of(LD_2, &connection)->alter, ALTER_TOA);
    assert_memory_equal(&lds_session_of(LD_2, &connection)->numbers, &session->numbers,
                        sizeof(session->numbers));
    session->alter = 0;
    replicate_mark(worker, 1);
    lds_pass(5);
    assert_int_equal(lds_session_of(LD_2, &connection)->alter, 0);
}

static struct sender *sender_of(int which) {
    const struct worker_replication *replication = &harness_worker(&ld[which])->replication;

    assert_int_equal(replication->sender_count, 1);
    return replication->senders[replication->active[0]];
}

/* More changes than the stream keeps: nothing begins again, and nothing is forgotten. */
static void changes_that_find_no_room_are_told(void **state) {
    const struct worker_stats *stats = &harness_worker(&ld[LD_1])->stats;
    struct sender *sender = sender_of(LD_1);
    uint64_t streams = stats->replication_streams;
    struct connection some[40];

    (void)state;
    sender->soon.tail = sender->soon.head + SENDER_MARKS; /* of sessions that are over */
    for (uint32_t i = 0; i < RTE_DIM(some); i++)
        some[i] = lds_establish(LD_1, i, BUCKET_1);
    assert_int_equal(sender->sweep, SWEEP_FROM_START);
    lds_pass(5);
    for (uint32_t i = 0; i < RTE_DIM(some); i++)
        assert_int_equal(lds_session_of(LD_2, &some[i])->state, STATE_ESTABLISHED);
    assert_int_equal(sender->sweep, SWEEP_NONE);
    assert_int_equal(stats->replication_streams, streams);
    lds_send_client(LD_1, &some[0], TCP_FIN | TCP_ACK); /* as ever, from now on */
    lds_pass(SENDER_LATER_MS + 5);
    assert_int_equal(lds_session_of(LD_2, &some[0])->state, STATE_CLOSE_WAIT);
}

static bool has_all(int which) {
    const struct worker_replication *replication = &harness_worker(&ld[which])->replication;

    return replicate_is_whole(&ld[which].dataplane.replication, ld[which].dataplane.snapshot->epoch,
                              replication->active[0]);
}

/* It may have sessions that it has not told: no map may change before its copy has come. */
static void a_peer_that_begins_again_has_not_given_all(void **state) {
    (void)state;
    lds_pass(50);
    assert_true(has_all(LD_2));
    sender_begin(harness_worker(&ld[LD_1]), sender_of(LD_1));
    lds_pass(1);
    assert_false(has_all(LD_2));
    assert_int_equal(ld[LD_2].dataplane.replication.online, 1);
    lds_pass(50);
    assert_true(has_all(LD_2));
}

static void the_end_of_a_connection_is_told(void **state) {
    struct connection connection = lds_establish(LD_1, 1, BUCKET_1);

    (void)state;
    lds_pass(5);
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    lds_pass(SENDER_LATER_MS + 5);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
    lds_send_rs(LD_1, &connection, TCP_RST);
    lds_pass(SENDER_LATER_MS + 5);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE);
    harness_pass(&ld[LD_2], 4000);
    assert_null(lds_session_of(LD_2, &connection));
    assert_int_equal(lds_standby(LD_2), 0);
}

/* Loss, repetition and delays of up to 20 ms, which reorder: everything comes through, once. */
static void a_bad_network(void **state) {
    struct connection connections[300];

    (void)state;
    network.loss_percent = 25;
    network.repeat_percent = 25;
    network.delay_max_ms = 20;
    for (uint32_t i = 0; i < 300; i++) {
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i % 100));
        if (i % 5 == 0)
            lds_pass(1);
        if (i % 3 == 0)
            lds_send_client(LD_1, &connections[i], TCP_FIN | TCP_ACK);
    }
    lds_pass(4000);
    assert_true(harness_worker(&ld[LD_1])->stats.replication_packets_again > 10);
    assert_int_equal(lds_standby(LD_2), 300);
    for (uint32_t i = 0; i < 300; i++) {
        const struct session *here = lds_session_of(LD_1, &connections[i]);
        const struct session *there = lds_session_of(LD_2, &connections[i]);

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
        mine[i] = lds_establish(LD_1, i, (uint16_t)(i % 100));
        if (i < 100)
            other[i] = lds_establish(LD_2, 1000 + i, (uint16_t)(512 + i));
        if (i % 20 == 0)
            lds_pass(1);
    }
    lds_pass(20);
    restart(LD_1, 1);
    assert_false(lds_online(LD_1));
    assert_int_equal(lds_standby(LD_1), 0);
    meanwhile = lds_establish(LD_2, 5000, BUCKET_1); /* by the backup, in the primary's place */
    network.delay_max_ms = 3;
    network.loss_percent = 10;
    lds_pass_until_online(LD_1);
    for (uint32_t i = 0; i < 400; i++)
        assert_non_null(lds_session_of(LD_1, &mine[i]));
    for (uint32_t i = 0; i < 100; i++)
        assert_non_null(lds_session_of(LD_1, &other[i]));
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_int_equal(lds_send_client(LD_1, &meanwhile, TCP_ACK), meanwhile.local_port);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.replication_copies_short, 0);
}

static void nothing_is_opened_before_it_is_online(void **state) {
    struct connection connection = { 1, BUCKET_1, 0 };
    struct frame syn = lds_from_client(LD_1, &connection, TCP_SYN);

    (void)state;
    restart(LD_1, 1);
    harness_expect_drop(&ld[LD_1], &syn, DROP_NOT_ONLINE);
    lds_pass_until_online(LD_1);
    assert_int_not_equal(lds_send_client(LD_1, &connection, TCP_SYN), 0);
}

/* Nobody is there to ask: after a while it does without. */
static void an_ld_alone_comes_online(void **state) {
    uint64_t begin_ms = now_ms;

    (void)state;
    network.cut = true;
    restart(LD_1, 1);
    lds_pass_until_online(LD_1);
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
        uint16_t port = lds_send_client(which, &connection, TCP_SYN);

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
    const struct cluster *cluster = &harness_worker(&ld[LD_1])->snapshot->cluster;
    struct cluster alone = { 0 };

    (void)state;
    assert_int_equal(shares_here(&alone, BUCKET_1), SHARES_ALL);
    assert_int_equal(shares_here(cluster, BUCKET_1), 0x7);
    assert_int_equal(shares_here(cluster, BUCKET_2), 0x8);
    for (uint32_t port = 1024; port < 65536; port++) {
        assert_true(shares_have_port(SHARES_ALL, (uint16_t)port));
        assert_true(shares_have_port(0x7, (uint16_t)port) != shares_have_port(0x8, (uint16_t)port));
    }
}

/* An LD that was silent for longer than the switches wait has been replaced meanwhile. */
static void a_long_silence_takes_an_ld_offline(void **state) {
    struct connection meanwhile, old = lds_establish(LD_1, 1, BUCKET_1);

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(HOLD_MS);
    assert_true(lds_online(LD_1));
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, BUCKET_1);
    lds_pass(HOLD_MS + 1);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_non_null(lds_session_of(LD_1, &old));
}

/* Heartbeats of an LD for a while, with nothing else going on. */
static void beat(int which, uint32_t ms) {
    for (uint32_t passed = 0; passed < ms; passed += 10) {
        lds_pass(10);
        assert_true(lds_online(which));
        replicate_beaten(&ld[which].dataplane, now_ms);
    }
}

/* Nobody has had the packets meanwhile: there is nothing to wait for. */
static void a_survivor_that_was_silent_does_not_wait_for_the_dead(void **state) {
    (void)state;
    lds_kill(LD_2);
    beat(LD_1, 2 * PEER_GONE_MS);
    lds_pass(2 * HOLD_MS);
    assert_true(lds_online(LD_1));
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(PEER_GONE_MS + 1); /* the other one may be back, and have waited for us in vain */
    assert_false(lds_online(LD_1));
}

static void a_peer_that_has_nothing_to_tell_is_not_dead(void **state) {
    struct connection meanwhile;

    (void)state;
    beat(LD_1, 4 * PEER_GONE_MS);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, BUCKET_1);
    lds_pass(2 * HOLD_MS);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
}

/* That nothing is heard of a peer for long does not mean that the peer has nothing to give. */
static void a_deaf_ld_waits_until_it_hears(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, BUCKET_1);
    for (int ms = 0; ms < 3 * PEER_GONE_MS; ms += 10) {
        lds_pass(10);
        assert_int_equal(online_but_deaf(LD_1), ms + 10 <= HOLD_MS);
    }
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
}

/* An outage that is shorter than the hold time, but began with a beat that went into nothing. */
static void a_lost_link_takes_an_ld_offline(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    assert_true(lds_online(LD_1));
    replicate_lost_touch(&ld[LD_1].dataplane);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, BUCKET_1);
    assert_false(online_but_deaf(LD_1));
    lds_pass(HOLD_MS / 2);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_true(lds_online(LD_1)); /* once */
}

/* Of the two that claim one client's connection, the one whose packets have been seen stays. */
static void an_ld_that_comes_back_believes_the_other(void **state) {
    struct connection stale = { 7, BUCKET_1, 0 }, real;

    (void)state;
    network.cut = true;
    stale.local_port = lds_send_client(LD_1, &stale, TCP_SYN); /* its answer never came */
    real = lds_establish(LD_2, 7, BUCKET_1);
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(2 * HOLD_MS);
    assert_false(lds_online(LD_1));
    network.cut = false;
    lds_pass_until_online(LD_1);
    assert_int_not_equal(real.local_port, stale.local_port);
    assert_int_equal(lds_send_client(LD_1, &real, TCP_ACK), real.local_port);
}

/* The end of a connection was seen by the backup, which then opened the client's next one. */
static void a_newer_connection_takes_the_place_of_an_older_one(void **state) {
    struct connection old = lds_establish(LD_1, 7, BUCKET_1), next;

    (void)state;
    lds_pass(5);
    lds_send_rs(LD_2, &old, TCP_RST);
    next = lds_establish(LD_2, 7, BUCKET_1);
    assert_int_not_equal(next.local_port, old.local_port);
    lds_pass(5);
    assert_int_equal(lds_session_of(LD_1, &next)->key[FROM_RS].dst_port, htons(next.local_port));
    assert_int_equal(lds_send_client(LD_1, &next, TCP_ACK), next.local_port);
}

static void different_numbers_of_workers(void **state) {
    struct connection connections[200];

    (void)state;
    restart(LD_2, 3);
    lds_pass_until_online(LD_2);
    network.loss_percent = 10;
    network.delay_max_ms = 4;
    for (uint32_t i = 0; i < 200; i++)
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i * 5 % 512));
    lds_pass(1000);
    assert_int_equal(lds_standby(LD_2), 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_non_null(lds_session_of(LD_2, &connections[i]));
    restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    assert_int_equal(lds_standby(LD_1), 200);
    for (uint32_t id = 0; id < 3; id++)
        assert_true(ld[LD_2].dataplane.workers[id]->rs[0].sessions_standby > 20);
}

/* The end of a copy waits for what other workers have in hand, and is sent again meanwhile: nothing
 * that they would get once more may come with it. */
static void a_short_copy_ends_though_others_take_its_sessions(void **state) {
    struct connection connections[6];

    (void)state;
    for (uint32_t i = 0; i < RTE_DIM(connections); i++)
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i * 5));
    restart(LD_2, 3);
    lds_pass_until_online(LD_2);
    assert_int_equal(lds_standby(LD_2), RTE_DIM(connections));
    for (uint32_t i = 0; i < RTE_DIM(connections); i++)
        assert_non_null(lds_session_of(LD_2, &connections[i]));
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
    lds_establish(LD_1, 1, BUCKET_1);
    genuine = catch_packet();
    for (uint32_t at = 14 + 20 + 8; at < genuine.length; at++) {
        struct frame forged = genuine;

        forged.bytes[at] ^= 0x20;
        harness_expect_drop(&ld[LD_2], &forged, DROP_BAD_REPLICATION);
    }
    assert_int_equal(lds_standby(LD_2), 0);
    harness_receive(&ld[LD_2], &genuine);
    assert_int_equal(lds_standby(LD_2), 1);
}

static void another_epoch_is_not_listened_to(void **state) {
    struct connection connection;
    struct frame old;

    (void)state;
    connection = lds_establish(LD_1, 1, BUCKET_1);
    old = catch_packet();
    configure(LD_2, 2);
    harness_expect_drop(&ld[LD_2], &old, DROP_REPLICATION_EPOCH);
    lds_pass(50);
    assert_null(lds_session_of(LD_2, &connection));
    configure(LD_1, 2); /* with the new map all is told again */
    lds_pass(50);
    assert_non_null(lds_session_of(LD_2, &connection));
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

        lds_send_client(LD_1, &connection, TCP_SYN);
    }
    restart(LD_2, 1);
    network.loss_percent = 30;
    lds_pass_until_online(LD_2);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_copies_short, 3);
}

static void a_full_ring_of_marks_is_told_by_a_copy(void **state) {
    struct connection connection = lds_establish(LD_1, 1, BUCKET_1);

    (void)state;
    lds_pass(5);
    network.cut = true;
    for (uint32_t i = 0; i < 9000; i++) {
        struct connection other = { 10 + i % 40, BUCKET_1, 0 };

        lds_send_client(LD_1, &other, TCP_SYN);
        lds_send_client(LD_1, &other, TCP_RST);
        if (i % 40 == 0)
            harness_pass(&ld[LD_1], 0);
        harness_poll(&ld[LD_1], 0);
    }
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    network.cut = false;
    lds_pass(2000);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
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
        CASE(changes_that_find_no_room_are_told),
        CASE(a_peer_that_begins_again_has_not_given_all),
        CASE(the_end_of_a_connection_is_told),
        CASE(a_bad_network),
        CASE(a_restarted_ld_gets_all_sessions_first),
        CASE(nothing_is_opened_before_it_is_online),
        CASE(an_ld_alone_comes_online),
        CASE(both_open_but_never_the_same_port),
        CASE(a_bucket_without_backup_has_all_ports),
        CASE(a_long_silence_takes_an_ld_offline),
        CASE(a_survivor_that_was_silent_does_not_wait_for_the_dead),
        CASE(a_peer_that_has_nothing_to_tell_is_not_dead),
        CASE(a_deaf_ld_waits_until_it_hears),
        CASE(a_lost_link_takes_an_ld_offline),
        CASE(an_ld_that_comes_back_believes_the_other),
        CASE(a_newer_connection_takes_the_place_of_an_older_one),
        CASE(different_numbers_of_workers),
        CASE(a_short_copy_ends_though_others_take_its_sessions),
        CASE(forged_packets_change_nothing),
        CASE(another_epoch_is_not_listened_to),
        CASE(sessions_of_an_unknown_rs),
        CASE(a_full_ring_of_marks_is_told_by_a_copy),
        cmocka_unit_test(records_survive_the_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
