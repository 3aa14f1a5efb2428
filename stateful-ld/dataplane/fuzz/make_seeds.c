/* make-seeds FOLDER: what the fuzzers begin with, a file each, in FOLDER/parse and FOLDER/receive.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <rte_arp.h>
#include <rte_ip.h>

#include "fuzz/segment.h"
#include "fuzz/steps.h"
#include "packet/flow.h"
#include "packet/icmp6.h"
#include "testing/message.h"
#include "testing/test.h"

static void write_seed(const char *folder, const char *kind, const char *name, const void *bytes,
                       size_t count) {
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, kind);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void frame_seed(const char *folder, const char *name, const struct frame *frame) {
    uint8_t step[FRAME_BYTES_MAX + 3] = { STEP_FRAME, (uint8_t)(frame->length >> 8),
                                          (uint8_t)frame->length };

    write_seed(folder, "parse", name, frame->bytes, frame->length);
    memcpy(step + 3, frame->bytes, frame->length);
    write_seed(folder, "receive", name, step, frame->length + 3);
}

static void make_frames(const char *folder) {
    const struct flow_spec tcp = { .src = "198.51.100.7",
                                   .dst = fuzz_vip,
                                   .src_port = 40000,
                                   .dst_port = 80,
                                   .protocol = FRAME_TCP,
                                   .tcp_flags = TCP_SYN,
                                   .tcp_options = { 2, 4, 5, 0xb4 },
                                   .tcp_option_bytes = 4 };
    const struct flow_spec udp = { .src = "198.51.100.7",
                                   .dst = fuzz_vip,
                                   .src_port = 40000,
                                   .dst_port = 53,
                                   .protocol = FRAME_UDP,
                                   .payload = 32,
                                   .ip_options = 8 };
    const struct tunnel_spec tunnel = { .bucket = 5 };
    const struct tunnel_spec tunnel_v6 = { .bucket = 5, .dst = frame_vtep_v6 };
    struct frame plain = frame_plain(&tcp), frame;

    frame_seed(folder, "tcp_plain", &plain);
    frame = frame_tunnelled(&tcp, &tunnel);
    frame_seed(folder, "tcp_tunnelled", &frame);
    frame = frame_tunnelled(&udp, &tunnel);
    frame_tag(&frame, 5);
    frame_seed(folder, "udp_tagged", &frame);
    frame = frame_tunnelled(&tcp, &tunnel_v6);
    frame_seed(folder, "tcp_tunnelled_over_ipv6", &frame);
    plain = frame_plain(&udp);
    frame = frame_fragment(&plain, 0, 24);
    frame_seed(folder, "fragment_first", &frame);
    frame = frame_fragment(&plain, 24, 16);
    frame_seed(folder, "fragment_last", &frame);
    frame = frame_arp(RTE_ARP_OP_REQUEST, &frame_gateway_mac, "10.0.0.1", frame_vtep);
    frame_seed(folder, "arp", &frame);
    frame = frame_echo("10.0.0.1", frame_vtep);
    frame_seed(folder, "echo", &frame);
    frame = frame_echo("198.51.100.7", fuzz_vip);
    frame_seed(folder, "echo_vip", &frame);
}

/* Ethernet and IPv6 with this payload; the checksum of ICMPv6 is made right. */
static struct frame frame6(const char *src, const char *dst, uint8_t protocol, const void *payload,
                           uint16_t bytes) {
    struct ip_address from = ip_of(src), to = ip_of(dst);
    struct frame frame = { .length = 14 + sizeof(struct rte_ipv6_hdr) + bytes };
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame.bytes + 14);

    memcpy(frame.bytes, &frame_ld_mac, 6);
    memcpy(frame.bytes + 6, &frame_gateway_mac, 6);
    frame.bytes[12] = 0x86;
    frame.bytes[13] = 0xdd;
    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(bytes);
    ip->proto = protocol;
    ip->hop_limits = 255; /* RFC 4861 7.1.1 */
    memcpy(ip->src_addr, from.bytes, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, to.bytes, sizeof(ip->dst_addr));
    memcpy(ip + 1, payload, bytes);
    if (protocol == IPPROTO_ICMPV6)
        icmp6_set_checksum(ip, (struct icmp6_header *)(ip + 1), bytes);
    return frame;
}

