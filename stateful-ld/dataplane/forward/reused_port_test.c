/* A local port that comes round while the RS may still have its last connection in TIME-WAIT. */
#include <arpa/inet.h>

#include "forward/alter.h"
#include "packet/tcp_options.h"
#include "session/time_wait.h"
#include "testing/tcp.h"
#include "testing/test.h"

#define ISN    0xfffffff0u /* so that numbers wrap */
#define RS_ISN 0x7fffffffu

static uint16_t local_port;

static int set_up(void **state) {
    tcp_set_up(state);
    tcp_apply();
    return 0;
}

static void open_connection(void) {
    struct frame_view view = tcp_pass(tcp_from_client(TCP_SYN, ISN, 0, 0), 1);

    local_port = ntohs(view.tcp->src_port);
}

/* A connection from SYN to both FINs, the RS's first; its last number is @p end - 1. */
static void close_by_the_rs(uint32_t end) {
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    tcp_pass(tcp_from_rs(local_port, TCP_FIN | TCP_ACK, RS_ISN + 1, ISN + 1, 0), 1);
    tcp_pass(tcp_from_client(TCP_FIN | TCP_ACK, end - 1 - 30, RS_ISN + 2, 30), 1);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].state, STATE_TIME_WAIT);
}

/* Use up all local ports of the bucket but the first, so that it is next. */
static void come_round(void) {
    for (uint16_t i = 0; i < LOCAL_PORTS_PER_BUCKET - 1; i++) {
        struct flow_spec flow = tcp_from_client(TCP_SYN, 5, 0, 0);

        flow.src_port = (uint16_t)(50000 + i);
        tcp_pass(flow, 1);
    }
}

static struct flow_spec next_client(uint8_t flags, uint32_t sequence, uint32_t ack) {
    const struct tcp_options options = { .timestamps = true,
                                         .ts_value = 1,
                                         .sack_permitted = true };
    struct flow_spec flow = tcp_from_client(flags, sequence, ack, 0);

    flow.src = "192.0.2.99";
    flow.tcp_option_bytes = (uint8_t)tcp_options_write(flow.tcp_options, &options);
    return flow;
}

static void reused_port_suits_the_rs_in_time_wait(void **state) {
    uint32_t end = 0x40000000u, shift = end + 1 - 1000u;
    struct frame_view view;
    struct flow_spec flow;
    uint16_t port;
    uint8_t *blocks;

    (void)state;
    open_connection();
    port = local_port;
    close_by_the_rs(end);
    come_round();
    harness_pass(&tcp_ld, 7200);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.active, 0);
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    local_port = ntohs(view.tcp->src_port);
    assert_int_equal(local_port, port);
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    assert_false(tcp_options_read(view.tcp).timestamps);
    assert_true(tcp_options_read(view.tcp).sack_permitted);
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1); /* retransmitted */
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    assert_false(tcp_options_read(view.tcp).timestamps);
    view = tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 77, end + 2, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), 1001);
    assert_int_equal(ntohl(view.tcp->sent_seq), 77);
    view = tcp_pass(next_client(TCP_ACK, 1001, 78), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1001 + shift);
    assert_int_equal(ntohl(view.tcp->recv_ack), 78);
    /* What the RS has of later data is in the client's numbers too. */
    flow = tcp_from_rs(local_port, TCP_ACK, 78, 1001 + shift, 0);
    flow.tcp_option_bytes = 12;
    memcpy(flow.tcp_options, (uint8_t[]){ 1, 1, TCP_OPTION_SACK, 10 }, 4);
    for (int i = 0; i < 2; i++) {
        rte_be32_t edge = htonl(2000 + shift + 100 * (uint32_t)i);

        memcpy(flow.tcp_options + 4 + 4 * i, &edge, 4);
    }
    view = tcp_pass(flow, 1);
    blocks = tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view.tcp, TCP_OPTION_SACK, 10);
    assert_memory_equal(blocks + 2, ((rte_be32_t[]){ htonl(2000), htonl(2100) }), 8);
}

