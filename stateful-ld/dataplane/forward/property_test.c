/* Thousands of sessions and frames, chosen at random but the same in every run. */
#include <arpa/inet.h>

#include "forward/worker.h"
#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

static struct harness harness;
static struct message message;

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static void configure(uint64_t *random) {
    static const char *const local_ips[] = { "198.18.1.1", "198.18.1.2", "198.18.1.3" };
    struct message_service *web, *dns;

    message_begin(&message);
    message.config.n_local_ips = 0;
    for (int i = 0; i < 3; i++)
        if (i == 0 || test_random(random) % 2)
            message_local_ip(&message, local_ips[i]);
    web = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 80);
    dns = message_service(&message, "dns", 0, "203.0.113.10", FRAME_UDP, 53);
    message_rs(&message, web, "a", "10.0.0.31", 80, 1);
    if (test_random(random) % 2)
        message_rs(&message, web, "b", "10.0.0.32", 80, 3);
    message_rs(&message, dns, "a", "10.0.0.31", 80, 2);
    message_rs(&message, dns, "c", "10.0.0.33", 53, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int by_key(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct flow_short));
}

/* No two sessions share what the RS sees; every local port is of its session's bucket. */
static void check_local_sides(void) {
    static struct flow_short keys[4096];
    const struct session_table *table = &harness_worker(&harness)->sessions;
    uint32_t count = 0;

    for (uint32_t number = 1; number <= table->used_up_to; number++) {
        const struct session *session = &table->sessions[number];

        if (!session_is_open(table, number))
            continue;
        keys[count++] = session->key[FROM_RS];
        assert_int_equal(ntohs(session->key[FROM_RS].dst_port) & BUCKET_MASK, session->bucket);
        assert_true(ntohs(session->key[FROM_RS].dst_port) >= LOCAL_PORT_FIRST);
    }
    assert_int_equal(count, table->active);
    qsort(keys, count, sizeof(keys[0]), by_key);
    for (uint32_t i = 1; i < count; i++)
        assert_int_not_equal(by_key(&keys[i - 1], &keys[i]), 0);
}

static void a_port_is_never_given_twice(void **state) {
    static const uint8_t flags[] = {
        TCP_SYN, TCP_SYN, TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST
    };
    uint64_t random = 29;

    (void)state;
    harness_start(&harness, 1, 4000);
    configure(&random);
    for (int step = 0; step < 60000; step++) {
        bool tcp = test_random(&random) % 2;
        char client[32];
        struct flow_spec flow = {
            .src = client,
            .dst = "203.0.113.10",
            .src_port = (uint16_t)(1 + test_random(&random) % 60000),
            .dst_port = tcp ? 80 : 53,
            .protocol = tcp ? FRAME_TCP : FRAME_UDP,
            .tcp_flags = flags[test_random(&random) % sizeof(flags)],
        };
        /* Few buckets, so that ports become scarce. */
        struct tunnel_spec tunnel = { .bucket = (uint16_t)(test_random(&random) % 4) };
        struct frame frame;

        snprintf(client, sizeof(client), "192.0.2.%u", (unsigned)(1 + test_random(&random) % 9));
        frame = frame_tunnelled(&flow, &tunnel);
        harness_receive(&harness, &frame);
        if (step % 500 == 0)
            check_local_sides();
        if (step % 2000 == 0)
            harness_pass(&harness, test_random(&random) % 20000);
        if (step % 3000 == 0)
            configure(&random);
    }
    assert_true(harness_worker(&harness)->stats.drops[DROP_NO_LOCAL_PORT] > 0);
    harness_pass(&harness, 1000000);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    for (uint32_t target = 0; target < 8; target++)
        assert_int_equal(harness_worker(&harness)->rs[target].sessions_active, 0);
}

/* An error about a packet the LD has sent, or may have. */
static struct frame random_error(uint64_t *random) {
    static const uint8_t types[] = { 3, 11, 12 };
    const struct error_spec error = {
        .src = "192.0.2.1",
        .type = types[test_random(random) % 3],
        .quoted = test_random(random) % 2 ? 8 : 0,
    };
    const struct tunnel_spec tunnel = { .bucket = (uint16_t)(test_random(random) % 1024) };
    const struct frame *sent = &harness.sent[0];
    const struct frame_view view = { .ip = (const struct rte_ipv4_hdr *)(sent->bytes + 14) };
    struct frame frame;

    if (harness.sent_count == 0 || sent->bytes[12] != 0x08 || sent->bytes[13] != 0 ||
        view.ip->next_proto_id == FRAME_ICMP || sent->length > 1000)
        return frame_echo("192.0.2.77", "203.0.113.10");
    frame = frame_icmp_error(&view, &error);
    return test_random(random) % 2 ? frame : frame_wrap(&frame, &tunnel);
}

