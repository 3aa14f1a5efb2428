/* Who has left a bucket and may still get its packets: it is told, asked and waited for until all
 * switches know the new map. */
#include "replicate/move_test.h"

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_one_that_has_left_passes_on_what_it_does_not_know),
        CASE(who_has_left_is_asked_by_one_that_returns),
        CASE(who_has_left_is_waited_for),
        CASE(who_has_left_is_asked_by_the_new_primary),
        CASE(who_leaves_is_told_what_is_new),
        CASE(the_newer_word_of_two_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