/* Numbers that are higher by themselves stay; timestamps may still be older ones. */
static void higher_number_is_left_alone(void **state) {
    struct frame_view view;

    (void)state;
    open_connection();
    close_by_the_rs(0xfffffff0u);
    come_round();
    harness_pass(&tcp_ld, 7200);
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_false(tcp_options_read(view.tcp).timestamps);
    tcp_pass(next_client(TCP_ACK, 1001, 78), 1);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].alter & ALTER_NUMBERS, 0);
}

/* The header's numbers are in front of the client's, and have to be higher as well. */
static void check_header_in_front(uint32_t end) {
    struct frame_view view;

    open_connection();
    close_by_the_rs(end);
    come_round();
    harness_pass(&tcp_ld, 7200);
    tcp_web->message.client_address = SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2;
    tcp_apply();
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohs(view.tcp->src_port), local_port);
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    view = tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 77, end + 2, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), 1001);
}

static void header_in_front_is_above_what_the_rs_has_seen(void **state) {
    (void)state;
    check_header_in_front(0x40000000u);
}

/* The client's number is, and the header's are not. */
static void header_alone_makes_the_number_too_low(void **state) {
    (void)state;
    check_header_in_front(999);
}

/* Two minutes later no RS has the connection any more. */
static void time_wait_is_over_some_time(void **state) {
    struct frame_view view;

    (void)state;
    open_connection();
    close_by_the_rs(0x40000000u);
    come_round();
    harness_pass(&tcp_ld, 7200 + TIME_WAIT_OF_RS_MS);
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_true(tcp_options_read(view.tcp).timestamps);
}

/* Only the side that closes first has a TIME-WAIT. */
static void closed_by_the_client_needs_no_care(void **state) {
    struct frame_view view;

    (void)state;
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    tcp_pass(tcp_from_client(TCP_FIN | TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    tcp_pass(tcp_from_rs(local_port, TCP_FIN | TCP_ACK, RS_ISN + 1, ISN + 2, 0), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 2, RS_ISN + 2, 0), 1);
    come_round();
    harness_pass(&tcp_ld, 7200);
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_true(tcp_options_read(view.tcp).timestamps);
}

/* Every length a router may quote, and both ways. */
static void errors_about_shifted_numbers_are_shifted_back(void **state) {
    uint32_t end = 0x40000000u, shift = end + 1 - 1000u;
    struct frame_view view;
    struct flow_spec flow;

    (void)state;
    open_connection();
    close_by_the_rs(end);
    come_round();
    harness_pass(&tcp_ld, 7200);
    come_round();
    view = tcp_pass(next_client(TCP_SYN, 1000, 0), 1);
    local_port = ntohs(view.tcp->src_port);
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 77, end + 2, 0), 1);
    for (uint16_t quoted = 8; quoted <= 40; quoted++) {
        view = tcp_pass(next_client(TCP_ACK, 1001, 78), 1);
        assert_int_equal(ntohl(view.tcp->sent_seq), 1001 + shift);
        view = tcp_report(TCP_RS, 900, quoted);
        assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), 1001);
        if (quoted >= 12)
            assert_int_equal(ntohl(tcp_quoted(&view)->recv_ack), 78);
    }
    view = tcp_pass(tcp_from_rs(local_port, TCP_ACK, 78, 1001 + shift, 100), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), 1001);
    view = tcp_report("192.0.2.1", 900, 0);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), 78);
    assert_int_equal(ntohl(tcp_quoted(&view)->recv_ack), 1001 + shift);
    /* What the LD reports itself quotes what it has got. */
    flow = next_client(TCP_ACK, 1001, 78);
    flow.fragment = 0x4000; /* DF */
    flow.payload = 1600;
    view = tcp_pass(flow, 1);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 1600);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), 1001);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tcp_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(reused_port_suits_the_rs_in_time_wait),
        CASE(higher_number_is_left_alone),
        CASE(header_in_front_is_above_what_the_rs_has_seen),
        CASE(header_alone_makes_the_number_too_low),
        CASE(time_wait_is_over_some_time),
        CASE(closed_by_the_client_needs_no_care),
        CASE(errors_about_shifted_numbers_are_shifted_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
