/* What a session without a SYN-ACK says of its RS: nothing, when it may have been the LD that did
 * not get it. */
#include "forward/heartbeat.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    SYN_SENT_OVER_MS = 4000,
};

static uint32_t clients;

static void send_syn(void) {
    const struct connection connection = { clients++, LDS_BUCKET_1, 0 };

    assert_int_not_equal(lds_send_client(LD_1, &connection, TCP_SYN), 0);
}

static void expect_unanswered(uint64_t count) {
    harness_pass(&ld[LD_1], SYN_SENT_OVER_MS);
    now_ms = ld[LD_1].now_ms;
    assert_int_equal(harness_worker(&ld[LD_1])->rs_answers[0].unanswered, count);
}

/* Nobody else tells LD 1 what has become of its sessions. */
static int set_up(void **state) {
    lds_pair_set_up(state);
    network.cut = true;
    return 0;
}

static void an_rs_that_does_not_answer_has_not(void **state) {
    (void)state;
    send_syn();
    expect_unanswered(1);
}

/* SIGSTOP, or the CPU was taken away: the answer came to a queue that ran over. */
static void an_ld_that_stood_still_does_not_know(void **state) {
    (void)state;
    send_syn();
    now_ms += 300;
    lds_pass(1);
    expect_unanswered(0);
    send_syn();
    expect_unanswered(1);
}

static void an_answer_may_have_gone_to_the_other_ld(void **state) {
    (void)state;
    send_syn();
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(LDS_HOLD_MS + 1);
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    expect_unanswered(0);
    lds_pass_until_online(LD_1);
    send_syn();
    expect_unanswered(1);
}

/* Another worker stands still, which would have passed it on. */
static void a_worker_that_is_stuck_may_have_had_the_answer(void **state) {
    struct dataplane *dataplane = &ld[LD_1].dataplane;

    (void)state;
    assert_true(lds_online(LD_1));
    send_syn();
    for (int ms = 0; ms < 300; ms++) {
        lds_pass(1);
        replicate_online(dataplane, dataplane->snapshot, false, now_ms, now_ms * 1000);
    }
    lds_online(LD_1);
    expect_unanswered(0);
}

/* However short. */
static void a_link_that_was_down_has_lost_it(void **state) {
    static struct heartbeat heartbeat;

    (void)state;
    heartbeat_init(&heartbeat, &ld[LD_1].dataplane);
    send_syn();
    lds_pass(1);
    heartbeat_link(&heartbeat, false);
    heartbeat_tick(&heartbeat, now_ms, now_ms * 1000);
    heartbeat_link(&heartbeat, true);
    expect_unanswered(0);
    heartbeat_free(&heartbeat);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_rs_that_does_not_answer_has_not),
        CASE(an_ld_that_stood_still_does_not_know),
        CASE(an_answer_may_have_gone_to_the_other_ld),
        CASE(a_worker_that_is_stuck_may_have_had_the_answer),
        CASE(a_link_that_was_down_has_lost_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
