/* What a backup hears of a session's changes, and when: enough to go on at any moment. */
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "replicate/sender.h"
#include "session/timeouts.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    CLIENT = 1,
    TOLD_MS = 5, /* what is told at once has arrived */
    STEP_MS = SENDER_LATER_MS / SENDER_LATER_STEPS,
    TIMERS_MS = 50,
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

/* The handshake that a SYN has begun, at LD 1. */
static void answer(const struct connection *connection) {
    assert_true(lds_send_rs(LD_1, connection, TCP_SYN | TCP_ACK));
    lds_send_client(LD_1, connection, TCP_ACK);
    assert_int_equal(lds_session_of(LD_1, connection)->state, STATE_ESTABLISHED);
}

/* Time for what the LDs do by their timers, too. */
static void live(uint32_t ms) {
    for (uint32_t i = 0; i < ms / TIMERS_MS; i++) {
        lds_pass(TIMERS_MS);
        worker_housekeeping(harness_worker(&ld[LD_1]));
        worker_housekeeping(harness_worker(&ld[LD_2]));
    }
}

static void close_it(const struct connection *connection) {
    lds_send_client(LD_1, connection, TCP_FIN | TCP_ACK);
    lds_pass(TOLD_MS);
    assert_true(lds_send_rs(LD_1, connection, TCP_FIN | TCP_ACK));
    lds_pass(TOLD_MS);
    lds_send_client(LD_1, connection, TCP_ACK);
    lds_pass(SENDER_LATER_MS + TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, connection)->state, STATE_CLOSE);
}

/* Opened, over. */
static void a_short_connection_is_told_of_twice(void **state) {
    uint64_t before = records_sent();
    struct connection connection = ask();

    (void)state;
    answer(&connection);
    lds_pass(SENDER_LATER_MS / 2);
    close_it(&connection);
    assert_int_equal(records_sent() - before, 2);
}

/* Opened, established, over. That it has some time to live after that is no news. */
static void a_longer_one_three_times(void **state) {
    uint64_t before = records_sent();
    struct connection connection = ask();

    (void)state;
    answer(&connection);
    lds_pass(2 * SENDER_LATER_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    close_it(&connection);
    live(TIMEOUT_SYN_SENT_MS + TIMEOUT_CLOSE_MS + SENDER_LATER_MS);
    assert_null(lds_session_of(LD_1, &connection));
    assert_null(lds_session_of(LD_2, &connection));
    assert_int_equal(records_sent() - before, 3);
}

/* What its packets have to be altered by has come with the RS's answer. */
static void one_whose_packets_are_altered_is_told_of_at_once(void **state) {
    struct connection connection = ask();
    struct worker *worker = harness_worker(&ld[LD_1]);

    (void)state;
    worker->sessions.sessions[1].alter = ALTER_PROXY;
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    lds_send_client(LD_1, &connection, TCP_ACK);
    lds_pass(TOLD_MS);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
}

enum {
    /* A backup forgets one that has only begun. */
    FORGOTTEN_MS = TIMEOUT_SYN_SENT_MS + STANDBY_GRACE_MS + 1000,
    LONG_AGO_MS = 2000, /* what has become of it must have been told */
};

/* One whose client has never acknowledged, which was told of, and another one whose handshake has
 * just ended. */
static struct connection answered_just_now(struct connection *half_open) {
    struct connection connection;

    *half_open = (struct connection){ CLIENT + 1, LDS_BUCKET_1, 0 };
    assert_int_not_equal(lds_send_client(LD_1, half_open, TCP_SYN), 0);
    lds_pass(LONG_AGO_MS);
    connection = ask();
    answer(&connection);
    return connection;
}

/* Its LD dies when its handshake has just ended; neither end says anything for minutes. */
static void an_idle_connection_outlives_its_ld(void **state) {
    struct connection half_open, connection = answered_just_now(&half_open);

    (void)state;
    lds_kill(LD_1);
    harness_pass(&ld[LD_2], FORGOTTEN_MS);
    assert_null(lds_session_of(LD_2, &half_open));
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_ESTABLISHED);
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
}

/* The same after a month, which is more than 32 bits of milliseconds can tell from one to come. */
static void an_idle_connection_outlives_an_ld_of_a_month(void **state) {
    struct connection connection;

    (void)state;
    now_ms += 30ULL * 24 * 3600 * 1000;
    lds_pass(LONG_AGO_MS);
    connection = ask();
    answer(&connection);
    lds_kill(LD_1);
    harness_pass(&ld[LD_2], FORGOTTEN_MS);
    assert_non_null(lds_session_of(LD_2, &connection));
}

/* Its LD dies, and returns: it learns from the other one what it had no time to tell it. */
static void an_idle_connection_outlives_its_lds_return(void **state) {
    struct connection half_open, connection = answered_just_now(&half_open);

    (void)state;
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    assert_int_equal(lds_session_of(LD_1, &half_open)->state, STATE_SYN_SENT);
    assert_int_equal(lds_session_of(LD_1, &connection)->state, STATE_ESTABLISHED);
    live(FORGOTTEN_MS);
    assert_null(lds_session_of(LD_2, &half_open));
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
}

/* Its LD lives, and has had no time yet: a copy that is made now is of what is known. */
static void what_may_still_be_told_is_not_presumed(void **state) {
    struct connection connection = ask();
    struct worker *worker = harness_worker(&ld[LD_2]);

    (void)state;
    sender_begin(worker, worker->replication.senders[worker->replication.active[0]]);
    lds_pass(50);
    assert_int_equal(lds_session_of(LD_1, &connection)->state, STATE_SYN_SENT);
    assert_int_equal(lds_session_of(LD_2, &connection)->state, STATE_SYN_SENT);
}

/* Its LD lives, and has nothing to tell: the client never acknowledged. */
static void what_has_only_begun_is_forgotten(void **state) {
    struct connection connection = ask();

    (void)state;
    live(FORGOTTEN_MS);
    assert_null(lds_session_of(LD_2, &connection));
}

static void an_end_waits_and_is_told(void **state) {
    struct connection connection = lds_establish(LD_1, CLIENT, LDS_BUCKET_1);

    (void)state;
    lds_pass(SENDER_LATER_MS + TOLD_MS);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_short_connection_is_told_of_twice),
        CASE(a_longer_one_three_times),
        CASE(one_whose_packets_are_altered_is_told_of_at_once),
        CASE(an_idle_connection_outlives_its_ld),
        CASE(an_idle_connection_outlives_an_ld_of_a_month),
        CASE(an_idle_connection_outlives_its_lds_return),
        CASE(what_may_still_be_told_is_not_presumed),
        CASE(what_has_only_begun_is_forgotten),
        CASE(an_end_waits_and_is_told),
        CASE(the_client_can_say_that_the_rs_has_answered),
        CASE(the_rs_can_say_it_too),
        CASE(a_refusal_is_no_answer),
        CASE(a_second_syn_is_no_answer),
        CASE(an_answer_goes_to_who_has_opened),
        CASE(nobody_else_is_asked),
        CASE(where_nothing_can_wait_it_is_told_at_once),
        CASE(a_pause_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
