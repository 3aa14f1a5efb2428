#include "forward/scheduler_wrr.h"

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

static void order_is_smooth(void **state) {
    static const struct choice choices[] = { { 0, 5 }, { 1, 1 }, { 2, 1 } };
    static const int wanted[] = { 0, 1, 0, 0, 0, 2, 0 };
    uint64_t turns[3] = { 0 };

    (void)state;
    for (int i = 0; i < 70; i++)
        assert_int_equal(wrr_choose(choices, full, turns, 3), wanted[i % 7]);
}

static void shares_are_the_weights(void **state) {
    static const struct choice choices[] = { { 0, 65535 }, { 1, 0 }, { 2, 7 }, { 3, 1000 } };
    uint64_t turns[4] = { 0 };
    uint32_t chosen[4] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 65535 + 7 + 1000; i++)
        chosen[wrr_choose(choices, full, turns, 4)]++;
    for (int i = 0; i < 4; i++)
        assert_int_equal(chosen[i], choices[i].weight);
}

/* Property: at no time has an RS served two turns less or more than its share. */
static void nobody_is_ahead_or_behind(void **state) {
    static struct choice choices[MANY];
    static uint64_t turns[MANY];
    static uint32_t chosen[MANY];
    uint64_t random = 29;

    (void)state;
    for (uint32_t count = 2; count <= MANY; count = count * 5 / 2) {
        uint64_t weights = 0;

        memset(turns, 0, sizeof(turns));
        memset(chosen, 0, sizeof(chosen));
        for (uint32_t i = 0; i < count; i++) {
            choices[i] = (struct choice){ i, (uint32_t)(1 + test_random(&random) % 100) };
            weights += choices[i].weight;
        }
        for (uint64_t turn = 1; turn <= 3 * weights; turn++) {
            int number = wrr_choose(choices, full, turns, count);
            double share;

            chosen[number]++;
            share = (double)turn * choices[number].weight / (double)weights;
            assert_true(chosen[number] < share + 2 && chosen[number] > share - 2);
        }
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(chosen[i], 3 * choices[i].weight);
    }
}

/* One strong RS among many weak ones serves every second time, not all its times in a row. */
static void the_weak_take_turns_with_the_strong(void **state) {
    static struct choice choices[1 + 100];
    uint64_t turns[1 + 100] = { 0 };
    int in_a_row = 0, most = 0;

    (void)state;
    choices[0] = (struct choice){ 0, 100 };
    for (uint32_t i = 1; i <= 100; i++)
        choices[i] = (struct choice){ i, 1 };
    for (int i = 0; i < 1000; i++) {
        in_a_row = wrr_choose(choices, full, turns, 1 + 100) == 0 ? in_a_row + 1 : 0;
        most = in_a_row > most ? in_a_row : most;
    }
    assert_in_range(most, 1, 3);
}

/* Long enough for the clock to be set back many times. */
static void shares_stay_the_weights(void **state) {
    static const struct choice choices[] = { { 0, 1 }, { 1, 2 }, { 2, 0 } };
    uint64_t turns[3] = { 0 };
    uint32_t chosen[3] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 3000000; i++)
        chosen[wrr_choose(choices, full, turns, 3)]++;
    assert_int_equal(chosen[0], 1000000);
    assert_int_equal(chosen[1], 2000000);
    assert_int_equal(chosen[2], 0);
}

/* One is down, one has a tenth of its weight back. */
static void shares_scale_the_weights(void **state) {
    static const struct choice choices[] = { { 0, 2 }, { 1, 2 }, { 2, 2 } };
    static const uint16_t shares[] = { RS_SHARE_FULL, 0, RS_SHARE_FULL / 10 };
    uint64_t turns[3] = { 0 };
    uint32_t chosen[3] = { 0 };

    (void)state;
    for (int i = 0; i < 1100; i++)
        chosen[wrr_choose(choices, shares, turns, 3)]++;
    assert_int_equal(chosen[0], 1000);
    assert_int_equal(chosen[1], 0);
    assert_int_equal(chosen[2], 100);
}

/* However many are down, whoever is left serves, the weak and the strong, each by what it weighs.
 */
static void the_others_serve_for_those_who_are_down(void **state) {
    static struct choice choices[MANY];
    static uint64_t turns[MANY];
    static uint16_t shares[MANY];
    uint32_t chosen[2] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        choices[i] = (struct choice){ i, 65535 };
    choices[MANY / 2].weight = 1;
    choices[MANY - 1].weight = 3;
    for (int i = 0; i < 100; i++)
        assert_int_equal(wrr_choose(choices, shares, turns, MANY), -1);
    shares[MANY / 2] = 1;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(wrr_choose(choices, shares, turns, MANY), MANY / 2);
    shares[MANY / 2] = shares[MANY - 1] = RS_SHARE_FULL;
    for (int i = 0; i < 4000; i++)
        chosen[wrr_choose(choices, shares, turns, MANY) == MANY - 1]++;
    assert_in_range(chosen[0], 700, 1300); /* its turn was far ahead when it had little */
    assert_int_equal(chosen[0] + chosen[1], 4000);
    for (uint32_t i = 0; i < MANY; i++)
        shares[i] = RS_SHARE_FULL;
    for (uint32_t i = 0; i < 20 * MANY; i++)
        assert_true(wrr_choose(choices, shares, turns, MANY) >= 0);
}

static void nobody_to_choose(void **state) {
    static const struct choice drained[] = { { 0, 0 }, { 1, 0 } };
    uint64_t turns[2] = { 0 };

    (void)state;
    assert_int_equal(wrr_choose(drained, full, turns, 2), -1);
    assert_int_equal(wrr_choose(drained, full, turns, 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_smooth),
        cmocka_unit_test(shares_are_the_weights),
        cmocka_unit_test(nobody_is_ahead_or_behind),
        cmocka_unit_test(the_weak_take_turns_with_the_strong),
        cmocka_unit_test(shares_stay_the_weights),
        cmocka_unit_test(shares_scale_the_weights),
        cmocka_unit_test(the_others_serve_for_those_who_are_down),
        cmocka_unit_test(nobody_to_choose),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
