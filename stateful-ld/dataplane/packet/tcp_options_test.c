#include "packet/tcp_options.h"

#include <stdlib.h>

#include "packet/checksum.h"
#include "packet/flow.h"
#include "testing/test.h"

struct segment {
    struct rte_tcp_hdr tcp;
    uint8_t options[TCP_OPTIONS_BYTES_MAX];
};

/* A segment whose checksum is right as far as it covers these bytes. */
static struct segment segment_of(const uint8_t *options, uint32_t bytes) {
    struct segment segment = { .tcp = { .tcp_flags = TCP_ACK } };

    assert_int_equal(bytes % 4, 0);
    segment.tcp.data_off = (uint8_t)((20 + bytes) / 4 << 4);
    segment.tcp.sent_seq = rte_cpu_to_be_32(0xfffffff0);
    segment.tcp.recv_ack = rte_cpu_to_be_32(77);
    memcpy(segment.options, options, bytes);
    segment.tcp.cksum = (uint16_t)~checksum_fold(checksum_sum(&segment, 20 + bytes));
    return segment;
}

static void assert_checksum(const struct segment *segment) {
    assert_int_equal(checksum_fold(checksum_sum(segment, tcp_header_bytes(&segment->tcp))), 0xffff);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 16; bits++) {
        struct tcp_options wanted = {
            .mss = bits & 1 ? 1460 : 0,
            .window_scaled = (bits & 2) != 0,
            .window_scale = bits & 2 ? 7 : 0,
            .sack_permitted = (bits & 4) != 0,
            .timestamps = (bits & 8) != 0,
            .ts_value = bits & 8 ? 0x01020304 : 0,
            .ts_echo = bits & 8 ? 0xfefdfcfb : 0,
        };
        uint8_t options[TCP_OPTIONS_BYTES_MAX];
        uint32_t bytes = tcp_options_write(options, &wanted);
        struct segment segment = segment_of(options, bytes);
        struct tcp_options got = tcp_options_read(&segment.tcp);

        assert_int_equal(got.mss, wanted.mss);
        assert_int_equal(got.window_scaled, wanted.window_scaled);
        assert_int_equal(got.window_scale, wanted.window_scale);
        assert_int_equal(got.sack_permitted, wanted.sack_permitted);
        assert_int_equal(got.timestamps, wanted.timestamps);
        assert_int_equal(got.ts_value, wanted.ts_value);
        assert_int_equal(got.ts_echo, wanted.ts_echo);
    }
}

static void malformed_options_end_the_search(void **state) {
    static const uint8_t too_long[8] = { 1, 1, 1, 1, TCP_OPTION_TIMESTAMPS, 10, 0, 0 };
    static const uint8_t no_length[4] = { 1, 1, 1, TCP_OPTION_MSS };
    static const uint8_t length_one[8] = { 9, 1, TCP_OPTION_MSS, 4, 5, 0xb4, 0, 0 };
    static const uint8_t too_short[4] = { TCP_OPTION_MSS, 3, 5, 1 };
    static const uint8_t behind_the_end[8] = { 0, 1, TCP_OPTION_MSS, 4, 5, 0xb4, 0, 0 };
    static const uint8_t large_scale[4] = { TCP_OPTION_WINDOW_SCALE, 3, 200, 1 };
    struct segment segment = segment_of(too_long, 8);

    (void)state;
    assert_false(tcp_options_read(&segment.tcp).timestamps);
    segment = segment_of(no_length, 4);
    assert_int_equal(tcp_options_read(&segment.tcp).mss, 0);
    segment = segment_of(length_one, 8);
    assert_int_equal(tcp_options_read(&segment.tcp).mss, 0);
    segment = segment_of(too_short, 4);
    assert_int_equal(tcp_options_read(&segment.tcp).mss, 0);
    segment = segment_of(behind_the_end, 8);
    assert_int_equal(tcp_options_read(&segment.tcp).mss, 0);
    segment = segment_of(large_scale, 4);
    assert_int_equal(tcp_options_read(&segment.tcp).window_scale, 14);
}

/* At even and odd offsets alike. */
static void changes_keep_the_checksum_right(void **state) {
    (void)state;
    for (uint32_t lead = 0; lead < 8; lead++) {
        uint8_t options[40];
        struct segment segment;
        struct tcp_options got;

        memset(options, TCP_OPTION_NOP, sizeof(options));
        options[lead] = TCP_OPTION_TIMESTAMPS;
        options[lead + 1] = 10;
        for (uint32_t i = 2; i < 10; i++)
            options[lead + i] = (uint8_t)(0xf0 + i);
        options[lead + 10] = TCP_OPTION_SACK;
        options[lead + 11] = 18;
        for (uint32_t i = 12; i < 28; i++)
            options[lead + i] = (uint8_t)(i * 5);
        segment = segment_of(options, 40);
        tcp_timestamps_shift(&segment.tcp, 0xffffffff, 1);
        assert_checksum(&segment);
        got = tcp_options_read(&segment.tcp);
        assert_int_equal(got.ts_value, 0xf2f3f4f4);
        assert_int_equal(got.ts_echo, 0xf6f7f8fa);
        tcp_sack_shift(&segment.tcp, 0x100);
        assert_checksum(&segment);
        for (uint32_t i = 12; i < 28; i++) /* 12 * 5 + 2 * 5 never carries */
            assert_int_equal(segment.options[lead + i],
                             (uint8_t)(options[lead + i] + (i % 4 == 2)));
        tcp_option_blank(&segment.tcp, TCP_OPTION_TIMESTAMPS);
        assert_checksum(&segment);
        assert_false(tcp_options_read(&segment.tcp).timestamps);
        assert_int_equal(segment.options[lead + 10], TCP_OPTION_SACK);
        tcp_numbers_shift(&segment.tcp, 0x20, 0xffffff00);
        assert_checksum(&segment);
        assert_int_equal(rte_be_to_cpu_32(segment.tcp.sent_seq), 0x10);
        assert_int_equal(rte_be_to_cpu_32(segment.tcp.recv_ack), (uint32_t)77 - 0x100);
    }
}

/* Whatever is in the options: nothing outside of them changes, and what was right stays right. */
static void any_bytes_are_survived(void **state) {
    (void)state;
    srand(3);
    for (int round = 0; round < 200000; round++) {
        uint32_t bytes = (uint32_t)(rand() % 11) * 4;
        struct segment *segment = malloc(20 + bytes); /* exactly: sanitizers see the end */
        uint8_t options[40];
        struct segment made;

        for (uint32_t i = 0; i < bytes; i++)
            options[i] = rand() % 3 == 0 ? (uint8_t)(rand() % 11) : (uint8_t)rand();
        made = segment_of(options, bytes);
        memcpy(segment, &made, 20 + bytes);
        (void)tcp_options_read(&segment->tcp);
        tcp_sack_shift(&segment->tcp, (uint32_t)rand());
        tcp_timestamps_shift(&segment->tcp, (uint32_t)rand(), (uint32_t)rand());
        tcp_option_blank(&segment->tcp, (uint8_t)(2 + rand() % 10));
        assert_int_equal(tcp_header_bytes(&segment->tcp), 20 + bytes);
        assert_checksum(segment);
        free(segment);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(malformed_options_end_the_search),
        cmocka_unit_test(changes_keep_the_checksum_right),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