static struct frame random_good_frame(uint64_t *random) {
    bool tcp = test_random(random) % 2;
    struct flow_spec flow = {
        .src = "192.0.2.77",
        .dst = test_random(random) % 4 ? "203.0.113.10" : "198.18.1.1",
        .src_port = (uint16_t)(1 + test_random(random) % 100),
        .dst_port = tcp ? 80 : 53,
        .protocol = tcp ? FRAME_TCP : FRAME_UDP,
        .tcp_flags = TCP_SYN,
        .tcp_options = { 2, 4, 0xff, 0xff, 1, 1, 1, 0 },
        .tcp_option_bytes = 8,
        .ip_options = test_random(random) % 4 ? 0 : 12,
        .payload = (uint16_t)(test_random(random) % 100),
    };
    struct tunnel_spec tunnel = { .bucket = (uint16_t)(test_random(random) % 1024) };

    switch (test_random(random) % 12) {
    case 0:
        return frame_plain(&flow);
    case 1:
        return frame_arp(1, &frame_gateway_mac, "10.0.0.1", frame_vtep);
    case 2:
        return frame_echo("10.0.0.1", frame_vtep);
    case 3:
        return random_error(random);
    case 4:
        flow.fragment = 0x4000;
        flow.ttl = (uint8_t)(test_random(random) % 3);
        flow.payload = (uint16_t)(test_random(random) % 1700);
        return frame_tunnelled(&flow, &tunnel);
    case 5:
    case 6:
        flow.fragment = test_random(random) % 2 ? 0x2000 : 3;
        return test_random(random) % 2 ? frame_plain(&flow) : frame_tunnelled(&flow, &tunnel);
    default:
        return frame_tunnelled(&flow, &tunnel);
    }
}

static void mutate(struct frame *frame, uint64_t *random) {
    switch (test_random(random) % 4) {
    case 0: /* truncate */
        frame->length = (uint32_t)(test_random(random) % (frame->length + 1));
        break;
    case 1: /* oversize */
        frame->length += (uint32_t)(test_random(random) % (FRAME_BYTES_MAX - 1 - frame->length));
        break;
    default: /* change up to eight bytes, most of them in headers */
        for (uint64_t changes = 1 + test_random(random) % 8; changes > 0; changes--) {
            uint32_t reach = test_random(random) % 2 ? RTE_MIN(frame->length, 120u) : frame->length;

            frame->bytes[test_random(random) % reach] = (uint8_t)test_random(random);
        }
    }
    /* Often repair the checksums, or few mutations get past them. */
    if (test_random(random) % 2 && frame->length >= FRAME_INNER_IP + 20) {
        if ((frame->bytes[14] & 0xf) >= 5)
            frame_fix_ip_checksum(frame, 14);
        if ((frame->bytes[FRAME_INNER_IP] & 0xf) >= 5)
            frame_fix_ip_checksum(frame, FRAME_INNER_IP);
    }
}

/* Whatever comes in: it goes out, is consumed as ARP, or is counted as dropped, once. */
static void mutated_frames_are_all_accounted_for(void **state) {
    uint64_t random = 31, accounted, sent = 0;
    enum {
        FRAMES = 100000
    };

    (void)state;
    harness_start(&harness, 1, 4000);
    configure(&random);
    for (int i = 0; i < FRAMES; i++) {
        struct frame frame = random_good_frame(&random);

        mutate(&frame, &random);
        sent += harness_receive(&harness, &frame);
        if (i % 1000 == 0) {
            struct neighbour_event event;

            harness_pass(&harness, 500);
            while (rte_ring_dequeue_elem(harness.dataplane.neighbour_events, &event,
                                         sizeof(event)) == 0)
                ;
        }
    }
    harness_pass(&harness, FRAGMENT_HOLD_MS);
    accounted = sent + harness_drops(&harness);
    accounted += harness_worker(&harness)->stats.arp_received;
    accounted -= harness_worker(&harness)->stats.arp_answered;
    assert_int_equal(accounted, FRAMES);
    assert_true(harness_worker(&harness)->stats.fragments_translated > 1000);
    assert_true(harness_worker(&harness)->stats.icmp_errors_translated > 200);
    assert_true(harness_worker(&harness)->stats.icmp_frag_needed_sent > 100);
    assert_true(harness_worker(&harness)->stats.icmp_time_exceeded_sent > 100);
    assert_int_equal(harness_mbufs_in_use(&harness), 0);
    check_local_sides();
}

/* Burst by burst instead of one by one: other paths through the prefetching loops. */
static void bursts_give_the_same_as_single_packets(void **state) {
    uint64_t random = 37;
    struct frame frames[2 * BURST];
    uint64_t sent = 0;

    (void)state;
    harness_start(&harness, 1, 4000);
    configure(&random);
    for (int i = 0; i < 3000; i++) {
        uint16_t count = (uint16_t)(1 + test_random(&random) % (2 * BURST));

        for (uint16_t k = 0; k < count; k++) {
            frames[k] = random_good_frame(&random);
            if (test_random(&random) % 2)
                mutate(&frames[k], &random);
        }
        sent += harness_receive_burst(&harness, 0, frames, count);
        if (i % 100 == 0)
            harness_pass(&harness, 500);
    }
    assert_true(sent > 10000);
    harness_pass(&harness, FRAGMENT_HOLD_MS);
    assert_int_equal(harness_mbufs_in_use(&harness), 0);
    check_local_sides();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_port_is_never_given_twice, tear_down),
        cmocka_unit_test_teardown(mutated_frames_are_all_accounted_for, tear_down),
        cmocka_unit_test_teardown(bursts_give_the_same_as_single_packets, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
