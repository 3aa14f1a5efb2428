#include "packet/syn_cookie.h"

#include <stdlib.h>

#include "testing/test.h"

static const struct siphash_key key = { { 0x1122334455667788ULL, 0x99aabbccddeeff00ULL } };

static struct syn_cookie_flow flow_of(uint32_t client) {
    struct syn_cookie_flow flow;

    memset(&flow, 0, sizeof(flow));
    flow.client = ip_from_v4(client);
    flow.vip = ip_from_v4(RTE_BE32(0xcb00710a));
    flow.client_port = RTE_BE16(40000);
    flow.vip_port = RTE_BE16(80);
    flow.client_isn = 0xdeadbeef;
    return flow;
}

static void carries_the_mss_rounded_down(void **state) {
    static const uint16_t given[] = { 0, 536, 1219, 1220, 1460, 1461, 65535 };
    static const uint16_t wanted[] = { 536, 536, 536, 1220, 1460, 1460, 8940 };

    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        uint32_t cookie = syn_cookie_make(&key, flow_of(i), given[i], 1000000);

        assert_int_equal(syn_cookie_check(&key, flow_of(i), cookie, 1000000), wanted[i]);
    }
}

static void holds_for_one_to_two_periods(void **state) {
    (void)state;
    for (uint64_t made_ms = 0; made_ms < 2 * SYN_COOKIE_PERIOD_MS; made_ms += 7777) {
        uint64_t from = 10ULL * SYN_COOKIE_PERIOD_MS + made_ms;
        uint32_t cookie = syn_cookie_make(&key, flow_of(1), 1460, from);

        assert_int_equal(syn_cookie_check(&key, flow_of(1), cookie, from + SYN_COOKIE_PERIOD_MS),
                         1460);
        assert_int_equal(
            syn_cookie_check(&key, flow_of(1), cookie, from + 2 * SYN_COOKIE_PERIOD_MS), 0);
    }
}

/* Two LDs have two clocks. */
static void clock_of_who_checks_may_be_behind(void **state) {
    (void)state;
    for (uint64_t made_ms = 0; made_ms < 2 * SYN_COOKIE_PERIOD_MS; made_ms += 7777) {
        uint64_t from = 10ULL * SYN_COOKIE_PERIOD_MS + made_ms;
        uint32_t cookie = syn_cookie_make(&key, flow_of(1), 1460, from);

        assert_int_equal(syn_cookie_check(&key, flow_of(1), cookie, from - SYN_COOKIE_PERIOD_MS),
                         1460);
        assert_int_equal(
            syn_cookie_check(&key, flow_of(1), cookie, from - 2 * SYN_COOKIE_PERIOD_MS), 0);
    }
}

/* Every part of what it is bound to counts. */
static void nobody_elses_cookie_is_good(void **state) {
    struct syn_cookie_flow flow = flow_of(1);
    struct siphash_key other_key = key;
    uint32_t cookie = syn_cookie_make(&key, flow, 1460, 1000000);

    (void)state;
    for (uint32_t bit = 0; bit < 8 * offsetof(struct syn_cookie_flow, period); bit++) {
        struct syn_cookie_flow changed = flow;

        ((uint8_t *)&changed)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(syn_cookie_check(&key, changed, cookie, 1000000), 0);
    }
    for (uint32_t bit = 0; bit < 32; bit++)
        assert_int_equal(syn_cookie_check(&key, flow, cookie ^ 1u << bit, 1000000), 0);
    other_key.word[1] ^= 1;
    assert_int_equal(syn_cookie_check(&other_key, flow, cookie, 1000000), 0);
}

/* 3 of 2^29 would be; a million guesses should find none. */
static void guessing_does_not_help(void **state) {
    uint32_t lucky = 0;

    (void)state;
    srand(1);
    for (uint32_t i = 0; i < 1000000; i++)
        lucky += syn_cookie_check(&key, flow_of(1), (uint32_t)rand() << 1 ^ (uint32_t)rand(),
                                  1000000) != 0;
    assert_true(lucky <= 1);
}

static void options_travel_in_the_timestamp(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 32; bits++) {
        struct tcp_options given = { .window_scaled = (bits & 15) != 15,
                                     .window_scale = bits & 15,
                                     .sack_permitted = bits >> 4 },
                           got = { 0 };
        uint32_t stamp = syn_cookie_timestamp(&given, 0x1234567890ULL);

        assert_int_equal(stamp & ~63u, 0x34567890 & ~63u);
        syn_cookie_from_timestamp(stamp, &got);
        assert_int_equal(got.window_scaled, given.window_scaled);
        assert_int_equal(got.sack_permitted, given.sack_permitted);
        if (given.window_scaled)
            assert_int_equal(got.window_scale, given.window_scale);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_the_mss_rounded_down),
        cmocka_unit_test(holds_for_one_to_two_periods),
        cmocka_unit_test(clock_of_who_checks_may_be_behind),
        cmocka_unit_test(nobody_elses_cookie_is_good),
        cmocka_unit_test(guessing_does_not_help),
        cmocka_unit_test(options_travel_in_the_timestamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
