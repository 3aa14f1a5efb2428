#include "packet/bucket.h"

#include <arpa/inet.h>

#include "testing/test.h"

static void crc_is_that_of_zlib(void **state) {
    (void)state;
    assert_int_equal(crc32_ieee("123456789", 9), 0xCBF43926);
    assert_int_equal(crc32_ieee("", 0), 0);
    assert_int_equal(crc32_ieee("a", 1), 0xE8B7BE43);
    assert_int_equal(crc32_ieee("The quick brown fox jumps over the lazy dog", 43), 0x414FA339);
}

/* The bit-by-bit definition, IEEE 802.3 3.2.9. */
static uint32_t crc_by_bits(const uint8_t *at, size_t bytes) {
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
    }
    return ~crc;
}

static void tables_equal_the_definition(void **state) {
    uint64_t random = 7;
    uint8_t data[64];

    (void)state;
    for (size_t bytes = 0; bytes <= sizeof(data); bytes++) {
        for (size_t i = 0; i < bytes; i++)
            data[i] = (uint8_t)test_random(&random);
        assert_int_equal(crc32_ieee(data, bytes), crc_by_bits(data, bytes));
    }
}

static void tuple_is_laid_out_as_the_switch_does(void **state) {
    /* VNI 0x010203, 192.0.2.77 -> 203.0.113.10, TCP, 40000 -> 80 */
    static const uint8_t tuple[16] = {
        1, 2, 3, 192, 0, 2, 77, 203, 0, 113, 10, 6, 0x9c, 0x40, 0, 80
    };
    const struct flow_key key = {
        .src = htonl(0xc000024d),
        .dst = htonl(0xcb00710a),
        .src_port = htons(40000),
        .dst_port = htons(80),
        .vni_protocol = flow_vni_protocol(0x010203, 6),
    };

    (void)state;
    assert_int_equal(bucket_of_flow(&key), crc_by_bits(tuple, sizeof(tuple)) & 1023);
}

static void ipv6_tuple_is_laid_out_as_the_switch_does(void **state) {
    /* VNI 0x010203, 2001:db8::4d -> 2001:db8:1::a, UDP, 40000 -> 53 */
    static const uint8_t tuple[40] = {
        1, 2, 3, 0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0, 0,  0, 0,
        0, 0, 0, 0,    0x4d, 0x20, 0x01, 0x0d, 0xb8, 0,    1, 0,  0, 0,
        0, 0, 0, 0,    0,    0,    0x0a, 17,   0x9c, 0x40, 0, 53,
    };
    struct flow_key key = {
        .src_port = htons(40000),
        .dst_port = htons(53),
        .vni_protocol = flow_vni_protocol(0x010203, 17) | FLOW_V6,
    };

    (void)state;
    memcpy(&key.v6, tuple + 3, sizeof(key.v6));
    assert_int_equal(bucket_of_flow(&key), crc_by_bits(tuple, sizeof(tuple)) & 1023);
}

static void bucket_survives_the_source_port(void **state) {
    (void)state;
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        assert_true(bucket_to_udp_port(bucket) >= 0xC000);
        assert_int_equal(bucket_from_udp_port(bucket_to_udp_port(bucket)), bucket);
        assert_int_equal(bucket_from_udp_port(bucket_to_udp_port(bucket) | 0xf), bucket);
    }
    assert_int_equal(bucket_from_udp_port(0xBFFF), BUCKET_NONE);
    assert_int_equal(bucket_from_udp_port(0), BUCKET_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_that_of_zlib),
        cmocka_unit_test(tables_equal_the_definition),
        cmocka_unit_test(tuple_is_laid_out_as_the_switch_does),
        cmocka_unit_test(ipv6_tuple_is_laid_out_as_the_switch_does),
        cmocka_unit_test(bucket_survives_the_source_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
