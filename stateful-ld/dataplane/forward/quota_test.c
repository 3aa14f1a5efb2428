#include "forward/quota.h"

#include <stdlib.h>

#include "forward/gcra.h"
#include "testing/test.h"

enum {
    WORKERS = 4
};

static struct quota *quota;
static struct quota_use use;
static uint64_t now_ms;

static void begin(uint32_t workers, struct quota_limits limits) {
    now_ms = 5000000;
    quota = quota_create("gold", workers);
    assert_non_null(quota);
    use = quota_use(quota, &limits);
    quota_redistribute(quota, now_ms);
}

static void end(void) {
    quota_put(quota);
}

static void pass(uint64_t ms) {
    for (; ms > 0; ms--) {
        now_ms++;
        quota_redistribute(quota, now_ms);
    }
}

static bool take(uint32_t worker, enum quota_rate rate, uint32_t units) {
    return quota_take(&use, worker, rate, units, false, now_ms);
}

static void without_a_limit_all_is_granted(void **state) {
    (void)state;
    begin(WORKERS, (struct quota_limits){ 0 });
    for (int i = 0; i < 100000; i++) {
        assert_true(take(1, QUOTA_BYTES_IN, 1500));
        assert_true(quota_session_begin(&use, 2));
    }
    end();
}

/* 7 new sessions a second, however the clients' connections fall on the workers. */
static void small_rate_is_exact(void **state) {
    (void)state;
    begin(WORKERS, (struct quota_limits){ .per_s = { [QUOTA_NEW_SESSIONS] = 7 } });
    for (uint32_t second = 0; second < 20; second++) {
        uint32_t granted = 0;

        for (uint32_t i = 0; i < 1000; i++) {
            granted +=
                quota_take(&use, (i + second) % WORKERS, QUOTA_NEW_SESSIONS, 1, true, now_ms);
            pass(1);
        }
        assert_in_range(granted, second == 0 ? 13 : 7,
                        second == 0 ? 14 : 7); /* 7 at once as well */
    }
    end();
}

/* Two workers, one of which has read its clock long before it asks: what the other one has taken
 * since then is as far from the limit as it is, and the lag is no second allowance either. */
static void late_worker_is_not_refused_for_its_clock(void **state) {
    enum {
        PER_S = 1000000,
        LAG_MS = 200, /* more than the tolerance */
    };
    uint32_t granted = 0;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .per_s = { [QUOTA_BYTES_IN] = PER_S } });
    assert_true(quota_take(&use, 0, QUOTA_BYTES_IN, 100, false, now_ms));
    assert_true(quota_take(&use, 1, QUOTA_BYTES_IN, 100, false, now_ms - LAG_MS));
    for (uint32_t i = 0; i < 10000; i++)
        granted += quota_take(&use, 1 - i % 2, QUOTA_BYTES_IN, 100, false, now_ms - i % 2 * LAG_MS);
    assert_in_range(granted * 100, PER_S / 20 - 300, PER_S / 20); /* of 50 ms */
    end();
}

static void small_number_of_sessions_is_exact(void **state) {
    uint32_t open[WORKERS] = { 0 }, sum = 0;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .sessions = 10 });
    srand(2);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t worker = (uint32_t)rand() % WORKERS;

        if (rand() % 3 == 0 && open[worker] > 0) {
            quota_session_over(&use, worker);
            open[worker]--;
            sum--;
        } else {
            bool granted = quota_session_begin(&use, worker);

            assert_int_equal(granted, sum < 10);
            open[worker] += granted;
            sum += granted;
        }
    }
    end();
}

/* Sessions come and go anywhere at any time: never more than the limit, over all workers. */
static void shares_never_exceed_the_limit(void **state) {
    enum {
        LIMIT = 20000
    };
    uint64_t open[WORKERS] = { 0 }, sum = 0;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .sessions = LIMIT });
    srand(5);
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t busy = (uint32_t)rand() % WORKERS;

        for (uint32_t j = 0; j < 2000; j++) {
            uint32_t worker = rand() % 8 == 0 ? (uint32_t)rand() % WORKERS : busy;

            if (rand() % 5 < 2 && open[worker] > 0) {
                quota_session_over(&use, worker);
                open[worker]--;
                sum--;
            } else if (quota_session_begin(&use, worker)) {
                open[worker]++;
                sum++;
            }
            assert_true(sum <= LIMIT);
        }
        pass((uint64_t)rand() % 400);
    }
    end();
}

