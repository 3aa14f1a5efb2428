/* Sessions that are opened by packets of one burst, about which things are found out ahead. */
#include "forward/session_opening.h"

#include <stdio.h>

#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

#define VIP "203.0.113.10"

enum {
    RS_COUNT = 4,
    WEIGHT_OF_FIRST = 3,
};

static struct harness harness;
static struct message message;

static struct message_service *start(void) {
    struct message_service *web;

    harness_start(&harness, 1, 256);
    message_begin(&message);
    web = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, web, "a", "10.0.0.31", 80, WEIGHT_OF_FIRST);
    message_rs(&message, web, "b", "10.0.0.32", 80, 1);
    message_rs(&message, web, "c", "10.0.0.33", 80, 1);
    message_rs(&message, web, "d", "10.0.0.34", 80, 1);
    message_rs(&message, message_service(&message, "dns", 0, VIP, FRAME_UDP, 53), "e", "10.0.0.35",
               53, 1);
    return web;
}

static void ready(void) {
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int set_up(void **state) {
    (void)state;
    start();
    ready();
    return 0;
}

static int set_up_least_connections(void **state) {
    (void)state;
    start()->message.scheduler = SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS;
    ready();
    return 0;
}

static int set_up_cookies(void **state) {
    (void)state;
    start()->message.syn_cookie_threshold_per_s = 3;
    ready();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static struct frame from_client(uint8_t protocol, uint16_t src_port, uint16_t dst_port,
                                uint8_t tcp_flags) {
    const struct flow_spec flow = {
        .src = "192.0.2.77",
        .dst = VIP,
        .src_port = src_port,
        .dst_port = dst_port,
        .protocol = protocol,
        .tcp_flags = tcp_flags,
    };
    const struct tunnel_spec tunnel = { .bucket = src_port & BUCKET_MASK };

    return frame_tunnelled(&flow, &tunnel);
}

static struct frame syn(uint16_t src_port) {
    return from_client(FRAME_TCP, src_port, 80, TCP_SYN);
}

static uint32_t receive(const struct frame *frames, uint16_t count) {
    return harness_receive_burst(&harness, 0, frames, count);
}

static uint64_t dropped(enum drop_reason reason) {
    return harness_worker(&harness)->stats.drops[reason];
}

static uint64_t sessions_of(const char *rs) {
    const struct snapshot *snapshot = harness_worker(&harness)->snapshot;
    const struct ip_address address = ip_of(rs);

    for (uint32_t i = 0; i < snapshot->target_count; i++)
        if (ip_equal(&snapshot->targets[i].address, &address))
            return harness_worker(&harness)->rs[i].sessions_active;
    fail_msg("no target %s", rs);
    return 0;
}

/* As they would one by one: two rounds of 3, 1, 1, 1. */
static void rss_take_turns_within_a_burst(void **state) {
    struct frame burst[2 * (WEIGHT_OF_FIRST + RS_COUNT - 1)];

    (void)state;
    for (uint16_t i = 0; i < RTE_DIM(burst); i++)
        burst[i] = syn((uint16_t)(40000 + i));
    assert_int_equal(receive(burst, RTE_DIM(burst)), RTE_DIM(burst));
    assert_int_equal(sessions_of("10.0.0.31"), 2 * WEIGHT_OF_FIRST);
    assert_int_equal(sessions_of("10.0.0.32"), 2);
    assert_int_equal(sessions_of("10.0.0.33"), 2);
    assert_int_equal(sessions_of("10.0.0.34"), 2);
}

/* What the RSs have is what each choice is about, so none may be made before the last one counts.
 */
static void least_connections_count_those_of_the_burst(void **state) {
    struct frame burst[12];

    (void)state;
    for (uint16_t i = 0; i < RTE_DIM(burst); i++)
        burst[i] = syn((uint16_t)(40000 + i));
    assert_int_equal(receive(burst, RTE_DIM(burst)), RTE_DIM(burst));
    assert_int_equal(sessions_of("10.0.0.31"), 6);
    assert_int_equal(sessions_of("10.0.0.32"), 2);
    assert_int_equal(sessions_of("10.0.0.33"), 2);
    assert_int_equal(sessions_of("10.0.0.34"), 2);
}

/* Both seemed to belong to none when they were looked at. */
static void packets_of_one_new_flow_share_a_session(void **state) {
    struct frame burst[] = {
        syn(40000),
        syn(40000),
        from_client(FRAME_UDP, 5000, 53, 0),
        from_client(FRAME_UDP, 5000, 53, 0),
        from_client(FRAME_UDP, 5000, 53, 0),
    };
    struct frame_view first, second;

    (void)state;
    assert_int_equal(receive(burst, RTE_DIM(burst)), RTE_DIM(burst));
    assert_int_equal(harness_worker(&harness)->sessions.active, 2);
    for (uint32_t i = 1; i < RTE_DIM(burst); i++) {
        if (i == 2)
            continue;
        first = frame_view(&harness.sent[i - 1]);
        second = frame_view(&harness.sent[i]);
        assert_int_equal(first.ip->dst_addr, second.ip->dst_addr);
        assert_int_equal(first.ip->src_addr, second.ip->src_addr);
    }
    assert_int_equal(sessions_of("10.0.0.35"), 1);
}

/* Each keeps what was found out about it, whatever lies between. */
static void those_that_may_not_are_told_apart(void **state) {
    const struct frame known = syn(41000);
    struct frame burst[] = {
        syn(40000), from_client(FRAME_TCP, 40001, 80, TCP_ACK), known,
        syn(40002), from_client(FRAME_TCP, 40003, 81, TCP_SYN), known,
        syn(40004), from_client(FRAME_UDP, 40005, 53, 0),
    };

    (void)state;
    assert_int_equal(receive(&known, 1), 1);
    assert_int_equal(receive(burst, RTE_DIM(burst)), RTE_DIM(burst) - 2);
    assert_int_equal(dropped(DROP_NOT_SYN), 1);
    assert_int_equal(dropped(DROP_NO_SERVICE), 1);
    assert_int_equal(harness_drops(&harness), 2);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1 + 4);
    assert_int_equal(sessions_of("10.0.0.35"), 1);
}

/* A SYN is counted once, though it is looked at twice. */
static void cookies_begin_behind_their_threshold(void **state) {
    struct frame burst[5];

    (void)state;
    for (uint16_t i = 0; i < RTE_DIM(burst); i++)
        burst[i] = syn((uint16_t)(40000 + i));
    receive(burst, RTE_DIM(burst));
    assert_int_equal(harness_worker(&harness)->sessions.active, 3);
    assert_int_equal(harness_worker(&harness)->stats.syn_cookies_sent, 2);
}

/* How many sessions can be opened in the bucket of port 4789, and how many of them have that port.
 */
static void open_all(uint8_t protocol, uint16_t dst_port, uint32_t *opened, uint32_t *at_vxlan) {
    *opened = *at_vxlan = 0;
    for (uint32_t k = 1; k <= LOCAL_PORTS_PER_BUCKET; k++) {
        const uint16_t src_port = (uint16_t)(k * BUCKET_COUNT + UDP_PORT_VXLAN % BUCKET_COUNT);
        const struct frame frame = from_client(protocol, src_port, dst_port, TCP_SYN);

        if (receive(&frame, 1) == 0)
            continue;
        ++*opened;
        /* UDP and TCP have their source ports in the same place. */
        *at_vxlan += rte_be_to_cpu_16(*(const rte_be16_t *)(frame_view(&harness.sent[0]).ip + 1)) ==
                     UDP_PORT_VXLAN;
    }
}

/* A switch would take an RS's answer to it for a tunnel's packet. */
static void no_udp_session_has_the_port_of_tunnels(void **state) {
    uint32_t opened, at_vxlan;

    (void)state;
    open_all(FRAME_UDP, 53, &opened, &at_vxlan);
    assert_int_equal(opened, LOCAL_PORTS_PER_BUCKET - 1);
    assert_int_equal(at_vxlan, 0);
    open_all(FRAME_TCP, 80, &opened, &at_vxlan);
    assert_int_equal(opened, LOCAL_PORTS_PER_BUCKET);
    assert_int_equal(at_vxlan, 1);
}

/* The port that the next session of the bucket will try first, as its place among them. */
static int next_place(uint16_t bucket) {
    const struct worker *worker = harness_worker(&harness);
    const struct local_port_range all = { worker->snapshot->local_ips[0].slots, SHARES_ALL };
    struct local_port first;

    assert_true(local_port_first(&worker->ports[FAMILY_IPV4], &worker->snapshot->local_ips[0], all,
                                 bucket, &first));
    return first.port / BUCKET_COUNT - 1;
}

/* Where all ports of a bucket are taken towards many RSs, a SYN is not to cost as much as looking
 * at all of them; the next one goes on where it has stopped. */
static void what_a_syn_without_a_port_costs_is_bounded(void **state) {
    enum {
        BUCKET = 5,
        MANY = 16,
        ALL = MANY * LOCAL_PORTS_PER_BUCKET,
        TRIES = 512
    };
    const struct tunnel_spec tunnel = { .bucket = BUCKET };
    struct flow_spec flow = {
        .src = "192.0.2.77", .dst = VIP, .dst_port = 80, .protocol = FRAME_TCP, .tcp_flags = TCP_SYN
    };
    struct message_service *web;
    struct frame frame;
    int place;

    (void)state;
    harness_start(&harness, 1, 2 * ALL);
    message_begin(&message);
    web = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    for (int i = 0; i < MANY; i++) {
        char name[16], address[32];

        snprintf(name, sizeof(name), "rs%d", i);
        snprintf(address, sizeof(address), "10.0.0.%d", 100 + i);
        message_rs(&message, web, name, address, 80, 1);
    }
    ready();
    for (flow.src_port = 1; harness_worker(&harness)->sessions.active < ALL; flow.src_port++) {
        frame = frame_tunnelled(&flow, &tunnel);
        harness_receive(&harness, &frame);
        assert_true(flow.src_port < 2 * ALL);
    }
    place = next_place(BUCKET);
    flow.src_port = 30000;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_LOCAL_PORT);
    assert_int_equal((next_place(BUCKET) + LOCAL_PORTS_PER_BUCKET - place) % LOCAL_PORTS_PER_BUCKET,
                     TRIES % LOCAL_PORTS_PER_BUCKET);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rss_take_turns_within_a_burst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(least_connections_count_those_of_the_burst,
                                        set_up_least_connections, tear_down),
        cmocka_unit_test_setup_teardown(packets_of_one_new_flow_share_a_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_may_not_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cookies_begin_behind_their_threshold, set_up_cookies,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_udp_session_has_the_port_of_tunnels, set_up, tear_down),
        cmocka_unit_test_teardown(what_a_syn_without_a_port_costs_is_bounded, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
