/* Two LDs of a cluster, a network between them that loses, repeats and mixes up, and what each
 * knows of the other's sessions. */
#include "replicate/replicate.h"

#include <arpa/inet.h>

#include "replicate/install.h"
#include "replicate/sender.h"
#include "testing/lds.h"
#include "testing/test.h"

static void the_backup_goes_on_where_the_primary_was(void **state) {
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);

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
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);
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
        some[i] = lds_establish(LD_1, i, LDS_BUCKET_1);
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
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);

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

/* Two switches disagree about who is alive: both LDs open sessions of one bucket towards one RS. */
static void both_open_but_never_the_same_port(void **state) {
    bool taken[1 << 16] = { false };
    uint32_t opened[2] = { 0 };

    (void)state;
    network.cut = true;
    lds_pass(STRAGGLERS_MS); /* nobody asks the other one any more */
    for (uint32_t i = 0; i < 140; i++) {
        struct connection connection = { i, LDS_BUCKET_1, 0 };
        int which = i % 2;
        uint16_t port = lds_send_client(which, &connection, TCP_SYN);

        if (port == 0)
            continue;
        assert_int_equal(port % BUCKET_COUNT, LDS_BUCKET_1);
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
    assert_int_equal(cluster_port_shares(&alone, LDS_BUCKET_1), SHARES_ALL);
    assert_int_equal(cluster_port_shares(cluster, LDS_BUCKET_1), 0x7);
    assert_int_equal(cluster_port_shares(cluster, LDS_BUCKET_2), 0x8);
    for (uint32_t port = 1024; port < 65536; port++) {
        assert_true(shares_have_port(SHARES_ALL, (uint16_t)port));
        assert_true(shares_have_port(0x7, (uint16_t)port) != shares_have_port(0x8, (uint16_t)port));
    }
}

/* The end of a connection was seen by the backup, which then opened the client's next one. */
static void a_newer_connection_takes_the_place_of_an_older_one(void **state) {
    struct connection old = lds_establish(LD_1, 7, LDS_BUCKET_1), next;

    (void)state;
    lds_pass(5);
    lds_send_rs(LD_2, &old, TCP_RST);
    next = lds_establish(LD_2, 7, LDS_BUCKET_1);
    assert_int_not_equal(next.local_port, old.local_port);
    lds_pass(5);
    assert_int_equal(lds_session_of(LD_1, &next)->key[FROM_RS].dst_port, htons(next.local_port));
    assert_int_equal(lds_send_client(LD_1, &next, TCP_ACK), next.local_port);
}

static void different_numbers_of_workers(void **state) {
    struct connection connections[200];

    (void)state;
    lds_pair_restart(LD_2, 3);
    lds_pass_until_online(LD_2);
    network.loss_percent = 10;
    network.delay_max_ms = 4;
    for (uint32_t i = 0; i < 200; i++)
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i * 5 % 512));
    lds_pass(1000);
    assert_int_equal(lds_standby(LD_2), 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_non_null(lds_session_of(LD_2, &connections[i]));
    lds_pair_restart(LD_1, 1);
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
    lds_pair_restart(LD_2, 3);
    lds_pass_until_online(LD_2);
    assert_int_equal(lds_standby(LD_2), RTE_DIM(connections));
    for (uint32_t i = 0; i < RTE_DIM(connections); i++)
        assert_non_null(lds_session_of(LD_2, &connections[i]));
}

/* Most sessions go to the packet without a record in between, and look the same there. */
static void there_is_one_way_to_tell_of_a_session(void **state) {
    const struct worker *worker = harness_worker(&ld[LD_1]);
    uint8_t straight[WIRE_RECORD_MAX], described[WIRE_RECORD_MAX];
    const struct session *session = &worker->sessions.sessions[1];
    struct record record;

    (void)state;
    lds_establish(LD_1, 1, LDS_BUCKET_1);
    lds_pass(3210);
    install_describe(worker, 1, &record);
    assert_true(wire_is_usual(session));
    assert_int_equal(wire_put_usual(straight, session, record.flags & UINT8_MAX, worker->now_ms),
                     wire_put_record(described, &record));
    assert_memory_equal(straight, described, WIRE_RECORD_IPV4);
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
    lds_establish(LD_1, 1, LDS_BUCKET_1);
    genuine = catch_packet();
    for (uint32_t at = 14 + 20 + 8; at < genuine.length; at++) {
        struct frame forged = genuine;

        forged.bytes[at] ^= 0x20;
        harness_expect_drop(&ld[LD_2], &forged,
                            at == 14 + 20 + 8 ? DROP_REPLICATION_VERSION : DROP_BAD_REPLICATION);
    }
    assert_int_equal(lds_standby(LD_2), 0);
    harness_receive(&ld[LD_2], &genuine);
    assert_int_equal(lds_standby(LD_2), 1);
}

static void another_epoch_is_not_listened_to(void **state) {
    struct connection connection;
    struct frame old;

    (void)state;
    connection = lds_establish(LD_1, 1, LDS_BUCKET_1);
    old = catch_packet();
    lds_pair_configure(LD_2, 2);
    harness_expect_drop(&ld[LD_2], &old, DROP_REPLICATION_EPOCH);
    lds_pass(50);
    assert_null(lds_session_of(LD_2, &connection));
    lds_pair_configure(LD_1, 2); /* with the new map all is told again */
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
        struct connection connection = { i, LDS_BUCKET_1, 0 };

        lds_send_client(LD_1, &connection, TCP_SYN);
    }
    lds_pair_restart(LD_2, 1);
    network.loss_percent = 30;
    lds_pass_until_online(LD_2);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_copies_short, 3);
}

static void a_full_ring_of_marks_is_told_by_a_copy(void **state) {
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);

    (void)state;
    lds_pass(5);
    network.cut = true;
    for (uint32_t i = 0; i < 9000; i++) {
        struct connection other = { 10 + i % 40, LDS_BUCKET_1, 0 };

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_backup_goes_on_where_the_primary_was),
        CASE(alterations_are_told),
        CASE(changes_that_find_no_room_are_told),
        CASE(a_peer_that_begins_again_has_not_given_all),
        CASE(the_end_of_a_connection_is_told),
        CASE(a_bad_network),
        CASE(both_open_but_never_the_same_port),
        CASE(a_bucket_without_backup_has_all_ports),
        CASE(a_newer_connection_takes_the_place_of_an_older_one),
        CASE(different_numbers_of_workers),
        CASE(a_short_copy_ends_though_others_take_its_sessions),
        CASE(there_is_one_way_to_tell_of_a_session),
        CASE(forged_packets_change_nothing),
        CASE(another_epoch_is_not_listened_to),
        CASE(sessions_of_an_unknown_rs),
        CASE(a_full_ring_of_marks_is_told_by_a_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
