/* The client's address on its way to the RS, frame in to frame out. */
#include "forward/alter.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "packet/proxy_v2.h"
#include "packet/tcp_options.h"
#include "testing/harness.h"
#include "testing/tcp.h"
#include "testing/test.h"

enum {
    HEADER = PROXY_V2_IPV4_BYTES
};

#define ISN    0xfffffff0u /* so that numbers wrap */
#define RS_ISN 0x7fffffffu

static struct message_service *dns;
static uint16_t local_port;

static int set_up(void **state) {
    tcp_set_up(state);
    dns = message_service(&tcp_message, "dns", 0, TCP_VIP, FRAME_UDP, 53);
    message_rs(&tcp_message, dns, "rs1", TCP_RS, 53, 1);
    return 0;
}

static void use(int client_address) {
    tcp_web->message.client_address = (Sluice__Ld__V1__ClientAddress)client_address;
    if (client_address == SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2)
        dns->message.client_address = tcp_web->message.client_address;
    tcp_apply();
}

static void with_mss(struct flow_spec *flow, uint16_t mss) {
    const uint8_t option[4] = { TCP_OPTION_MSS, 4, (uint8_t)(mss >> 8), (uint8_t)mss };

    memcpy(flow->tcp_options, option, sizeof(option));
    flow->tcp_option_bytes = sizeof(option);
}

static struct frame_view open_connection(void) {
    struct frame_view view = tcp_pass(tcp_from_client(TCP_SYN, ISN, 0, 0), 1);

    local_port = ntohs(view.tcp->src_port);
    return view;
}

static const uint8_t *toa_in(const struct frame_view *view) {
    return tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view->tcp, TCP_OPTION_TOA, 8);
}

static void assert_toa(const struct frame_view *view) {
    static const uint8_t wanted[] = { 254, 8, 0x9c, 0x40, 192, 0, 2, 77 };
    const uint8_t *option = toa_in(view);

    assert_non_null(option);
    assert_memory_equal(option, wanted, sizeof(wanted));
}

static void toa_is_in_what_completes_the_handshake(void **state) {
    struct flow_spec answer;
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    view = open_connection();
    assert_null(toa_in(&view));
    answer = tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0);
    with_mss(&answer, 1460);
    view = tcp_pass(answer, 1);
    assert_int_equal(tcp_options_read(view.tcp).mss, 1452);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    assert_toa(&view);
    assert_int_equal(view.payload_bytes, 0);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    /* The ACK may be lost: data has it too, until the RS is known to have got there. */
    for (int i = 0; i < 2; i++) {
        view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 700), 1);
        assert_toa(&view);
        assert_int_equal(view.payload_bytes, 700);
        for (uint32_t byte = 0; byte < 700; byte++)
            assert_int_equal(view.payload[byte], (uint8_t)(byte * 7));
    }
    view = tcp_pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 701, 100), 1);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 701, RS_ISN + 101, 0), 1);
    assert_null(toa_in(&view));
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].alter, 0);
}

static void toa_gives_way_to_mtu_and_header(void **state) {
    struct flow_spec flow;
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1600 - 40 - 8),
                    1); /* fills the MTU */
    assert_toa(&view);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1600 - 40 - 7), 1);
    assert_null(toa_in(&view));
    assert_int_equal(view.payload_bytes, 1553);
    flow = tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 10);
    flow.tcp_option_bytes = 36;
    memset(flow.tcp_options, TCP_OPTION_NOP, 36);
    view = tcp_pass(flow, 1);
    assert_null(toa_in(&view));
    assert_int_equal(harness_worker(&tcp_ld)->stats.toa_no_room, 2);
}

static void toa_is_no_matter_of_syn_and_rst(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    view = tcp_pass(tcp_from_client(TCP_RST | TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    assert_null(toa_in(&view));
}

static void assert_header(const struct frame *sent) {
    static const uint8_t wanted[HEADER] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
                                            0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11,
                                            0,    12,   192,  0,    2,    77,   203,
                                            0,    113,  10,   0x9c, 0x40, 0,    80 };
    struct frame_view view = frame_view(sent);

    assert_int_equal(view.payload_bytes, HEADER);
    assert_memory_equal(view.payload, wanted, HEADER);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1 - HEADER);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    assert_int_equal(view.tcp->tcp_flags, TCP_ACK | TCP_PSH);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(ntohs(view.tcp->src_port), local_port);
}

