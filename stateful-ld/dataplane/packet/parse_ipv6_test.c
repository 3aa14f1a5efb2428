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
        .vtep = ip4(frame_vtep),
        .address_v6 = ip_of("fd00:10::11"),
        .link_local = nd_link_local(&frame_ld_mac),
    };
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

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(extension_headers), CASE(chains_have_an_end),  CASE(fragments),
        CASE(icmp_errors),       CASE(neighbour_discovery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
