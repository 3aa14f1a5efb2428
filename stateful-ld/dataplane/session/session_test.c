#include "session/session.h"

#include "testing/test.h"

enum {
    CAPACITY = 1000
};

static struct flow_key key_of(uint32_t number, enum direction direction) {
    return (struct flow_key){
        .src = number * 2654435761u,
        .dst = direction,
        .src_port = (rte_be16_t)number,
        .dst_port = (rte_be16_t)(number >> 16),
        .vni_protocol = flow_vni_protocol(number & 0xff, 6),
    };
}

static session_ref find(const struct session_table *table, const struct flow_key *key) {
    uint32_t hash = session_hash(table, key);
    session_ref found = session_find(table, key, hash);

    /* The guess may be wrong about the session, but is never 0 when there is one. */
    if (found != 0)
        assert_int_not_equal(session_guess(table, hash), 0);
    return found;
}

/* Against a plain array: which key numbers are in, and as which session. */
static void random_opens_and_closes(void **state) {
    static uint32_t session_of[4 * CAPACITY];
    struct session_table table;
    uint64_t random = 11;
    uint32_t active = 0;

    (void)state;
    assert_int_equal(session_table_init(&table, CAPACITY, 99), 0);
    for (int step = 0; step < 200000; step++) {
        uint32_t number = (uint32_t)(test_random(&random) % (4 * CAPACITY));
        struct flow_key in = key_of(number, FROM_CLIENT), out = key_of(number, FROM_RS);
        session_ref ref = find(&table, &in);

        assert_int_equal(ref >> 1, session_of[number]);
        assert_int_equal(find(&table, &out), ref == 0 ? 0 : (ref | 1));
        if (ref != 0) {
            session_close(&table, ref >> 1);
            assert_false(session_is_open(&table, ref >> 1));
            assert_false(session_is(&table, ref, &in));
            session_of[number] = 0;
            active--;
        } else {
            session_of[number] = session_open(&table, &in, &out);
            assert_int_equal(session_of[number] != 0, active < CAPACITY);
            active += session_of[number] != 0;
        }
        assert_int_equal(table.active, active);
    }
    session_table_free(&table);
}

static void index_is_empty_when_all_are_closed(void **state) {
    struct session_table table;

    (void)state;
    assert_int_equal(session_table_init(&table, CAPACITY, 1), 0);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t number = 1; number <= CAPACITY; number++) {
            struct flow_key in = key_of(number, FROM_CLIENT), out = key_of(number, FROM_RS);

            assert_int_not_equal(session_open(&table, &in, &out), 0);
        }
        for (uint32_t number = 1; number <= CAPACITY; number++)
            session_close(&table, number);
        for (uint32_t slot = 0; slot < table.index_slots; slot++)
            assert_int_equal(table.index[slot], 0);
    }
    session_table_free(&table);
}

/* 192 bytes is the limit for an IPv4 session, all-in. */
static void session_memory(void **state) {
    struct session_table table;
    size_t bytes;

    (void)state;
    assert_int_equal(session_table_init(&table, 1 << 20, 1), 0);
    bytes = sizeof(struct session) + (size_t)table.index_slots * 8 / table.capacity;
    assert_int_equal(bytes, 128 + 32);
    session_table_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_opens_and_closes),
        cmocka_unit_test(index_is_empty_when_all_are_closed),
        cmocka_unit_test(session_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
