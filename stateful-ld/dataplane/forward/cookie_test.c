/* SYN cookies, frame in to frame out. */
#include "forward/cookie.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "packet/proxy_v2.h"
#include "packet/tcp_options.h"
#include "testing/harness.h"
#include "testing/tcp.h"
#include "testing/test.h"

#define ISN    0xfffffff0u /* so that numbers wrap */
#define RS_ISN 0x12340000u

enum {
    CLIENT_STAMP = 5000,
    RS_STAMP = 77000000,
};

static uint16_t local_port;
static uint32_t cookie; /* of the last answer to a SYN */
static uint32_t cookie_stamp;

static int set_up(void **state) {
    tcp_set_up(state);
    tcp_web->message.syn_cookie_threshold_per_s = 1;
    return 0;
}

static struct flow_spec with(struct flow_spec flow, struct tcp_options options) {
    flow.tcp_option_bytes = (uint8_t)tcp_options_write(flow.tcp_options, &options);
    return flow;
}

static struct flow_spec stamped(struct flow_spec flow, uint32_t value, uint32_t echo) {
    return with(flow,
                (struct tcp_options){ .timestamps = true, .ts_value = value, .ts_echo = echo });
}

static struct frame_view pass(struct flow_spec flow) {
    return tcp_pass(flow, 1);
}

static uint64_t dropped(enum drop_reason reason) {
    return harness_worker(&tcp_ld)->stats.drops[reason];
}

/* The threshold is used up by another client. */
static void flood(void) {
    struct flow_spec other = tcp_from_client(TCP_SYN, 1, 0, 0);

    tcp_apply();
    other.src = "192.0.2.1";
    pass(other);
}

static const struct tcp_options usual = {
    .mss = 1460,
    .window_scaled = true,
    .window_scale = 9,
    .sack_permitted = true,
    .timestamps = true,
    .ts_value = CLIENT_STAMP,
};

static struct tcp_options ask(struct tcp_options options) {
    struct frame_view view = pass(with(tcp_from_client(TCP_SYN, ISN, 0, 0), options));
    struct tcp_options answer = tcp_options_read(view.tcp);

    assert_int_equal(view.ip->src_addr, ip4(TCP_VIP));
    assert_int_equal(view.ip->dst_addr, ip4(TCP_CLIENT));
    assert_int_equal(view.tcp->tcp_flags, TCP_SYN | TCP_ACK);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    assert_int_equal(view.tcp->rx_win, 0);
    cookie = ntohl(view.tcp->sent_seq);
    cookie_stamp = answer.ts_value;
    return answer;
}

static void below_the_threshold_nothing_is_different(void **state) {
    struct frame_view view;

    (void)state;
    tcp_apply();
    view = pass(tcp_from_client(TCP_SYN, ISN, 0, 0));
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(harness_worker(&tcp_ld)->stats.syn_cookies_sent, 0);
}

static void flooded_syns_cost_no_session(void **state) {
    (void)state;
    flood();
    for (int i = 0; i < 1000; i++)
        ask(usual);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.active, 1);
    assert_int_equal(dropped(DROP_SYN_COOKIE), 1000);
    assert_int_equal(harness_worker(&tcp_ld)->stats.syn_cookies_sent, 1000);
    harness_pass(&tcp_ld, 1100); /* the flood is over */
    assert_int_equal(pass(tcp_from_client(TCP_SYN, 9, 0, 0)).ip->dst_addr, ip4(TCP_RS));
}

/* A connection through a cookie up to the RS's SYN; its options. */
static struct frame_view acknowledge(bool timestamps) {
    struct flow_spec flow = tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 0);
    struct frame_view view;

    if (timestamps)
        flow = stamped(flow, CLIENT_STAMP + 20, cookie_stamp);
    view = pass(flow);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(view.tcp->tcp_flags, TCP_SYN);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN);
    local_port = ntohs(view.tcp->src_port);
    return view;
}

