/* ICMP errors through the whole receive path: those that are translated, and those made here. */
#include "forward/icmp_path.h"

#include "forward/icmp_path_test.h"

static void error_of_the_rs_side_reaches_the_client(void **state) {
    static const uint8_t protocols[] = { FRAME_TCP, FRAME_UDP };

    (void)state;
    for (size_t i = 0; i < sizeof(protocols); i++) {
        struct flow_spec flow = client_flow(protocols[i]);
        struct frame_view to_rs = receive_in(frame_plain(&flow), &tunnel);
        struct frame sent = harness.sent[0];
        uint16_t l4_bytes = (uint16_t)(ntohs(to_rs.ip->total_length) - 20);

        for (uint16_t quoted = 8; quoted <= l4_bytes; quoted++) {
            struct error_spec error = {
                .src = i == 0 ? "10.0.0.1" : RS, .type = 3, .code = 3, .quoted = quoted
            };
            struct frame_view view = frame_view(&sent);

            view = receive_in(frame_icmp_error(&view, &error), &tunnel);
            assert_null(view.outer);
            assert_mac(&view.ether->dst_addr, "10.0.0.1");
            assert_ends(view.ip, VIP, CLIENT);
            assert_int_equal(view.ip->time_to_live, 60);
            assert_int_equal(view.icmp->icmp_type, 3);
            assert_int_equal(view.icmp->icmp_code, 3);
            assert_embedded(&view, CLIENT, 40000, VIP, flow.dst_port);
        }
    }
    assert_true(harness_worker(&harness)->stats.icmp_errors_translated > 40);
}

static void error_of_the_client_side_reaches_the_rs(void **state) {
    const struct error_spec error = { .src = ROUTER, .type = 3, .code = 4, .mtu = 1280 };
    struct flow_spec flow = client_flow(FRAME_TCP);
    struct frame_view view = receive_in(frame_plain(&flow), &tunnel);
    uint16_t local_port = ntohs(view.tcp->src_port);

    (void)state;
    view = answer(&view, &tunnel);
    view = receive_in(frame_icmp_error(&view, &error), &tunnel);
    assert_null(view.outer);
    assert_mac(&view.ether->dst_addr, RS);
    assert_ends(view.ip, LOCAL_IP, RS);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), 1280);
    assert_embedded(&view, RS, 8080, LOCAL_IP, local_port);
}

static void errors_find_their_way_in_a_vpc(void **state) {
    const struct error_spec error = { .src = "192.168.1.1", .type = 11 };
    struct flow_spec flow = vpc_flow();
    struct frame_view view = receive_in(frame_plain(&flow), &in_vpc);
    struct frame wrong = frame_icmp_error(&view, &error);
    struct frame to_rs = harness.sent[0];

    (void)state;
    view = receive_in(frame_icmp_error(&view, &error), &in_vpc);
    assert_address(view.outer->dst_addr, "10.0.0.2");
    assert_ends(view.ip, VPC_VIP, CLIENT);
    assert_embedded(&view, CLIENT, 40000, VPC_VIP, 80);
    view = frame_view(&to_rs);
    view = answer(&view, &in_vpc);
    view = receive_in(frame_icmp_error(&view, &error), &in_vpc);
    assert_address(view.outer->dst_addr, VPC_HOST);
    assert_ends(view.ip, LOCAL_IP, VPC_RS);
    wrong = frame_wrap(&wrong, &tunnel);
    harness_expect_drop(&harness, &wrong, DROP_NO_SESSION);
}

/* Without a tunnel's bucket: computed from the embedded tuple, ends exchanged, or the local port.
 */
static void plain_errors_find_their_session(void **state) {
    const struct error_spec error = { .src = ROUTER, .type = 3, .code = 1 };
    struct flow_spec flow = client_flow(FRAME_UDP);
    struct frame frame = frame_plain(&flow);
    struct frame_view view;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct worker *owner = NULL;
        struct rte_mbuf *mbuf;

        harness_receive(&harness, &frame);
        for (uint32_t id = 0; id < 2 && owner == NULL; id++)
            if (rte_ring_dequeue(harness.dataplane.workers[id]->handoff, (void **)&mbuf) == 0)
                owner = harness.dataplane.workers[id];
        if (owner != NULL) {
            harness_run_mbuf(&harness, owner->id, mbuf);
            assert_int_equal(harness.sent_count, 1);
        }
        view = frame_view(&harness.sent[0]);
        if (i == 1) {
            assert_ends(view.ip, VIP, CLIENT);
            assert_embedded(&view, CLIENT, 40000, VIP, 53);
        }
        frame = frame_icmp_error(&view, &error);
    }
}

