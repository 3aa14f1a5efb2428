#include "session/session.h"

#include "testing/test.h"

enum {
    CAPACITY = 1000
};

/* Which of a session's sides are IPv6, by its number: none, both, or the client's (NAT64). */
static bool side_is_v6(uint32_t number, enum direction direction) {
    return number % 3 == 1 || (number % 3 == 2 && direction == FROM_CLIENT);
}

static struct flow_key key_of(uint32_t number, enum direction direction) {
    struct flow_key key = {
        .src_port = (rte_be16_t)number,
        .dst_port = (rte_be16_t)(number >> 16),
        .vni_protocol = flow_vni_protocol(number & 0xff, 6),
    };
    /* Neighbours differ in one byte of one address only. */
    struct ip_address src = ip_from_v4(number), dst = ip_from_v4(direction);

    if (side_is_v6(number, direction)) {
        src.bytes[0] = 0x20;
        dst.bytes[number % 12] = (uint8_t)(1 + number / 12);
    }
    flow_set_addresses(&key, &src, &dst);
    return key;
}

static session_ref find(const struct session_table *table, const struct flow_key *key) {
    uint32_t hash = session_hash(table, key);
    session_ref found = session_find(table, key, hash);

    /* The guess may be wrong about the session, but is never 0 when there is one. */
    if (found != 0)
        assert_int_not_equal(session_index_guess(&table->index, hash), 0);
    return found;
}

static void check_flow(const struct session_table *table, uint32_t number,
                       const struct flow_key *in, const struct flow_key *out) {
    struct flow_key got_in = session_flow(table, number << 1 | FROM_CLIENT);
    struct flow_key got_out = session_flow(table, number << 1 | FROM_RS);

    if (number == 0)
        return;
    assert_true(flow_equal(&got_in, in));
    assert_true(flow_equal(&got_out, out));
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
            check_flow(&table, session_of[number], &in, &out);
            assert_int_equal(session_of[number] != 0, active < CAPACITY);
            active += session_of[number] != 0;
        }
        assert_int_equal(table.active, active);
    }
    session_table_free(&table);
}

static void index_is_empty_when_all_are_closed(void **state) {
    static const struct index_line empty;
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
        for (uint32_t line = 0; line < table.index.line_count; line++)
            assert_memory_equal(&table.index.lines[line], &empty, sizeof(empty));
    }
    session_table_free(&table);
}

/* Each kind takes numbers from its own end, so that addresses of IPv6 lie together; when there are
 * no others left, from wherever one is free. */
static void each_kind_has_its_end_of_the_numbers(void **state) {
    struct session_table table;
    uint32_t next = 0, seen = 0;

    (void)state;
    assert_int_equal(session_table_init(&table, 9, 1), 0);
    for (uint32_t number = 1; number <= 6; number++) { /* 2 of IPv4, 4 with IPv6 */
        struct flow_key in = key_of(number, FROM_CLIENT), out = key_of(number, FROM_RS);

        next = session_open(&table, &in, &out);
        assert_int_equal(next, number % 3 == 0 ? number / 3
                                               : 9 - (number - 1) / 3 * 2 - (number - 1) % 3);
    }
    for (next = 0; (next = session_next(&table, next)) != 0; seen |= 1u << next)
        assert_true(session_is_open(&table, next));
    assert_int_equal(seen, 1 << 1 | 1 << 2 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9);
    for (uint32_t number = 9; number <= 18; number += 3) { /* IPv4 fills the gap, and no more */
        struct flow_key in = key_of(number, FROM_CLIENT), out = key_of(number, FROM_RS);

        assert_int_equal(session_open(&table, &in, &out), number < 18 ? number / 3 : 0);
    }
    session_close(&table, 8);
    for (uint32_t number = 18; number <= 21; number += 3) { /* it takes what IPv6 has left */
        struct flow_key in = key_of(number, FROM_CLIENT), out = key_of(number, FROM_RS);

        assert_int_equal(session_open(&table, &in, &out), number == 18 ? 8 : 0);
    }
    session_table_free(&table);
}

/* The limits are 192 bytes for an IPv4 session and 256 for one of IPv6, all-in: 8 of the timing
 * wheel and 4 of the local port come on top. */
static void session_memory(void **state) {
    struct session_table table;
    size_t bytes;

    (void)state;
    assert_int_equal(session_table_init(&table, 1 << 20, 1), 0);
    bytes = sizeof(struct session) +
            (size_t)table.index.line_count * sizeof(struct index_line) / table.capacity;
    assert_int_equal(bytes, 128 + 32);
    assert_int_equal(bytes + sizeof(struct session_addresses), 128 + 32 + 64);
    session_table_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_opens_and_closes),
        cmocka_unit_test(index_is_empty_when_all_are_closed),
        cmocka_unit_test(each_kind_has_its_end_of_the_numbers),
        cmocka_unit_test(session_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