static void connection_is_opened_in_the_clients_name(void **state) {
    uint32_t stamp;
    struct tcp_options got = { 0 };
    struct frame_view view;
    struct flow_spec flow;

    (void)state;
    flood();
    got = ask(usual);
    assert_true(got.timestamps && got.sack_permitted && got.window_scaled);
    assert_int_equal(got.window_scale, 7);
    assert_int_equal(got.ts_echo, CLIENT_STAMP);
    view = acknowledge(true);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[2].state, STATE_SYN_ACK);
    got = tcp_options_read(view.tcp);
    assert_int_equal(got.mss, 1460);
    assert_int_equal(got.window_scale, 9);
    assert_true(got.sack_permitted && got.timestamps);
    assert_int_equal(got.ts_value, CLIENT_STAMP + 20);
    /* The RS answers: its handshake is completed, and the client gets its window. */
    flow = with(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0),
                (struct tcp_options){ .mss = 1460,
                                      .window_scaled = true,
                                      .window_scale = 5,
                                      .sack_permitted = true,
                                      .timestamps = true,
                                      .ts_value = RS_STAMP,
                                      .ts_echo = CLIENT_STAMP + 20 });
    assert_int_equal(tcp_receive(flow), 2);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(view.tcp->tcp_flags, TCP_ACK);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    got = tcp_options_read(view.tcp);
    assert_int_equal(got.ts_echo, RS_STAMP);
    view = frame_view(&tcp_ld.sent[1]);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_CLIENT));
    assert_int_equal(view.tcp->tcp_flags, TCP_ACK);
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    assert_int_equal(ntohs(view.tcp->rx_win), 0xfaf0 >> 7);
    got = tcp_options_read(view.tcp);
    assert_int_equal(got.mss, 0);
    assert_false(got.window_scaled || got.sack_permitted);
    stamp = got.ts_value;
    assert_true((int32_t)(stamp - cookie_stamp) >= 0); /* PAWS, RFC 7323 5 */
    /* Data either way. */
    view =
        pass(stamped(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 100), CLIENT_STAMP + 30, stamp));
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    assert_int_equal(tcp_options_read(view.tcp).ts_echo, RS_STAMP);
    assert_int_equal(tcp_options_read(view.tcp).ts_value, CLIENT_STAMP + 30);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[2].state, STATE_ESTABLISHED);
    view = pass(stamped(tcp_from_rs(local_port, TCP_ACK, RS_ISN + 1, ISN + 101, 400), RS_STAMP + 50,
                        CLIENT_STAMP + 30));
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 101);
    assert_int_equal(tcp_options_read(view.tcp).ts_value, stamp + 50);
    assert_int_equal(ntohs(view.tcp->rx_win), 0xfaf0 >> 2); /* scale 5 on a scale of 7 */
    assert_int_equal(view.payload_bytes, 400);
}

/* Its clock is another one, and the client's stack believes no timestamp that goes back (PAWS). */
static void cookie_of_another_ld_is_gone_on_with(void **state) {
    struct tcp_options got;
    struct frame_view view;

    (void)state;
    flood();
    ask(usual);
    cookie_stamp += 1u << 20;
    got = tcp_options_read(acknowledge(true).tcp);
    assert_int_equal(got.ts_echo, 0);
    assert_int_equal(
        tcp_receive(stamped(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0),
                            RS_STAMP, CLIENT_STAMP + 20)),
        2);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(tcp_options_read(view.tcp).ts_echo, RS_STAMP);
    view = frame_view(&tcp_ld.sent[1]);
    got = tcp_options_read(view.tcp);
    assert_true((int32_t)(got.ts_value - cookie_stamp) > 0);
    view = pass(stamped(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 100), CLIENT_STAMP + 30,
                        got.ts_value));
    assert_int_equal(tcp_options_read(view.tcp).ts_echo, RS_STAMP);
}

static void client_without_timestamps_gets_the_least(void **state) {
    struct tcp_options asked = usual, got;
    struct frame_view view;

    (void)state;
    flood();
    asked.timestamps = false;
    asked.mss = 1300;
    got = ask(asked);
    assert_false(got.timestamps || got.sack_permitted || got.window_scaled);
    view = acknowledge(false);
    got = tcp_options_read(view.tcp);
    assert_int_equal(got.mss, 1300);
    assert_false(got.timestamps || got.sack_permitted || got.window_scaled);
    assert_int_equal(tcp_receive(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0)),
                     2);
    view = frame_view(&tcp_ld.sent[1]);
    assert_int_equal(ntohs(view.tcp->rx_win), 0xfaf0);
}

