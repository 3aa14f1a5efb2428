/* What workers do besides translating: sharing buckets, expiry, ARP, listings. */
#include "forward/worker.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <rte_arp.h>

#include "forward/session_scan.h"
#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

static struct harness harness;
static struct message message;

static void start(uint32_t workers) {
    struct message_service *service;

    harness_start(&harness, workers, 2048);
    message_begin(&message);
    service = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 80);
    message_rs(&message, service, "a", "10.0.0.31", 80, 3);
    message_rs(&message, service, "b", "10.0.0.32", 80, 1);
    service = message_service(&message, "dns", 0, "203.0.113.10", FRAME_UDP, 53);
    message_rs(&message, service, "c", "10.0.0.33", 53, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int set_up(void **state) {
    (void)state;
    start(1);
    return 0;
}

static int set_up_two(void **state) {
    (void)state;
    start(2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static struct frame client_frame(uint8_t protocol, uint16_t src_port, uint16_t bucket) {
    struct flow_spec flow = {
        .src = "192.0.2.77",
        .dst = "203.0.113.10",
        .src_port = src_port,
        .dst_port = protocol == FRAME_TCP ? 80 : 53,
        .protocol = protocol,
        .tcp_flags = TCP_SYN,
    };
    struct tunnel_spec tunnel = { .bucket = bucket };

    return frame_tunnelled(&flow, &tunnel);
}

static void open_sessions(uint8_t protocol, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) {
        struct frame frame = client_frame(protocol, (uint16_t)(10000 + i), i & BUCKET_MASK);

        assert_int_equal(harness_receive(&harness, &frame), 1);
    }
}

static void packets_reach_the_owner_of_their_bucket(void **state) {
    struct worker *owner = harness.dataplane.workers[1];
    struct frame frame = client_frame(FRAME_TCP, 40000, harness_bucket_of(&harness, 1));
    struct rte_mbuf *mbuf;

    (void)state;
    assert_int_equal(harness_receive_burst(&harness, 0, &frame, 1), 0);
    assert_int_equal(harness.dataplane.workers[0]->stats.handed_off, 1);
    assert_int_equal(harness.dataplane.workers[0]->sessions.active, 0);
    assert_int_equal(rte_ring_dequeue(owner->handoff, (void **)&mbuf), 0);
    worker_refresh(owner, harness.now_ms);
    ld_process(owner, &mbuf, 1);
    assert_int_equal(owner->tx_count, 1);
    assert_int_equal(owner->sessions.active, 1);
    rte_pktmbuf_free(owner->tx[0]);
    owner->tx_count = 0;
    frame = client_frame(FRAME_TCP, 40000, harness_bucket_of(&harness, 0));
    assert_int_equal(harness_receive_burst(&harness, 0, &frame, 1), 1);
}

static void buckets_are_shared_evenly(void **state) {
    uint32_t count[WORKERS_MAX] = { 0 };

    (void)state;
    for (uint32_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        count[harness.dataplane.owner_of_bucket[bucket]]++;
    assert_in_range(count[0], 480, 544);
    assert_int_equal(count[0] + count[1], BUCKET_COUNT);
}

static void full_hand_off_is_counted(void **state) {
    struct frame frame = client_frame(FRAME_TCP, 40000, harness_bucket_of(&harness, 1));

    (void)state;
    for (int i = 0; i < 1030; i++)
        assert_int_equal(harness_receive_burst(&harness, 0, &frame, 1), 0);
    assert_int_equal(harness.dataplane.workers[0]->stats.handed_off, 1023);
    assert_int_equal(harness.dataplane.workers[0]->stats.drops[DROP_HANDOFF_FULL], 7);
}

static void worker_without_a_queue_sends_through_another(void **state) {
    struct worker *sender = harness.dataplane.workers[1];
    struct frame frame = client_frame(FRAME_TCP, 40000, harness_bucket_of(&harness, 1));
    struct rte_mbuf *mbuf;

    (void)state;
    sender->transmitter = harness.dataplane.workers[0];
    harness_receive_burst(&harness, 0, &frame, 1);
    assert_int_equal(rte_ring_dequeue(sender->handoff, (void **)&mbuf), 0);
    worker_refresh(sender, harness.now_ms);
    ld_process(sender, &mbuf, 1);
    worker_flush(sender);
    assert_int_equal(rte_ring_count(harness.dataplane.workers[0]->outbox), 1);
}

static void sessions_end_when_they_have_been_idle(void **state) {
    struct frame frame;

    (void)state;
    open_sessions(FRAME_TCP, 10);
    frame = client_frame(FRAME_UDP, 5000, 9);
    harness_receive(&harness, &frame);
    harness_pass(&harness, 2999);
    assert_int_equal(harness_worker(&harness)->sessions.active, 11);
    harness_pass(&harness, 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
    assert_int_equal(harness_worker(&harness)->stats.sessions_expired, 10);
    /* Packets put the end off, over more than the wheel's horizon. */
    for (int i = 0; i < 3; i++) {
        harness_pass(&harness, 200000);
        assert_int_equal(harness_receive(&harness, &frame), 1);
    }
    harness_pass(&harness, 299000);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
    harness_pass(&harness, 1500);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
}

static void configured_timeouts_are_used(void **state) {
    (void)state;
    sluice__ld__v1__timeouts__init(&message.timeouts);
    message.timeouts.syn_sent_ms = 500;
    message.config.timeouts = &message.timeouts;
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    open_sessions(FRAME_TCP, 4);
    harness_pass(&harness, 499);
    assert_int_equal(harness_worker(&harness)->sessions.active, 4);
    harness_pass(&harness, 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
}

static void expiry_survives_the_wrap_of_the_short_clock(void **state) {
    (void)state;
    /* last_seen_ms has 32 bits: 49.7 days. */
    harness.now_ms = (1ULL << 32) - 1000;
    worker_refresh(harness_worker(&harness), harness.now_ms);
    while (harness_worker(&harness)->wheel.tick < harness.now_ms / WHEEL_TICK_MS)
        worker_housekeeping(harness_worker(&harness));
    open_sessions(FRAME_TCP, 10);
    harness_pass(&harness, 2999);
    assert_int_equal(harness_worker(&harness)->sessions.active, 10);
    harness_pass(&harness, 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
}

static void weights_share_the_sessions(void **state) {
    (void)state;
    open_sessions(FRAME_TCP, 400);
    assert_int_equal(harness_worker(&harness)->rs[0].sessions_total, 300);
    assert_int_equal(harness_worker(&harness)->rs[1].sessions_total, 100);
    harness_pass(&harness, 4000);
    assert_int_equal(harness_worker(&harness)->rs[0].sessions_active, 0);
    assert_int_equal(harness_worker(&harness)->rs[0].packets[FROM_CLIENT], 300);
    assert_int_equal(harness_worker(&harness)->rs[0].bytes[FROM_CLIENT], 300 * 40);
}

static void arp_is_answered_and_learnt(void **state) {
    static const struct rte_ether_addr new_mac = { { 0x02, 9, 9, 9, 9, 9 } };
    struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, &new_mac, "10.0.0.1", frame_vtep);
    const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(harness.sent[0].bytes + 14);
    struct rte_ether_addr mac;

    (void)state;
    assert_int_equal(harness_receive(&harness, &frame), 1);
    assert_int_equal(ntohs(arp->arp_opcode), RTE_ARP_OP_REPLY);
    assert_int_equal(arp->arp_data.arp_sip, ip4(frame_vtep));
    assert_memory_equal(&arp->arp_data.arp_sha, &frame_ld_mac, 6);
    assert_int_equal(arp->arp_data.arp_tip, ip4("10.0.0.1"));
    assert_memory_equal(harness.sent[0].bytes, &new_mac, 6);
    dataplane_neighbours(&harness.dataplane, harness.now_ms);
    assert_true(neighbour_mac(harness_neighbour(&harness, "10.0.0.1"), &mac));
    assert_memory_equal(&mac, &new_mac, 6);
    /* Somebody else's question is not ours; a multicast sender is nobody's. */
    frame = frame_arp(RTE_ARP_OP_REQUEST, &new_mac, "10.0.0.1", "10.0.0.99");
    assert_int_equal(harness_receive(&harness, &frame), 0);
    assert_int_equal(harness_drops(&harness), 0);
    frame.bytes[14 + 8] = 0x01;
    harness_expect_drop(&harness, &frame, DROP_BAD_ARP);
}

static void arp_of_others_networks_is_not_learnt(void **state) {
    struct frame frame =
        frame_arp(RTE_ARP_OP_REQUEST, &frame_gateway_mac, "192.168.5.5", frame_vtep);

    (void)state;
    harness_receive(&harness, &frame);
    assert_int_equal(rte_ring_count(harness.dataplane.neighbour_events), 0);
}

/* What control wants to have sent. @return how many packets */
static uint32_t empty_outbox(void) {
    struct rte_mbuf *mbuf;
    uint32_t count = 0;

    for (; rte_ring_dequeue(harness_worker(&harness)->outbox, (void **)&mbuf) == 0; count++)
        rte_pktmbuf_free(mbuf);
    return count;
}

/* On the fabric of the LD, which is a large one. */
static void ping_from(uint32_t number, uint32_t answers) {
    char client[32];
    struct frame frame;

    snprintf(client, sizeof(client), "10.0.%u.%u", 1 + number / 250, 1 + number % 250);
    frame = frame_echo(client, "203.0.113.10");
    harness.now_ms++;
    assert_int_equal(harness_receive(&harness, &frame), answers);
}

static void enlarge_the_fabric(void) {
    message.config.prefix_len = 16;
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

/* Nobody answers for these clients, if they are any. */
static void silent_clients_keep_no_room(void **state) {
    enum {
        SILENT = NEIGHBOURS_LEARNT_MAX + 1000
    };

    (void)state;
    enlarge_the_fabric();
    for (uint32_t i = 0; i < SILENT; i++) {
        ping_from(i, 0);
        if (i % 100 != 99)
            continue;
        dataplane_neighbours(&harness.dataplane, harness.now_ms);
        empty_outbox();
    }
    assert_null(harness_neighbour(&harness, "10.0.200.1"));
    ping_from(199 * 250, 0);
    dataplane_neighbours(&harness.dataplane, harness.now_ms);
    assert_non_null(harness_neighbour(&harness, "10.0.200.1"));
    harness_resolve(&harness);
    ping_from(199 * 250, 1);
    empty_outbox();
}

/* However many clients want to be found: they are not the only ones to be heard of. */
static void next_hops_are_heard_among_many_clients(void **state) {
    static const struct rte_ether_addr new_mac = { { 0x02, 9, 9, 9, 9, 9 } };
    struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, &new_mac, "10.0.0.1", frame_vtep);
    struct rte_ether_addr mac;

    (void)state;
    enlarge_the_fabric();
    for (uint32_t i = 0; i < 1000; i++)
        ping_from(i, 0);
    harness_receive(&harness, &frame);
    dataplane_neighbours(&harness.dataplane, harness.now_ms);
    assert_true(neighbour_mac(harness_neighbour(&harness, "10.0.0.1"), &mac));
    assert_memory_equal(&mac, &new_mac, 6);
    empty_outbox();
}

static void next_hops_are_asked_for(void **state) {
    struct rte_mbuf *mbuf;
    uint32_t asked = 0;

    (void)state;
    harness_stop(&harness);
    harness_start(&harness, 1, 16);
    harness_apply(&harness, &message);
    dataplane_neighbours(&harness.dataplane, harness.now_ms);
    while (rte_ring_dequeue(harness_worker(&harness)->outbox, (void **)&mbuf) == 0) {
        const struct rte_arp_hdr *arp =
            rte_pktmbuf_mtod_offset(mbuf, const struct rte_arp_hdr *, 14);

        assert_int_equal(mbuf->pkt_len, 14 + 28);
        assert_int_equal(arp->arp_data.arp_sip, ip4(frame_vtep));
        asked++;
        rte_pktmbuf_free(mbuf);
    }
    assert_int_equal(asked, 2 + 3); /* gateway, gateway VTEP, three RSs */
}

static void echo_is_answered(void **state) {
    struct frame frame = frame_echo("10.0.0.1", frame_vtep);
    struct frame_view view;
    uint32_t sum = 0;

    (void)state;
    assert_int_equal(harness_receive(&harness, &frame), 1);
    view = frame_view(&harness.sent[0]);
    assert_int_equal(view.ip->src_addr, ip4(frame_vtep));
    assert_int_equal(view.ip->dst_addr, ip4("10.0.0.1"));
    assert_int_equal(view.payload[0], 0);
    for (int i = 0; i < 64; i += 2)
        sum += (uint32_t)(view.payload[i] << 8 | view.payload[i + 1]);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void chained_buffers_are_counted(void **state) {
    struct worker *worker = harness_worker(&harness);
    struct rte_mbuf *mbufs[2];

    (void)state;
    assert_int_equal(rte_pktmbuf_alloc_bulk(harness.dataplane.mbufs, mbufs, 2), 0);
    rte_pktmbuf_append(mbufs[0], 60);
    rte_pktmbuf_append(mbufs[1], 60);
    assert_int_equal(rte_pktmbuf_chain(mbufs[0], mbufs[1]), 0);
    worker_refresh(worker, harness.now_ms);
    ld_process(worker, mbufs, 1);
    assert_int_equal(worker->stats.drops[DROP_MULTI_SEGMENT], 1);
}

/* Everything once, although sessions come and go between the slices. */
static void listing_shows_every_session_once(void **state) {
    static struct session_scan scan;
    struct worker *worker = harness_worker(&harness);
    uint32_t seen = 0, batches = 0;

    (void)state;
    open_sessions(FRAME_UDP, 1500);
    memset(&scan, 0, sizeof(scan));
    session_scan_begin(worker, &scan);
    for (;;) {
        struct frame frame = client_frame(FRAME_TCP, (uint16_t)(30000 + batches), 99);

        while (!session_scan_ready(&scan)) {
            worker_refresh(worker, harness.now_ms);
            worker_housekeeping(worker);
        }
        batches++;
        for (uint32_t i = 0; i < scan.count; i++)
            seen += flow_protocol(&scan.views[i].from_client) == FRAME_UDP;
        if (scan.finished)
            break;
        harness_receive(&harness, &frame);
        session_scan_continue(&scan);
    }
    session_scan_end(worker);
    assert_int_equal(seen, 1500);
    assert_int_equal(batches, 1500 / SCAN_BATCH + 1);
}

int main(void) {
#define CASE(name)     cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_TWO(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down)
    const struct CMUnitTest tests[] = {
        CASE_TWO(packets_reach_the_owner_of_their_bucket),
        CASE_TWO(buckets_are_shared_evenly),
        CASE_TWO(full_hand_off_is_counted),
        CASE_TWO(worker_without_a_queue_sends_through_another),
        CASE(sessions_end_when_they_have_been_idle),
        CASE(configured_timeouts_are_used),
        CASE(expiry_survives_the_wrap_of_the_short_clock),
        CASE(weights_share_the_sessions),
        CASE(arp_is_answered_and_learnt),
        CASE(arp_of_others_networks_is_not_learnt),
        CASE(next_hops_are_asked_for),
        CASE(silent_clients_keep_no_room),
        CASE(next_hops_are_heard_among_many_clients),
        CASE(echo_is_answered),
        CASE(chained_buffers_are_counted),
        CASE(listing_shows_every_session_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
