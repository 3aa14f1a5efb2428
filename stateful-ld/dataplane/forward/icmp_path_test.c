/* ICMP through the whole receive path: pings of VIPs, errors translated and errors made. */
#include "forward/icmp_path.h"

#include <arpa/inet.h>

#include "packet/icmp.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT   "192.0.2.77"
#define ROUTER   "192.0.2.1"
#define VIP      "203.0.113.10"
#define LOCAL_IP "198.18.1.1"
#define RS       "10.0.0.31"
#define VPC_VIP  "192.168.1.10"
#define VPC_RS   "192.168.1.20"
#define VPC_HOST "10.0.0.41"

enum {
    BUCKET = 0x155,
    VPC = 7001,
    MTU = 1600,
    TUNNEL_MTU = MTU - 50,
    DF = 0x4000,
};

static struct harness harness;
static struct message message;

static int start(uint32_t workers) {
    struct message_service *service;

    harness_start(&harness, workers, 256);
    message_begin(&message);
    service = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, service, "rs", RS, 8080, 1);
    service = message_service(&message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(&message, service, "rs", RS, 5353, 1);
    service = message_service(&message, "inner", VPC, VPC_VIP, FRAME_TCP, 80);
    message_rs(&message, service, "vm", VPC_RS, 8080, 1);
    message_vpc(&message, service, VPC, VPC_HOST);
    service = message_service(&message, "to-vpc", 0, VIP, FRAME_UDP, 54);
    message_rs(&message, service, "vm", VPC_RS, 54, 1);
    message_vpc(&message, service, VPC, VPC_HOST);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    return start(1);
}

static int set_up_two(void **state) {
    (void)state;
    return start(2);
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static const struct tunnel_spec tunnel = { .bucket = BUCKET };
static const struct tunnel_spec in_vpc = { .bucket = BUCKET, .vni = VPC };

static struct flow_spec client_flow(uint8_t protocol) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 40000,
                               .dst_port = protocol == FRAME_TCP ? 80 : 53,
                               .protocol = protocol,
                               .tcp_flags = TCP_SYN,
                               .payload = protocol == FRAME_TCP ? 0 : 31 };
}

static struct flow_spec vpc_flow(void) {
    struct flow_spec flow = client_flow(FRAME_TCP);

    flow.dst = VPC_VIP;
    return flow;
}

static struct frame_view receive(const struct frame *frame) {
    uint64_t drops = harness_drops(&harness);

    assert_int_equal(harness_receive(&harness, frame), 1);
    assert_int_equal(harness_drops(&harness), drops);
    return frame_view(&harness.sent[0]);
}

static struct frame_view receive_in(struct frame frame, const struct tunnel_spec *spec) {
    struct frame wrapped = frame_wrap(&frame, spec);

    return receive(&wrapped);
}

/* The RS's answer to what it has got, as it reaches the client. */
static struct frame_view answer(const struct frame_view *got, const struct tunnel_spec *spec) {
    char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
    bool is_tcp = got->ip->next_proto_id == FRAME_TCP;
    struct flow_spec flow = {
        .src = inet_ntop(AF_INET, &got->ip->dst_addr, src, sizeof(src)),
        .dst = inet_ntop(AF_INET, &got->ip->src_addr, dst, sizeof(dst)),
        .src_port = ntohs(is_tcp ? got->tcp->dst_port : got->udp->dst_port),
        .dst_port = ntohs(is_tcp ? got->tcp->src_port : got->udp->src_port),
        .protocol = got->ip->next_proto_id,
        .tcp_flags = TCP_SYN | TCP_ACK,
        .payload = 45,
    };

    return receive_in(frame_plain(&flow), spec);
}

static void assert_address(rte_be32_t address, const char *wanted) {
    char text[INET_ADDRSTRLEN];

    assert_string_equal(inet_ntop(AF_INET, &address, text, sizeof(text)), wanted);
}

static void assert_ends(const struct rte_ipv4_hdr *ip, const char *src, const char *dst) {
    assert_address(ip->src_addr, src);
    assert_address(ip->dst_addr, dst);
}

static void assert_embedded(const struct frame_view *view, const char *src, uint16_t src_port,
                            const char *dst, uint16_t dst_port) {
    assert_non_null(view->embedded);
    assert_ends(view->embedded, src, dst);
    assert_int_equal(ntohs(view->embedded_udp->src_port), src_port);
    assert_int_equal(ntohs(view->embedded_udp->dst_port), dst_port);
}

static void assert_mac(const struct rte_ether_addr *mac, const char *address) {
    struct rte_ether_addr wanted = harness_mac_of(address);

    assert_memory_equal(mac, &wanted, sizeof(wanted));
}

