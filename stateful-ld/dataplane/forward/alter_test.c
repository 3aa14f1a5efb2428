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

static struct harness harness;
static struct message message;
static struct message_service *web, *dns;
static uint16_t local_port;

static int set_up(void **state) {
    (void)state;
    harness_start(&harness, 1, 256);
    message_begin(&message);
    web = message_service(&message, "web", 0, TCP_VIP, FRAME_TCP, 80);
    message_rs(&message, web, "rs1", TCP_RS, 8080, 1);
    dns = message_service(&message, "dns", 0, TCP_VIP, FRAME_UDP, 53);
    message_rs(&message, dns, "rs1", TCP_RS, 53, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static void use(int client_address) {
    web->message.client_address = (Sluice__Ld__V1__ClientAddress)client_address;
    if (client_address == SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2)
        dns->message.client_address = web->message.client_address;
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

/* Sends one packet and looks at the last of @p count that come out. */
static struct frame_view pass(struct flow_spec flow, uint32_t count) {
    const struct tunnel_spec tunnel = { .bucket = 5 };
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    harness_receive(&harness, &frame);
    assert_int_equal(harness.sent_count, count);
    return frame_view(&harness.sent[count - 1]);
}

static void with_mss(struct flow_spec *flow, uint16_t mss) {
    const uint8_t option[4] = { TCP_OPTION_MSS, 4, (uint8_t)(mss >> 8), (uint8_t)mss };

    memcpy(flow->tcp_options, option, sizeof(option));
    flow->tcp_option_bytes = sizeof(option);
}

static struct frame_view open_connection(void) {
    struct frame_view view = pass(tcp_from_client(TCP_SYN, ISN, 0, 0), 1);

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
    view = pass(answer, 1);
    assert_int_equal(tcp_options_read(view.tcp).mss, 1452);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    assert_toa(&view);
    assert_int_equal(view.payload_bytes, 0);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    /* The ACK may be lost: data has it too, until the RS is known to have got there. */
    for (int i = 0; i < 2; i++) {
        view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 700), 1);
        assert_toa(&view);
        assert_int_equal(view.payload_bytes, 700);
        for (uint32_t byte = 0; byte < 700; byte++)
            assert_int_equal(view.payload[byte], (uint8_t)(byte * 7));
    }
    view = pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 701, 100), 1);
    view = pass(tcp_from_client(TCP_ACK, ISN + 701, RS_ISN + 101, 0), 1);
    assert_null(toa_in(&view));
    assert_int_equal(harness_worker(&harness)->sessions.sessions[1].alter, 0);
}

static void toa_gives_way_to_mtu_and_header(void **state) {
    struct flow_spec flow;
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    view =
        pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1600 - 40 - 8), 1); /* fills the MTU */
    assert_toa(&view);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1600 - 40 - 7), 1);
    assert_null(toa_in(&view));
    assert_int_equal(view.payload_bytes, 1553);
    flow = tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 10);
    flow.tcp_option_bytes = 36;
    memset(flow.tcp_options, TCP_OPTION_NOP, 36);
    view = pass(flow, 1);
    assert_null(toa_in(&view));
    assert_int_equal(harness_worker(&harness)->stats.toa_no_room, 2);
}

static void toa_is_no_matter_of_syn_and_rst(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    view = pass(tcp_from_client(TCP_RST | TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
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
    view = pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), RS_ISN);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 2);
    assert_header(&harness.sent[0]);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    /* Data before the RS has acknowledged it: once more, as the first may be lost. */
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    assert_header(&harness.sent[0]);
    assert_int_equal(view.payload_bytes, 300);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    view =
        pass(tcp_from_client(TCP_ACK, ISN + 301, RS_ISN + 1, 300), 1); /* what follows goes alone */
    /* The RS misses the header, and says so; to the client its data is what is missing. */
    view = pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    assert_header(&harness.sent[0]);
    view = pass(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 301, 20), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 301);
    assert_int_equal(harness_worker(&harness)->sessions.sessions[1].alter, 0);
    /* From now on nothing is touched. */
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
}

