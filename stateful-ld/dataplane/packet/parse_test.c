#include "packet/parse.h"

#include <arpa/inet.h>

#include "packet/bucket.h"
#include "testing/frame.h"
#include "testing/packet.h"
#include "testing/test.h"

static struct own_address own;
static struct packet packet;
static bool usual; /* the short way has accepted it, too */

static const struct flow_spec tcp = { .src = "192.0.2.77",
                                      .dst = "203.0.113.10",
                                      .src_port = 40000,
                                      .dst_port = 80,
                                      .protocol = FRAME_TCP,
                                      .tcp_flags = TCP_SYN,
                                      .payload = 20 };
static const struct tunnel_spec tunnel = { .bucket = 77, .vni = 0xabcdef };

static int set_up(void **state) {
    (void)state;
    own.mac = frame_ld_mac;
    own_address_set_vtep(&own, ip_of(frame_vtep));
    return 0;
}

/* Aligned as in an mbuf, from memory of exactly the frame's size, so that a sanitizer sees every
 * byte too far. */
static enum drop_reason parse(const struct frame *frame) {
    uint8_t *exact = malloc(frame->length + 2);
    enum drop_reason reason;

    assert_non_null(exact);
    memcpy(exact + 2, frame->bytes, frame->length);
    memset(&packet, 0, sizeof(packet));
    reason = parse_frame(exact + 2, frame->length, &own, &packet);
    usual = assert_usual_agrees(exact + 2, frame->length, &own, reason, &packet);
    free(exact);
    return reason;
}

static void tunnelled_flow(void **state) {
    struct frame frame = frame_tunnelled(&tcp, &tunnel);

    (void)state;
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FLOW);
    assert_true(packet.tunnelled);
    assert_int_equal(packet.bucket, 77);
    assert_int_equal(packet.l3_off, FRAME_INNER_IP);
    assert_int_equal(packet.l4_off, FRAME_INNER_IP + 20);
    assert_int_equal(packet.l3_len, 20 + 20 + 20);
    assert_int_equal(packet.tcp_flags, TCP_SYN);
    assert_int_equal(packet.key.src, ip4("192.0.2.77"));
    assert_int_equal(packet.key.dst, ip4("203.0.113.10"));
    assert_int_equal(ntohs(packet.key.src_port), 40000);
    assert_int_equal(ntohs(packet.key.dst_port), 80);
    assert_int_equal(flow_vni(&packet.key), 0xabcdef);
    assert_int_equal(flow_protocol(&packet.key), FRAME_TCP);
}

static void plain_flow(void **state) {
    struct frame frame = frame_plain(&tcp);

    (void)state;
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_false(packet.tunnelled);
    assert_int_equal(packet.bucket, BUCKET_NONE);
    assert_int_equal(flow_vni(&packet.key), 0);
    assert_int_equal(packet.l3_off, 14);
}

static void options_and_tags_are_stepped_over(void **state) {
    struct flow_spec flow = tcp;
    struct frame frame;

    (void)state;
    flow.ip_options = 40;
    frame = frame_tunnelled(&flow, &tunnel);
    frame_tag(&frame, 5);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.l3_off, FRAME_INNER_IP + 4);
    assert_int_equal(packet.l4_off, FRAME_INNER_IP + 4 + 60);
    assert_int_equal(packet.l3_len, 60 + 20 + 20);
}

static void arp_and_echo(void **state) {
    struct frame frame = frame_arp(1, &frame_gateway_mac, "10.0.0.1", frame_vtep);

    (void)state;
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ARP);
    frame.length = 14 + 27;
    assert_int_equal(parse(&frame), DROP_TRUNCATED);
    frame = frame_echo("10.0.0.1", frame_vtep);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ECHO);
    frame.bytes[14 + 20] = 0; /* an echo reply */
    assert_int_equal(parse(&frame), DROP_ICMP);
}