static void what_the_client_has_beyond_a_gap_is_renumbered(void **state) {
    struct flow_spec flow = tcp_from_client(TCP_ACK, ISN + 1, 0, 0);
    struct frame_view view;
    rte_be32_t edges[2];
    uint8_t *blocks;

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    assert_int_equal(tcp_receive(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0)),
                     2);
    flow.ack = cookie + 1;
    flow.tcp_option_bytes = 12;
    edges[0] = htonl(cookie + 501);
    edges[1] = htonl(cookie + 1001);
    memcpy(flow.tcp_options, (uint8_t[]){ 1, 1, TCP_OPTION_SACK, 10 }, 4);
    memcpy(flow.tcp_options + 4, edges, 8);
    view = pass(flow);
    blocks = tcp_option_find((struct rte_tcp_hdr *)(uintptr_t)view.tcp, TCP_OPTION_SACK, 10);
    edges[0] = htonl(RS_ISN + 501);
    edges[1] = htonl(RS_ISN + 1001);
    assert_memory_equal(blocks + 2, edges, 8);
}

static void wrong_acknowledgements_open_nothing(void **state) {
    (void)state;
    flood();
    ask(usual);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 1, cookie + 2, 0)), 0);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 2, cookie + 1, 0)), 0);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_RST | TCP_ACK, ISN + 1, cookie + 1, 0)), 0);
    assert_int_equal(dropped(DROP_NOT_SYN), 3);
    harness_pass(&tcp_ld, 130 * 1000);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 0)),
                     0); /* too late */
    assert_int_equal(dropped(DROP_NOT_SYN), 4);
}

static void impatient_client_waits_and_the_syn_is_repeated(void **state) {
    struct frame_view view;

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 50)), 0);
    harness_pass(&tcp_ld, 1000);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 50)), 1);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(view.tcp->tcp_flags, TCP_SYN);
    assert_int_equal(ntohs(view.tcp->src_port), local_port);
    assert_int_equal(view.payload_bytes, 0);
}

static void rs_that_refuses_is_passed_on(void **state) {
    struct frame_view view;

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    view = pass(tcp_from_rs(local_port, TCP_RST | TCP_ACK, 0x700, ISN + 1, 0));
    assert_int_equal(view.ip->dst_addr, ip4(TCP_CLIENT));
    assert_int_equal(view.tcp->tcp_flags, TCP_RST | TCP_ACK);
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
}

/* It has the tuple in TIME-WAIT, or half open, from a time that this LD knows nothing of. */
static void rs_that_challenges_gets_a_syn_that_suits(void **state) {
    const uint32_t end = 0x40000000u;
    struct frame_view view;

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    assert_int_equal(tcp_receive(tcp_from_rs(local_port, TCP_ACK, 0x700, end, 0)), 2);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(view.tcp->tcp_flags, TCP_RST);
    assert_int_equal(ntohl(view.tcp->sent_seq), end);
    view = frame_view(&tcp_ld.sent[1]);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_RS));
    assert_int_equal(view.tcp->tcp_flags, TCP_SYN);
    assert_int_equal(ntohs(view.tcp->src_port), local_port);
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 1);
    assert_int_equal(tcp_receive(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, end + 2, 0)),
                     2);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 2);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    view = frame_view(&tcp_ld.sent[1]);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_CLIENT));
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 10));
    assert_int_equal(ntohl(view.tcp->sent_seq), end + 2);
}

