#include "forward/scheduler_wrr.h"

#include "testing/test.h"

static void order_is_smooth(void **state) {
    static const struct choice choices[] = { { 0, 5 }, { 1, 1 }, { 2, 1 } };
    static const int wanted[] = { 0, 0, 1, 0, 2, 0, 0 };
    int64_t credit[3] = { 0 };

    (void)state;
    for (int i = 0; i < 70; i++)
        assert_int_equal(wrr_choose(choices, credit, 3), wanted[i % 7]);
}

static void shares_are_the_weights(void **state) {
    static const struct choice choices[] = { { 0, 65535 }, { 1, 0 }, { 2, 7 }, { 3, 1000 } };
    int64_t credit[4] = { 0 };
    uint32_t chosen[4] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 65535 + 7 + 1000; i++)
        chosen[wrr_choose(choices, credit, 4)]++;
    for (int i = 0; i < 4; i++)
        assert_int_equal(chosen[i], choices[i].weight);
}

static void nobody_to_choose(void **state) {
    static const struct choice drained[] = { { 0, 0 }, { 1, 0 } };
    int64_t credit[2] = { 0 };

    (void)state;
    assert_int_equal(wrr_choose(drained, credit, 2), -1);
    assert_int_equal(wrr_choose(drained, credit, 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_smooth),
        cmocka_unit_test(shares_are_the_weights),
        cmocka_unit_test(nobody_to_choose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
