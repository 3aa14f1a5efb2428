#include "forward/source_limit.h"

#include "testing/test.h"

static struct source_limits limits;

static int set_up(void **state) {
    (void)state;
    return source_limits_init(&limits, 99);
}

static int tear_down(void **state) {
    (void)state;
    source_limits_free(&limits);
    return 0;
}

static struct flow_key from(uint32_t client, uint16_t port) {
    return (struct flow_key){ .src = rte_cpu_to_be_32(0x0b000000 + client),
                              .dst = RTE_BE32(0xcb00710a),
                              .src_port = rte_cpu_to_be_16(port),
                              .dst_port = RTE_BE16(80),
                              .vni_protocol = flow_vni_protocol(0, 6) };
}

static bool take(struct flow_key key, uint64_t now_ms) {
    return source_limit_take(&limits, &key, 5, now_ms);
}

static void a_client_gets_its_rate_whatever_its_ports(void **state) {
    uint64_t now_ms = 1000000;
    uint32_t granted = 0;

    (void)state;
    for (uint16_t i = 0; i < 100; i++)
        granted += take(from(1, (uint16_t)(2000 + i)), now_ms);
    assert_int_equal(granted, 5);
    for (uint32_t ms = 1; ms <= 10000; ms++)
        granted += take(from(1, (uint16_t)(ms * 7)), now_ms + ms);
    assert_in_range(granted, 5 + 49, 5 + 51);
}

static void services_are_apart(void **state) {
    struct flow_key other = from(1, 1);

    (void)state;
    for (uint16_t i = 0; i < 5; i++)
        assert_true(take(from(1, i), 1000000));
    assert_false(take(from(1, 9), 1000000));
    other.dst_port = RTE_BE16(443);
    assert_true(take(other, 1000000));
    other.vni_protocol = flow_vni_protocol(5, 6);
    other.dst_port = RTE_BE16(80);
    assert_true(take(other, 1000000));
}

static void an_ipv6_client_is_its_64_bits(void **state) {
    struct ip_address client = { .bytes = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1 } }, vip = client;
    uint32_t granted = 0;

    (void)state;
    for (uint8_t i = 0; i < 100; i++) {
        struct flow_key key = from(1, i);

        client.bytes[15] = i;
        flow_set_addresses(&key, &client, &vip);
        granted += take(key, 1000000);
    }
    assert_int_equal(granted, 5);
}

/* A thousand that flood do not shut the others out. */
static void others_do_not_suffer(void **state) {
    uint32_t refused = 0;

    (void)state;
    for (uint32_t round = 0; round < 20; round++)
        for (uint32_t client = 0; client < 1000; client++)
            take(from(client, (uint16_t)round), 1000000);
    for (uint32_t client = 5000; client < 25000; client++)
        refused += !take(from(client, 1), 1000000);
    assert_true(refused < 20000 / 1000);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_client_gets_its_rate_whatever_its_ports),
        CASE(services_are_apart),
        CASE(an_ipv6_client_is_its_64_bits),
        CASE(others_do_not_suffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
