/* Buckets move between three LDs, under traffic, over a bad network: no packet of a connection
 * stays without its answer, no port is given out twice, and who has left a bucket forgets it. */
#include <arpa/inet.h>

#include "control/encode.h"
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    CONNECTIONS_MAX = 1000,
    BUCKETS_MOVED = 512, /* 0..511; LD 2 has the others, and LD 1 is their backup */
    SWITCHES = 2,
    OLD_MS = 300,
    NOBODY = -1,
};

/* Who has the buckets that move. */
struct holders {
    int primary;
    int backup;
    uint32_t primary_shares;
    uint32_t backup_shares;
};

static struct {
    struct connection connections[CONNECTIONS_MAX];
    uint64_t opened_ms[CONNECTIONS_MAX];
    uint32_t count;
    bool silent;
    bool port_used[65536];
    /* Whom each switch knows as primary and as backup. */
    int knows[SWITCHES][2];
} traffic;

static void give(int which, uint32_t epoch, uint32_t previous_epoch, struct holders holders) {
    struct message *message = &messages[which];

    lds_message(which, epoch);
    message->heartbeat.previous_epoch = previous_epoch;
    if (which == holders.primary)
        message_buckets(message, 0, BUCKETS_MOVED - 1);
    if (which == LD_2)
        message_buckets(message, BUCKETS_MOVED, BUCKET_COUNT - 1);
    for (int other = 0; other < LDS_MAX; other++)
        if (other != which)
            message_ld(message, (uint32_t)other + 1, vtep[other]);
    message_assign(message, 0, BUCKETS_MOVED - 1, (uint32_t)holders.primary + 1,
                   (uint32_t)(holders.backup + 1));
    message_shares(message, holders.primary_shares, holders.backup_shares);
    message_assign(message, BUCKETS_MOVED, BUCKET_COUNT - 1, 2, 1);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

static bool is_whole(int which) {
    struct replication_status status;
    size_t peers = encode_replication(&status, &ld[which].dataplane, now_ms);

    for (size_t i = 0; i < peers; i++)
        if (!status.peers[i].whole)
            return false;
    return lds_online(which);
}

static void open_connection(int to) {
    struct connection connection = { traffic.count, (uint16_t)(traffic.count * 7 % BUCKETS_MOVED),
                                     0 };

    connection.local_port = lds_send_client(to, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_false(traffic.port_used[connection.local_port]);
    traffic.port_used[connection.local_port] = true;
    traffic.opened_ms[traffic.count] = now_ms;
    traffic.connections[traffic.count++] = connection;
}

/* Any switch sends to whom it knows as the primary; and now and then, when it has not heard that
 * one in time, to the backup. A failover may find that the youngest sessions have not been told
 * yet, so there is none for them. */
static int whom(uint32_t number) {
    const int *knows = traffic.knows[lds_roll(SWITCHES)];
    bool old = number < traffic.count && now_ms - traffic.opened_ms[number] > OLD_MS;

    return knows[old && lds_roll(10) == 0 && knows[1] != NOBODY];
}

static void expect_answers(uint32_t number) {
    const struct connection *connection = &traffic.connections[number];

    assert_true(lds_send_rs(whom(number), connection, TCP_ACK));
    assert_int_equal(lds_send_client(whom(number), connection, TCP_ACK), connection->local_port);
}

static void carry_traffic(uint32_t ms) {
    for (; ms > 0; ms--) {
        if (!traffic.silent && traffic.count < CONNECTIONS_MAX && lds_roll(3) == 0) {
            open_connection(whom(traffic.count));
            assert_true(lds_send_rs(whom(traffic.count - 1),
                                    &traffic.connections[traffic.count - 1], TCP_SYN | TCP_ACK));
            expect_answers(traffic.count - 1);
        }
        if (!traffic.silent && traffic.count > 0)
            expect_answers(lds_roll(traffic.count));
        lds_pass(1);
        for (int which = 0; which < LDS_MAX; which++)
            if (lds_online(which))
                replicate_beaten(&ld[which].dataplane, now_ms);
    }
}

static void wait_until_whole(void) {
    for (int ms = 0; !is_whole(LD_1) || !is_whole(LD_2) || !is_whole(LD_3); ms++) {
        assert_in_range(ms, 0, 5000);
        carry_traffic(1);
    }
}

/* All LDs take a map one after the other, the switches learn it one after the other when all have
 * what they need. */
static void change(uint32_t epoch, struct holders before, struct holders after) {
    struct holders released = after;

    released.primary_shares &= after.primary == before.primary  ? before.primary_shares
                               : after.primary == before.backup ? before.backup_shares
                                                                : 0;
    released.backup_shares &= after.backup == before.backup    ? before.backup_shares
                              : after.backup == before.primary ? before.primary_shares
                                                               : 0;
    for (int which = 0; which < LDS_MAX; which++) {
        give(which, epoch, epoch - 1, released);
        carry_traffic(5);
    }
    for (int which = LDS_MAX - 1; which >= 0; which--) {
        give(which, epoch, epoch - 1, after);
        carry_traffic(5);
    }
    wait_until_whole();
    for (int i = 0; i < SWITCHES; i++) {
        traffic.knows[i][0] = after.primary;
        traffic.knows[i][1] = after.backup;
        carry_traffic(20);
    }
    for (int which = 0; which < LDS_MAX; which++) {
        give(which, epoch, 0, after);
        carry_traffic(5);
    }
}

static int set_up(void **state) {
    const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };

    (void)state;
    lds_begin();
    memset(&traffic, 0, sizeof(traffic));
    for (int i = 0; i < SWITCHES; i++)
        traffic.knows[i][1] = LD_2;
    for (int which = 0; which < LDS_MAX; which++) {
        lds_start(which, 1);
        give(which, 1, 0, at_first);
        lds_online(which);
    }
    for (int which = 0; which < LDS_MAX; which++)
        lds_pass_until_online(which);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lds_end();
    return 0;
}

static void make_the_network_bad(void) {
    network.loss_percent = 20;
    network.repeat_percent = 20;
    network.delay_max_ms = 4;
}

static void buckets_move_under_traffic(void **state) {
    const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };
    const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
    const struct holders swapped = { LD_3, LD_1, 0x8, 0x7 };
    const struct holders settled = { LD_3, LD_1, 0xe, 0x1 };
    const struct holders left = { LD_3, LD_2, 0xe, 0x1 };

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
    const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };
    const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
    const struct holders swapped = { LD_3, LD_1, 0x8, 0x7 };
    const struct holders left = { LD_3, LD_2, 0xe, 0x1 };
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
    const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };
    const struct holders swapped = { LD_2, LD_1, 0x8, 0x7 };
    const struct holders alone = { LD_2, NOBODY, 0xf, 0 };
    uint32_t count;

    (void)state;
    carry_traffic(100);
    count = traffic.count;
    traffic.silent = true;
    change(2, at_first, swapped);
    change(3, swapped, alone);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(harness_worker(&ld[LD_1])->rs[0].sessions_active, 0);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, count);
    assert_int_equal(lds_standby(LD_2), 0);
}

/* What the others have shared before is not told again. */
static void only_what_moves_is_copied(void **state) {
    const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
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
    const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
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

static void the_one_that_has_left_passes_on_what_it_does_not_know(void **state) {
    const struct holders swapped = { LD_2, NOBODY, 0xf, 0 };
    struct connection connection;

    (void)state;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, swapped);
    lds_pass(10);
    connection = lds_establish(LD_1, 1, 5); /* a switch that does not know yet */
    assert_null(lds_session_of(LD_1, &connection));
    assert_non_null(lds_session_of(LD_2, &connection));
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 0, swapped);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(buckets_move_under_traffic),
        CASE(idle_sessions_move_too),
        CASE(idle_sessions_count_when_nobody_is_left_to_share_them),
        CASE(only_what_moves_is_copied),
        CASE(a_copy_is_reported),
        CASE(the_one_that_has_left_passes_on_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