static void make_frames6(const char *folder) {
    static const char client[] = "2001:db8:51::7";
    /* Hop-by-hop and destination options (PadN), the first fragment, a TCP header. */
    static const uint8_t extensions[44] = {
        60, 0, 1, 4,    0,    0, 0,  0, 44, 0, 1, 4, 0, 0, 0, 0,    6, 0,  0, 1, 1,
        2,  3, 4, 0x9c, 0x40, 0, 80, 1, 2,  3, 4, 0, 0, 0, 0, 0x50, 2, 16, 0, 0, 0,
    };
    /* For the LD's address, with the sender's MAC. */
    static const uint8_t solicitation[32] = {
        135, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0x10, [23] = 0x11, 1, 1, 2, [31] = 1,
    };
    static const uint8_t echo[16] = { 128, 0, 0, 0, 0, 7, 0, 1 };
    struct frame sent = frame6(fuzz_vip6, client, FRAME_TCP, extensions + 24, 20), frame;
    uint8_t too_big[8 + 60] = { 2, 0, 0, 0, 0, 0, 5, 0 }; /* 1280 */

    frame = frame6(client, fuzz_vip6, 0, extensions, sizeof(extensions));
    frame_seed(folder, "extensions6", &frame);
    frame = frame6("fd00:10::1", "fd00:10::11", IPPROTO_ICMPV6, solicitation, sizeof(solicitation));
    frame_seed(folder, "solicitation6", &frame);
    frame = frame6(client, fuzz_vip6, IPPROTO_ICMPV6, echo, sizeof(echo));
    frame_seed(folder, "echo_vip6", &frame);
    memcpy(too_big + 8, sent.bytes + 14, sizeof(too_big) - 8);
    frame = frame6(client, fuzz_vip6, IPPROTO_ICMPV6, too_big, sizeof(too_big));
    frame_seed(folder, "too_big6", &frame);
}

/* Programs: steps as their names say, without patches. Client 5 is behind the gateway: one on the
 * link would have to be resolved before it is answered. */
static void make_programs(const char *folder) {
    static const uint8_t connection[] = {
        STEP_FLOW,   5,    0,    TCP_SYN,
        0,           0,             /* SYN */
        STEP_ANSWER, 0x12, 0,    0, /* SYN+ACK */
        STEP_FLOW,   5,    0,    TCP_ACK,
        0,           0, /* ACK */
        STEP_FLOW,   5,    0,    TCP_FIN | TCP_ACK,
        0,           0,             /* FIN */
        STEP_ANSWER, 0x11, 0,    0, /* FIN */
        STEP_FLOW,   5,    0,    TCP_ACK,
        0,           0,          /* ACK */
        STEP_PASS,   0x04, 0x00, /* 8 s */
    };
    static const uint8_t errors[] = {
        STEP_FLOW,   5,  1, 0, SHAPE_LARGE, 0, /* UDP into a VPC */
        STEP_ERROR,  3,  4, 0, 0,              /* fragmentation needed */
        STEP_ANSWER, 0,  0, 0,                 /* answer */
        STEP_ERROR,  3,  3, 8, 0,              /* port unreachable */
        STEP_FLOW,   5,  1, 0, SHAPE_TTL,   0, /* traceroute */
        STEP_ERROR,  11, 0, 0, 0,
    };
    static const uint8_t fragments[] = {
        STEP_FRAGMENT, 7, 1,  0, SHAPE_LARGE | SHAPE_PLAIN, 0, 100, 100, /* before the first */
        STEP_FRAGMENT, 7, 1,  0, SHAPE_LARGE | SHAPE_PLAIN, 0, 0,   100, /* first */
        STEP_FRAGMENT, 7, 1,  0, SHAPE_LARGE | SHAPE_PLAIN, 0, 100, 100, /* last */
        STEP_PASS,     0, 99,
    };
    static const uint8_t connection6[] = {
        STEP_FLOW,   5,           SERVICE_TCP6,
        TCP_SYN,     0,           0, /* SYN */
        STEP_ANSWER, 0x12,        0,
        0, /* SYN+ACK */
        STEP_FLOW,   5,           SERVICE_TCP6,
        TCP_ACK,     SHAPE_PLAIN, 0, /* ACK, without a tunnel */
        STEP_ANSWER, 0x14,        0,
        0, /* RST */
    };
    static const uint8_t nat64[] = {
        STEP_FLOW,   5,           SERVICE_NAT64,
        0,           0,           0, /* a datagram, and one that is too large */
        STEP_ANSWER, 0,           0,
        0, /* from the RS, of IPv4 */
        STEP_FLOW,   8,           SERVICE_NAT64,
        0,           SHAPE_LARGE, 0,
        STEP_FLOW,   8,           SERVICE_NAT64,
        0,           SHAPE_TTL,   0, /* traceroute */
    };
    static const uint8_t in_a_vpc[] = {
        STEP_FLOW | 1 << STEP_WORKER_SHIFT,
        8,
        2,
        TCP_SYN,
        SHAPE_BUCKET | SHAPE_DF,
        0,
        STEP_ANSWER,
        0x12,
        0,
        1,
        13,
        4, /* with a patch */
    };

    write_seed(folder, "receive", "connection", connection, sizeof(connection));
    write_seed(folder, "receive", "errors", errors, sizeof(errors));
    write_seed(folder, "receive", "fragments", fragments, sizeof(fragments));
    write_seed(folder, "receive", "connection6", connection6, sizeof(connection6));
    write_seed(folder, "receive", "nat64", nat64, sizeof(nat64));
    write_seed(folder, "receive", "in_a_vpc", in_a_vpc, sizeof(in_a_vpc));
}

