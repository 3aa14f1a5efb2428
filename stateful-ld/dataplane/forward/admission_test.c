/* Access lists, limits and refusals, frame in to frame out. */
#include "forward/admission.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "forward/session_life.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT "192.0.2.77"
#define VIP    "203.0.113.10"
#define RS     "10.0.0.31"

static struct harness harness;
static struct message message;
static struct message_service *web, *dns;
static uint16_t next_port;

static void apply(void) {
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int set_up(void **state) {
    (void)state;
    harness_start(&harness, 1, 256);
    message_begin(&message);
    web = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, web, "rs1", RS, 8080, 1);
    dns = message_service(&message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(&message, dns, "rs1", RS, 53, 1);
    next_port = 2000;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static struct flow_spec from(const char *client, uint16_t port, uint8_t flags) {
    return (struct flow_spec){ .src = client,
                               .dst = VIP,
                               .src_port = port,
                               .dst_port = 80,
                               .protocol = FRAME_TCP,
                               .tcp_flags = flags };
}

static struct frame syn_from(const char *client) {
    struct flow_spec flow = from(client, next_port++, TCP_SYN);

    return frame_plain(&flow);
}

static struct frame query(uint16_t port) {
    const struct flow_spec flow = { .src = CLIENT,
                                    .dst = VIP,
                                    .src_port = port,
                                    .dst_port = 53,
                                    .protocol = FRAME_UDP,
                                    .payload = 40 };

    return frame_plain(&flow);
}

static bool let_in(const char *client) {
    struct frame frame = syn_from(client);

    return harness_receive(&harness, &frame) == 1;
}

static uint64_t dropped(enum drop_reason reason) {
    return harness_worker(&harness)->stats.drops[reason];
}

static void blocked_clients_stay_out(void **state) {
    struct frame frame;

    (void)state;
    message_prefix(&message, web, false, "192.0.2.0", 24);
    message_prefix(&message, web, true, "192.0.2.77", 32);
    web->message.reset = true;
    apply();
    frame = syn_from("192.0.2.78");
    harness_expect_drop(&harness, &frame, DROP_ACCESS_LIST); /* without a word */
    assert_true(let_in(CLIENT));
    frame = syn_from("198.51.100.1"); /* an allowed prefix shuts the others out */
    harness_expect_drop(&harness, &frame, DROP_ACCESS_LIST);
    web->message.n_allow = 0;
    apply();
    assert_true(let_in("198.51.100.1"));
    frame = syn_from(CLIENT);
    harness_expect_drop(&harness, &frame, DROP_ACCESS_LIST);
    frame = query(5000); /* the other service has no list */
    assert_int_equal(harness_receive(&harness, &frame), 1);
}

static void sessions_at_once(void **state) {
    struct frame frame;

    (void)state;
    message_limit(&message)->sessions = 3;
    web->message.limit = dns->message.limit = (char *)(uintptr_t) "gold";
    apply();
    assert_true(let_in(CLIENT));
    assert_true(let_in(CLIENT));
    frame = query(5000); /* shares the limit */
    assert_int_equal(harness_receive(&harness, &frame), 1);
    frame = syn_from(CLIENT);
    harness_expect_drop(&harness, &frame, DROP_SESSION_LIMIT);
    assert_int_equal(harness_worker(&harness)->sessions.active, 3);
    session_end(harness_worker(&harness), 1);
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
    /* They end by themselves as well. */
    harness_pass(&harness, 3200);
    assert_true(let_in(CLIENT));
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
}

/* A limit that comes, changes or goes counts the sessions there are. */
static void limits_come_and_go_under_sessions(void **state) {
    (void)state;
    apply();
    for (int i = 0; i < 5; i++)
        assert_true(let_in(CLIENT));
    message_limit(&message)->sessions = 6;
    web->message.limit = (char *)(uintptr_t) "gold";
    apply();
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
    message.limit.sessions = 7;
    apply();
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
    message.config.n_limits = 0;
    web->message.limit = (char *)(uintptr_t) "";
    apply();
    assert_true(let_in(CLIENT));
    message.config.n_limits = 1;
    web->message.limit = (char *)(uintptr_t) "gold";
    message.limit.sessions = 8;
    apply();
    assert_false(let_in(CLIENT));
    session_end(harness_worker(&harness), 1);
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
}

/* A session that could not be opened for another reason takes nothing. */
static void refused_sessions_count_not(void **state) {
    (void)state;
    message_limit(&message)->sessions = 1;
    web->message.limit = (char *)(uintptr_t) "gold";
    web->rs[0].weight = 0;
    apply();
    for (int i = 0; i < 5; i++)
        assert_false(let_in(CLIENT));
    assert_int_equal(dropped(DROP_NO_RS_AVAILABLE), 5);
    web->rs[0].weight = 1;
    apply();
    assert_true(let_in(CLIENT));
    assert_false(let_in(CLIENT));
}

static void new_sessions_a_second(void **state) {
    uint32_t in = 0;

    (void)state;
    message_limit(&message)->new_sessions_per_s = 4;
    web->message.limit = (char *)(uintptr_t) "gold";
    apply();
    for (int i = 0; i < 10; i++)
        in += let_in(CLIENT);
    assert_int_equal(in, 4);
    assert_int_equal(dropped(DROP_NEW_SESSION_LIMIT), 6);
    harness_pass(&harness, 500);
    for (int i = 0; i < 10; i++)
        in += let_in(CLIENT);
    assert_int_equal(in, 6);
}

static void one_client_too_often(void **state) {
    uint32_t in = 0;

    (void)state;
    web->message.new_sessions_per_source_per_s = 3;
    web->message.reset = true;
    apply();
    for (int i = 0; i < 10; i++)
        in += let_in(CLIENT);
    assert_int_equal(in, 3);
    assert_int_equal(dropped(DROP_SOURCE_LIMIT), 7);
    assert_int_equal(harness_worker(&harness)->stats.resets_sent, 0);
    assert_true(let_in("192.0.2.78"));
}

static void bandwidth_both_ways_apart(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_ACK);
    struct frame frame = syn_from(CLIENT);
    uint32_t in = 0;

    (void)state;
    apply();
    next_port = 40000;
    assert_true(let_in(CLIENT));
    message_limit(&message)->bandwidth_in_bps = 8 * 1000 * 100; /* 50 ms of it: 5000 bytes */
    web->message.limit = (char *)(uintptr_t) "gold";
    apply();            /* the session is older than its limit */
    flow.payload = 960; /* packets of 1000 bytes */
    frame = frame_plain(&flow);
    for (int i = 0; i < 100; i++)
        in += harness_receive(&harness, &frame);
    assert_in_range(in, 5, 70); /* four full packets' time is 64 ms: 6400 bytes */
    assert_int_equal(dropped(DROP_BANDWIDTH_LIMIT), 100 - in);
    assert_true(in <= 7);
    for (int i = 0; i < 1000; i++) {
        harness_pass(&harness, 1);
        in += harness_receive(&harness, &frame);
    }
    assert_in_range(in, 104, 108); /* 100 a second, and what came at once */
}

/* The client's choice of how long its packets are changes nothing. */
static void fragments_have_no_bandwidth_of_their_own(void **state) {
    struct flow_spec flow = { .src = CLIENT,
                              .dst = VIP,
                              .src_port = 5000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .payload = 1912 };
    const struct frame whole = frame_plain(&flow);
    uint64_t bytes = 0;

    (void)state;
    message_limit(&message)->bandwidth_in_bps = 8 * 1000 * 1000; /* 50 ms of it: 50000 bytes */
    dns->message.limit = (char *)(uintptr_t) "gold";
    apply();
    for (int i = 0; i < 100; i++)
        for (uint32_t offset = 0; offset < 1920; offset += 960) {
            struct frame fragment = frame_fragment(&whole, offset, 960);

            if (harness_receive(&harness, &fragment) == 1)
                bytes += fragment.length - RTE_ETHER_HDR_LEN;
        }
    assert_in_range(bytes, 48000, 51000);
    assert_int_equal(dropped(DROP_BANDWIDTH_LIMIT), 200 - bytes / 980);
}

static void priority_ports_have_more(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_ACK);
    struct frame frame;
    uint32_t in = 0;

    (void)state;
    message_limit(&message)->bandwidth_in_bps = 8 * 1000 * 1000; /* 50 ms: 50 packets */
    message_priority_port(&message, FRAME_TCP, 80);
    web->message.limit = dns->message.limit = (char *)(uintptr_t) "gold";
    apply();
    next_port = 40000;
    assert_true(let_in(CLIENT));
    frame = query(5000);
    for (int i = 0; i < 2000; i++) /* of low priority, 68 bytes each */
        harness_receive(&harness, &frame);
    flow.payload = 960;
    frame = frame_plain(&flow);
    for (int i = 0; i < 100; i++)
        in += harness_receive(&harness, &frame);
    assert_in_range(in, 48, 51);
}

