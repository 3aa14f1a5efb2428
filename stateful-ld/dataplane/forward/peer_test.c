/* Two LDs of a cluster, each with half of the buckets: what comes to the wrong one. */
#include <arpa/inet.h>

#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT  "192.0.2.77"
#define VIP     "203.0.113.10"
#define RS      "10.0.0.31"
#define THE_ONE "10.0.0.11"
#define OTHER   "10.0.0.12"

enum {
    PIECE = 400,
    PIECES = 4
};

static struct harness one, other;
static struct message message_one, message_other;

static void configure(struct harness *harness, struct message *message, uint32_t ld_id) {
    const char *vtep = ld_id == 1 ? THE_ONE : OTHER;
    struct message_service *service;

    message_begin(message);
    message->config.vtep = message_address(message, vtep);
    message->config.n_owned_buckets = 0;
    message_buckets(message, ld_id == 1 ? 0 : 512, ld_id == 1 ? 511 : 1023);
    message_cluster(message, ld_id);
    message_ld(message, 3 - ld_id, ld_id == 1 ? OTHER : THE_ONE);
    message_assign(message, 0, 511, 1, 2);
    message_assign(message, 512, 1023, 2, 1);
    service = message_service(message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(message, service, "rs", RS, 5353, 1);
    harness_apply(harness, message);
    harness_resolve(harness);
}

static int set_up(void **state) {
    (void)state;
    harness_start(&one, 1, 64);
    harness_start(&other, 1, 64);
    configure(&one, &message_one, 1);
    configure(&other, &message_other, 2);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    dataplane_free(&one.dataplane);
    harness_stop(&other);
    return 0;
}

/* A client whose packets fall into a bucket of the other LD. */
static struct flow_spec client_of_the_other(void) {
    struct flow_spec flow = { .src = CLIENT,
                              .dst = VIP,
                              .src_port = 5000,
                              .dst_port = 53,
                              .protocol = FRAME_UDP,
                              .payload = PIECES * PIECE - 8,
                              .seed = 3 };
    struct flow_key key = { .src = ip4(CLIENT), .dst = ip4(VIP), .dst_port = htons(53) };

    key.vni_protocol = flow_vni_protocol(0, FRAME_UDP);
    do {
        key.src_port = htons(++flow.src_port);
    } while (bucket_of_flow(&key) < 512);
    return flow;
}

/* The frame an LD has sent to the other, as the other receives it. */
static struct frame delivered(const struct frame *sent) {
    struct frame frame = *sent;
    struct frame_view view = frame_view(sent);
    struct rte_ether_addr mac = harness_mac_of(OTHER);

    assert_non_null(view.outer);
    assert_memory_equal(&view.ether->dst_addr, &mac, 6);
    assert_int_equal(view.outer->src_addr, ip4(THE_ONE));
    assert_int_equal(view.outer->dst_addr, ip4(OTHER));
    memcpy(frame.bytes, &frame_ld_mac, 6);
    return frame;
}

/* Give the pieces of a packet to the first LD, last one first, and what it passes on to the other.
 * @return the whole packet that comes out */
static struct frame through_both(const struct frame *packet, const struct tunnel_spec *tunnel) {
    struct frame passed[PIECES], out[PIECES];
    uint32_t passed_count = 0, count = 0;

    for (uint32_t i = PIECES; i > 0; i--) {
        struct frame piece = frame_fragment(packet, (i - 1) * PIECE, PIECE);

        if (tunnel != NULL)
            piece = frame_wrap(&piece, tunnel);
        harness_receive(&one, &piece);
        for (uint32_t j = 0; j < one.sent_count; j++)
            passed[passed_count++] = delivered(&one.sent[j]);
    }
    assert_int_equal(passed_count, PIECES);
    for (uint32_t i = 0; i < PIECES; i++) {
        harness_receive(&other, &passed[i]);
        for (uint32_t j = 0; j < other.sent_count; j++)
            out[count++] = other.sent[j];
    }
    assert_int_equal(count, PIECES);
    assert_int_equal(harness_drops(&one) + harness_drops(&other), 0);
    return frame_reassemble(out, PIECES);
}

/* The switch steers fragments by their addresses, so the whole chain comes to the wrong LD, and so
 * do an RS's answers in fragments. */
static void fragments_reach_the_ld_of_their_session(void **state) {
    struct flow_spec flow = client_of_the_other();
    struct flow_spec answer = { .src = RS, .src_port = 5353, .protocol = FRAME_UDP, .seed = 9 };
    const struct tunnel_spec by_addresses = { .bucket = 100 };
    struct frame packet = frame_plain(&flow);
    struct frame whole = through_both(&packet, &by_addresses);
    struct frame_view view = frame_view(&whole);

    (void)state;
    assert_int_equal(view.ip->dst_addr, ip4(RS));
    assert_true((ntohs(view.udp->src_port) & 1023) >= 512);
    assert_int_equal(view.payload_bytes, flow.payload);
    assert_int_equal(harness_worker(&one)->sessions.active, 0);
    assert_int_equal(harness_worker(&other)->sessions.active, 1);

    answer.dst = "198.18.1.1";
    answer.dst_port = ntohs(view.udp->src_port);
    answer.payload = flow.payload;
    packet = frame_plain(&answer);
    whole = through_both(&packet, &by_addresses);
    view = frame_view(&whole);
    assert_int_equal(view.ip->src_addr, ip4(VIP));
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(ntohs(view.udp->dst_port), flow.src_port);
    assert_int_equal(harness_worker(&one)->stats.passed_on, 2 * PIECES);
}

/* From a router that knows no buckets: a packet that is whole, to whichever LD. */
static void plain_packets_reach_the_owner_of_their_bucket(void **state) {
    struct flow_spec flow = client_of_the_other();
    struct frame frame;

    (void)state;
    flow.payload = 40;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&one, &frame), 1);
    frame = delivered(&one.sent[0]);
    assert_int_equal(harness_receive(&other, &frame), 1);
    assert_int_equal(frame_view(&other.sent[0]).ip->dst_addr, ip4(RS));
}