static void errors_leave_the_session_alone(void **state) {
    const struct error_spec error = { .src = RS, .type = 3, .code = 3 };
    struct flow_spec flow = client_flow(FRAME_UDP);
    struct frame_view view = receive_in(frame_plain(&flow), &tunnel);
    struct frame frame = frame_icmp_error(&view, &error);

    (void)state;
    harness_pass(&harness, 200000);
    receive_in(frame, &tunnel);
    harness_pass(&harness, 100000 + 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    frame = frame_wrap(&frame, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SESSION);
    message.config.n_owned_buckets = 0;
    message_buckets(&message, 0, BUCKET - 1);
    harness_apply(&harness, &message);
    harness_expect_drop(&harness, &frame, DROP_BUCKET_NOT_OWNED);
}

static void expect_bad_error(const struct frame_view *about, uint32_t at, uint8_t value,
                             enum drop_reason reason) {
    const struct error_spec error = { .src = RS, .type = 3, .code = 3 };
    struct frame frame = frame_icmp_error(about, &error);

    frame.bytes[42 + at] = value;
    frame_fix_ip_checksum(&frame, 42);
    frame_fix_icmp_checksum(&frame, 34);
    frame = frame_wrap(&frame, &tunnel);
    harness_expect_drop(&harness, &frame, reason);
}

static void errors_that_cannot_be_trusted_are_dropped(void **state) {
    const struct error_spec good = { .src = RS, .type = 3, .code = 3 };
    const struct error_spec redirect = { .src = RS, .type = 5 };
    const struct error_spec quench = { .src = RS, .type = 4 };
    struct flow_spec flow = client_flow(FRAME_UDP);
    struct frame_view view = receive_in(frame_plain(&flow), &tunnel);
    struct frame sent = harness.sent[0], frame;

    (void)state;
    view = frame_view(&sent);
    frame = frame_icmp_error(&view, &redirect);
    harness_expect_drop(&harness, &frame, DROP_ICMP);
    frame = frame_icmp_error(&view, &quench);
    harness_expect_drop(&harness, &frame, DROP_ICMP);
    frame = frame_icmp_error(&view, &good);
    frame.bytes[14 + 20 + 8 + 20 + 9]++; /* embedded data */
    harness_expect_drop(&harness, &frame, DROP_BAD_ICMP);
    frame = frame_icmp_error(&view, &good);
    frame.bytes[42 + 10]++; /* embedded header checksum, then the outer one made right */
    frame_fix_icmp_checksum(&frame, 34);
    harness_expect_drop(&harness, &frame, DROP_BAD_ICMP);
    for (uint16_t quoted = 1; quoted < 8; quoted++) {
        const struct error_spec shorter = { .src = RS, .type = 3, .code = 3, .quoted = quoted };

        frame = frame_icmp_error(&view, &shorter);
        harness_expect_drop(&harness, &frame, DROP_BAD_ICMP);
    }
    expect_bad_error(&view, 0, 0x65, DROP_BAD_ICMP);
    expect_bad_error(&view, 7, 1, DROP_ICMP_EMBEDDED);  /* fragment offset */
    expect_bad_error(&view, 9, 47, DROP_ICMP_EMBEDDED); /* protocol */
    expect_bad_error(&view, 15, 9, DROP_ICMP_EMBEDDED); /* source */
    frame = frame_icmp_error(&view, &good);
    frame.bytes[14 + 8] = 1; /* no error about an error */
    frame_fix_ip_checksum(&frame, 14);
    harness_expect_drop(&harness, &frame, DROP_TTL_EXPIRED);
}

/* What the LD reports quotes the packet as it came, so a full error answers a full packet. */
static void packet_too_big_for_the_tunnel_is_reported(void **state) {
    struct flow_spec flow = client_flow(FRAME_UDP);
    struct frame_view view;

    (void)state;
    flow.dst_port = 54;
    flow.fragment = DF;
    flow.payload = TUNNEL_MTU - 28;
    view = receive_in(frame_plain(&flow), &tunnel);
    assert_ends(view.ip, LOCAL_IP, VPC_RS);
    flow.payload++;
    view = receive_in(frame_plain(&flow), &tunnel);
    assert_null(view.outer);
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(ntohs(view.ip->total_length), 576);
    assert_int_equal(view.ip->type_of_service, 0xc0);
    assert_int_equal(view.icmp->icmp_type, 3);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), TUNNEL_MTU);
    assert_embedded(&view, CLIENT, 40000, VIP, 54);
    assert_int_equal(view.embedded->time_to_live, 64);
    assert_int_equal(ntohs(view.embedded->total_length), TUNNEL_MTU + 1);
    assert_int_equal(harness_worker(&harness)->stats.icmp_frag_needed_sent, 1);
}

