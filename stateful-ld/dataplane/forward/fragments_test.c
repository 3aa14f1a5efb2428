/* Datagrams in fragments, through the whole receive path, and put together again behind it. */
#include "forward/fragments.h"

#include <arpa/inet.h>

#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT   "192.0.2.77"
#define VIP      "203.0.113.10"
#define LOCAL_IP "198.18.1.1"
#define RS       "10.0.0.31"

enum {
    PAYLOAD = 1500,
    PIECE = 400,
    PIECES = 4, /* 400 * 3 < 1508 <= 400 * 4 */
};

static struct harness harness;
static struct message message;
static struct frame collected[64];
static uint32_t collected_count;

static void start(uint32_t workers) {
    struct message_service *service;

    collected_count = 0;
    harness_start(&harness, workers, 256);
    message_begin(&message);
    service = message_service(&message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(&message, service, "rs", RS, 5353, 1);
    service = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, service, "rs", RS, 8080, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int set_up(void **state) {
    (void)state;
    start(1);
    return 0;
}

static int set_up_four(void **state) {
    (void)state;
    start(4);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static struct flow_spec udp(uint16_t src_port) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = src_port,
                               .dst_port = 53,
                               .protocol = FRAME_UDP,
                               .payload = PAYLOAD };
}

static struct fragments *fragments(void) {
    return &harness_worker(&harness)->fragments;
}

static void collect(void) {
    for (uint32_t i = 0; i < harness.sent_count; i++)
        collected[collected_count++] = harness.sent[i];
}

/* Receive one piece of a packet, in a tunnel with the bucket the switch computes: without ports. */
static uint32_t receive_piece(const struct frame *packet, uint32_t piece, uint16_t bucket) {
    const struct tunnel_spec tunnel = { .bucket = bucket };
    struct frame frame = frame_fragment(packet, piece * PIECE, PIECE);

    frame = frame_wrap(&frame, &tunnel);
    harness_receive(&harness, &frame);
    collect();
    return harness.sent_count;
}

static void set_id(struct frame *packet, uint16_t id) {
    packet->bytes[14 + 4] = (uint8_t)(id >> 8);
    packet->bytes[14 + 5] = (uint8_t)id;
    frame_fix_ip_checksum(packet, 14);
}

/* All that has gone out is one whole packet to the RS with this payload, and its checksum right. */
static struct frame assert_whole(const struct flow_spec *flow) {
    struct frame whole = frame_reassemble(collected, collected_count);
    struct frame_view view = frame_view(&whole);

    assert_int_equal(collected_count, PIECES);
    assert_int_equal(view.ip->src_addr, ip4(LOCAL_IP));
    assert_int_equal(view.ip->dst_addr, ip4(RS));
    assert_int_equal(view.ip->time_to_live, 63);
    assert_int_equal(view.payload_bytes, flow->payload);
    for (uint32_t i = 0; i < view.payload_bytes; i++)
        assert_int_equal(view.payload[i], (uint8_t)(flow->seed + i * 7));
    collected_count = 0;
    return whole;
}

static void fragments_in_order_go_on_at_once(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet = frame_plain(&flow), whole;
    struct frame_view view;

    (void)state;
    for (uint32_t i = 0; i < PIECES; i++)
        assert_int_equal(receive_piece(&packet, i, 7), 1);
    whole = assert_whole(&flow);
    view = frame_view(&whole);
    assert_int_equal(ntohs(view.udp->dst_port), 5353);
    assert_non_null(view.udp);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
    assert_int_equal(harness_worker(&harness)->rs[0].packets[FROM_CLIENT], PIECES);
    assert_int_equal(harness_worker(&harness)->stats.fragments_translated, PIECES);
}

/* The session is the one that packets in one piece belong to. */
static void whole_packets_share_the_session(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet = frame_plain(&flow), whole;
    struct frame_view view;
    rte_be16_t local_port;

    (void)state;
    flow.payload = 20;
    whole = frame_plain(&flow);
    flow.payload = PAYLOAD;
    assert_int_equal(harness_receive(&harness, &whole), 1);
    view = frame_view(&harness.sent[0]);
    local_port = view.udp->src_port;
    for (uint32_t i = 0; i < PIECES; i++)
        receive_piece(&packet, i, 7);
    whole = assert_whole(&flow);
    view = frame_view(&whole);
    assert_int_equal(view.udp->src_port, local_port);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
}

static void every_order_arrives(void **state) {
    static const uint8_t orders[][PIECES] = {
        { 3, 2, 1, 0 }, { 1, 0, 3, 2 }, { 1, 2, 3, 0 }, { 0, 3, 2, 1 }, { 2, 0, 1, 3 },
    };
    struct flow_spec flow = udp(5000);
    struct frame packet;

    (void)state;
    for (uint16_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        uint32_t sent = 0;

        flow.seed = (uint8_t)i;
        packet = frame_plain(&flow);
        set_id(&packet, i);
        for (int k = 0; k < PIECES; k++) {
            sent += receive_piece(&packet, orders[i][k], 7);
            if (sent == 0)
                assert_int_equal(fragments()->held_count, k + 1);
        }
        assert_whole(&flow);
        assert_int_equal(fragments()->held_count, 0);
    }
    assert_int_equal(harness_drops(&harness), 0);
}

static void datagrams_between_each_other_keep_apart(void **state) {
    struct flow_spec one = udp(5000), two = udp(5001);
    struct frame first = frame_plain(&one), second, whole;
    struct frame_view view;
    uint16_t ids[2], ports[2];

    (void)state;
    two.seed = 99;
    second = frame_plain(&two); /* of the same client */
    set_id(&second, 0x4321);
    for (uint32_t i = 0; i < PIECES; i++) {
        receive_piece(&first, PIECES - 1 - i, 7);
        receive_piece(&second, i, 7);
    }
    assert_int_equal(collected_count, 2 * PIECES);
    for (int datagram = 0; datagram < 2; datagram++) {
        struct frame mine[PIECES];
        uint32_t count = 0;

        ids[datagram] = datagram == 0 ? frame_view(&collected[0]).ip->packet_id : ids[0];
        for (uint32_t i = 0; i < 2 * PIECES; i++) {
            view = frame_view(&collected[i]);
            if ((view.ip->packet_id == ids[0]) == (datagram == 0))
                mine[count++] = collected[i];
        }
        assert_int_equal(count, PIECES);
        whole = frame_reassemble(mine, count);
        view = frame_view(&whole);
        ports[datagram] = view.udp->src_port;
    }
    assert_int_not_equal(ports[0], ports[1]);
}

/* Two clients may use one identification; towards the RS they have one address. */
static void identifications_of_two_clients_do_not_meet(void **state) {
    struct flow_spec one = udp(5000), two = udp(5000);
    struct frame first, second;
    rte_be16_t id;

    (void)state;
    two.src = "192.0.2.78";
    first = frame_plain(&one);
    second = frame_plain(&two);
    receive_piece(&first, 0, 7);
    id = frame_view(&collected[0]).ip->packet_id;
    receive_piece(&second, 0, 8);
    assert_int_not_equal(frame_view(&collected[1]).ip->packet_id, id);
    receive_piece(&first, 0, 7); /* the same once more */
    assert_int_equal(frame_view(&collected[2]).ip->packet_id, id);
}

static void answers_in_fragments_reach_the_client(void **state) {
    struct flow_spec flow = udp(5000), answer = { 0 };
    struct frame packet, whole;
    struct frame_view view;

    (void)state;
    flow.payload = 20;
    packet = frame_plain(&flow);
    harness_receive(&harness, &packet);
    view = frame_view(&harness.sent[0]);
    answer = (struct flow_spec){ .src = RS,
                                 .dst = LOCAL_IP,
                                 .src_port = 5353,
                                 .dst_port = ntohs(view.udp->src_port),
                                 .protocol = FRAME_UDP,
                                 .payload = PAYLOAD };
    packet = frame_plain(&answer);
    for (uint32_t i = PIECES; i > 0; i--) {
        struct frame piece = frame_fragment(&packet, (i - 1) * PIECE, PIECE);

        harness_receive(&harness, &piece); /* not in a tunnel */
        collect();
    }
    assert_int_equal(collected_count, PIECES);
    whole = frame_reassemble(collected, collected_count);
    view = frame_view(&whole);
    assert_int_equal(view.ip->src_addr, ip4(VIP));
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(ntohs(view.udp->src_port), 53);
    assert_int_equal(ntohs(view.udp->dst_port), 5000);
}

static void fragments_without_a_first_are_dropped_in_time(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet = frame_plain(&flow);

    (void)state;
    receive_piece(&packet, 1, 7);
    receive_piece(&packet, 2, 7);
    harness_pass(&harness, FRAGMENT_HOLD_MS - 1);
    assert_int_equal(fragments()->held_count, 2);
    harness_pass(&harness, 1);
    assert_int_equal(fragments()->held_count, 0);
    assert_int_equal(harness_worker(&harness)->stats.drops[DROP_FRAGMENT_NO_FIRST], 2);
    assert_int_equal(harness_mbufs_in_use(&harness), 0);
    assert_int_equal(receive_piece(&packet, 0, 7), 1); /* too late for those, not for others */
    assert_int_equal(receive_piece(&packet, 3, 7), 1);
    harness_pass(&harness, FRAGMENT_REMEMBER_MS);
    assert_int_equal(receive_piece(&packet, 3, 7), 0);
}

static void what_waits_is_bounded(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet = frame_plain(&flow);
    uint64_t *drops = harness_worker(&harness)->stats.drops;

    (void)state;
    for (int i = 0; i < FRAGMENTS_HELD_PER_DATAGRAM_MAX; i++)
        receive_piece(&packet, 1, 7);
    assert_int_equal(drops[DROP_FRAGMENT_HOLD_FULL], 0);
    receive_piece(&packet, 1, 7);
    assert_int_equal(drops[DROP_FRAGMENT_HOLD_FULL], 1);
    for (uint16_t id = 1; fragments()->held_count < FRAGMENTS_HELD_MAX; id++) {
        set_id(&packet, id);
        receive_piece(&packet, 1, 7);
    }
    set_id(&packet, 5000);
    receive_piece(&packet, 1, 7);
    assert_int_equal(drops[DROP_FRAGMENT_HOLD_FULL], 2);
    assert_int_equal(harness_mbufs_in_use(&harness), FRAGMENTS_HELD_MAX);
}

/* 60 000 datagrams, of which only the later fragments come: the table forgets, and nothing leaks.
 */
static void a_flood_of_fragments_is_survived(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet = frame_plain(&flow);

    (void)state;
    for (uint32_t id = 0; id < 60000; id++) {
        set_id(&packet, (uint16_t)id);
        receive_piece(&packet, 1, 7);
        if (id % 100 == 0)
            harness_pass(&harness, 50);
    }
    harness_pass(&harness, FRAGMENT_HOLD_MS);
    assert_int_equal(harness_drops(&harness), 60000);
    assert_int_equal(harness_mbufs_in_use(&harness), 0);
    set_id(&packet, 1);
    for (uint32_t i = 0; i < PIECES; i++)
        assert_int_equal(receive_piece(&packet, i, 7), 1);
}

static void fragments_of_nothing_are_named(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet, piece;

    (void)state;
    flow.dst_port = 54;
    packet = frame_plain(&flow);
    piece = frame_fragment(&packet, 0, PIECE);
    harness_expect_drop(&harness, &piece, DROP_NO_SERVICE);
    piece = frame_fragment(&packet, PIECE, PIECE);
    harness_expect_drop(&harness, &piece, DROP_NO_SESSION);
    message.config.n_owned_buckets = 0;
    harness_apply(&harness, &message);
    piece = frame_fragment(&packet, 0, PIECE);
    harness_expect_drop(&harness, &piece, DROP_BUCKET_NOT_OWNED);
    piece = frame_fragment(&packet, PIECE, PIECE);
    harness_expect_drop(&harness, &piece, DROP_BUCKET_NOT_OWNED);
}

/* RFC 1858: parts of the TCP header in another fragment than the first. */
static void tcp_headers_are_not_cut(void **state) {
    struct flow_spec flow = udp(5000);
    struct frame packet, piece;

    (void)state;
    flow.protocol = FRAME_TCP;
    flow.dst_port = 80;
    flow.tcp_flags = TCP_SYN;
    packet = frame_plain(&flow);
    piece = frame_fragment(&packet, 0, 16);
    harness_expect_drop(&harness, &piece, DROP_BAD_TCP_HEADER);
    piece = frame_fragment(&packet, 8, 400);
    harness_expect_drop(&harness, &piece, DROP_BAD_TCP_HEADER);
    piece = frame_fragment(&packet, 16, 400);
    harness_expect_drop(&harness, &piece, DROP_BAD_TCP_HEADER);
    for (uint32_t i = 0; i < PIECES; i++)
        receive_piece(&packet, i, 7);
    assert_whole(&flow);
}

/* Let packets that have been handed over run until none is left. */
static void run_handoffs(void) {
    struct rte_mbuf *mbuf;
    bool ran;

    do {
        ran = false;
        for (uint32_t id = 0; id < harness.dataplane.worker_count; id++) {
            if (rte_ring_dequeue(harness.dataplane.workers[id]->handoff, (void **)&mbuf) != 0)
                continue;
            harness_run_mbuf(&harness, id, mbuf);
            collect();
            ran = true;
        }
    } while (ran);
}

/* Receiver, tracker and session's owner are workers of their own, whatever the tunnel says. */
static void fragments_find_the_owner_of_their_session(void **state) {
    uint32_t owners = 0;

    (void)state;
    for (uint16_t i = 0; i < 64; i++) {
        struct flow_spec flow = udp((uint16_t)(5000 + i));
        struct frame packet = frame_plain(&flow), whole;
        struct frame_view view;
        const struct tunnel_spec tunnel = { .bucket = (uint16_t)(i * 16) };
        const struct session_table *sessions;
        uint16_t bucket;

        set_id(&packet, i);
        for (uint32_t piece = PIECES; piece > 0; piece--) {
            struct frame frame = frame_fragment(&packet, (piece - 1) * PIECE, PIECE);

            if (i % 4 != 0)
                frame = frame_wrap(&frame, &tunnel);
            harness_receive_burst(&harness, piece % 4, &frame, 1);
            collect();
            run_handoffs();
        }
        whole = assert_whole(&flow);
        view = frame_view(&whole);
        bucket = bucket_of_local_port(ntohs(view.udp->src_port));
        sessions = &harness.dataplane.workers[harness.dataplane.owner_of_bucket[bucket]]->sessions;
        assert_int_not_equal(sessions->active, 0);
    }
    for (uint32_t id = 0; id < 4; id++)
        owners += harness.dataplane.workers[id]->sessions.active > 0;
    assert_int_equal(owners, 4);
}

int main(void) {
#define CASE(name)      cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_FOUR(name) cmocka_unit_test_setup_teardown(name, set_up_four, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(fragments_in_order_go_on_at_once),
        CASE(whole_packets_share_the_session),
        CASE(every_order_arrives),
        CASE(datagrams_between_each_other_keep_apart),
        CASE(identifications_of_two_clients_do_not_meet),
        CASE(answers_in_fragments_reach_the_client),
        CASE(fragments_without_a_first_are_dropped_in_time),
        CASE(what_waits_is_bounded),
        CASE(a_flood_of_fragments_is_survived),
        CASE(fragments_of_nothing_are_named),
        CASE(tcp_headers_are_not_cut),
        CASE_FOUR(fragments_find_the_owner_of_their_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
