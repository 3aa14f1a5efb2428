/* LDs with several workers, some of which have none of the buckets that two LDs share. */
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    SHARED_MAX = 2,
};

/* A bucket from @p from on that belongs to a worker of LD 2, which has two. */
static uint16_t bucket_of(uint8_t worker, uint16_t from) {
    while (ld[LD_2].dataplane.owner_of_bucket[from] != worker)
        from++;
    return from;
}

/* LD 1 has all buckets, LD 2 stands in for some; ascending. */
static void configure(int which, uint32_t epoch, const uint16_t *shared, uint32_t count) {
    struct message *message = &messages[which];
    uint32_t next = 0;

    lds_message(which, epoch);
    if (which == LD_1)
        message_buckets(message, 0, BUCKET_COUNT - 1);
    message->heartbeat.hold_ms = LDS_HOLD_MS;
    message_ld(message, 2u - (uint32_t)which, vtep[!which]);
    for (uint32_t i = 0; i < count; i++) {
        if (next < shared[i])
            message_assign(message, next, shared[i] - 1u, 1, 0);
        message_assign(message, shared[i], shared[i], 1, 2);
        next = shared[i] + 1u;
    }
    message_assign(message, next, BUCKET_COUNT - 1, 1, 0);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

static void start(uint32_t workers_of_ld1) {
    lds_start(LD_1, workers_of_ld1);
    lds_start(LD_2, 2);
}

static bool has_all(int which) {
    const struct snapshot *snapshot = ld[which].dataplane.snapshot;

    return replicate_is_whole(&ld[which].dataplane.replication, snapshot->epoch,
                              cluster_find(&snapshot->cluster, 2u - (uint32_t)which));
}

static void pass_until_both_have_all(void) {
    for (int ms = 0; !has_all(LD_1) || !has_all(LD_2); ms++) {
        assert_in_range(ms, 0, 5000);
        lds_pass(1);
    }
}

static int set_up(void **state) {
    (void)state;
    lds_begin();
    return 0;
}

/* The other worker of the peer has no stream, so no copy of it ever comes. */
static void one_worker_has_all_that_is_shared(void **state) {
    uint16_t shared;

    (void)state;
    start(2);
    for (uint8_t worker = 0; worker < 2; worker++) {
        shared = bucket_of(worker, 0);
        for (int which = LD_1; which <= LD_2; which++) {
            configure(which, worker + 1u, &shared, 1);
            lds_online(which);
        }
        for (int which = LD_1; which <= LD_2; which++)
            lds_pass_until_online(which);
        pass_until_both_have_all();
    }
}

/* The map takes all shared buckets away from a worker that has a record in hand. */
static void what_a_worker_without_shared_buckets_has_in_hand_holds_nobody_up(void **state) {
    uint16_t shared[SHARED_MAX];
    struct connection connection;
    struct frame syn;

    (void)state;
    start(1);
    shared[0] = bucket_of(0, 0); /* LD 1's stream comes by it */
    shared[1] = bucket_of(1, shared[0]);
    for (int which = LD_1; which <= LD_2; which++) {
        configure(which, 1, shared, 2);
        lds_online(which);
    }
    for (int which = LD_1; which <= LD_2; which++)
        lds_pass_until_online(which);
    pass_until_both_have_all();
    connection = (struct connection){ 1, shared[1], 0 };
    syn = lds_from_client(LD_1, &connection, TCP_SYN);
    assert_int_equal(harness_receive(&ld[LD_1], &syn), 1);
    for (int ms = 0; rte_ring_empty(ld[LD_2].dataplane.workers[1]->replication.records); ms++) {
        assert_in_range(ms, 0, 100);
        lds_pass(1);
    }
    for (int which = LD_1; which <= LD_2; which++)
        configure(which, 2, shared, 1);
    lds_pass(1);
    pass_until_both_have_all();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(one_worker_has_all_that_is_shared),
        CASE(what_a_worker_without_shared_buckets_has_in_hand_holds_nobody_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