static void client_of_a_silent_rs_is_told(void **state) {
    struct worker *worker = harness_worker(&tcp_ld);
    struct frame_view view;
    struct frame frame = { 0 };

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    worker->tx_count = 0;
    harness_pass(&tcp_ld, 3300);
    assert_int_equal(worker->sessions.active, 0);
    assert_int_equal(worker->tx_count, 1);
    frame.length = worker->tx[0]->data_len;
    memcpy(frame.bytes, rte_pktmbuf_mtod(worker->tx[0], void *), frame.length);
    view = frame_view(&frame);
    assert_int_equal(view.ip->dst_addr, ip4(TCP_CLIENT));
    assert_int_equal(view.tcp->tcp_flags, TCP_RST);
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
}

/* Of this state alone, which nothing but a cookie leads to. */
static void timeout_of_the_silent_rs_can_be_set(void **state) {
    struct worker *worker = harness_worker(&tcp_ld);
    uint32_t others;

    (void)state;
    sluice__ld__v1__timeouts__init(&tcp_message.timeouts);
    tcp_message.timeouts.syn_ack_ms = 900;
    tcp_message.config.timeouts = &tcp_message.timeouts;
    tcp_apply();
    flood();
    others = worker->sessions.active;
    ask(usual);
    acknowledge(true);
    harness_pass(&tcp_ld, 899);
    assert_int_equal(worker->sessions.active, others + 1);
    harness_pass(&tcp_ld, 2 * WHEEL_TICK_MS + 51);
    assert_int_equal(worker->sessions.active, others);
    rte_pktmbuf_free_bulk(worker->tx, worker->tx_count);
    worker->tx_count = 0;
}

static void no_session_for_an_acknowledged_cookie(void **state) {
    struct frame_view view;

    (void)state;
    flood();
    ask(usual);
    tcp_web->rs[0].weight = 0;
    harness_apply(&tcp_ld, &tcp_message);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 0));
    assert_int_equal(view.tcp->tcp_flags, TCP_RST);
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
    assert_int_equal(dropped(DROP_NO_RS_AVAILABLE), 1);
}

/* The header takes numbers in front of the client's, the cookie changes the RS's. */
static void proxy_header_goes_with_it(void **state) {
    struct frame_view view;

    (void)state;
    tcp_web->message.client_address = SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2;
    flood();
    ask(usual);
    view = pass(
        stamped(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 0), CLIENT_STAMP + 20, cookie_stamp));
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN - 28);
    local_port = ntohs(view.tcp->src_port);
    assert_int_equal(
        tcp_receive(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1 - 28, 0)), 3);
    view = frame_view(&tcp_ld.sent[0]);
    assert_int_equal(view.payload_bytes, 28);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1 - 28);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    view = frame_view(&tcp_ld.sent[1]);
    assert_int_equal(ntohl(view.tcp->sent_seq), ISN + 1);
    assert_int_equal(ntohl(view.tcp->recv_ack), RS_ISN + 1);
    view = frame_view(&tcp_ld.sent[2]);
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    assert_int_equal(ntohl(view.tcp->sent_seq), cookie + 1);
}

static void apply_v6(void) {
    tcp_serve_v6()->message.syn_cookie_threshold_per_s = 1;
    tcp_apply();
}

/* A client's segment without data, over IPv6. */
static const struct rte_tcp_hdr *pass_v6(uint16_t src_port, uint8_t flags, uint32_t ack,
                                         const struct tcp_options *options) {
    return tcp_pass_v6(&(struct tcp_segment){
        .flow = tcp_flow_v6(TCP_CLIENT_V6, src_port, TCP_VIP_V6, 80),
        .sequence = flags == TCP_SYN ? ISN : ISN + 1,
        .ack = ack,
        .flags = flags,
        .options = options,
    });
}

/* RFC 9293 3.7.1: who does not say takes 1220 bytes over IPv6, and 536 over IPv4. */
static void client_that_does_not_say_takes_the_familys_default(void **state) {
    const struct rte_tcp_hdr *tcp;
    struct frame_view view;

    (void)state;
    apply_v6();
    pass_v6(1, TCP_SYN, 0, NULL); /* the threshold is used up */
    tcp = pass_v6(2, TCP_SYN, 0, NULL);
    assert_int_equal(tcp->tcp_flags, TCP_SYN | TCP_ACK);
    tcp = pass_v6(2, TCP_ACK, ntohl(tcp->sent_seq) + 1, NULL);
    assert_int_equal(tcp->tcp_flags, TCP_SYN);
    assert_int_equal(tcp_options_read(tcp).mss, 1220);

    flood();
    ask((struct tcp_options){ 0 });
    view = acknowledge(false);
    assert_int_equal(tcp_options_read(view.tcp).mss, 536);
}