static void header_has_the_clients_timestamps(void **state) {
    const struct tcp_options stamps = { .timestamps = true, .ts_value = 7, .ts_echo = 9 };
    struct flow_spec flow = tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0);
    struct tcp_options got;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    open_connection();
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    flow.tcp_option_bytes = (uint8_t)tcp_options_write(flow.tcp_options, &stamps);
    pass(flow, 2);
    assert_header(&harness.sent[0]);
    got = tcp_options_read(frame_view(&harness.sent[0]).tcp);
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
    view = pass(tcp_from_rs(local_port, TCP_RST | TCP_ACK, 0, ISN + 1 - HEADER, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    view = pass(tcp_from_client(TCP_RST, ISN + 1, 0, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1 - HEADER);
}

static void data_in_a_syn_is_not_let_through(void **state) {
    struct flow_spec flow = tcp_from_client(TCP_SYN, ISN, 0, 10);
    struct frame frame = frame_plain(&flow);
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    harness_expect_drop(&harness, &frame, DROP_SYN_DATA);
    flow.payload = 0;
    flow.tcp_option_bytes = 4;
    memcpy(flow.tcp_options, (uint8_t[]){ TCP_OPTION_FAST_OPEN, 2, 1, 1 }, 4);
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    view = frame_view(&harness.sent[0]);
    assert_null(
        tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view.tcp, TCP_OPTION_FAST_OPEN, 2));
}

/* A connection from SYN to both FINs, the RS's first; its last number is @p end - 1. */
static void close_by_the_rs(uint32_t end) {
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    pass(tcp_from_rs(local_port, TCP_FIN | TCP_ACK, RS_ISN + 1, ISN + 1, 0), 1);
    pass(tcp_from_client(TCP_FIN | TCP_ACK, end - 1 - 30, RS_ISN + 2, 30), 1);
    assert_int_equal(harness_worker(&harness)->sessions.sessions[1].state, STATE_TIME_WAIT);
}

/* Use up all local ports of the bucket but the first, so that it is next. */
static void come_round(void) {
    for (uint16_t i = 0; i < LOCAL_PORTS_PER_BUCKET - 1; i++) {
        struct flow_spec flow = tcp_from_client(TCP_SYN, 5, 0, 0);

        flow.src_port = (uint16_t)(50000 + i);
        pass(flow, 1);
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
    use(SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD);
    open_connection();
    port = local_port;
    close_by_the_rs(end);
    come_round();
    harness_pass(&harness, 7200);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    come_round();
    view = pass(next_client(TCP_SYN, 1000, 0), 1);
    local_port = ntohs(view.tcp->src_port);
    assert_int_equal(local_port, port);
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    assert_false(tcp_options_read(view.tcp).timestamps);
    assert_true(tcp_options_read(view.tcp).sack_permitted);
    view = pass(next_client(TCP_SYN, 1000, 0), 1); /* retransmitted */
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    assert_false(tcp_options_read(view.tcp).timestamps);
    view = pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 77, end + 2, 0), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), 1001);
    assert_int_equal(ntohl(view.tcp->sent_seq), 77);
    view = pass(next_client(TCP_ACK, 1001, 78), 1);
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
    view = pass(flow, 1);
    blocks = tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view.tcp, TCP_OPTION_SACK, 10);
    assert_memory_equal(blocks + 2, ((rte_be32_t[]){ htonl(2000), htonl(2100) }), 8);
}

/* Numbers that are higher by themselves stay; timestamps may still be older ones. */
static void higher_number_is_left_alone(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD);
    open_connection();
    close_by_the_rs(0xfffffff0u);
    come_round();
    harness_pass(&harness, 7200);
    come_round();
    view = pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_false(tcp_options_read(view.tcp).timestamps);
    pass(next_client(TCP_ACK, 1001, 78), 1);
    assert_int_equal(harness_worker(&harness)->sessions.sessions[1].alter & ALTER_NUMBERS, 0);
}

/* Two minutes later no RS has the connection any more. */
static void time_wait_is_over_some_time(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD);
    open_connection();
    close_by_the_rs(0x40000000u);
    come_round();
    harness_pass(&harness, 7200 + TIME_WAIT_OF_RS_MS);
    come_round();
    view = pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_true(tcp_options_read(view.tcp).timestamps);
}

/* Only the side that closes first has a TIME-WAIT. */
static void closed_by_the_client_needs_no_care(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD);
    open_connection();
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    pass(tcp_from_client(TCP_FIN | TCP_ACK, ISN + 1, RS_ISN + 1, 0), 1);
    pass(tcp_from_rs(local_port, TCP_FIN | TCP_ACK, RS_ISN + 1, ISN + 2, 0), 1);
    pass(tcp_from_client(TCP_ACK, ISN + 2, RS_ISN + 2, 0), 1);
    come_round();
    harness_pass(&harness, 7200);
    come_round();
    view = pass(next_client(TCP_SYN, 1000, 0), 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), 1000);
    assert_true(tcp_options_read(view.tcp).timestamps);
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
        view = pass(flow, 1);
        assert_int_equal(view.payload_bytes, HEADER + 33);
        assert_int_equal(view.payload[13], 0x12);
        assert_int_equal(view.payload[HEADER + 32], (uint8_t)(32 * 7));
        assert_int_not_equal(view.udp->dgram_cksum, 0);
    }
    flow.no_udp_checksum = true;
    view = pass(flow, 1);
    assert_int_equal(view.udp->dgram_cksum, 0);
    flow.no_udp_checksum = false;
    local_port = ntohs(view.udp->src_port);
    flow.src = TCP_RS;
    flow.dst = "198.18.1.1";
    flow.src_port = 53;
    flow.dst_port = local_port;
    view = pass(flow, 1);
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
    harness_expect_drop(&harness, &first, DROP_FRAGMENT);
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
    view = pass(flow, 1);
    assert_int_equal(ntohs(view.ip->total_length), 1600);
    flow.payload++;
    view = pass(flow, 1);
    assert_int_equal(view.icmp->icmp_type, 3);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), ROOM);
    /* It quotes what the client has sent, without the header. */
    assert_int_equal(ntohs(view.embedded->total_length), ROOM + 1);
    assert_int_equal(view.embedded_udp->dst_port, htons(53));
    assert_int_equal(((const uint8_t *)(view.embedded_udp + 1))[3], (uint8_t)(3 * 7));
    flow.fragment = 0;
    frame = frame_plain(&flow);
    harness_expect_drop(&harness, &frame, DROP_MTU_EXCEEDED);
}