static void header_comes_before_the_data(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    view = open_connection();
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN - HEADER);
    view = tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), RS_ISN);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 2);
    assert_header(&tcp_ld.sent[0]);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    /* Data before the RS has acknowledged it: once more, as the first may be lost. */
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    assert_header(&tcp_ld.sent[0]);
    assert_int_equal(view.payload_bytes, 300);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 301, RS_ISN + 1, 300),
                    1); /* what follows goes alone */
    /* The RS misses the header, and says so; to the client its data is what is missing. */
    view = tcp_pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    assert_header(&tcp_ld.sent[0]);
    view = tcp_pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 301, 20), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 301);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].alter, 0);
    /* From now on nothing is touched. */
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
}

static void header_has_the_clients_timestamps(void **state) {
    const struct tcp_options stamps = { .timestamps = true, .ts_value = 7, .ts_echo = 9 };
    struct flow_spec flow = tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0);
    struct tcp_options got;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    flow.tcp_option_bytes = (uint8_t)tcp_options_write(flow.tcp_options, &stamps);
    tcp_pass(flow, 2);
    assert_header(&tcp_ld.sent[0]);
    got = tcp_options_read(frame_view(&tcp_ld.sent[0]).tcp);
    assert_true(got.timestamps);
    assert_int_equal(got.ts_value, 7);
    assert_int_equal(got.ts_echo, 9);
}

static void resets_are_believed_with_a_header_under_way(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    open_connection();
    /* Nobody listens: the RS refuses the number it has got. */
    view = tcp_pass(tcp_from_rs(local_port, TCP_RST | TCP_ACK, 0, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    view = tcp_pass(tcp_from_client(TCP_RST, ISN + 1, 0, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1 - HEADER);
}

static void data_in_a_syn_is_not_let_through(void **state) {
    struct flow_spec flow = tcp_from_client(TCP_SYN, ISN, 0, 10);
    struct frame frame = frame_plain(&flow);
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    harness_expect_drop(&tcp_ld, &frame, DROP_SYN_DATA);
    flow.payload = 0;
    flow.tcp_option_bytes = 4;
    memcpy(flow.tcp_options, (uint8_t[]){ TCP_OPTION_FAST_OPEN, 2, 1, 1 }, 4);
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&tcp_ld, &frame), 1);
    view = frame_view(&tcp_ld.sent[0]);
    assert_null(
        tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view.tcp, TCP_OPTION_FAST_OPEN, 2));
}

static void every_datagram_has_a_header(void **state) {
    struct flow_spec flow = { .src = TCP_CLIENT,
                              .dst = TCP_VIP,
                              .src_port = 40000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .payload = 33 };
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    for (int i = 0; i < 2; i++) {
        view = tcp_pass(flow, 1);
        assert_int_equal(view.payload_bytes, HEADER + 33);
        assert_int_equal(view.payload[13], 0x12);
        assert_int_equal(view.payload[HEADER + 32], (uint8_t)(32 * 7));
        assert_int_not_equal(view.udp->dgram_cksum, 0);
    }
    flow.no_udp_checksum = true;
    view = tcp_pass(flow, 1);
    assert_int_equal(view.udp->dgram_cksum, 0);
    flow.no_udp_checksum = false;
    local_port = ntohs(view.udp->src_port);
    flow.src = TCP_RS;
    flow.dst = "198.18.1.1";
    flow.src_port = 53;
    flow.dst_port = local_port;
    view = tcp_pass(flow, 1);
    assert_int_equal(view.payload_bytes, 33);
}

static void fragments_have_no_place_for_it(void **state) {
    struct flow_spec flow = { .src = TCP_CLIENT,
                              .dst = TCP_VIP,
                              .src_port = 40000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .payload = 1000 };
    struct frame whole = frame_plain(&flow), first = frame_fragment(&whole, 0, 400);

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    harness_expect_drop(&tcp_ld, &first, DROP_FRAGMENT);
}