static struct frame_view only_frame(void) {
    assert_int_equal(harness.sent_count, 1);
    return frame_view(&harness.sent[0]);
}

static void refused_clients_are_told(void **state) {
    struct frame frame = syn_from(CLIENT);
    struct frame_view view;

    (void)state;
    web->rs[0].weight = dns->rs[0].weight = 0;
    apply();
    harness_expect_drop(&harness, &frame, DROP_NO_RS_AVAILABLE);
    web->message.reset = dns->message.reset = true;
    apply();
    ((struct rte_tcp_hdr *)(frame.bytes + 34))->sent_seq = htonl(0xffffffff);
    harness_receive(&harness, &frame);
    assert_int_equal(dropped(DROP_NO_RS_AVAILABLE), 2);
    view = only_frame();
    assert_int_equal(view.ip->src_addr, ip4(VIP));
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(ntohs(view.tcp->src_port), 80);
    assert_int_equal(ntohs(view.tcp->dst_port), 2000);
    assert_int_equal(view.tcp->tcp_flags, TCP_RST | TCP_ACK);
    assert_int_equal(view.tcp->sent_seq, 0);
    assert_int_equal(view.tcp->recv_ack, 0); /* 0xffffffff + 1 */
    frame = query(5000);
    harness_receive(&harness, &frame);
    assert_int_equal(dropped(DROP_NO_RS_AVAILABLE), 3);
    view = only_frame();
    assert_int_equal(view.icmp->icmp_type, 3);
    assert_int_equal(view.icmp->icmp_code, 3);
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(ntohs(view.embedded_udp->src_port), 5000);
    assert_int_equal(harness_worker(&harness)->stats.resets_sent, 1);
    assert_int_equal(harness_worker(&harness)->stats.icmp_unreachable_sent, 1);
}

