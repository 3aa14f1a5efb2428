#include "packet/proxy_v2.h"

#include <netinet/in.h>

#include "testing/test.h"

static struct flow_key v4_key(uint8_t protocol) {
    return (struct flow_key){ .src = RTE_BE32(0xc000024d),
                              .dst = RTE_BE32(0xcb00710a),
                              .src_port = RTE_BE16(40000),
                              .dst_port = RTE_BE16(443),
                              .vni_protocol = flow_vni_protocol(7, protocol) };
}

static struct flow_key v6_key(uint8_t protocol) {
    struct flow_key key = v4_key(protocol);
    struct ip_address src = { .bytes = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
    struct ip_address dst = { .bytes = { 0x20, 1, 0xd, 0xb8, 1, [15] = 2 } };

    flow_set_addresses(&key, &src, &dst);
    return key;
}

/* Bytes as the specification of the protocol has them, not as the code does. */
static void header_of_ipv4(void **state) {
    static const uint8_t wanted[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
                                      0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c, 192,  0,    2,    77,
                                      203,  0,    113,  10,   0x9c, 0x40, 0x01, 0xbb };
    struct flow_key key = v4_key(IPPROTO_TCP);
    uint8_t got[64];

    (void)state;
    assert_int_equal(proxy_v2_bytes(&key), sizeof(wanted));
    proxy_v2_write(got, &key);
    assert_memory_equal(got, wanted, sizeof(wanted));
    key = v4_key(IPPROTO_UDP);
    proxy_v2_write(got, &key);
    assert_int_equal(got[13], 0x12);
}

static void header_of_ipv6(void **state) {
    struct flow_key key = v6_key(IPPROTO_TCP);
    uint8_t got[64];

    (void)state;
    memset(got, 0xee, sizeof(got));
    assert_int_equal(proxy_v2_bytes(&key), 52);
    proxy_v2_write(got, &key);
    assert_int_equal(got[12], 0x21);
    assert_int_equal(got[13], 0x21);
    assert_int_equal(got[14] << 8 | got[15], 36);
    assert_memory_equal(got + 16, key.v6.src.bytes, 16);
    assert_memory_equal(got + 32, key.v6.dst.bytes, 16);
    assert_int_equal(got[48] << 8 | got[49], 40000);
    assert_int_equal(got[50] << 8 | got[51], 443);
    assert_int_equal(got[52], 0xee);
    key = v6_key(IPPROTO_UDP);
    proxy_v2_write(got, &key);
    assert_int_equal(got[13], 0x22);
}

static void toa_of_both_families(void **state) {
    static const uint8_t v4[] = { 254, 8, 0x9c, 0x40, 192, 0, 2, 77, 0xee };
    struct flow_key key = v4_key(IPPROTO_TCP);
    uint8_t got[32];

    (void)state;
    memset(got, 0xee, sizeof(got));
    assert_int_equal(toa_bytes(&key), 8);
    toa_write(got, &key);
    assert_memory_equal(got, v4, sizeof(v4));
    key = v6_key(IPPROTO_TCP);
    assert_int_equal(toa_bytes(&key), 20);
    toa_write(got, &key);
    assert_int_equal(got[0], 254);
    assert_int_equal(got[1], 20);
    assert_int_equal(got[2] << 8 | got[3], 40000);
    assert_memory_equal(got + 4, key.v6.src.bytes, 16);
    assert_int_equal(got[20], 0xee);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_ipv4),
        cmocka_unit_test(header_of_ipv6),
        cmocka_unit_test(toa_of_both_families),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