static void datagram_too_long_by_the_header_is_reported(void **state) {
    enum {
        ROOM = 1600 - HEADER
    };
    struct flow_spec flow = { .src = TCP_CLIENT,
                              .dst = TCP_VIP,
                              .src_port = 40000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .fragment = 0x4000, /* DF */
                              .payload = ROOM - 28 };
    struct frame_view view;
    struct frame frame;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    view = tcp_pass(flow, 1);
    assert_int_equal(ntohs(view.ip->total_length), 1600);
    flow.payload++;
    view = tcp_pass(flow, 1);
    assert_int_equal(view.icmp->icmp_type, 3);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), ROOM);
    /* It quotes what the client has sent, without the header. */
    assert_int_equal(ntohs(view.embedded->total_length), ROOM + 1);
    assert_int_equal(view.embedded_udp->dst_port, htons(53));
    assert_int_equal(((const uint8_t *)(view.embedded_udp + 1))[3], (uint8_t)(3 * 7));
    flow.fragment = 0;
    frame = frame_plain(&flow);
    harness_expect_drop(&tcp_ld, &frame, DROP_MTU_EXCEEDED);
}

/* A sender makes its next packets as long as it is told, and the option comes to them. */
static void errors_leave_room_for_the_option(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1000), 1);
    view = tcp_report(TCP_RS, 900, 0);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 892);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), ISN + 1);
    tcp_pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 1001, 99), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1001, RS_ISN + 100, 1000), 1); /* goes without */
    view = tcp_report(TCP_RS, 900, 0);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 900);
}

static void errors_leave_room_for_the_header(void **state) {
    struct flow_spec flow = { .src = TCP_CLIENT,
                              .dst = TCP_VIP,
                              .src_port = 40000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .payload = 1000 };
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    view = tcp_pass(flow, 1);
    view = tcp_report(TCP_RS, 900, 0);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 900 - HEADER);
    assert_int_equal(view.embedded_udp->dst_port, htons(53));
    tcp_pass(flow, 1);
    view = tcp_report(TCP_RS, 0, 0); /* a router that does not know */
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 0);
}

/* The header is none of the client's bytes: what is said of it is said of the first one. */
static void errors_about_header_and_syn_have_the_clients_numbers(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    open_connection();
    view = tcp_report(TCP_RS, 900, 8);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), ISN);
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    view = tcp_report(TCP_RS, 900, 0);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), ISN + 1);
    tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    tcp_ld.sent_count = 1; /* the header */
    view = tcp_report(TCP_RS, 900, 0);
    assert_int_equal(ntohl(tcp_quoted(&view)->sent_seq), ISN + 1);
}

/* A client's segment with the option as long as it gets, in a tunnel. */
static void option_over_ipv6_fits_beside_the_mss(void **state) {
    const struct tcp_options options = { .mss = 1440 };
    struct tcp_segment segment = {
        .flow = tcp_flow_v6(TCP_CLIENT_V6, 40000, TCP_VIP_V6, 80),
        .sequence = ISN,
        .flags = TCP_SYN,
    };
    const struct rte_tcp_hdr *tcp;

    (void)state;
    tcp_message.config.mtu_bytes = 1400;
    tcp_serve_v6()->message.client_address = SLUICE__LD__V1__CLIENT_ADDRESS__TOA;
    tcp_apply();
    tcp = tcp_pass_v6(&segment);
    segment = (struct tcp_segment){
        .flow = tcp_flow_v6(TCP_RS_V6, 8080, TCP_LOCAL_IP_V6, ntohs(tcp->src_port)),
        .sequence = RS_ISN,
        .ack = ISN + 1,
        .flags = TCP_SYN | TCP_ACK,
        .options = &options,
    };
    tcp = tcp_pass_v6(&segment);
    assert_int_equal(tcp_options_read(tcp).mss, 1400 - 50 - 40 - 20 - TOA_IPV6_BYTES);
}

/* A connection that waits for the client's ACK. */
static void half_open(void) {
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    tcp_pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
}

static struct flow_spec ack_with(const uint8_t options[8], uint16_t payload) {
    struct flow_spec flow = tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, payload);

    memcpy(flow.tcp_options, options, 8);
    flow.tcp_option_bytes = 8;
    return flow;
}