static void ping_of_a_vip_is_answered_plainly(void **state) {
    struct frame_view view = receive_in(frame_echo(CLIENT, VIP), &tunnel);

    (void)state;
    assert_null(view.outer);
    assert_mac(&view.ether->dst_addr, "10.0.0.1");
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(view.ip->time_to_live, 64);
    assert_int_equal(view.icmp->icmp_type, 0);
    assert_int_equal(view.icmp->icmp_ident, htons(7));
    assert_int_equal(view.icmp->icmp_seq_nb, htons(9));
    assert_int_equal(harness_worker(&harness)->stats.echo_answered, 1);
}

static void ping_in_a_vpc_is_answered_through_the_tunnel(void **state) {
    struct frame_view view = receive_in(frame_echo(CLIENT, VPC_VIP), &in_vpc);
    struct frame frame = frame_echo(CLIENT, VPC_VIP);

    (void)state;
    assert_ends(view.outer, frame_vtep, "10.0.0.2");
    assert_int_equal(ntohl(view.vxlan->vx_vni) >> 8, VPC);
    assert_int_equal(ntohs(view.outer_udp->src_port), 0xC000 | BUCKET << 4);
    assert_ends(view.ip, VPC_VIP, CLIENT);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE); /* in no VPC there is no such VIP */
}

/* In any order, and the last one alone. */
static void ping_in_fragments_is_answered(void **state) {
    struct frame echo = frame_echo(CLIENT, VIP), replies[3], whole;
    struct frame_view view;

    (void)state;
    for (uint32_t i = 3; i-- > 0;) {
        struct frame fragment = frame_fragment(&echo, 24 * i, 24);
        struct frame wrapped = frame_wrap(&fragment, &tunnel);

        assert_int_equal(harness_receive(&harness, &wrapped), 1);
        replies[i] = harness.sent[0];
    }
    whole = frame_reassemble(replies, 3);
    view = frame_view(&whole);
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(view.icmp->icmp_type, 0);
    assert_int_equal(view.icmp->icmp_ident, htons(7));
    assert_int_equal(ntohs(view.ip->total_length), 20 + 8 + 56);
    assert_int_equal(harness_worker(&harness)->stats.echo_answered, 3);
}

static void fragments_of_other_messages_are_dropped(void **state) {
    struct frame echo = frame_echo(CLIENT, VIP), fragment;

    (void)state;
    echo.bytes[14 + 20] = 13; /* a timestamp request */
    fragment = frame_fragment(&echo, 0, 24);
    harness_expect_drop(&harness, &fragment, DROP_FRAGMENT);
    fragment = frame_fragment(&echo, 24, 24); /* of what, it does not say */
    assert_int_equal(harness_receive(&harness, &fragment), 1);
    echo = frame_echo(CLIENT, LOCAL_IP);
    fragment = frame_fragment(&echo, 0, 24);
    harness_expect_drop(&harness, &fragment, DROP_NO_SERVICE);
    echo = frame_echo("224.0.0.1", VIP);
    fragment = frame_fragment(&echo, 24, 24);
    harness_expect_drop(&harness, &fragment, DROP_BAD_IP_SOURCE);
}

static void ping_with_ttl_1_has_arrived(void **state) {
    struct frame frame = frame_echo(CLIENT, VIP);

    (void)state;
    frame.bytes[14 + 8] = 1;
    frame_fix_ip_checksum(&frame, 14);
    assert_int_equal(receive(&frame).icmp->icmp_type, 0);
}

static void pings_of_others_are_dropped(void **state) {
    struct frame frame = frame_echo(CLIENT, LOCAL_IP);

    (void)state;
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
    frame = frame_echo("224.0.0.1", VIP);
    harness_expect_drop(&harness, &frame, DROP_BAD_IP_SOURCE);
    frame = frame_echo(CLIENT, VIP);
    frame.bytes[14 + 20 + 8]++; /* data, so that the checksum is wrong */
    harness_expect_drop(&harness, &frame, DROP_BAD_ICMP);
    frame = frame_echo(CLIENT, VIP);
    frame.bytes[14 + 20] = 0; /* an echo reply */
    frame.bytes[14 + 20 + 2] += 8;
    harness_expect_drop(&harness, &frame, DROP_ICMP);
}

static void pings_are_limited(void **state) {
    struct frame frame = frame_echo(CLIENT, VIP);

    (void)state;
    for (int i = 0; i < 1000; i++)
        receive(&frame);
    harness_expect_drop(&harness, &frame, DROP_ECHO_LIMITED);
    harness_pass(&harness, 1);
    for (int i = 0; i < 10; i++)
        receive(&frame);
    harness_expect_drop(&harness, &frame, DROP_ECHO_LIMITED);
}

/* Every quoted length there is, from the least RFC 792 allows. */
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
        CASE(ping_of_a_vip_is_answered_plainly),
        CASE(ping_in_a_vpc_is_answered_through_the_tunnel),
        CASE(ping_in_fragments_is_answered),
        CASE(fragments_of_other_messages_are_dropped),
        CASE(ping_with_ttl_1_has_arrived),
        CASE(pings_of_others_are_dropped),
        CASE(pings_are_limited),
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