static void answer_too_big_for_the_tunnel_is_reported_to_the_rs(void **state) {
    struct flow_spec flow = vpc_flow();
    struct frame_view view = receive_in(frame_plain(&flow), &in_vpc);
    struct flow_spec big = {
        .src = VPC_RS,
        .dst = LOCAL_IP,
        .src_port = 8080,
        .dst_port = ntohs(view.tcp->src_port),
        .protocol = FRAME_TCP,
        .tcp_flags = TCP_ACK,
        .fragment = DF,
        .payload = TUNNEL_MTU - 40 + 1,
    };

    (void)state;
    view = receive_in(frame_plain(&big), &in_vpc);
    assert_address(view.outer->dst_addr, VPC_HOST);
    assert_ends(view.ip, LOCAL_IP, VPC_RS);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), TUNNEL_MTU);
    assert_embedded(&view, VPC_RS, 8080, LOCAL_IP, big.dst_port);
}

static void without_df_or_beyond_the_rate_it_is_dropped(void **state) {
    struct flow_spec flow = client_flow(FRAME_UDP);
    struct frame frame;

    (void)state;
    flow.payload = MTU - 28 + 1;
    frame = frame_plain(&flow);
    harness_expect_drop(&harness, &frame, DROP_MTU_EXCEEDED);
    flow.fragment = DF;
    frame = frame_plain(&flow);
    for (int i = 0; i < 100; i++)
        receive(&frame);
    harness_expect_drop(&harness, &frame, DROP_MTU_EXCEEDED);
    harness_pass(&harness, 1);
    receive(&frame);
}

static void traceroute_sees_the_vip(void **state) {
    struct flow_spec flow = client_flow(FRAME_TCP);
    struct frame_view view;

    (void)state;
    flow.ttl = 1;
    view = receive_in(frame_plain(&flow), &tunnel);
    assert_null(view.outer);
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(view.icmp->icmp_type, 11);
    assert_int_equal(view.icmp->icmp_code, 0);
    assert_embedded(&view, CLIENT, 40000, VIP, 80);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    flow.protocol = FRAME_UDP; /* classic traceroute: to a port nobody serves */
    flow.dst_port = 33434;
    view = receive_in(frame_plain(&flow), &tunnel);
    assert_embedded(&view, CLIENT, 40000, VIP, 33434);
    flow = vpc_flow();
    flow.ttl = 1;
    view = receive_in(frame_plain(&flow), &in_vpc);
    assert_address(view.outer->dst_addr, "10.0.0.2");
    assert_ends(view.ip, VPC_VIP, CLIENT);
    assert_int_equal(harness_worker(&harness)->stats.icmp_time_exceeded_sent, 3);
}

static void traceroute_of_an_rs_sees_the_local_ip(void **state) {
    struct flow_spec flow = vpc_flow();
    struct frame_view view = receive_in(frame_plain(&flow), &in_vpc);
    struct flow_spec expiring = {
        .src = VPC_RS,
        .dst = LOCAL_IP,
        .src_port = 8080,
        .dst_port = ntohs(view.tcp->src_port),
        .protocol = FRAME_TCP,
        .tcp_flags = TCP_ACK,
        .ttl = 1,
    };
    struct frame frame;

    (void)state;
    view = receive_in(frame_plain(&expiring), &in_vpc);
    assert_address(view.outer->dst_addr, VPC_HOST);
    assert_ends(view.ip, LOCAL_IP, VPC_RS);
    expiring.src_port++; /* of no session: there is no way to its sender */
    frame = frame_plain(&expiring);
    frame = frame_wrap(&frame, &in_vpc);
    harness_expect_drop(&harness, &frame, DROP_TTL_EXPIRED);
}

int main(void) {
#define CASE(name)     cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_TWO(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(error_of_the_rs_side_reaches_the_client),
        CASE(error_of_the_client_side_reaches_the_rs),
        CASE(errors_find_their_way_in_a_vpc),
        CASE_TWO(plain_errors_find_their_session),
        CASE(errors_leave_the_session_alone),
        CASE(errors_that_cannot_be_trusted_are_dropped),
        CASE(packet_too_big_for_the_tunnel_is_reported),
        CASE(answer_too_big_for_the_tunnel_is_reported_to_the_rs),
        CASE(without_df_or_beyond_the_rate_it_is_dropped),
        CASE(traceroute_sees_the_vip),
        CASE(traceroute_of_an_rs_sees_the_local_ip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
