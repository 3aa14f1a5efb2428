#include "config/access_list.h"

#include <stdlib.h>

#include "testing/test.h"

#define V4(a, b, c, d)                                                                             \
    ((struct access_address){ .low = 0xffff00000000ULL | (uint64_t)(a) << 24 | (b) << 16 |         \
                                     (c) << 8 | (d) })

static struct access_prefix v4(struct access_address address, uint8_t bits, bool allow) {
    return (
        struct access_prefix){ .address = address, .bits = (uint8_t)(96 + bits), .allow = allow };
}

static void no_list_lets_everybody_in(void **state) {
    (void)state;
    assert_true(access_list_allows(NULL, V4(192, 0, 2, 1)));
}

static void blocked_prefixes_only(void **state) {
    struct access_prefix prefixes[] = { v4(V4(192, 0, 2, 0), 24, false),
                                        v4(V4(10, 0, 0, 0), 8, false) };
    struct access_list *list = access_list_build(prefixes, 2);

    (void)state;
    assert_false(access_list_allows(list, V4(192, 0, 2, 0)));
    assert_false(access_list_allows(list, V4(192, 0, 2, 255)));
    assert_false(access_list_allows(list, V4(10, 255, 255, 255)));
    assert_true(access_list_allows(list, V4(192, 0, 1, 255)));
    assert_true(access_list_allows(list, V4(192, 0, 3, 0)));
    assert_true(access_list_allows(list, V4(11, 0, 0, 0)));
    assert_true(access_list_allows(list, (struct access_address){ .high = 0x20010db8ULL << 32 }));
    access_list_free(list);
}

static void an_allowed_prefix_shuts_out_the_rest(void **state) {
    struct access_prefix prefixes[] = { v4(V4(10, 0, 0, 0), 8, true),
                                        v4(V4(10, 9, 0, 0), 16, false),
                                        v4(V4(10, 9, 8, 7), 32, true) };
    struct access_list *list = access_list_build(prefixes, 3);

    (void)state;
    assert_true(access_list_allows(list, V4(10, 8, 255, 255)));
    assert_false(access_list_allows(list, V4(10, 9, 8, 6)));
    assert_true(access_list_allows(list, V4(10, 9, 8, 7)));
    assert_false(access_list_allows(list, V4(10, 9, 8, 8)));
    assert_true(access_list_allows(list, V4(10, 10, 0, 0)));
    assert_false(access_list_allows(list, V4(9, 255, 255, 255)));
    access_list_free(list);
}

static void the_ends_of_the_address_space(void **state) {
    struct access_prefix prefixes[] = {
        { .bits = 0, .allow = false },
        { .address = { UINT64_MAX, UINT64_MAX }, .bits = 128, .allow = true },
        { .address = { UINT64_MAX, 0 }, .bits = 64, .allow = false },
        { .bits = 128, .allow = true }
    };
    struct access_list *list = access_list_build(prefixes, 4);

    (void)state;
    assert_true(access_list_allows(list, (struct access_address){ 0, 0 }));
    assert_false(access_list_allows(list, (struct access_address){ 0, 1 }));
    assert_true(access_list_allows(list, (struct access_address){ UINT64_MAX, UINT64_MAX }));
    assert_false(access_list_allows(list, (struct access_address){ UINT64_MAX, UINT64_MAX - 1 }));
    access_list_free(list);
}

/* What the search has to agree with: look at all prefixes, the longest that fits decides. */
static bool by_the_book(const struct access_prefix *prefixes, uint32_t count,
                        struct access_address client) {
    bool any_allows = false, allow = false;
    int longest = -1;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits = prefixes[i].bits;
        uint64_t high = bits >= 64 ? UINT64_MAX : bits == 0 ? 0 : UINT64_MAX << (64 - bits);
        uint64_t low = bits <= 64 ? 0 : UINT64_MAX << (128 - bits);

        any_allows |= prefixes[i].allow;
        if ((client.high & high) == prefixes[i].address.high &&
            (client.low & low) == prefixes[i].address.low && (int)bits > longest) {
            longest = (int)bits;
            allow = prefixes[i].allow;
        }
    }
    return longest >= 0 ? allow : !any_allows;
}

/* Few different bits, so that prefixes and clients meet. */
static uint64_t sparse(void) {
    return (uint64_t)(rand() % 4) << 62 | (uint64_t)(rand() % 4) << 31 | (uint64_t)(rand() % 4);
}

static bool listed(const struct access_prefix *prefixes, uint32_t count,
                   const struct access_prefix *wanted) {
    for (uint32_t i = 0; i < count; i++)
        if (prefixes[i].bits == wanted->bits && prefixes[i].address.high == wanted->address.high &&
            prefixes[i].address.low == wanted->address.low)
            return true;
    return false;
}

static void any_lists_agree_with_the_definition(void **state) {
    (void)state;
    srand(1);
    for (int round = 0; round < 300; round++) {
        struct access_prefix prefixes[40];
        uint32_t count = 0;
        struct access_list *list;

        for (int i = rand() % 40; i > 0; i--) {
            uint32_t bits = (uint32_t)rand() % 129;
            struct access_prefix prefix = { .bits = (uint8_t)bits, .allow = rand() % 3 == 0 };

            prefix.address.high = bits == 0    ? 0
                                  : bits >= 64 ? sparse()
                                               : sparse() & UINT64_MAX << (64 - bits);
            prefix.address.low = bits <= 64 ? 0 : sparse() & UINT64_MAX << (128 - bits);
            if (!listed(prefixes, count, &prefix))
                prefixes[count++] = prefix;
        }
        list = access_list_build(prefixes, count);
        for (int i = 0; i < 300; i++) {
            struct access_address client = { sparse(), sparse() };

            if (access_list_allows(list, client) != by_the_book(prefixes, count, client))
                fail_msg("round %d", round);
        }
        access_list_free(list);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_list_lets_everybody_in),
        cmocka_unit_test(blocked_prefixes_only),
        cmocka_unit_test(an_allowed_prefix_shuts_out_the_rest),
        cmocka_unit_test(the_ends_of_the_address_space),
        cmocka_unit_test(any_lists_agree_with_the_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
