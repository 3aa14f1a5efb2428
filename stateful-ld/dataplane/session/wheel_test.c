#include "session/wheel.h"

#include "testing/test.h"

enum {
    ITEMS = 500
};

static struct wheel wheel;
static uint64_t now_ms;
static uint64_t deadline_ms[ITEMS + 1]; /* 0: not armed */
static uint32_t fired;

static int set_up(void **state) {
    (void)state;
    now_ms = 1234567;
    fired = 0;
    memset(deadline_ms, 0, sizeof(deadline_ms));
    return wheel_init(&wheel, ITEMS, now_ms);
}

static int tear_down(void **state) {
    (void)state;
    wheel_free(&wheel);
    return 0;
}

static void item_due(uint32_t item) {
    assert_int_not_equal(deadline_ms[item], 0);
    if (deadline_ms[item] > now_ms) { /* beyond the horizon: looked at, armed again */
        wheel_arm(&wheel, item, deadline_ms[item]);
        return;
    }
    assert_true(now_ms < deadline_ms[item] + 2 * WHEEL_TICK_MS);
    deadline_ms[item] = 0;
    fired++;
}

static void due(void *context, const uint32_t *items, uint32_t count) {
    (void)context;
    assert_in_range(count, 1, WHEEL_BATCH);
    for (uint32_t i = 0; i < count; i++)
        item_due(items[i]);
}

static void pass(uint64_t ms, uint32_t step_ms) {
    for (uint64_t until = now_ms + ms; now_ms < until;) {
        now_ms += step_ms;
        wheel_advance(&wheel, now_ms, UINT32_MAX, due, NULL);
    }
}

static void items_fire_once_and_on_time(void **state) {
    uint64_t random = 17;

    (void)state;
    for (uint32_t item = 1; item <= ITEMS; item++) {
        deadline_ms[item] = now_ms + test_random(&random) % (5 * WHEEL_HORIZON_MS);
        wheel_arm(&wheel, item, deadline_ms[item]);
    }
    pass(5 * WHEEL_HORIZON_MS + 3 * WHEEL_TICK_MS, 33);
    assert_int_equal(fired, ITEMS);
}

static void disarmed_items_do_not_fire(void **state) {
    (void)state;
    for (uint32_t item = 1; item <= ITEMS; item++) {
        deadline_ms[item] = now_ms + 100 + item % 7 * 64;
        wheel_arm(&wheel, item, deadline_ms[item]);
    }
    for (uint32_t item = 1; item <= ITEMS; item += 2) {
        wheel_disarm(&wheel, item);
        deadline_ms[item] = 0;
    }
    pass(2000, 10);
    assert_int_equal(fired, ITEMS / 2);
}

static void random_arming_and_disarming(void **state) {
    uint64_t random = 23;

    (void)state;
    for (int step = 0; step < 100000; step++) {
        uint32_t item = (uint32_t)(1 + test_random(&random) % ITEMS);

        if (deadline_ms[item] != 0) {
            wheel_disarm(&wheel, item);
            deadline_ms[item] = 0;
        } else {
            deadline_ms[item] = now_ms + 1 + test_random(&random) % 100000;
            wheel_arm(&wheel, item, deadline_ms[item]);
        }
        pass(test_random(&random) % 40, 20);
    }
    pass(200000, 50);
    for (uint32_t item = 1; item <= ITEMS; item++)
        assert_int_equal(deadline_ms[item], 0);
}

static void budget_spreads_the_work(void **state) {
    (void)state;
    for (uint32_t item = 1; item <= ITEMS; item++) {
        deadline_ms[item] = now_ms + 10;
        wheel_arm(&wheel, item, deadline_ms[item]);
    }
    now_ms += 2 * WHEEL_TICK_MS - now_ms % WHEEL_TICK_MS;
    for (uint32_t done = 0; done < ITEMS; done += 100)
        assert_int_equal(wheel_advance(&wheel, now_ms, 100, due, NULL), 100);
    assert_int_equal(wheel_advance(&wheel, now_ms, 100, due, NULL), 0);
    assert_int_equal(fired, ITEMS);
}

static void too_late_is_told(void **state) {
    uint32_t tick = wheel_arm(&wheel, 1, now_ms + 10000);

    (void)state;
    assert_true(wheel_too_late(&wheel, tick, now_ms + 5000));
    assert_false(wheel_too_late(&wheel, tick, now_ms + 10000));
    assert_false(wheel_too_late(&wheel, tick, now_ms + 60000));
}

/* Who is in the wheel keeps 32 bits of its tick, which go round after 8.7 years. */
static void ticks_go_round(void **state) {
    uint64_t round_ms = (1ULL << 32) * WHEEL_TICK_MS;
    uint32_t tick;

    wheel_free(&wheel);
    now_ms = round_ms - 5000;
    assert_int_equal(wheel_init(&wheel, ITEMS, now_ms), 0);
    tick = wheel_arm(&wheel, 1, round_ms + 10000);
    assert_true(wheel_too_late(&wheel, tick, round_ms - 1000));
    assert_true(wheel_too_late(&wheel, tick, round_ms + 9000));
    assert_false(wheel_too_late(&wheel, tick, round_ms + 10000));
    wheel_disarm(&wheel, 1);
    items_fire_once_and_on_time(state);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(items_fire_once_and_on_time),
        CASE(disarmed_items_do_not_fire),
        CASE(random_arming_and_disarming),
        CASE(budget_spreads_the_work),
        CASE(too_late_is_told),
        CASE(ticks_go_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