static const uint8_t forged[8] = { TCP_OPTION_TOA, 8, 1, 2, 198, 51, 100, 9 };

/* An RS believes the first option there is. */
static void clients_say_nothing_of_their_address(void **state) {
    struct flow_spec flow;
    struct frame_view view;

    (void)state;
    half_open();
    view = tcp_pass(ack_with(forged, 10), 1);
    assert_toa(&view);
    assert_int_equal(view.payload_bytes, 10);
    flow = ack_with(forged, 0);
    memcpy(flow.tcp_options + 8, (uint8_t[]){ TCP_OPTION_NOP, TCP_OPTION_TOA, 3, 7 }, 4);
    memcpy(flow.tcp_options + 12, forged, 8);
    flow.tcp_option_bytes = 20;
    view = tcp_pass(flow, 1);
    assert_toa(&view);
    flow.ack++; /* it completes no handshake, and needs none */
    view = tcp_pass(flow, 1);
    assert_null(toa_in(&view));
}

/* What can have no option of the LD's has none of the client's either. */
static void nor_do_they_in_fragments(void **state) {
    struct flow_spec flow = ack_with(forged, 100);
    struct frame whole = frame_plain(&flow), out[2];
    struct frame_view view;

    (void)state;
    half_open();
    for (uint32_t i = 0; i < 2; i++) {
        struct frame fragment = frame_fragment(&whole, 64 * i, 64);

        assert_int_equal(harness_receive(&tcp_ld, &fragment), 1);
        out[i] = tcp_ld.sent[0];
    }
    whole = frame_reassemble(out, 2);
    view = frame_view(&whole);
    assert_null(toa_in(&view));
    assert_int_equal(view.payload_bytes, 100);
}

/* Behind the end of the options, or what no TCP can read, an option would not be found. */
static void the_option_is_where_it_is_read(void **state) {
    static const uint8_t ends[][8] = {
        { 1, 1, 0, 0, 0, 0, 0, 0 },   { 1, 0, 254, 8, 1, 2, 3, 4 },  { 1, 77, 0, 5, 254, 8, 1, 2 },
        { 77, 4, 5, 6, 1, 1, 1, 77 }, { 77, 200, 5, 6, 1, 1, 1, 1 },
    };

    (void)state;
    half_open();
    for (size_t i = 0; i < RTE_DIM(ends); i++) {
        struct frame_view view = tcp_pass(ack_with(ends[i], 10), 1);

        assert_toa(&view);
        assert_int_equal(view.payload_bytes, 10);
    }
}

/* An acknowledgement that the RS does not believe says nothing about the RS. */
static void the_option_stays_until_the_rs_is_connected(void **state) {
    struct frame_view view;

    (void)state;
    half_open();
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 5000, 0), 1);
    assert_null(toa_in(&view));
    tcp_pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 1, 0), 1); /* a challenge */
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    assert_toa(&view);
    tcp_pass(tcp_from_rs(local_port, TCP_FIN | TCP_ACK, RS_ISN + 1, ISN + 1, 0), 1);
    view = tcp_pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    assert_null(toa_in(&view));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tcp_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(toa_is_in_what_completes_the_handshake),
        CASE(toa_gives_way_to_mtu_and_header),
        CASE(toa_is_no_matter_of_syn_and_rst),
        CASE(header_comes_before_the_data),
        CASE(header_has_the_clients_timestamps),
        CASE(resets_are_believed_with_a_header_under_way),
        CASE(data_in_a_syn_is_not_let_through),
        CASE(every_datagram_has_a_header),
        CASE(fragments_have_no_place_for_it),
        CASE(datagram_too_long_by_the_header_is_reported),
        CASE(errors_leave_room_for_the_option),
        CASE(errors_leave_room_for_the_header),
        CASE(errors_about_header_and_syn_have_the_clients_numbers),
        CASE(option_over_ipv6_fits_beside_the_mss),
        CASE(clients_say_nothing_of_their_address),
        CASE(nor_do_they_in_fragments),
        CASE(the_option_is_where_it_is_read),
        CASE(the_option_stays_until_the_rs_is_connected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