/* With the longest headers, a TOA among them, in a tunnel. */
static void what_a_client_of_ipv6_is_told_fits_the_tunnel(void **state) {
    const struct rte_tcp_hdr *tcp;

    (void)state;
    tcp_message.config.mtu_bytes = 1400;
    apply_v6();
    pass_v6(1, TCP_SYN, 0, NULL);
    tcp = pass_v6(2, TCP_SYN, 0, &usual);
    assert_int_equal(tcp_options_read(tcp).mss, 1400 - 50 - 40 - 20 - TOA_IPV6_BYTES);
}

/* Neither a SYN-ACK nor a refusal, so it says nothing of the RS's numbers. */
static void what_is_no_answer_to_the_syn_is_dropped(void **state) {
    static const uint8_t flags[] = { 0, TCP_PSH, TCP_FIN, TCP_SYN };

    (void)state;
    flood();
    ask(usual);
    acknowledge(true);
    for (size_t i = 0; i < sizeof(flags); i++)
        assert_int_equal(tcp_receive(tcp_from_rs(local_port, flags[i], 0x700, ISN + 1, 0)), 0);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[2].state, STATE_SYN_ACK);
    assert_int_equal(tcp_receive(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, RS_ISN, ISN + 1, 0)),
                     2);
    assert_int_equal(ntohl(frame_view(&tcp_ld.sent[1]).tcp->sent_seq), cookie + 1);
}

/* A port that it gave out could be one of a session that it has not heard of (replicate/gained.h).
 */
static void an_ld_that_is_not_online_takes_no_cookie(void **state) {
    uint32_t *online = &tcp_ld.dataplane.replication.online;
    struct flow_spec other = tcp_from_client(TCP_SYN, 1, 0, 0);

    (void)state;
    message_cluster(&tcp_message, 1);
    message_replicates(&tcp_message);
    message_ld(&tcp_message, 2, "10.0.0.12");
    message_assign(&tcp_message, 0, 1023, 1, 2);
    tcp_apply();
    harness_poll(&tcp_ld, 0); /* it follows the map */
    __atomic_store_n(online, 1, __ATOMIC_RELEASE);
    other.src = "192.0.2.1";
    pass(other);
    ask(usual);
    __atomic_store_n(online, 0, __ATOMIC_RELEASE);
    assert_int_equal(tcp_receive(tcp_from_client(TCP_ACK, ISN + 1, cookie + 1, 0)), 0);
    assert_int_equal(dropped(DROP_NOT_ONLINE), 1);
    __atomic_store_n(online, 1, __ATOMIC_RELEASE);
    acknowledge(true);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tcp_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(below_the_threshold_nothing_is_different),
        CASE(flooded_syns_cost_no_session),
        CASE(connection_is_opened_in_the_clients_name),
        CASE(cookie_of_another_ld_is_gone_on_with),
        CASE(client_without_timestamps_gets_the_least),
        CASE(what_the_client_has_beyond_a_gap_is_renumbered),
        CASE(wrong_acknowledgements_open_nothing),
        CASE(impatient_client_waits_and_the_syn_is_repeated),
        CASE(rs_that_refuses_is_passed_on),
        CASE(rs_that_challenges_gets_a_syn_that_suits),
        CASE(client_of_a_silent_rs_is_told),
        CASE(timeout_of_the_silent_rs_can_be_set),
        CASE(no_session_for_an_acknowledged_cookie),
        CASE(proxy_header_goes_with_it),
        CASE(client_that_does_not_say_takes_the_familys_default),
        CASE(what_a_client_of_ipv6_is_told_fits_the_tunnel),
        CASE(what_is_no_answer_to_the_syn_is_dropped),
        CASE(an_ld_that_is_not_online_takes_no_cookie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