/* Steps of a program, one after the other. */
struct program {
    uint8_t steps[512];
    size_t bytes;
};

static void append(struct program *program, const uint8_t *bytes, size_t count) {
    assert_true(program->bytes + count <= sizeof(program->steps));
    memcpy(program->steps + program->bytes, bytes, count);
    program->bytes += count;
}

#define APPEND(program, ...)                                                                       \
    append(program, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* Options as a stack sends them, and the end of the step: no patches. */
#define OPTIONS_OF_SYN                                                                             \
    OPTIONS_LAST | 4, SEGMENT_MSS, 5, SEGMENT_SACK_PERMITTED, 0, SEGMENT_TIMESTAMPS, 1,            \
        SEGMENT_WINDOW_SCALE | OPTION_ODD, 7, 0
#define OPTIONS_OF_ACK OPTIONS_LAST | 2, SEGMENT_TIMESTAMPS, 1, SEGMENT_SACK, 9, 0

/* A connection until both ends have sent, the client last. That of the cookie's service is opened
 * by a cookie: the service takes one SYN a second without. */
static void append_connection(struct program *program, uint8_t service) {
    if (service == SERVICE_COOKIE)
        APPEND(program, STEP_FLOW, 6, service, TCP_SYN, 0, 0);
    APPEND(program, STEP_FLOW, 5, service, TCP_SYN, SHAPE_TCP_OPTIONS, OPTIONS_OF_SYN);
    if (service == SERVICE_COOKIE)
        APPEND(program, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS, OPTIONS_OF_ACK);
    APPEND(program, STEP_ANSWER, TCP_SYN | TCP_ACK, SHAPE_TCP_OPTIONS, OPTIONS_OF_SYN);
    APPEND(program, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS, OPTIONS_OF_ACK);
    APPEND(program, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS, OPTIONS_OF_ACK);
    APPEND(program, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS, OPTIONS_OF_ACK);
}

/* The last option of a segment in every way that it can be wrong: without its length, longer than
 * the header by a byte, or its last byte missing, of no length, shorter than its own two bytes. */
enum wrong_length {
    LENGTH_MISSING,
    BYTE_MISSING,
    LENGTH_TOO_LONG,
    LENGTH_ZERO,
    LENGTH_ONE,
    WRONG_LENGTHS
};

static void append_wrong_option(struct program *program, uint8_t kind, enum wrong_length wrong) {
    uint8_t length =
        wrong == LENGTH_TOO_LONG ? segment_option_bytes(kind) + 1 : wrong == LENGTH_ONE;

    if (wrong == LENGTH_MISSING)
        APPEND(program, OPTIONS_LAST | 1, kind | OPTION_CUT, 9, 0);
    else if (wrong == BYTE_MISSING)
        APPEND(program, OPTIONS_LAST | 1, kind | OPTION_SHORT, 9, 0);
    else
        APPEND(program, OPTIONS_LAST | 1, kind | OPTION_LIES, 9, length, 0);
}

/* In SYNs, each of a client of its own, and in both directions of a connection. */
static void wrong_options_seed(const char *folder, uint8_t service, enum wrong_length wrong) {
    struct program opening = { .bytes = 0 }, open = { .bytes = 0 };
    char name[48];

    if (service == SERVICE_COOKIE)
        APPEND(&opening, STEP_FLOW, 6, service, TCP_SYN, 0, 0);
    append_connection(&open, service);
    for (uint8_t kind = SEGMENT_MSS; kind < SEGMENT_KINDS; kind++) {
        APPEND(&opening, STEP_FLOW, 10 + 5 * kind, service, TCP_SYN, SHAPE_TCP_OPTIONS);
        append_wrong_option(&opening, kind, wrong);
        APPEND(&open, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS);
        append_wrong_option(&open, kind, wrong);
        APPEND(&open, STEP_ANSWER, TCP_ACK, SHAPE_TCP_OPTIONS);
        append_wrong_option(&open, kind, wrong);
    }
    snprintf(name, sizeof(name), "options_wrong_%u_%d", service, wrong);
    write_seed(folder, "receive", name, opening.steps, opening.bytes);
    snprintf(name, sizeof(name), "options_wrong_open_%u_%d", service, wrong);
    write_seed(folder, "receive", name, open.steps, open.bytes);
}

static void make_options(const char *folder) {
    static const uint8_t services[] = { SERVICE_TCP, SERVICE_TCP6, SERVICE_TOA, SERVICE_PROXY,
                                        SERVICE_COOKIE };

    for (size_t i = 0; i < sizeof(services); i++) {
        struct program program = { .bytes = 0 };
        char name[32];

        append_connection(&program, services[i]);
        snprintf(name, sizeof(name), "options_%u", services[i]);
        write_seed(folder, "receive", name, program.steps, program.bytes);
        for (int wrong = 0; wrong < WRONG_LENGTHS; wrong++)
            wrong_options_seed(folder, services[i], (enum wrong_length)wrong);
    }
}

static void make_configuration(const char *folder) {
    static struct message message;
    uint8_t step[4096] = { STEP_APPLY };
    struct message_service *service;
    size_t bytes;

    message_begin(&message);
    message_local_ip(&message, "198.18.1.2");
    service = message_service(&message, "web", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs1", "10.0.0.51", 8080, 1);
    message_rs(&message, service, "rs2", "192.168.0.2", 80, 0);
    message_vpc(&message, service, 100, "10.0.0.60");
    bytes = sluice__ld__v1__ld_config__get_packed_size(&message.config);
    assert_true(bytes + 3 <= sizeof(step));
    step[1] = (uint8_t)(bytes >> 8);
    step[2] = (uint8_t)bytes;
    sluice__ld__v1__ld_config__pack(&message.config, step + 3);
    write_seed(folder, "receive", "configuration", step, bytes + 3);
}

/* Tunnels go over IPv6, and a client's packet comes in one. */
static void make_underlay_v6(const char *folder) {
    const struct tunnel_spec tunnel = { .bucket = 5, .dst = frame_vtep_v6 };
    const struct flow_spec tcp = { .src = "198.51.100.7",
                                   .dst = fuzz_vip,
                                   .src_port = 40000,
                                   .dst_port = 80,
                                   .protocol = FRAME_TCP,
                                   .tcp_flags = TCP_SYN };
    const struct frame frame = frame_tunnelled(&tcp, &tunnel);
    static struct message message;
    uint8_t steps[4096] = { STEP_APPLY };
    struct message_service *service;
    size_t bytes;

    message_begin(&message);
    message.config.vtep = message_address(&message, frame_vtep_v6);
    message.config.prefix_len = 64;
    message.config.gateway = message_address(&message, "fd00:10::1");
    message.config.gateway_vtep = message_address(&message, "fd00:10::2");
    service = message_service(&message, "web", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs2", "192.168.0.2", 80, 1);
    message_vpc(&message, service, 100, "fd00:20::60");
    bytes = sluice__ld__v1__ld_config__get_packed_size(&message.config);
    assert_true(3 + bytes + 3 + frame.length <= sizeof(steps));
    steps[1] = (uint8_t)(bytes >> 8);
    steps[2] = (uint8_t)bytes;
    sluice__ld__v1__ld_config__pack(&message.config, steps + 3);
    steps[3 + bytes] = STEP_FRAME;
    steps[3 + bytes + 1] = (uint8_t)(frame.length >> 8);
    steps[3 + bytes + 2] = (uint8_t)frame.length;
    memcpy(steps + 3 + bytes + 3, frame.bytes, frame.length);
    write_seed(folder, "receive", "underlay_of_ipv6", steps, 3 + bytes + 3 + frame.length);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: make-seeds FOLDER\n");
        return 2;
    }
    mkdir(argv[1], 0755);
    make_frames(argv[1]);
    make_frames6(argv[1]);
    make_programs(argv[1]);
    make_options(argv[1]);
    make_configuration(argv[1]);
    make_underlay_v6(argv[1]);
    return EXIT_SUCCESS;
}
