/* Whose sessions are whose: each of a cluster's is counted by one LD, the primary of its bucket,
 * whoever has its packets. */
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    IDLE = 600, /* more than are looked at in one turn */
};

static struct connection idle[IDLE];

static struct rs_counters counters_of(int which) {
    struct rs_counters sum = { 0 };

    for (uint32_t id = 0; id < ld[which].dataplane.worker_count; id++)
        rs_counters_add(&sum, &ld[which].dataplane.workers[id]->rs[0]);
    return sum;
}

static uint64_t says(int which) {
    return counted_epoch(&ld[which].dataplane);
}

static void open_and_leave_idle(void) {
    for (uint32_t i = 0; i < IDLE; i++) {
        idle[i] = lds_establish(LD_1, i, (uint16_t)(i % 500));
        if (i % 20 == 0)
            lds_pass(1);
    }
    lds_pass(500); /* the other LD has been told */
}

/* All buckets are one LD's, the other one is their backup. */
static void give_all(int which, uint32_t epoch, int primary) {
    struct message *message = &messages[which];

    lds_message(which, epoch);
    if (which == primary)
        message_buckets(message, 0, BUCKET_COUNT - 1);
    message->heartbeat.hold_ms = LDS_HOLD_MS;
    message_ld(message, 2u - (uint32_t)which, vtep[!which]);
    message_assign(message, 0, BUCKET_COUNT - 1, (uint32_t)primary + 1, 2u - (uint32_t)primary);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

/* What the other LD has on standby is not counted twice. */
static void a_session_counts_where_its_bucket_is(void **state) {
    struct connection by_the_backup;

    (void)state;
    open_and_leave_idle();
    by_the_backup = lds_establish(LD_2, 9000, LDS_BUCKET_1);
    lds_pass(500);
    assert_non_null(lds_session_of(LD_1, &by_the_backup));
    assert_int_equal(says(LD_1), 1);
    assert_int_equal(says(LD_2), 1);
    assert_int_equal(counters_of(LD_1).sessions_primary, IDLE + 1);
    assert_int_equal(counters_of(LD_2).sessions_primary, 0);
    assert_int_equal(counters_of(LD_2).sessions_active, 1);
}

/* Idle since their LD restarted, they are active nowhere. */
static void sessions_on_standby_everywhere_are_the_primarys(void **state) {
    (void)state;
    open_and_leave_idle();
    lds_pair_restart(LD_1, 1);
    assert_int_equal(says(LD_1), 0);
    lds_pass_until_online(LD_1);
    lds_pass(1);
    assert_int_equal(counters_of(LD_1).sessions_active + counters_of(LD_2).sessions_active, 0);
    assert_int_equal(counters_of(LD_1).sessions_standby, IDLE);
    assert_int_equal(counters_of(LD_2).sessions_standby, IDLE);
    assert_int_equal(says(LD_1), 1);
    assert_int_equal(says(LD_2), 1);
    assert_int_equal(counters_of(LD_1).sessions_primary, IDLE);
    assert_int_equal(counters_of(LD_2).sessions_primary, 0);
    lds_send_client(LD_1, &idle[7], TCP_ACK);
    assert_int_equal(counters_of(LD_1).sessions_primary, IDLE);
    lds_send_rs(LD_1, &idle[7], TCP_RST);
    harness_pass(&ld[LD_1], 4000);
    assert_null(lds_session_of(LD_1, &idle[7]));
    assert_int_equal(counters_of(LD_1).sessions_primary, IDLE - 1);
}

/* Nobody can say what a peer has that cannot be asked: an LD that is online without it does not. */
static void an_ld_that_could_not_ask_does_not_say_that_it_knows(void **state) {
    (void)state;
    open_and_leave_idle();
    network.cut = true;
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    assert_int_equal(lds_standby(LD_2), IDLE);
    assert_int_equal(says(LD_1), 0);
    network.cut = false;
    lds_pass(5000);
    assert_int_equal(says(LD_1), 1);
    assert_int_equal(counters_of(LD_1).sessions_primary, IDLE);
}

/* They are looked at a few at a time, and until all of them have been, nothing is said. */
static void they_move_with_their_buckets(void **state) {
    (void)state;
    open_and_leave_idle();
    for (int which = 0; which < 2; which++) {
        give_all(which, 2, LD_2);
        assert_int_equal(says(which), 0);
    }
    lds_pass(1);
    assert_int_equal(says(LD_2), 0);
    lds_pass(500);
    assert_int_equal(says(LD_1), 2);
    assert_int_equal(says(LD_2), 2);
    assert_int_equal(counters_of(LD_1).sessions_active, IDLE);
    assert_int_equal(counters_of(LD_1).sessions_primary, 0);
    assert_int_equal(counters_of(LD_2).sessions_primary, IDLE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_session_counts_where_its_bucket_is),
        CASE(sessions_on_standby_everywhere_are_the_primarys),
        CASE(an_ld_that_could_not_ask_does_not_say_that_it_knows),
        CASE(they_move_with_their_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
