#include "packet/tcp_mss.h"

#include <arpa/inet.h>

#include "packet/flow.h"
#include "testing/frame.h"
#include "testing/test.h"

static struct frame frame;

static struct rte_tcp_hdr *syn_with(const uint8_t *options, uint8_t bytes) {
    struct flow_spec flow = { .src = "192.0.2.1",
                              .dst = "192.0.2.2",
                              .protocol = FRAME_TCP,
                              .tcp_flags = TCP_SYN,
                              .tcp_option_bytes = bytes };

    memcpy(flow.tcp_options, options, bytes);
    frame = frame_plain(&flow);
    return (struct rte_tcp_hdr *)(frame.bytes + 34);
}

static uint16_t word_at(uint32_t option_offset) {
    const uint8_t *at = frame.bytes + 34 + 20 + option_offset;

    return (uint16_t)(at[0] << 8 | at[1]);
}

static void larger_is_lowered(void **state) {
    static const uint8_t options[] = { 2, 4, 0x05, 0xb4, 1, 1, 4, 2 };

    (void)state;
    tcp_clamp_mss(syn_with(options, sizeof(options)), 1400);
    assert_int_equal(word_at(2), 1400);
    (void)frame_view(&frame); /* checks the checksum in full */
}

static void option_at_an_odd_offset(void **state) {
    static const uint8_t options[] = { 1, 2, 4, 0x05, 0xb4, 1, 1, 1 };

    (void)state;
    tcp_clamp_mss(syn_with(options, sizeof(options)), 1400);
    assert_int_equal(word_at(3), 1400);
    (void)frame_view(&frame);
}

static void smaller_stays(void **state) {
    static const uint8_t options[] = { 2, 4, 0x02, 0x18 };

    (void)state;
    tcp_clamp_mss(syn_with(options, sizeof(options)), 1400);
    assert_int_equal(word_at(2), 0x218);
    (void)frame_view(&frame);
}

static void malformed_options_are_left_alone(void **state) {
    static const uint8_t malformed[][8] = {
        { 3, 0, 2, 4, 0xff, 0xff, 0, 0 },    /* a length of 0 */
        { 3, 1, 2, 4, 0xff, 0xff, 0, 0 },    /* a length of 1 */
        { 3, 200, 2, 4, 0xff, 0xff, 0, 0 },  /* a length behind the end */
        { 2, 3, 0xff, 2, 4, 0xff, 0xff, 0 }, /* an MSS of the wrong length */
        { 0, 2, 4, 0xff, 0xff, 0, 0, 0 },    /* behind the end of the list */
        { 1, 1, 1, 1, 1, 1, 1, 2 },          /* a kind without a length */
        { 1, 1, 1, 1, 1, 2, 4, 0xff },       /* cut off */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct rte_tcp_hdr *tcp = syn_with(malformed[i], 8);

        tcp_clamp_mss(tcp, 1400);
        assert_memory_equal(tcp + 1, malformed[i], 8);
        (void)frame_view(&frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(larger_is_lowered),
        cmocka_unit_test(option_at_an_odd_offset),
        cmocka_unit_test(smaller_stays),
        cmocka_unit_test(malformed_options_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