static void packets_on_their_last_hop(void **state) {
    struct flow_spec flow = tcp;
    struct frame frame;

    (void)state;
    for (flow.ttl = 1; flow.ttl < 3; flow.ttl++) {
        frame = frame_tunnelled(&flow, &tunnel);
        assert_int_equal(parse(&frame), DROP_NONE);
        assert_int_equal(packet.kind, flow.ttl == 1 ? PACKET_TTL_EXPIRED : PACKET_FLOW);
        assert_int_equal(ntohs(packet.key.dst_port), 80);
    }
    flow.ttl = 1;
    flow.protocol = 132;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_TTL_EXPIRED);
}

/* The key is the embedded tuple, turned round. */
static void icmp_errors_name_their_session(void **state) {
    const struct error_spec error = { .src = "198.51.100.1", .type = 11, .quoted = 8 };
    struct frame about = frame_plain(&tcp);
    struct frame_view view = frame_view(&about);
    struct frame frame = frame_icmp_error(&view, &error);

    (void)state;
    frame = frame_wrap(&frame, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ICMP_ERROR);
    assert_int_equal(packet.bucket, 77);
    assert_int_equal(packet.l4_off, FRAME_INNER_IP + 20);
    assert_int_equal(packet.l3_len, 20 + 8 + 20 + 8);
    assert_int_equal(packet.key.src, ip4("203.0.113.10"));
    assert_int_equal(packet.key.dst, ip4("192.0.2.77"));
    assert_int_equal(ntohs(packet.key.src_port), 80);
    assert_int_equal(ntohs(packet.key.dst_port), 40000);
    assert_int_equal(flow_vni(&packet.key), 0xabcdef);
    assert_int_equal(flow_protocol(&packet.key), FRAME_TCP);
}

static void fragments_have_ports_in_the_first_only(void **state) {
    struct flow_spec flow = tcp;
    struct frame frame;

    (void)state;
    flow.fragment = 0x2000;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FRAGMENT);
    assert_int_equal(ntohs(packet.key.dst_port), 80);
    flow.fragment = 3;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FRAGMENT);
    assert_int_equal(packet.key.dst_port, 0);
    flow.ttl = 1;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_TTL_EXPIRED);
    flow.ttl = 2;
    flow.protocol = FRAME_ICMP; /* a later one: of what, it does not say */
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_VIP_ECHO_FRAGMENT);
}

/* Every length from 0 to one byte short of the packet is refused, and none is read behind. */
static void every_truncation_is_refused(void **state) {
    struct frame frames[4] = { frame_tunnelled(&tcp, &tunnel), frame_plain(&tcp),
                               frame_arp(1, &frame_gateway_mac, "10.0.0.1", frame_vtep),
                               frame_echo("10.0.0.1", frame_vtep) };

    (void)state;
    frames[2].length = 14 + 28;
    for (int i = 0; i < 4; i++)
        for (uint32_t whole = frames[i].length; frames[i].length > 0;) {
            frames[i].length--;
            assert_true(frames[i].length < whole);
            assert_int_not_equal(parse(&frames[i]), DROP_NONE);
        }
}

struct damage {
    const char *what;
    uint32_t at;
    uint8_t value;
    enum drop_reason reason;
    bool fix_outer;
    bool fix_inner;
};

enum {
    OUTER = 14,
    INNER = FRAME_INNER_IP
};