static void no_answer_to_what_is_no_syn(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_ACK);
    struct frame frame = frame_plain(&flow);

    (void)state;
    web->message.reset = true;
    apply();
    harness_expect_drop(&harness, &frame, DROP_NOT_SYN);
}

/* The RS is taken away from under a connection. */
static void both_sides_hear_of_a_removed_rs(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_SYN);
    struct frame frame = frame_plain(&flow);
    struct rte_tcp_hdr *tcp;
    uint16_t local_port;
    struct frame_view view;

    (void)state;
    web->message.reset = true;
    apply();
    harness_receive(&harness, &frame);
    local_port = only_frame().tcp->src_port;
    flow.tcp_flags = TCP_ACK;
    frame = frame_plain(&flow);
    tcp = (struct rte_tcp_hdr *)(frame.bytes + 34);
    tcp->sent_seq = htonl(0x11112222);
    tcp->recv_ack = htonl(0x33334444);
    message_rs(&message, web, "rs2", "10.0.0.32", 8080, 1);
    web->message.real_servers++;
    web->message.n_real_servers = 1;
    apply();
    harness_receive(&harness, &frame);
    assert_int_equal(dropped(DROP_RS_REMOVED), 1);
    assert_int_equal(harness.sent_count, 2);
    view = frame_view(&harness.sent[0]);
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(view.ip->src_addr, ip4(VIP));
    assert_int_equal(view.tcp->tcp_flags & TCP_RST, TCP_RST);
    assert_int_equal(ntohl(view.tcp->sent_seq), 0x33334444);
    view = frame_view(&harness.sent[1]);
    assert_int_equal(view.ip->dst_addr, ip4(RS));
    assert_int_equal(view.tcp->src_port, local_port);
    assert_int_equal(view.tcp->tcp_flags & TCP_RST, TCP_RST);
    assert_int_equal(ntohl(view.tcp->sent_seq), 0x11112222);
    /* The client's answer to an RS's challenge goes through. */
    flow.tcp_flags = TCP_RST;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    assert_int_equal(frame_view(&harness.sent[0]).ip->dst_addr, ip4(RS));
    /* And a new connection of the same client goes elsewhere. */
    flow.tcp_flags = TCP_SYN;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    assert_int_equal(frame_view(&harness.sent[0]).ip->dst_addr, ip4("10.0.0.32"));
}

