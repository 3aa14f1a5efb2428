#include "packet/checksum.h"

#include <arpa/inet.h>

#include "testing/test.h"

/* RFC 1071 4.1, word by word. */
static uint16_t full(const uint8_t *at, size_t bytes) {
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < bytes; i += 2)
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    if (bytes % 2 == 1)
        sum += (uint32_t)(at[bytes - 1] << 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void sum_equals_the_definition(void **state) {
    uint8_t data[256];
    uint64_t random = 3;

    (void)state;
    for (size_t bytes = 0; bytes < sizeof(data); bytes++) {
        for (size_t i = 0; i < bytes; i++)
            data[i] = (uint8_t)test_random(&random);
        assert_int_equal((uint16_t)~checksum_fold(checksum_sum(data, bytes)), full(data, bytes));
    }
}

/* Property: updating equals computing anew, whatever 32- and 16-bit fields change. The data keeps
 * one word that is not zero, as every real packet does (a version, a protocol). */
static void update_equals_computing_anew(void **state) {
    uint64_t random = 5;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        union {
            uint8_t bytes[16];
            uint16_t half[8];
            uint32_t word[4];
        } data;
        uint16_t check, half;
        uint32_t word;
        uint64_t delta;

        for (int i = 0; i < 4; i++)
            data.word[i] = (uint32_t)test_random(&random);
        if (round % 4 == 0) /* plenty of the edge cases 0x0000 and 0xffff */
            for (int i = 1; i < 8; i++)
                data.half[i] = test_random(&random) & 1 ? 0xffff : 0;
        data.half[0] |= 0x45;
        check = full(data.bytes, sizeof(data.bytes));
        word = round % 3 == 0 ? 0 : (uint32_t)test_random(&random);
        half = round % 5 == 0 ? 0xffff : (uint16_t)test_random(&random);
        delta = checksum_delta32(data.word[1], word) + checksum_delta16(data.half[5], half);
        data.word[1] = word;
        data.half[5] = half;
        assert_int_equal(checksum_update(check, delta), full(data.bytes, sizeof(data.bytes)));
    }
}

/* RFC 1624 4: the example on which equation 2 of RFC 1141 fails. */
static void rfc_1624_example(void **state) {
    (void)state;
    assert_int_equal(checksum_update(0xDD2F, checksum_delta16(0x5555, 0x3285)), 0x0000);
}

static void udp_rules(void **state) {
    (void)state;
    assert_int_equal(checksum_update_udp(0, checksum_delta32(1, 2)), 0);
    assert_int_equal(checksum_update_udp(0xDD2F, checksum_delta16(0x5555, 0x3285)), 0xffff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum_equals_the_definition),
        cmocka_unit_test(update_equals_computing_anew),
        cmocka_unit_test(rfc_1624_example),
        cmocka_unit_test(udp_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