static const struct damage damages[] = {
    { "other MAC", 5, 0x99, DROP_NOT_OUR_MAC, false, false },
    { "IPv6", 12, 0x86, DROP_UNKNOWN_ETHERTYPE, false, false },
    { "outer version", OUTER, 0x55, DROP_BAD_IP_VERSION, false, false },
    { "outer header of 16 bytes", OUTER, 0x44, DROP_BAD_IP_HEADER_LENGTH, false, false },
    { "outer total length too large", OUTER + 2, 0x7f, DROP_BAD_IP_TOTAL_LENGTH, true, false },
    { "outer total length 19", OUTER + 3, 19, DROP_BAD_IP_TOTAL_LENGTH, true, false },
    { "outer checksum", OUTER + 10, 0xee, DROP_BAD_IP_CHECKSUM, false, false },
    { "outer fragment", OUTER + 6, 0x20, DROP_FRAGMENT, true, false },
    { "outer protocol", OUTER + 9, 6, DROP_NOT_FOR_US, true, false },
    { "UDP port", OUTER + 23, 1, DROP_NOT_FOR_US, false, false },
    { "UDP length of 7", OUTER + 25, 7, DROP_BAD_UDP_LENGTH, false, false },
    { "UDP length too large", OUTER + 24, 0x7f, DROP_BAD_UDP_LENGTH, false, false },
    { "UDP length cuts the inner packet", OUTER + 25, 60, DROP_BAD_IP_TOTAL_LENGTH, false, false },
    { "VXLAN without I", OUTER + 28, 0x00, DROP_BAD_VXLAN, false, false },
    { "inner ARP", INNER - 1, 0x06, DROP_UNKNOWN_ETHERTYPE, false, false },
    { "inner version", INNER, 0x65, DROP_BAD_IP_VERSION, false, false },
    { "inner header of 4 bytes", INNER, 0x41, DROP_BAD_IP_HEADER_LENGTH, false, false },
    { "inner total length too large", INNER + 2, 1, DROP_BAD_IP_TOTAL_LENGTH, false, true },
    { "inner checksum", INNER + 16, 0xee, DROP_BAD_IP_CHECKSUM, false, false },
    { "fragment inside the TCP header", INNER + 7, 1, DROP_BAD_TCP_HEADER, false, true },
    { "ICMP", INNER + 9, 1, DROP_BAD_ICMP, false, true },
    { "SCTP", INNER + 9, 132, DROP_UNKNOWN_PROTOCOL, false, true },
    { "TCP header of 16 bytes", INNER + 32, 0x40, DROP_BAD_TCP_HEADER, false, false },
    { "TCP header longer than the packet", INNER + 32, 0xf0, DROP_BAD_TCP_HEADER, false, false },
    { "SYN and FIN", INNER + 33, 0x03, DROP_BAD_TCP_FLAGS, false, false },
    { "SYN and RST", INNER + 33, 0x06, DROP_BAD_TCP_FLAGS, false, false },
};

static void every_damage_has_its_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct damage *damage = &damages[i];
        struct frame frame = frame_tunnelled(&tcp, &tunnel);

        frame.bytes[damage->at] = damage->value;
        if (damage->fix_outer)
            frame_fix_ip_checksum(&frame, OUTER);
        if (damage->fix_inner)
            frame_fix_ip_checksum(&frame, INNER);
        if (parse(&frame) != damage->reason)
            fail_msg("%s: %s instead of %s", damage->what, drop_reason_name(parse(&frame)),
                     drop_reason_name(damage->reason));
    }
}

static void ethertype_and_version_agree(void **state) {
    struct frame frame = frame_tunnelled(&tcp, &tunnel);

    (void)state;
    frame.bytes[12] = 0x86;
    frame.bytes[13] = 0xdd;
    assert_int_equal(parse(&frame), DROP_BAD_IP_VERSION);
    frame = frame_tunnelled(&tcp, &tunnel);
    frame.bytes[INNER - 2] = 0x86;
    frame.bytes[INNER - 1] = 0xdd;
    assert_int_equal(parse(&frame), DROP_BAD_IP_VERSION);
}

static void udp_length_is_checked(void **state) {
    struct flow_spec flow = tcp;
    struct frame frame;

    (void)state;
    flow.protocol = FRAME_UDP;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    frame.bytes[INNER + 25] = 7;
    assert_int_equal(parse(&frame), DROP_BAD_UDP_LENGTH);
    frame.bytes[INNER + 25] = 29; /* 8 + 20 are there */
    assert_int_equal(parse(&frame), DROP_BAD_UDP_LENGTH);
}

