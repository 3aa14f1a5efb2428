/* Buckets move between three LDs, under traffic, over a bad network: no packet of a connection
 * stays without its answer, no port is given out twice, and who has left a bucket forgets it. */
#include "replicate/move_test.h"

static void buckets_move_under_traffic(void **state) {
    const struct holders settled = { LD_3, LD_1, 0xe, 0x1 };

    (void)state;
    make_the_network_bad();
    carry_traffic(200);
    change(2, at_first, joined);
    change(3, joined, swapped);
    change(4, swapped, settled);
    change(5, settled, left);
    assert_true(traffic.count > 100);
    network = (struct lds_network){ .random = network.random };
    lds_pass(2 * STRAGGLERS_MS);
    for (uint32_t i = 0; i < traffic.count; i++) {
        assert_non_null(lds_session_of(LD_3, &traffic.connections[i]));
        assert_non_null(lds_session_of(LD_2, &traffic.connections[i]));
        assert_null(lds_session_of(LD_1, &traffic.connections[i])); /* it has no part in them */
    }
    assert_int_equal(lds_standby(LD_1), 0);
}

/* A connection that says nothing is counted once all the same, by the LD that has it now. */
static void idle_sessions_move_too(void **state) {
    uint32_t count;

    (void)state;
    carry_traffic(100);
    count = traffic.count;
    traffic.silent = true;
    change(2, at_first, joined);
    change(3, joined, swapped);
    change(4, swapped, left);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(harness_worker(&ld[LD_1])->rs[0].sessions_active, 0);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 0);
    assert_int_equal(harness_worker(&ld[LD_3])->rs[0].sessions_active, count);
    assert_int_equal(lds_standby(LD_2), count);
}

static void idle_sessions_count_when_nobody_is_left_to_share_them(void **state) {
    const struct holders backup_has_it = { LD_2, LD_1, 0x8, 0x7 };
    const struct holders alone = { LD_2, NOBODY, 0xf, 0 };
    uint32_t count;

    (void)state;
    carry_traffic(100);
    count = traffic.count;
    traffic.silent = true;
    change(2, at_first, backup_has_it);
    change(3, backup_has_it, alone);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(harness_worker(&ld[LD_1])->rs[0].sessions_active, 0);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, count);
    assert_int_equal(lds_standby(LD_2), 0);
}

/* What the others have shared before is not told again. */
static void only_what_moves_is_copied(void **state) {
    struct connection stays;
    uint64_t streams, sent;

    (void)state;
    carry_traffic(200);
    stays = lds_establish(LD_2, 9999, 900);
    carry_traffic(10);
    streams = harness_worker(&ld[LD_2])->stats.replication_streams;
    sent = harness_worker(&ld[LD_2])->stats.replication_records_sent;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    for (int ms = 0; ms < 50; ms++)
        lds_pass(1);
    assert_true(is_whole(LD_1) && is_whole(LD_2) && is_whole(LD_3));
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_streams, streams);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_records_sent,
                     sent + 1); /* finish */
    assert_non_null(lds_session_of(LD_1, &stays));
    assert_int_equal(lds_standby(LD_3), traffic.count);
}

static void a_copy_is_reported(void **state) {
    struct replication_status status;
    size_t peers;

    (void)state;
    carry_traffic(300);
    network.cut = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    lds_pass(PEER_GONE_MS + 10);
    assert_int_equal(encode_replication(&status, &ld[LD_3].dataplane, now_ms), 1);
    assert_int_equal(status.peers[0].ld_id, 1);
    assert_int_equal(status.peers[0].buckets, BUCKETS_MOVED);
    assert_false(status.peers[0].whole);
    assert_true(status.peers[0].silent);
    network.cut = false;
    lds_pass(2000);
    assert_int_equal(encode_replication(&status, &ld[LD_3].dataplane, now_ms), 1);
    assert_true(status.peers[0].whole);
    assert_false(status.peers[0].silent);
    peers = encode_replication(&status, &ld[LD_1].dataplane, now_ms);
    assert_int_equal(peers, 2);
    for (size_t i = 0; i < peers; i++) {
        assert_int_equal(status.peers[i].sessions_to_copy, status.peers[i].sessions_copied);
        if (status.peers[i].ld_id == 3)
            assert_int_equal(status.peers[i].sessions_copied, traffic.count);
    }
}

static void nothing_is_opened_before_the_sessions_have_come(void **state) {
    struct connection connection = { 9999, 3, 0 };
    uint64_t *dropped;

    (void)state;
    carry_traffic(100);
    network.cut = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    dropped = &harness_worker(&ld[LD_3])->stats.drops[DROP_NOT_ONLINE];
    assert_true(lds_online(LD_3));
    assert_int_equal(lds_send_client(LD_3, &connection, TCP_SYN), 0);
    assert_int_equal(*dropped, 1); /* in the turn of the loop in which the map has come */
    lds_pass(LDS_HOLD_MS / 2);
    assert_int_equal(lds_send_client(LD_3, &connection, TCP_SYN), 0);
    assert_int_equal(*dropped, 2);
    assert_int_not_equal(lds_send_client(LD_1, &connection, TCP_SYN),
                         0); /* it has them all along */
    connection.client++;
    network.cut = false;
    wait_until_whole();
    lds_pass(1);
    assert_int_not_equal(lds_send_client(LD_3, &connection, TCP_SYN), 0);
}

/* Of somebody who says nothing, no copy can be expected. */
static void a_bucket_of_somebody_silent_is_opened_after_a_while(void **state) {
    const struct connection connection = { 9999, 3, 0 };

    (void)state;
    network.cut = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    lds_pass(PEER_GONE_MS);
    assert_int_equal(lds_send_client(LD_3, &connection, TCP_SYN), 0);
    lds_pass(2);
    assert_int_not_equal(lds_send_client(LD_3, &connection, TCP_SYN), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(buckets_move_under_traffic),
        CASE(idle_sessions_move_too),
        CASE(idle_sessions_count_when_nobody_is_left_to_share_them),
        CASE(only_what_moves_is_copied),
        CASE(a_copy_is_reported),
        CASE(nothing_is_opened_before_the_sessions_have_come),
        CASE(a_bucket_of_somebody_silent_is_opened_after_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