static void all_of_a_large_limit_goes_where_it_is_wanted(void **state) {
    enum {
        LIMIT = 20000
    };
    uint32_t granted = 0;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .sessions = LIMIT });
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t j = 0; j < 2000; j++)
            granted += quota_session_begin(&use, 3);
        pass(QUOTA_REDISTRIBUTE_MS);
    }
    assert_in_range(granted, LIMIT - WORKERS, LIMIT);
    end();
}

/* Bytes a second that one worker gets through while another wants so many times as much. */
static uint64_t bytes_granted(uint32_t packets_per_ms, uint32_t others_per_ms, uint64_t ms) {
    uint64_t granted = 0;

    for (uint64_t i = 0; i < ms; i++) {
        for (uint32_t j = 0; j < packets_per_ms; j++)
            granted += take(0, QUOTA_BYTES_OUT, 1500) ? 1500 : 0;
        for (uint32_t j = 0; j < others_per_ms; j++)
            granted += take(2, QUOTA_BYTES_OUT, 1500) ? 1500 : 0;
        pass(1);
    }
    return granted;
}

/* 800 Mbit/s, asked for by one worker alone, then by two, then by the other alone. */
static void large_bandwidth_follows_the_traffic(void **state) {
    uint64_t limit = 100 * 1000 * 1000;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .per_s = { [QUOTA_BYTES_OUT] = limit } });
    bytes_granted(150, 0, 400);
    assert_in_range(bytes_granted(150, 0, 3000), limit * 3 * 94 / 100, limit * 3 * 101 / 100);
    bytes_granted(100, 50, 400);
    assert_in_range(bytes_granted(100, 50, 3000), limit * 3 * 94 / 100, limit * 3 * 101 / 100);
    bytes_granted(0, 150, 400);
    assert_in_range(bytes_granted(0, 150, 3000), limit * 3 * 94 / 100, limit * 3 * 101 / 100);
    end();
}

/* What is below the limit passes, whoever sends it. */
static void below_the_limit_nothing_is_refused(void **state) {
    (void)state;
    begin(WORKERS, (struct quota_limits){ .per_s = { [QUOTA_BYTES_OUT] = 100 * 1000 * 1000 } });
    bytes_granted(30, 20, 700);
    assert_int_equal(bytes_granted(30, 20, 3000), 50ULL * 1500 * 3000);
    end();
}

static void small_bandwidth_is_exact(void **state) {
    uint64_t limit = 1000 * 1000, granted;

    (void)state;
    begin(WORKERS, (struct quota_limits){ .per_s = { [QUOTA_BYTES_OUT] = limit } });
    bytes_granted(3, 2, 1000);
    granted = bytes_granted(3, 2, 4000);
    assert_in_range(granted, limit * 4 * 99 / 100, limit * 4 * 101 / 100);
    end();
}

/* Low priority alone fills its half of the burst; the other half stays open for high priority. */
static void low_priority_cannot_starve_high(void **state) {
    uint32_t high = 0;

    (void)state;
    begin(1, (struct quota_limits){ .per_s = { [QUOTA_BYTES_IN] = 1000 * 1000 } });
    for (uint32_t ms = 0; ms < 1000; ms++) {
        for (uint32_t i = 0; i < 10; i++)
            take(0, QUOTA_BYTES_IN, 1500);
        if (ms % 10 == 0)
            high += quota_take(&use, 0, QUOTA_BYTES_IN, 1500, true, now_ms);
        pass(1);
    }
    assert_int_equal(high, 100);
    end();
}

static void tiny_bandwidth_still_passes_whole_packets(void **state) {
    uint32_t granted = 0;

    (void)state;
    begin(1, (struct quota_limits){ .per_s = { [QUOTA_BYTES_IN] = 2000 } });
    for (uint32_t i = 0; i < 4; i++)
        granted += take(0, QUOTA_BYTES_IN, 1500);
    assert_int_equal(granted, 4);
    assert_false(take(0, QUOTA_BYTES_IN, 1500));
    end();
}

