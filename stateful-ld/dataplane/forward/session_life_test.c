/* Which packets open a session, which do not and why, and how sessions end. */
#include "forward/fullnat_test.h"

static void new_session_needs_a_fresh_syn(void **state) {
    static const uint8_t flags[] = { TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK, 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(flags); i++) {
        struct flow_spec flow = tcp(flags[i]);
        struct frame frame = frame_tunnelled(&flow, &tunnel);

        harness_expect_drop(&harness, &frame, DROP_NOT_SYN);
    }
}

static void each_miss_has_its_name(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    flow.dst_port = 9999;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
    flow = tcp(TCP_SYN);
    flow.dst = LOCAL_IP;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SESSION);
    flow = tcp(TCP_SYN);
    flow.dst_port = 81;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_RS_AVAILABLE);
    flow = tcp(TCP_SYN);
    flow.src = "127.0.0.1";
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_BAD_IP_SOURCE);
}

static void service_in_another_vni_is_another_service(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct tunnel_spec elsewhere = { .bucket = BUCKET, .vni = VPC + 1 };
    struct frame frame;

    (void)state;
    flow.dst = VPC_VIP;
    flow.dst_port = 443;
    frame = frame_tunnelled(&flow, &elsewhere);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
}

static void only_owned_buckets_open_sessions(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);
    struct frame_view view = receive(&frame);

    (void)state;
    message.config.n_owned_buckets = 0;
    message_buckets(&message, 0, BUCKET - 1);
    message_buckets(&message, BUCKET + 1, 1023);
    harness_apply(&harness, &message);
    view = receive_flow(answer_to(&view, TCP_SYN | TCP_ACK)); /* the session it has goes on */
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
    flow.src_port++;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_BUCKET_NOT_OWNED);
}

static void rst_closes_and_a_new_syn_opens_another_session(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));
    uint16_t first_port = view.tcp->src_port;
    struct flow_spec rst = answer_to(&view, TCP_RST | TCP_ACK);

    (void)state;
    receive_flow(rst);
    assert_int_equal(only_session()->state, STATE_CLOSE);
    view = receive_flow(tcp(TCP_SYN));
    assert_int_equal(only_session()->state, STATE_SYN_SENT);
    assert_int_not_equal(view.tcp->src_port, first_port);
}

static void local_ports_run_out_and_come_back(void **state) {
    bool seen[64] = { false };
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    for (uint16_t i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        struct frame_view view;
        uint16_t k;

        flow.src_port = (uint16_t)(20000 + i);
        view = receive_flow(flow);
        k = ntohs(view.tcp->src_port) / 1024;
        assert_int_equal(ntohs(view.tcp->src_port) & 1023, BUCKET);
        assert_in_range(k, 1, 63);
        assert_false(seen[k]);
        seen[k] = true;
    }
    flow.src_port = 30000;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_LOCAL_PORT);
    harness_pass(&harness, 3000 + 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    receive(&frame);
}

static void full_session_table_is_counted(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    for (uint16_t i = 0; i < 256; i++) {
        struct tunnel_spec spread = { .bucket = i };

        flow.src_port = (uint16_t)(20000 + i);
        frame = frame_tunnelled(&flow, &spread);
        receive(&frame);
    }
    flow.src_port++;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_SESSION_TABLE_FULL);
}

static void one_burst_may_open_use_and_replace_a_session(void **state) {
    struct flow_spec flows[4] = { tcp(TCP_SYN), tcp(TCP_SYN), tcp(TCP_RST), tcp(TCP_SYN) };
    struct frame frames[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        frames[i] = frame_tunnelled(&flows[i], &tunnel);
    assert_int_equal(harness_receive_burst(&harness, 0, frames, 4), 4);
    for (int i = 0; i < 4; i++)
        (void)frame_view(&harness.sent[i]);
    assert_int_equal(harness_drops(&harness), 0);
    assert_int_equal(only_session()->packets[FROM_CLIENT], 1);
    assert_int_equal(harness_worker(&harness)->stats.sessions_opened, 2);
}

static void removed_rs_and_service_keep_their_sessions(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));
    struct flow_spec answer = answer_to(&view, TCP_SYN | TCP_ACK);
    struct flow_spec another = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    message_begin(&message);
    message_service(&message, "other", 0, VIP, FRAME_TCP, 8000);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    receive_flow(answer);
    view = receive_flow(tcp(TCP_ACK));
    assert_string_equal(text(view.ip->dst_addr), RS1);
    another.src_port++;
    frame = frame_tunnelled(&another, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
}

static void nothing_is_forwarded_before_a_configuration(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    (void)state;
    harness_stop(&harness);
    harness_start(&harness, 1, 16);
    harness_expect_drop(&harness, &frame, DROP_NOT_CONFIGURED);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(new_session_needs_a_fresh_syn),
        CASE(each_miss_has_its_name),
        CASE(service_in_another_vni_is_another_service),
        CASE(only_owned_buckets_open_sessions),
        CASE(rst_closes_and_a_new_syn_opens_another_session),
        CASE(local_ports_run_out_and_come_back),
        CASE(full_session_table_is_counted),
        CASE(one_burst_may_open_use_and_replace_a_session),
        CASE(removed_rs_and_service_keep_their_sessions),
        CASE(nothing_is_forwarded_before_a_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