static void without_reset_sessions_outlive_their_rs(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_SYN);
    struct frame frame = frame_plain(&flow);

    (void)state;
    apply();
    harness_receive(&harness, &frame);
    web->message.n_real_servers = 0;
    apply();
    flow.tcp_flags = TCP_ACK;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    assert_int_equal(frame_view(&harness.sent[0]).ip->dst_addr, ip4(RS));
}

/* Nor are they let through to an RS that is gone; later ones have no numbers for a RST. */
static void fragments_to_a_removed_rs_are_dropped(void **state) {
    struct flow_spec flow = from(CLIENT, 40000, TCP_SYN);
    struct frame frame = frame_plain(&flow), whole;

    (void)state;
    web->message.reset = true;
    apply();
    harness_receive(&harness, &frame);
    web->message.n_real_servers = 0;
    apply();
    flow.tcp_flags = TCP_ACK;
    flow.payload = 100;
    whole = frame_plain(&flow);
    frame = frame_fragment(&whole, 0, 64);
    harness_receive(&harness, &frame);
    assert_int_equal(dropped(DROP_RS_REMOVED), 1);
    assert_int_equal(harness_worker(&harness)->stats.resets_sent, 2);
    frame = frame_fragment(&whole, 64, 56);
    harness_receive(&harness, &frame);
    assert_int_equal(dropped(DROP_RS_REMOVED), 2);
    assert_int_equal(harness_worker(&harness)->stats.resets_sent, 2);
}

static void udp_clients_of_a_removed_rs_move_on(void **state) {
    struct frame frame = query(5000);

    (void)state;
    dns->message.reset = true;
    apply();
    harness_receive(&harness, &frame);
    message_rs(&message, dns, "rs2", "10.0.0.32", 53, 1);
    dns->message.real_servers++;
    dns->message.n_real_servers = 1;
    apply();
    harness_expect_drop(&harness, &frame, DROP_RS_REMOVED);
    assert_int_equal(harness_receive(&harness, &frame), 1);
    assert_int_equal(frame_view(&harness.sent[0]).ip->dst_addr, ip4("10.0.0.32"));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(blocked_clients_stay_out),
        CASE(sessions_at_once),
        CASE(limits_come_and_go_under_sessions),
        CASE(refused_sessions_count_not),
        CASE(new_sessions_a_second),
        CASE(one_client_too_often),
        CASE(bandwidth_both_ways_apart),
        CASE(fragments_have_no_bandwidth_of_their_own),
        CASE(priority_ports_have_more),
        CASE(refused_clients_are_told),
        CASE(no_answer_to_what_is_no_syn),
        CASE(both_sides_hear_of_a_removed_rs),
        CASE(without_reset_sessions_outlive_their_rs),
        CASE(fragments_to_a_removed_rs_are_dropped),
        CASE(udp_clients_of_a_removed_rs_move_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
