/* What a backup hears of a session's changes, and when: enough to go on at any moment. */
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "replicate/sender.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    CLIENT = 1,
    TOLD_MS = 5, /* what is told at once has arrived */
    STEP_MS = SENDER_LATER_MS / SENDER_LATER_STEPS,
};

static uint64_t records_sent(void) {
    return harness_worker(&ld[LD_1])->stats.replication_records_sent;
}

static struct sender *sender(void) {
    const struct worker_replication *replication = &harness_worker(&ld[LD_1])->replication;

    return replication->senders[replication->active[0]];
}

static struct connection ask(void) {
    struct connection connection = { CLIENT, LDS_BUCKET_1, 0 };

    connection.local_port = lds_send_client(LD_1, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    lds_pass(TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_SYN_SENT);
    return connection;
}

/* Opened, established, over: each step comes when the one before has been told. */
static void a_connection_is_told_of_three_times(void **state) {
    uint64_t before = records_sent();
    struct connection connection = ask();

    (void)state;
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    lds_pass(TOLD_MS);
    lds_send_client(LD_1, &connection, TCP_ACK);
    lds_pass(TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    lds_pass(TOLD_MS);
    assert_true(lds_send_rs(LD_1, &connection, TCP_FIN | TCP_ACK));
    lds_pass(TOLD_MS);
    lds_send_client(LD_1, &connection, TCP_ACK);
    lds_pass(SENDER_LATER_MS + TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state,
                     lds_session_of(LD_1, &connection)->state);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE);
    assert_int_equal(records_sent() - before, 3);
}

static void an_end_waits_and_is_told(void **state) {
    struct connection connection = lds_establish(LD_1, CLIENT, LDS_BUCKET_1);

    (void)state;
    lds_pass(TOLD_MS);
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    lds_pass(SENDER_LATER_MS - STEP_MS - TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    lds_pass(STEP_MS + 2 * TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
}

/* The LD that had it has died before it told what had become of the SYN. */
static void the_client_can_say_that_the_rs_has_answered(void **state) {
    struct connection connection = ask();

    (void)state;
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
}

static void the_rs_can_say_it_too(void **state) {
    struct connection connection = ask();

    (void)state;
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    assert_true(lds_send_rs(LD_2, &connection, TCP_ACK | TCP_PSH));
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_SYN_RECV);
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
}

static void a_refusal_is_no_answer(void **state) {
    struct connection connection = ask();

    (void)state;
    assert_true(lds_send_rs(LD_2, &connection, TCP_RST | TCP_ACK));
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE);
}

/* A client that tries again has heard nothing. */
static void a_second_syn_is_no_answer(void **state) {
    struct connection connection = ask();

    (void)state;
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_SYN), connection.local_port);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_SYN_SENT);
}

/* The backup opens a session, as for a datagram in fragments, and its record is not quicker than
 * the RS. */
static void an_answer_goes_to_who_has_opened(void **state) {
    struct connection connection = { CLIENT, LDS_BUCKET_1, 0 };

    (void)state;
    lds_pass(2 * STRAGGLERS_MS); /* nobody has just come online */
    connection.local_port = lds_send_client(LD_2, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_SYN_RECV);
}

/* Nor to a port of its own that it knows nothing of, nor when the other LD is gone. */
static void nobody_else_is_asked(void **state) {
    struct connection connection = { CLIENT, LDS_BUCKET_1, 0 };

    (void)state;
    lds_pass(2 * STRAGGLERS_MS);
    connection.local_port = 1024 + LDS_BUCKET_1; /* of share 1, LD 1's */
    assert_false(lds_send_rs(LD_1, &connection, TCP_ACK));
    connection.local_port = 3 * 1024 + LDS_BUCKET_1; /* of share 3, LD 2's */
    assert_false(lds_send_rs(LD_1, &connection, TCP_ACK));
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    lds_kill(LD_2);
    lds_pass(PEER_GONE_MS + TOLD_MS);
    assert_false(lds_send_rs(LD_1, &connection, TCP_ACK));
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.drops[DROP_NO_SESSION], 2);
}

static void where_nothing_can_wait_it_is_told_at_once(void **state) {
    struct connection connection = lds_establish(LD_1, CLIENT, LDS_BUCKET_1);

    (void)state;
    lds_pass(TOLD_MS);
    sender()->later.tail =
        sender()->later.head + SENDER_LATER_MARKS; /* of sessions that are over */
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    lds_pass(TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
}

/* The worker had no turn for longer than anything waits. */
static void a_pause_loses_nothing(void **state) {
    struct connection connection = lds_establish(LD_1, CLIENT, LDS_BUCKET_1);

    (void)state;
    lds_pass(TOLD_MS);
    lds_send_client(LD_1, &connection, TCP_FIN | TCP_ACK);
    now_ms += 3 * SENDER_LATER_MS + STEP_MS / 2;
    lds_pass(SENDER_LATER_MS + TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_CLOSE_WAIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_is_told_of_three_times, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(an_end_waits_and_is_told, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(the_client_can_say_that_the_rs_has_answered,
                                        lds_pair_set_up, lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(the_rs_can_say_it_too, lds_pair_set_up, lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_no_answer, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(a_second_syn_is_no_answer, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_goes_to_who_has_opened, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_is_asked, lds_pair_set_up, lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_can_wait_it_is_told_at_once, lds_pair_set_up,
                                        lds_pair_tear_down),
        cmocka_unit_test_setup_teardown(a_pause_loses_nothing, lds_pair_set_up, lds_pair_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
