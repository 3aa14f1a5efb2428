/* What two LDs tell each other when they have run for weeks: clocks in 32 bits of milliseconds have
 * gone round, and so have sequence numbers. */
#include "replicate/replicate.h"
#include "replicate/sender.h"
#include "session/timeouts.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    TOLD_MS = 5,
};

/* What it tells of before the low 32 bits of the clock are 0 again, and what after. */
static void sessions_are_told_while_the_clock_goes_round(void **state) {
    const struct worker_stats *stats = &harness_worker(&ld[LD_1])->stats;
    struct connection before, after;
    uint64_t streams;

    (void)state;
    now_ms = (1ULL << 32) - 1000;
    lds_pass(500);
    streams = stats->replication_streams;
    before = lds_establish(LD_1, 1, LDS_BUCKET_1);
    lds_pass(1000);
    after = lds_establish(LD_1, 2, LDS_BUCKET_1);
    lds_pass(2 * SENDER_LATER_MS);
    assert_int_equal(stats->replication_streams, streams);
    for (int which = LD_1; which <= LD_2; which++) {
        harness_pass(&ld[which], TIMEOUT_ESTABLISHED_MS / 2);
        assert_int_equal(lds_session_of(which, &before)->state, STATE_ESTABLISHED);
        assert_int_equal(lds_session_of(which, &after)->state, STATE_ESTABLISHED);
        harness_pass(&ld[which], TIMEOUT_ESTABLISHED_MS);
        assert_null(lds_session_of(which, &before));
        assert_null(lds_session_of(which, &after));
    }
}

/* 2^32 packets are seven weeks of one a millisecond. */
static void sessions_are_told_while_the_sequence_goes_round(void **state) {
    struct worker *teller = harness_worker(&ld[LD_1]), *told = harness_worker(&ld[LD_2]);
    struct sender *sender = teller->replication.senders[teller->replication.active[0]];
    struct receiver *receiver = &told->replication.receivers[told->replication.active[0]][0];
    uint64_t streams = teller->stats.replication_streams;

    (void)state;
    lds_pass(TOLD_MS);
    assert_int_equal(sender->acknowledged, receiver->sequence);
    sender->acknowledged = receiver->sequence = UINT32_MAX - 5;
    sender->next = sender->acknowledged + 1;
    for (uint32_t i = 0; i < 20; i++) {
        struct connection connection = lds_establish(LD_1, i, LDS_BUCKET_1);

        lds_pass(TOLD_MS);
        assert_non_null(lds_session_of(LD_2, &connection));
    }
    assert_in_range(sender->next, 2, 1000);
    assert_int_equal(sender->acknowledged, sender->next - 1);
    lds_pass(2 * SENDER_GONE_MS);
    assert_int_equal(teller->stats.replication_streams, streams);
}

/* A worker hears with a clock that it has read after who asks has read theirs. */
static void who_has_just_been_heard_is_not_silent(void **state) {
    struct replication *replication = &ld[LD_1].dataplane.replication;
    uint8_t peer = harness_worker(&ld[LD_1])->replication.active[0];

    (void)state;
    replication->peers[peer].heard_ms = now_ms + 1;
    assert_false(replicate_is_silent(replication, peer, now_ms));
    assert_false(replicate_is_silent(replication, peer, now_ms + 1 + PEER_GONE_MS));
    assert_true(replicate_is_silent(replication, peer, now_ms + 2 + PEER_GONE_MS));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sessions_are_told_while_the_clock_goes_round),
        CASE(sessions_are_told_while_the_sequence_goes_round),
        CASE(who_has_just_been_heard_is_not_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