/* A limit that appears, changes its kind and goes away finds the sessions counted. */
static void limits_change_while_sessions_are_open(void **state) {
    struct quota_limits limits = { .sessions = 5 };

    (void)state;
    begin(2, (struct quota_limits){ 0 });
    for (int i = 0; i < 5; i++)
        assert_true(quota_session_begin(&use, (uint32_t)i % 2));
    use = quota_use(quota, &limits);
    quota_sessions_set(&use, 0, 3);
    quota_sessions_set(&use, 1, 2);
    assert_false(quota_session_begin(&use, 0));
    limits.sessions = 40000;
    use = quota_use(quota, &limits);
    quota_sessions_set(&use, 0, 3);
    quota_sessions_set(&use, 1, 2);
    assert_int_equal(quota->shared_sessions, 0);
    assert_true(quota_session_begin(&use, 0));
    quota_session_over(&use, 0);
    limits.sessions = 6;
    use = quota_use(quota, &limits);
    quota_sessions_set(&use, 0, 3);
    quota_sessions_set(&use, 1, 2);
    assert_true(quota_session_begin(&use, 1));
    assert_false(quota_session_begin(&use, 0));
    quota_session_over(&use, 0);
    assert_true(quota_session_begin(&use, 1));
    end();
}

/* One worker asks for all there is, to the byte: what is left for the other ones is little, but no
 * worker is without a limit. */
static void who_asks_for_the_whole_limit_leaves_the_limit_to_others(void **state) {
    const uint64_t limit = 100 * 1000 * 1000;
    uint64_t granted = 0;

    (void)state;
    begin(2, (struct quota_limits){ .per_s = { [QUOTA_BYTES_OUT] = limit } });
    for (uint32_t i = 0; i < limit * QUOTA_REDISTRIBUTE_MS / 1000 / 1500; i++)
        take(0, QUOTA_BYTES_OUT, 1500);
    pass(QUOTA_REDISTRIBUTE_MS);
    for (uint32_t i = 0; i < 10000; i++)
        granted += take(1, QUOTA_BYTES_OUT, 1500) ? 1500 : 0;
    assert_in_range(granted, 1, limit / 20); /* of 50 ms */
    end();
}

/* Times in 2^-8 ns are 0 again after 835 days. */
static void limits_hold_when_the_clock_goes_round(void **state) {
    const uint64_t limit = 1000 * 1000, round_ms = UINT64_MAX / gcra_ms(1);
    uint64_t granted;

    (void)state;
    for (uint32_t workers = 1; workers <= WORKERS; workers += WORKERS - 1) {
        begin(workers, (struct quota_limits){ .per_s = { [QUOTA_BYTES_OUT] = limit } });
        now_ms = round_ms - 2000;
        for (uint32_t second = 0; second < 5; second++) {
            granted = 0;
            for (uint32_t i = 0; i < 1000; i++) {
                for (uint32_t j = 0; j < 3; j++)
                    granted += take(0, QUOTA_BYTES_OUT, 1500) ? 1500 : 0;
                now_ms++;
            }
            assert_in_range(granted, limit * 95 / 100, limit * 106 / 100);
        }
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_all_is_granted),
        cmocka_unit_test(small_rate_is_exact),
        cmocka_unit_test(late_worker_is_not_refused_for_its_clock),
        cmocka_unit_test(small_number_of_sessions_is_exact),
        cmocka_unit_test(shares_never_exceed_the_limit),
        cmocka_unit_test(all_of_a_large_limit_goes_where_it_is_wanted),
        cmocka_unit_test(large_bandwidth_follows_the_traffic),
        cmocka_unit_test(below_the_limit_nothing_is_refused),
        cmocka_unit_test(small_bandwidth_is_exact),
        cmocka_unit_test(low_priority_cannot_starve_high),
        cmocka_unit_test(tiny_bandwidth_still_passes_whole_packets),
        cmocka_unit_test(limits_change_while_sessions_are_open),
        cmocka_unit_test(who_asks_for_the_whole_limit_leaves_the_limit_to_others),
        cmocka_unit_test(limits_hold_when_the_clock_goes_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
