#include "session/index.h"

#include "testing/test.h"

enum {
    LINES = 5,
    ENTRIES = LINES * INDEX_LINE_ENTRIES,
    REFS = 2 * ENTRIES
};

/* Few hashes, all at the borders of lines: lines overflow, also from the last one to the first one,
 * and several entries have the same hash. */
static uint32_t hash_of(session_ref ref) {
    return (uint32_t)((uint64_t)(ref % 7) * UINT32_MAX / 6);
}

static bool is_in(const struct session_index *index, uint32_t hash, session_ref ref) {
    uint32_t number = session_index_home(index, hash);

    for (;; number = session_index_next(index, number)) {
        for (int i = 0; i < INDEX_LINE_ENTRIES; i++)
            if (index->lines[number].hash[i] == hash && index->lines[number].ref[i] == ref)
                return true;
        if (!index_line_full(&index->lines[number]))
            return false;
    }
}

static void check(const struct session_index *index, const bool *in) {
    for (session_ref ref = 1; ref < REFS; ref++) {
        session_ref guess = session_index_guess(index, hash_of(ref));

        assert_int_equal(is_in(index, hash_of(ref), ref), in[ref]);
        assert_true(guess < REFS);
        assert_true(guess == 0 || (in[guess] && hash_of(guess) == hash_of(ref)));
        assert_true(guess != 0 || !in[ref]);
    }
}

/* Against a plain array, with all lines full but for one entry at times. */
static void random_inserts_and_removes(void **state) {
    static const struct index_line empty;
    struct session_index index;
    bool in[REFS] = { false };
    uint64_t random = 5;
    uint32_t count = 0, most = 0;

    (void)state;
    assert_int_equal(session_index_init(&index, ENTRIES), 0);
    for (int step = 0; step < 20000; step++) {
        session_ref ref = 1 + (session_ref)(test_random(&random) % (REFS - 1));

        if (in[ref])
            session_index_remove(&index, hash_of(ref), ref);
        else if (count == ENTRIES - 1)
            continue;
        else
            session_index_insert(&index, hash_of(ref), ref);
        in[ref] = !in[ref];
        count += in[ref] ? 1 : UINT32_MAX;
        most = RTE_MAX(most, count);
        check(&index, in);
    }
    assert_int_equal(most, ENTRIES - 1);
    for (session_ref ref = 1; ref < REFS; ref++)
        if (in[ref])
            session_index_remove(&index, hash_of(ref), ref);
    for (uint32_t line = 0; line < LINES; line++)
        assert_memory_equal(&index.lines[line], &empty, sizeof(empty));
    session_index_free(&index);
}

/* As full as a session table makes it, few entries lie outside their home lines. */
static void nearly_all_are_at_home(void **state) {
    enum {
        LINE_COUNT = 1 << 14
    };
    struct session_index index;
    uint64_t random = 9;
    uint32_t away = 0;

    (void)state;
    assert_int_equal(session_index_init(&index, LINE_COUNT * INDEX_LINE_ENTRIES), 0);
    for (session_ref ref = 1; ref <= LINE_COUNT * INDEX_LINE_ENTRIES / 2; ref++)
        session_index_insert(&index, (uint32_t)test_random(&random), ref);
    for (uint32_t number = 0; number < LINE_COUNT; number++)
        for (int i = 0; i < INDEX_LINE_ENTRIES; i++)
            away += index.lines[number].ref[i] != 0 &&
                    session_index_home(&index, index.lines[number].hash[i]) != number;
    assert_in_range(away, 1, LINE_COUNT * INDEX_LINE_ENTRIES / 2 / 80);
    session_index_free(&index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_inserts_and_removes),
        cmocka_unit_test(nearly_all_are_at_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