/* The error that a router makes about the last packet the LD has sent, as it leaves again. */
static struct frame_view report(const char *router, uint16_t mtu, uint16_t quoted) {
    const struct error_spec error = {
        .src = router, .type = 3, .code = 4, .mtu = mtu, .quoted = quoted
    };
    const struct tunnel_spec tunnel = { .bucket = 5 };
    struct frame_view about = frame_view(&harness.sent[harness.sent_count - 1]);
    struct frame frame = frame_icmp_error(&about, &error);

    frame = frame_wrap(&frame, &tunnel);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    return frame_view(&harness.sent[0]);
}

static const struct rte_tcp_hdr *quoted_tcp(const struct frame_view *view) {
    return (const struct rte_tcp_hdr *)view->embedded_udp;
}

/* A sender makes its next packets as long as it is told, and the option comes to them. */
static void errors_leave_room_for_the_option(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__TOA);
    open_connection();
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0), 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 1000), 1);
    view = report(TCP_RS, 900, 0);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 892);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), ISN + 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1001, RS_ISN + 100, 1000), 1); /* goes without */
    view = report(TCP_RS, 900, 0);
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
    view = pass(flow, 1);
    view = report(TCP_RS, 900, 0);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 900 - HEADER);
    assert_int_equal(view.embedded_udp->dst_port, htons(53));
    pass(flow, 1);
    view = report(TCP_RS, 0, 0); /* a router that does not know */
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 0);
}

/* The header is none of the client's bytes: what is said of it is said of the first one. */
static void errors_about_header_and_syn_have_the_clients_numbers(void **state) {
    struct frame_view view;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2);
    open_connection();
    view = report(TCP_RS, 900, 8);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), ISN);
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - HEADER, 0), 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    view = report(TCP_RS, 900, 0);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), ISN + 1);
    pass(tcp_from_client(TCP_ACK, ISN + 1, RS_ISN + 1, 300), 2);
    harness.sent_count = 1; /* the header */
    view = report(TCP_RS, 900, 0);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), ISN + 1);
}

/* Every length a router may quote, and both ways. */
static void errors_about_shifted_numbers_are_shifted_back(void **state) {
    uint32_t end = 0x40000000u, shift = end + 1 - 1000u;
    struct frame_view view;
    struct flow_spec flow;

    (void)state;
    use(SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD);
    open_connection();
    close_by_the_rs(end);
    come_round();
    harness_pass(&harness, 7200);
    come_round();
    view = pass(next_client(TCP_SYN, 1000, 0), 1);
    local_port = ntohs(view.tcp->src_port);
    pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 77, end + 2, 0), 1);
    for (uint16_t quoted = 8; quoted <= 40; quoted++) {
        view = pass(next_client(TCP_ACK, 1001, 78), 1);
        assert_int_equal(ntohl(view.tcp->sent_seq), 1001 + shift);
        view = report(TCP_RS, 900, quoted);
        assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), 1001);
        if (quoted >= 12)
            assert_int_equal(ntohl(quoted_tcp(&view)->recv_ack), 78);
    }
    view = pass(tcp_from_rs(local_port, TCP_ACK, 78, 1001 + shift, 100), 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), 1001);
    view = report("192.0.2.1", 900, 0);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), 78);
    assert_int_equal(ntohl(quoted_tcp(&view)->recv_ack), 1001 + shift);
    /* What the LD reports itself quotes what it has got. */
    flow = next_client(TCP_ACK, 1001, 78);
    flow.fragment = 0x4000; /* DF */
    flow.payload = 1600;
    view = pass(flow, 1);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 1600);
    assert_int_equal(ntohl(quoted_tcp(&view)->sent_seq), 1001);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(toa_is_in_what_completes_the_handshake),
        CASE(toa_gives_way_to_mtu_and_header),
        CASE(toa_is_no_matter_of_syn_and_rst),
        CASE(header_comes_before_the_data),
        CASE(header_has_the_clients_timestamps),
        CASE(resets_are_believed_with_a_header_under_way),
        CASE(data_in_a_syn_is_not_let_through),
        CASE(reused_port_suits_the_rs_in_time_wait),
        CASE(higher_number_is_left_alone),
        CASE(time_wait_is_over_some_time),
        CASE(closed_by_the_client_needs_no_care),
        CASE(every_datagram_has_a_header),
        CASE(fragments_have_no_place_for_it),
        CASE(datagram_too_long_by_the_header_is_reported),
        CASE(errors_leave_room_for_the_option),
        CASE(errors_leave_room_for_the_header),
        CASE(errors_about_header_and_syn_have_the_clients_numbers),
        CASE(errors_about_shifted_numbers_are_shifted_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
