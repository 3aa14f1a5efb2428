/* Every prefix of valid frames, each in memory of its own: what is cut off is not read. */
#include <arpa/inet.h>

#include <rte_ip.h>

#include "packet/bucket.h"
#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/nd.h"
#include "testing/frame.h"
#include "testing/test.h"

static struct own_address own;

static int set_up(void **state) {
    (void)state;
    own = (struct own_address){
        .mac = frame_ld_mac,
        .address_v6 = ip_of("fd00:10::11"),
        .link_local = nd_link_local(&frame_ld_mac),
    };
    own_address_set_vtep(&own, ip_of(frame_vtep));
    return 0;
}

static uint8_t *add(struct frame *frame, const void *data, size_t bytes) {
    uint8_t *at = frame->bytes + frame->length;

    assert_true(frame->length + bytes <= FRAME_BYTES_MAX);
    memcpy(at, data, bytes);
    frame->length += (uint32_t)bytes;
    return at;
}

/* Ethernet and IPv6 to @p dst, whose payload is what the caller adds before finish(). */
static struct frame begin(const char *src, const char *dst, uint8_t protocol) {
    struct frame frame = { .length = 0 };
    struct rte_ether_hdr ether = { .dst_addr = frame_ld_mac,
                                   .src_addr = frame_gateway_mac,
                                   .ether_type = htons(RTE_ETHER_TYPE_IPV6) };
    struct rte_ipv6_hdr ip = { .vtc_flow = htonl(6u << 28), .proto = protocol, .hop_limits = 255 };
    struct ip_address from = ip_of(src), to = ip_of(dst);

    memcpy(ip.src_addr, &from, 16);
    memcpy(ip.dst_addr, &to, 16);
    add(&frame, &ether, sizeof(ether));
    add(&frame, &ip, sizeof(ip));
    return frame;
}

static struct rte_ipv6_hdr *ip_in(struct frame *frame) {
    return (struct rte_ipv6_hdr *)(frame->bytes + 14);
}

static void finish(struct frame *frame) {
    ip_in(frame)->payload_len = htons((uint16_t)(frame->length - 14 - 40));
}

static void finish_icmp(struct frame *frame, uint32_t offset) {
    finish(frame);
    icmp6_set_checksum(ip_in(frame), (struct icmp6_header *)(frame->bytes + offset),
                       frame->length - offset);
}

static const uint8_t udp_header[8] = { 0x13, 0x88, 0, 53, 0, 8, 0xab, 0xcd };

static enum drop_reason parse(const struct frame *frame, uint32_t bytes, struct packet *packet) {
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
    enum drop_reason reason;

    memcpy(copy, frame->bytes, bytes);
    reason = parse_frame(copy, bytes, &own, packet);
    free(copy);
    return reason;
}

static void every_prefix_is_refused(const struct frame *frame) {
    struct packet packet;

    for (uint32_t bytes = 0; bytes < frame->length; bytes++)
        assert_int_not_equal(parse(frame, bytes, &packet), DROP_NONE);
    assert_int_equal(parse(frame, frame->length, &packet), DROP_NONE);
}

static struct frame with_extensions(void) {
    static const uint8_t hop_by_hop[8] = { 43, 0, 1, 4 };
    static const uint8_t routing[24] = { 60, 2, 4, 0 };
    static const uint8_t destination[16] = { 44, 1, 1, 12 };
    static const uint8_t atomic[8] = { 17, 0, 0, 0, 1, 2, 3, 4 };
    struct frame frame = begin("2001:db8::1", "2001:db8:f::10", 0);

    add(&frame, hop_by_hop, sizeof(hop_by_hop));
    add(&frame, routing, sizeof(routing));
    add(&frame, destination, sizeof(destination));
    add(&frame, atomic, sizeof(atomic));
    add(&frame, udp_header, sizeof(udp_header));
    finish(&frame);
    return frame;
}

static void extension_headers(void **state) {
    struct frame frame = with_extensions();
    struct packet packet;

    (void)state;
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FLOW);
    assert_int_equal(packet.l4_off, 14 + 40 + 8 + 24 + 16 + 8);
    assert_int_equal(packet.key.vni_protocol, 17 | FLOW_V6);
    assert_int_equal(ntohs(packet.key.src_port), 5000);
    frame.bytes[14 + 40 + 8 + 3] = 1; /* a segment left */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_BAD_IP_EXTENSION);
}

static void chains_have_an_end(void **state) {
    static const uint8_t destination[8] = { 60, 0, 1, 4 };
    struct frame frame = begin("2001:db8::1", "2001:db8:f::10", 60);
    struct packet packet;

    (void)state;
    for (int i = 0; i < 100; i++)
        add(&frame, destination, sizeof(destination));
    finish(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_BAD_IP_EXTENSION);
}

