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

static const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };
static const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
static const struct holders swapped = { LD_3, LD_1, 0x8, 0x7 };
static const struct holders left = { LD_3, LD_2, 0xe, 0x1 };

/* Who stands in for LD 2 in the buckets that do not move. */
static int others_backup;

/* The map that the switches have learnt last. */
static struct holders learnt;

static struct {
    struct connection connections[CONNECTIONS_MAX];
    uint64_t opened_ms[CONNECTIONS_MAX];
    uint32_t count;
    bool silent;
    bool port_used[65536];
    /* Whom each switch knows as primary and as backup. */
    int knows[SWITCHES][2];
} traffic;

/* Who is in the map that the switches know, and not in this one. */
static int former_of(struct holders holders) {
    if (learnt.primary != holders.primary && learnt.primary != holders.backup)
        return learnt.primary;
    return learnt.backup != holders.primary && learnt.backup != holders.backup ? learnt.backup
                                                                               : NOBODY;
}

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
    if (previous_epoch != 0)
        message_former(message, (uint32_t)(former_of(holders) + 1));
    message_assign(message, BUCKETS_MOVED, BUCKET_COUNT - 1, 2, (uint32_t)others_backup + 1);
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
    learnt = after;
}

static int set_up(void **state) {
    (void)state;
    lds_begin();
    memset(&traffic, 0, sizeof(traffic));
    learnt = at_first;
    others_backup = LD_1;
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

static void the_one_that_has_left_passes_on_what_it_does_not_know(void **state) {
    const struct holders alone = { LD_2, NOBODY, 0xf, 0 };
    struct connection connection;

    (void)state;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, alone);
    lds_pass(10);
    connection = lds_establish(LD_1, 1, 5); /* a switch that does not know yet */
    assert_null(lds_session_of(LD_1, &connection));
    assert_non_null(lds_session_of(LD_2, &connection));
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 0, alone);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), 0);
}

static void return_with(int which, uint32_t epoch, uint32_t previous_epoch, struct holders map) {
    lds_start(which, 1);
    give(which, epoch, previous_epoch, map);
    lds_online(which);
    lds_pass_until_online(which);
}

static void expect_known(int which) {
    for (uint32_t i = 0; i < traffic.count; i++)
        assert_non_null(lds_session_of(which, &traffic.connections[i]));
}

static void expect_client_answered(int which) {
    for (uint32_t i = 0; i < traffic.count; i++)
        assert_int_equal(lds_send_client(which, &traffic.connections[i], TCP_ACK),
                         traffic.connections[i].local_port);
}

/* LD 1 dies between the map and its copy: the switches turn to LD 2, which has left, and nobody
 * else knows the sessions. */
static void who_has_left_is_asked_by_one_that_returns(void **state) {
    (void)state;
    carry_traffic(200);
    traffic.silent = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    lds_kill(LD_1);
    lds_pass(100);
    assert_int_equal(lds_standby(LD_3), 0);
    expect_client_answered(LD_2);
    return_with(LD_1, 2, 1, joined);
    expect_known(LD_1);
    for (uint32_t i = 0; i < 100; i++)
        open_connection(LD_1); /* looks that no port is given out twice */
    wait_until_whole();
    lds_pass(10); /* what LD 2 has told, LD 1 passes on */
    expect_known(LD_3);
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 0, joined);
    lds_pass(2 * STRAGGLERS_MS);
    assert_int_equal(harness_worker(&ld[LD_1])->rs[0].sessions_active, traffic.count);
    assert_int_equal(lds_standby(LD_3), traffic.count);
    for (uint32_t i = 0; i < traffic.count; i++)
        assert_null(lds_session_of(LD_2, &traffic.connections[i]));
    expect_client_answered(LD_1);
}

static void who_has_left_is_waited_for(void **state) {
    (void)state;
    others_backup = LD_3; /* LD 1 and LD 2 share nothing else */
    change(2, at_first, at_first);
    carry_traffic(200);
    traffic.silent = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 3, 2, joined);
    lds_kill(LD_1);
    lds_pass(10);
    network.mute = 1 << LD_2;
    lds_start(LD_1, 1);
    give(LD_1, 3, 2, joined);
    for (int ms = 0; ms < 300; ms++) {
        assert_false(lds_online(LD_1)); /* it has all that LD 3 knows */
        lds_pass(1);
    }
    network.mute = 0;
    lds_pass_until_online(LD_1);
    expect_known(LD_1);
}

/* The same when the primary has changed, and the one that leaves has been it. */
static void who_has_left_is_asked_by_the_new_primary(void **state) {
    (void)state;
    carry_traffic(200);
    change(2, at_first, joined);
    change(3, joined, swapped);
    traffic.silent = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 4, 3, left);
    lds_kill(LD_3);
    expect_client_answered(LD_1);
    return_with(LD_3, 4, 3, left);
    expect_known(LD_3);
    wait_until_whole();
    lds_pass(10); /* what LD 1 has told, LD 3 passes on */
    expect_known(LD_2);
}

/* As long as a switch may turn to it. */
static void who_leaves_is_told_what_is_new(void **state) {
    (void)state;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    traffic.silent = true;
    wait_until_whole();
    for (uint32_t i = 0; i < 50; i++)
        open_connection(LD_1);
    lds_pass(5);
    lds_kill(LD_1);
    expect_client_answered(LD_2);
    lds_pass(5);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, traffic.count);
}

/* LD 2 has had the packets of the last 20 seconds, LD 3 knows only what was before. */
static void the_newer_word_of_two_counts(void **state) {
    (void)state;
    carry_traffic(200);
    traffic.silent = true;
    for (int which = 0; which < LDS_MAX; which++)
        give(which, 2, 1, joined);
    lds_pass(100);
    assert_int_equal(lds_standby(LD_3), traffic.count);
    lds_kill(LD_1);
    lds_pass(20000);
    expect_client_answered(LD_2);
    return_with(LD_1, 2, 1, joined);
    lds_pass(100);
    for (uint32_t i = 0; i < traffic.count; i++) {
        const struct session *session = lds_session_of(LD_1, &traffic.connections[i]);

        assert_in_range((uint32_t)now_ms - session->last_seen_ms, 0, 1000);
        session = lds_session_of(LD_3, &traffic.connections[i]); /* it hears of it from LD 1 */
        assert_in_range((uint32_t)now_ms - session->last_seen_ms, 0, 1000);
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
    lds_pass(100);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(buckets_move_under_traffic),
        CASE(idle_sessions_move_too),
        CASE(idle_sessions_count_when_nobody_is_left_to_share_them),
        CASE(only_what_moves_is_copied),
        CASE(a_copy_is_reported),
        CASE(the_one_that_has_left_passes_on_what_it_does_not_know),
        CASE(who_has_left_is_asked_by_one_that_returns),
        CASE(who_has_left_is_waited_for),
        CASE(who_has_left_is_asked_by_the_new_primary),
        CASE(who_leaves_is_told_what_is_new),
        CASE(the_newer_word_of_two_counts),
        CASE(nothing_is_opened_before_the_sessions_have_come),
        CASE(a_bucket_of_somebody_silent_is_opened_after_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