/* An error about a packet of the other LD's session, from a router outside. */
static void errors_reach_the_ld_of_their_session(void **state) {
    struct flow_spec flow = client_of_the_other();
    const struct error_spec unreachable = { .src = "172.16.0.1", .type = 3, .code = 1 };
    struct frame frame, error;
    struct frame_view view;

    (void)state;
    flow.payload = 40;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&one, &frame), 1);
    frame = delivered(&one.sent[0]);
    assert_int_equal(harness_receive(&other, &frame), 1);
    view = frame_view(&other.sent[0]);
    error = frame_icmp_error(&view, &unreachable);
    assert_int_equal(harness_receive(&one, &error), 1);
    frame = delivered(&one.sent[0]);
    assert_int_equal(harness_receive(&other, &frame), 1);
    view = frame_view(&other.sent[0]);
    assert_int_equal(view.ip->dst_addr, ip4(CLIENT));
    assert_int_equal(view.embedded->dst_addr, ip4(VIP));
}

/* Whoever sent it here with its bucket takes us for the owner: passed on, it could go round. */
static void packets_with_their_bucket_are_not_passed_on(void **state) {
    struct flow_spec flow = client_of_the_other();
    struct frame frame;

    (void)state;
    flow.payload = 40;
    frame = frame_plain(&flow);
    assert_int_equal(harness_receive(&one, &frame), 1);
    frame = one.sent[0];
    memcpy(frame.bytes, &frame_ld_mac, 6);
    ((struct rte_ipv4_hdr *)(frame.bytes + 14))->dst_addr = ip4(THE_ONE);
    frame_fix_ip_checksum(&frame, 14);
    harness_expect_drop(&one, &frame, DROP_BUCKET_NOT_OWNED);
}

static void buckets_of_nobody_are_dropped(void **state) {
    struct flow_spec flow = client_of_the_other();
    struct frame frame;

    (void)state;
    flow.payload = 40;
    frame = frame_plain(&flow);
    message_one.cluster.n_buckets = 1; /* the other LD's are nobody's */
    harness_apply(&one, &message_one);
    harness_expect_drop(&one, &frame, DROP_BUCKET_NOT_OWNED);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(fragments_reach_the_ld_of_their_session),
        CASE(plain_packets_reach_the_owner_of_their_bucket),
        CASE(errors_reach_the_ld_of_their_session),
        CASE(packets_with_their_bucket_are_not_passed_on),
        CASE(buckets_of_nobody_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