static void reserved_vxlan_bits_are_ignored(void **state) {
    struct frame frame = frame_tunnelled(&tcp, &tunnel);

    (void)state;
    frame.bytes[OUTER + 28] = 0xff;
    frame.bytes[OUTER + 29] = 0xaa;
    frame.bytes[OUTER + 35] = 0xbb;
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_int_equal(flow_vni(&packet.key), 0xabcdef);
}

/* Each byte of a usual frame's headers, in each way; `outer`: bytes of the tunnel's IP header,
 * whose TTL is at `ttl`. @return how many of the frames the short way has accepted */
static uint32_t try_each_byte(const struct frame *usual_frame, uint32_t outer, uint32_t ttl) {
    const uint32_t inner = OUTER + outer + 8 + 8 + 14;
    struct frame frame = *usual_frame;
    uint32_t accepted = 0;

    assert_int_equal(parse(&frame), DROP_NONE);
    assert_true(usual);
    for (uint32_t at = 0; at < inner + 40; at++) {
        for (int value = 0; value < 256; value++) {
            frame.bytes[at] = (uint8_t)value;
            (void)parse(&frame);
            accepted += usual;
            if (at == ttl || at == inner + 8) { /* the TTLs, with a right checksum */
                if (outer == sizeof(struct rte_ipv4_hdr))
                    frame_fix_ip_checksum(&frame, OUTER);
                frame_fix_ip_checksum(&frame, inner);
                (void)parse(&frame);
            }
        }
        frame = *usual_frame;
    }
    return accepted;
}

/* All that could be wrong with a usual frame. */
static void the_short_way_agrees_whatever_a_byte_says(void **state) {
    const uint8_t protocols[] = { FRAME_TCP, FRAME_UDP };
    const struct tunnel_spec over_v6 = { .bucket = 77, .vni = 0xabcdef, .dst = frame_vtep_v6 };
    uint32_t accepted = 0, accepted_v6 = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(protocols); i++) {
        struct flow_spec flow = tcp;
        struct frame frame;

        flow.protocol = protocols[i];
        frame = frame_tunnelled(&flow, &tunnel);
        accepted += try_each_byte(&frame, sizeof(struct rte_ipv4_hdr), OUTER + 8);
        own_address_set_vtep(&own, ip_of(frame_vtep_v6));
        frame = frame_tunnelled(&flow, &over_v6);
        accepted_v6 += try_each_byte(&frame, sizeof(struct rte_ipv6_hdr), OUTER + 7);
        own_address_set_vtep(&own, ip_of(frame_vtep));
    }
    assert_in_range(accepted, 1000, 2 * 256 * (INNER + 40) / 2);
    assert_in_range(accepted_v6, 1000, 2 * 256 * (INNER + 20 + 40) * 2 / 3);
}

static void the_short_way_is_not_for_the_unusual(void **state) {
    struct flow_spec flow = tcp;
    struct frame frame;

    (void)state;
    flow.ip_options = 4;
    frame = frame_tunnelled(&flow, &tunnel);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_false(usual);
    frame = frame_plain(&tcp);
    assert_int_equal(parse(&frame), DROP_NONE);
    assert_false(usual);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tunnelled_flow),
        cmocka_unit_test(plain_flow),
        cmocka_unit_test(options_and_tags_are_stepped_over),
        cmocka_unit_test(arp_and_echo),
        cmocka_unit_test(packets_on_their_last_hop),
        cmocka_unit_test(icmp_errors_name_their_session),
        cmocka_unit_test(fragments_have_ports_in_the_first_only),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_damage_has_its_name),
        cmocka_unit_test(ethertype_and_version_agree),
        cmocka_unit_test(udp_length_is_checked),
        cmocka_unit_test(reserved_vxlan_bits_are_ignored),
        cmocka_unit_test(the_short_way_agrees_whatever_a_byte_says),
        cmocka_unit_test(the_short_way_is_not_for_the_unusual),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
