#include "session/time_wait.h"

#include "testing/test.h"

enum {
    SESSIONS = 1024, /* more than sets, so that hashes can fall into one */
    SAME_SET = 1 << 20,
};

/* The low 32 bits of the worker's clock go round here. */
#define ROUND (1ULL << 32)

static struct time_wait table;

static int set_up(void **state) {
    (void)state;
    return time_wait_init(&table, SESSIONS);
}

static int tear_down(void **state) {
    (void)state;
    time_wait_free(&table);
    return 0;
}

static bool holds(uint32_t hash, uint64_t now_ms, uint32_t wanted) {
    uint32_t next;

    if (!time_wait_find(&table, hash, now_ms, &next))
        return false;
    assert_int_equal(next, wanted);
    return true;
}

static void a_tuple_is_held_for_two_minutes(void **state) {
    static const uint64_t starts[] = { 1000000, ROUND - 1000, 3 * ROUND - TIME_WAIT_OF_RS_MS / 2 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t now_ms = starts[i];

        time_wait_note(&table, 77, 5 + (uint32_t)i, now_ms);
        assert_true(holds(77, now_ms, 5 + (uint32_t)i));
        assert_true(holds(77, now_ms + TIME_WAIT_OF_RS_MS - 1000, 5 + (uint32_t)i));
        assert_false(holds(77 + SAME_SET, now_ms, 0));
        /* A newer one elsewhere: nobody looks at the time of all of them. */
        time_wait_note(&table, 78, 9, now_ms + TIME_WAIT_OF_RS_MS + 2000);
        assert_false(holds(77, now_ms + TIME_WAIT_OF_RS_MS + 2000, 0));
    }
}

/* 49.7 days later, when the low bits of the clock are the same. */
static void what_is_long_over_does_not_come_back(void **state) {
    uint64_t now_ms = 1000000;

    (void)state;
    time_wait_note(&table, 77, 5, now_ms);
    time_wait_note(&table, 78, 9, now_ms + ROUND);
    assert_false(holds(77, now_ms + ROUND + 10000, 0));
}

/* Of a set the places that are free, or over, are used before one that is held. */
static void the_oldest_gives_way_while_the_clock_goes_round(void **state) {
    (void)state;
    for (uint32_t i = 0; i < TIME_WAIT_WAYS - 1; i++)
        time_wait_note(&table, 77 + i * SAME_SET, i, ROUND - 5000);
    time_wait_note(&table, 77 + TIME_WAIT_WAYS * SAME_SET, TIME_WAIT_WAYS, ROUND + 1000);
    for (uint32_t i = 0; i < TIME_WAIT_WAYS - 1; i++)
        assert_true(holds(77 + i * SAME_SET, ROUND + 1000, i));
    time_wait_note(&table, 77 + 100 * SAME_SET, 100, ROUND + 2000);
    assert_true(holds(77 + TIME_WAIT_WAYS * SAME_SET, ROUND + 2000, TIME_WAIT_WAYS));
    assert_true(holds(77 + 100 * SAME_SET, ROUND + 2000, 100));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_tuple_is_held_for_two_minutes),
        CASE(what_is_long_over_does_not_come_back),
        CASE(the_oldest_gives_way_while_the_clock_goes_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