static void fragments(void **state) {
    static const uint8_t first[8] = { 17, 0, 0, 1, 1, 2, 3, 4 };
    static const uint8_t later[8] = { 17, 0, 5, 0xd9, 1, 2, 3, 4 }; /* 1496, more follow */
    struct frame frame = begin("2001:db8::1", "2001:db8:f::10", 44);
    struct packet packet;

    (void)state;
    add(&frame, first, sizeof(first));
    add(&frame, udp_header, sizeof(udp_header));
    finish(&frame);
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FRAGMENT);
    assert_int_equal(packet.fragment, PACKET_MORE_FRAGMENTS);
    memcpy(frame.bytes + 14 + 40, later, sizeof(later));
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet_fragment_offset(&packet), 1496);
    assert_int_equal(ntohl(packet.fragment_id), 0x01020304);
    assert_int_equal(packet.key.src_port, 0);
}

static void icmp_errors(void **state) {
    static const struct icmp6_header unreachable = { .type = ICMP6_UNREACHABLE };
    struct frame frame = begin("2001:db8:9::9", "2001:db8::1", IPPROTO_ICMPV6);
    struct frame about = with_extensions();
    struct packet packet;

    (void)state;
    add(&frame, &unreachable, sizeof(unreachable));
    add(&frame, about.bytes + 14, about.length - 14);
    finish_icmp(&frame, 14 + 40);
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ICMP_ERROR);
    assert_int_equal(packet.inner_l4_off, frame.length - 8);
    assert_int_equal(ntohs(packet.key.src_port), 53);
    /* Whole in itself, but the quoted packet ends in each of its headers in turn. */
    for (uint32_t cut = 1; cut < about.length - 14; cut++) {
        struct frame part = frame;

        part.length -= cut;
        finish_icmp(&part, 14 + 40);
        assert_int_equal(parse(&part, part.length, &packet), DROP_BAD_ICMP);
    }
}

static void neighbour_discovery(void **state) {
    struct frame frame = begin("fd00:10::1", "fd00:10::11", IPPROTO_ICMPV6);
    struct nd_message question = { .icmp.type = ND_SOLICITATION };
    static const uint8_t option[8] = { 1, 1, 2, 0, 0, 0, 0, 1 };
    struct nd_heard heard;
    struct packet packet;

    (void)state;
    memcpy(question.target, &own.address_v6, 16);
    add(&frame, &question, sizeof(question));
    add(&frame, option, sizeof(option));
    finish_icmp(&frame, 14 + 40);
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ND);
    assert_true(nd_read(frame.bytes, &packet, &own, &heard));
    assert_true(heard.asks && heard.known);
    assert_memory_equal(&heard.mac, option + 2, 6);
    packet.l3_len -= 4; /* an option that ends behind the packet */
    assert_false(nd_read(frame.bytes, &packet, &own, &heard));
}

enum {
    OUTER_V6 = 14, /* of a tunnel over IPv6 */
    INNER_V6 = OUTER_V6 + 40 + 8 + 8 + 14,
};

/* The client's packet by the switch, to an LD whose tunnels go over IPv6. */
static struct frame tunnelled_v6(void) {
    const struct flow_spec flow = { .src = "192.0.2.77",
                                    .dst = "203.0.113.10",
                                    .src_port = 40000,
                                    .dst_port = 80,
                                    .protocol = FRAME_TCP,
                                    .payload = 20 };
    const struct tunnel_spec tunnel = { .bucket = 77, .vni = 0xabcdef, .dst = frame_vtep_v6 };

    own_address_set_vtep(&own, ip_of(frame_vtep_v6));
    return frame_tunnelled(&flow, &tunnel);
}

static void a_tunnel_over_ipv6(void **state) {
    struct frame frame = tunnelled_v6();
    struct ip_address steering = ip_of(frame_steering_v6), sender;
    struct packet packet;

    (void)state;
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_FLOW);
    assert_int_equal(packet.tunnelled, TUNNELLED_OVER_IPV6);
    sender = packet_tunnel_src(&packet);
    assert_true(ip_equal(&sender, &steering));
    assert_int_equal(packet.bucket, 77);
    assert_int_equal(packet.tunnel_bucket, 77);
    assert_int_equal(packet.l3_off, INNER_V6);
    assert_int_equal(packet.l3_len, 60);
    assert_int_equal(packet.key.vni_protocol, flow_vni_protocol(0xabcdef, FRAME_TCP));
    assert_int_equal(packet.key.src, ip4("192.0.2.77"));
    assert_int_equal(ntohs(packet.key.dst_port), 80);
    /* RFC 7348 5: a checksum that is there may be looked at, or not. */
    frame.bytes[OUTER_V6 + 46] = 0x12;
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    frame.bytes[INNER_V6 - 22] = 0; /* no VNI */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_BAD_VXLAN);
}

