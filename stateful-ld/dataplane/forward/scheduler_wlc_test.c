#include "forward/scheduler_wlc.h"

#include "forward/rs_share.h"
#include "testing/test.h"

enum {
    MANY = 1000
};

static uint16_t full[MANY];

static int set_up(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++)
        full[i] = RS_SHARE_FULL;
    return 0;
}

static void sessions_follow_the_weights(void **state) {
    static const struct choice choices[] = { { 2, 1 }, { 0, 3 }, { 1, 0 }, { 3, 6 } };
    static const uint32_t wanted[] = { 300, 0, 100, 600 }; /* by target */
    struct rs_counters rs[4] = { 0 };
    uint64_t cursor = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        rs[choices[wlc_choose(choices, full, 4, rs, &cursor)].target].sessions_active++;
    for (int target = 0; target < 4; target++)
        assert_in_range(rs[target].sessions_active, wanted[target] > 0 ? wanted[target] - 1 : 0,
                        wanted[target] + (wanted[target] > 0));
}

static void the_emptiest_is_filled_first(void **state) {
    static const struct choice choices[] = { { 0, 1 }, { 1, 1 }, { 2, 1 } };
    struct rs_counters rs[3] = { { .sessions_active = 50 }, { .sessions_active = 10 } };
    uint64_t cursor = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(wlc_choose(choices, full, 3, rs, &cursor), 2);
        rs[2].sessions_active++;
    }
    for (int i = 0; i < 20; i++)
        rs[wlc_choose(choices, full, 3, rs, &cursor)].sessions_active++;
    assert_int_equal(rs[1].sessions_active, 20);
    assert_int_equal(rs[2].sessions_active, 20);
}

static void equals_take_turns(void **state) {
    static const struct choice choices[] = { { 0, 1 }, { 1, 1 } };
    const struct rs_counters rs[2] = { 0 }; /* every session ends before the next begins */
    uint64_t cursor = 0;
    int first = wlc_choose(choices, full, 2, rs, &cursor);

    (void)state;
    assert_int_equal(wlc_choose(choices, full, 2, rs, &cursor), 1 - first);
}

/* Not all of a large service are compared, but none is left out for good. */
static void large_service_is_level_too(void **state) {
    static struct choice choices[MANY];
    static struct rs_counters rs[MANY];
    uint64_t cursor = 0;
    uint64_t most = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        choices[i] = (struct choice){ .target = i, .weight = 1 };
    for (uint32_t i = 0; i < 100 * MANY; i++)
        rs[wlc_choose(choices, full, MANY, rs, &cursor)].sessions_active++;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(rs[i].sessions_active >= 98);
        most = rs[i].sessions_active > most ? rs[i].sessions_active : most;
    }
    assert_true(most <= 102);
}

/* One is down, one has a tenth of its weight back. */
static void shares_scale_the_weights(void **state) {
    static const struct choice choices[] = { { 0, 2 }, { 1, 2 }, { 2, 2 } };
    static const uint16_t shares[] = { RS_SHARE_FULL, 0, RS_SHARE_FULL / 10 };
    struct rs_counters rs[3] = { 0 };
    uint64_t cursor = 0;

    (void)state;
    for (int i = 0; i < 1100; i++)
        rs[wlc_choose(choices, shares, 3, rs, &cursor)].sessions_active++;
    assert_in_range(rs[0].sessions_active, 990, 1010);
    assert_int_equal(rs[1].sessions_active, 0);
}

static void nobody_to_choose(void **state) {
    static const struct choice drained[] = { { 0, 0 }, { 1, 0 } };
    const struct rs_counters rs[2] = { 0 };
    uint64_t cursor = 0;

    (void)state;
    assert_int_equal(wlc_choose(drained, full, 2, rs, &cursor), -1);
    assert_int_equal(wlc_choose(drained, full, 0, rs, &cursor), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_follow_the_weights),
        cmocka_unit_test(the_emptiest_is_filled_first),
        cmocka_unit_test(equals_take_turns),
        cmocka_unit_test(large_service_is_level_too),
        cmocka_unit_test(shares_scale_the_weights),
        cmocka_unit_test(nobody_to_choose),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