/* A packet of IPv6 in a tunnel over IPv6, and extension headers on the way there. */
static void ipv6_in_ipv6(void **state) {
    static const uint8_t hop_by_hop[8] = { 17, 0, 1, 4 };
    struct frame outer = tunnelled_v6(), inner = with_extensions();
    struct frame frame = begin(frame_steering_v6, frame_vtep_v6, 0);
    struct packet packet;

    (void)state;
    add(&frame, hop_by_hop, sizeof(hop_by_hop));
    add(&frame, outer.bytes + OUTER_V6 + 40, 8 + 8);
    add(&frame, inner.bytes, inner.length);
    frame.bytes[OUTER_V6 + 40 + 8 + 4] = (uint8_t)((16 + inner.length) >> 8);
    frame.bytes[OUTER_V6 + 40 + 8 + 5] = (uint8_t)(16 + inner.length);
    finish(&frame);
    every_prefix_is_refused(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.tunnelled, TUNNELLED_OVER_IPV6);
    assert_int_equal(packet.l3_off, INNER_V6 + 8);
    assert_int_equal(packet.key.vni_protocol, flow_vni_protocol(0xabcdef, FRAME_UDP) | FLOW_V6);
    assert_int_equal(packet.tunnel_bucket, 77);
    assert_int_equal(packet.bucket, BUCKET_NONE); /* the switch has seen no ports */
}

/* What is for the VTEP and no tunnel; and tunnels that are not for it. */
static void other_packets_to_a_vtep_of_ipv6(void **state) {
    static const uint8_t first[8] = { 17, 0, 0, 1, 1, 2, 3, 4 };
    static const uint8_t atomic[8] = { 17, 0, 0, 0, 1, 2, 3, 4 };
    static const uint8_t echo[8] = { 128 };
    struct frame whole = tunnelled_v6(), frame = whole;
    struct packet packet;

    (void)state;
    frame.bytes[OUTER_V6 + 43] = 0xb6; /* UDP to 4790 */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NOT_FOR_US);
    frame = whole;
    frame.bytes[OUTER_V6 + 6] = FRAME_TCP;
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NOT_FOR_US);
    frame = whole;
    frame.bytes[OUTER_V6 + 45]++; /* a UDP length beyond the packet */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_BAD_UDP_LENGTH);
    frame = whole;
    memcpy(frame.bytes, "\x33\x33\0\0\0\x01", 6); /* to all nodes */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NOT_OUR_MAC);
    frame = whole;
    frame.bytes[OUTER_V6 + 39]++; /* somebody else's */
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_UDP_WITHOUT_CHECKSUM);
    frame = begin(frame_steering_v6, frame_vtep_v6, 44);
    add(&frame, first, sizeof(first));
    add(&frame, whole.bytes + OUTER_V6 + 40, whole.length - OUTER_V6 - 40);
    finish(&frame);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_FRAGMENT);
    memcpy(frame.bytes + OUTER_V6 + 40, atomic, sizeof(atomic));
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.tunnelled, TUNNELLED_OVER_IPV6);
    frame = begin("fd00:10::1", frame_vtep_v6, IPPROTO_ICMPV6);
    add(&frame, echo, sizeof(echo));
    finish_icmp(&frame, OUTER_V6 + 40);
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_ECHO);
    /* Where tunnels go over IPv4, none ends in the LD's IPv6 address. */
    own_address_set_vtep(&own, ip_of(frame_vtep));
    assert_int_equal(parse(&whole, whole.length, &packet), DROP_UDP_WITHOUT_CHECKSUM);
}

static void another_ld_over_ipv6(void **state) {
    struct frame frame = tunnelled_v6();
    struct packet packet;

    (void)state;
    frame.bytes[OUTER_V6 + 42] = UDP_PORT_REPLICATION >> 8;
    frame.bytes[OUTER_V6 + 43] = UDP_PORT_REPLICATION & 0xff;
    assert_int_equal(parse(&frame, frame.length, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_REPLICATION);
    assert_int_equal(packet.l4_off, OUTER_V6 + 48);
    assert_int_equal(packet.l3_len, frame.length - OUTER_V6 - 48);
    assert_int_equal(packet.bucket, 77);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(extension_headers),
        CASE(chains_have_an_end),
        CASE(fragments),
        CASE(icmp_errors),
        CASE(neighbour_discovery),
        CASE(a_tunnel_over_ipv6),
        CASE(ipv6_in_ipv6),
        CASE(other_packets_to_a_vtep_of_ipv6),
        CASE(another_ld_over_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
