#include "fuzz/steps.h"

#include <rte_byteorder.h>

#include "fuzz/segment.h"
#include "packet/bucket.h"
#include "testing/test.h"

enum {
    ETHER = 14,
    IP = 20,
    IP6 = 40,
    OUTER = ETHER + IP + 8 + 8, /* before the inner Ethernet header */
    PATCHES_MAX = 8,
    CLIENT_PORT = 1024, /* the first one's */
};

const char fuzz_vip[] = "203.0.113.10";
const char fuzz_vip6[] = "2001:db8:f::10";
const char fuzz_vip_nat64[] = "2001:db8:f::64";

static const char *const clients[] = { "198.51.100.7", "198.51.100.8", "10.0.0.77", "192.168.0.9",
                                       "127.0.0.1" };
static const char *const clients6[] = { "2001:db8:51::7", "2001:db8:51::8", "fd00:10::77",
                                        "fe80::9", "::1" };

static const struct {
    const char *vip;
    uint32_t vni;
    uint16_t port;
    uint8_t protocol;
} services[] = {
    { fuzz_vip, 0, 80, FRAME_TCP },
    { fuzz_vip, 0, 53, FRAME_UDP },
    { "192.168.0.80", 100, 80, FRAME_TCP },
    { fuzz_vip, 0, 81, FRAME_TCP },
    { fuzz_vip, 0, 80, FRAME_ICMP },
    { "198.18.1.1", 0, 5000, FRAME_TCP },
    { fuzz_vip6, 0, 80, FRAME_TCP },
    { fuzz_vip_nat64, 0, 53, FRAME_UDP },
    { fuzz_vip, 0, FUZZ_TOA_PORT, FRAME_TCP },
    { fuzz_vip, 0, FUZZ_PROXY_PORT, FRAME_TCP },
    { fuzz_vip, 0, FUZZ_COOKIE_PORT, FRAME_TCP },
};

/* A plain frame's packet from here on. */
static uint32_t ip_at(const struct frame *frame) {
    return frame->bytes[12] == 0x81 ? ETHER + 4 : ETHER;
}

static void fix_checksum(struct frame *plain) {
    uint32_t at = ip_at(plain);

    if (plain->length >= at + IP && plain->bytes[at] >= 0x45 && plain->bytes[at] <= 0x4f &&
        plain->length >= at + (plain->bytes[at] & 0xf) * 4u)
        frame_fix_ip_checksum(plain, at);
}

static void patch(struct frame *plain, struct input *input) {
    for (uint8_t left = input_u8(input) % (PATCHES_MAX + 1); left > 0; left--) {
        uint32_t at = ip_at(plain) + input_u8(input);
        uint8_t value = input_u8(input);

        if (at < plain->length)
            plain->bytes[at] = value;
    }
    fix_checksum(plain);
}

static struct frame wrap(const struct frame *plain, uint8_t shape, uint32_t vni, uint16_t bucket) {
    const struct tunnel_spec tunnel = {
        .bucket = shape & SHAPE_BUCKET ? BUCKET_NONE : bucket & BUCKET_MASK,
        .vni = vni,
    };

    if (shape & SHAPE_PLAIN || plain->length + OUTER > FRAME_BYTES_MAX)
        return *plain;
    return frame_wrap(plain, &tunnel);
}

static void add(struct frame *frame, const void *bytes, size_t count) {
    memcpy(frame->bytes + frame->length, bytes, count);
    frame->length += (uint32_t)count;
}

/* As frame_plain(), over IPv6; without options. */
static struct frame plain6(const struct flow_spec *flow) {
    struct frame frame = { .length = ETHER };
    struct ip_address src = ip_of(flow->src), dst = ip_of(flow->dst);
    struct rte_ipv6_hdr ip = { .vtc_flow = RTE_BE32(6u << 28), .proto = flow->protocol };
    struct rte_tcp_hdr tcp = { .src_port = rte_cpu_to_be_16(flow->src_port),
                               .dst_port = rte_cpu_to_be_16(flow->dst_port),
                               .data_off = sizeof(tcp) / 4 << 4,
                               .tcp_flags = flow->tcp_flags };
    struct rte_udp_hdr udp = { .src_port = tcp.src_port, .dst_port = tcp.dst_port };
    bool is_tcp = flow->protocol == FRAME_TCP;
    uint32_t l4_bytes = (uint32_t)(is_tcp ? sizeof(tcp) : sizeof(udp)) + flow->payload;

    memcpy(frame.bytes, &frame_ld_mac, 6);
    memcpy(frame.bytes + 6, &frame_gateway_mac, 6);
    frame.bytes[12] = 0x86;
    frame.bytes[13] = 0xdd;
    ip.hop_limits = flow->ttl;
    ip.payload_len = rte_cpu_to_be_16((uint16_t)l4_bytes);
    memcpy(ip.src_addr, src.bytes, sizeof(ip.src_addr));
    memcpy(ip.dst_addr, dst.bytes, sizeof(ip.dst_addr));
    udp.dgram_len = ip.payload_len;
    add(&frame, &ip, sizeof(ip));
    if (is_tcp)
        add(&frame, &tcp, sizeof(tcp));
    else
        add(&frame, &udp, sizeof(udp));
    frame.length += flow->payload;
    tcp.cksum = udp.dgram_cksum = rte_ipv6_udptcp_cksum(&ip, frame.bytes + ETHER + IP6);
    if (is_tcp)
        memcpy(frame.bytes + ETHER + IP6, &tcp, sizeof(tcp));
    else
        memcpy(frame.bytes + ETHER + IP6, &udp, sizeof(udp));
    return frame;
}

static struct frame client_packet(struct input *input, uint8_t *shape, uint32_t *vni,
                                  uint16_t *bucket) {
    uint8_t client = input_u8(input);
    uint8_t service = input_u8(input) % RTE_DIM(services);
    uint8_t flags = input_u8(input);
    bool v6 = strchr(services[service].vip, ':') != NULL;
    struct flow_spec flow = {
        .src = v6 ? clients6[client % RTE_DIM(clients6)] : clients[client % RTE_DIM(clients)],
        .dst = services[service].vip,
        .src_port = (uint16_t)(CLIENT_PORT + client),
        .dst_port = services[service].port,
        .protocol = services[service].protocol,
        .tcp_flags = flags,
    };
    struct frame plain;

    *shape = input_u8(input);
    flow.ip_options = *shape & SHAPE_OPTIONS ? 8 : 0;
    flow.ttl = *shape & SHAPE_TTL ? 1 : 64;
    flow.payload = *shape & SHAPE_LARGE ? 1500 : 16;
    flow.fragment = *shape & SHAPE_DF ? 0x4000 : 0;
    if (flags & 0x02) {
        static const uint8_t mss[] = { 2, 4, 0x05, 0xb4, 1, 1, 1, 0 };

        memcpy(flow.tcp_options, mss, sizeof(mss));
        flow.tcp_option_bytes = sizeof(mss);
    }
    plain = v6 ? plain6(&flow) : frame_plain(&flow);
    if (*shape & SHAPE_TCP_OPTIONS)
        segment_put_options(&plain, input);
    if (*shape & SHAPE_VLAN)
        frame_tag(&plain, 7);
    patch(&plain, input);
    *vni = services[service].vni;
    *bucket = client;
    return plain;
}

static struct frame flow_frame(struct input *input) {
    uint16_t bucket;
    uint32_t vni;
    uint8_t shape;
    struct frame plain = client_packet(input, &shape, &vni, &bucket);

    return wrap(&plain, shape, vni, bucket);
}

static struct frame fragment_frame(struct input *input) {
    uint16_t bucket;
    uint32_t vni, offset, bytes;
    uint8_t shape;
    struct frame plain = client_packet(input, &shape, &vni, &bucket), fragment;

    offset = input_u8(input) * 8u;
    bytes = input_u8(input) * 8u;
    if (plain.bytes[12] != 0x08 || plain.length < ETHER + IP ||
        ETHER + (plain.bytes[ETHER] & 0xf) * 4u + offset >= plain.length || bytes == 0)
        return plain;
    fragment = frame_fragment(&plain, offset, bytes);
    return wrap(&fragment, shape, vni, bucket);
}

/* The packet in a frame the LD has sent, which may be in a tunnel. */
static uint32_t sent_packet_at(const struct frame *sent, uint32_t *vni) {
    bool tunnelled = sent->length >= OUTER + ETHER + IP + 8 &&
                     sent->bytes[ETHER + 9] == FRAME_UDP && sent->bytes[ETHER + IP + 2] == 0x12 &&
                     sent->bytes[ETHER + IP + 3] == 0xb5;

    *vni = tunnelled ? (uint32_t)(sent->bytes[ETHER + IP + 12] << 16 |
                                  sent->bytes[ETHER + IP + 13] << 8 | sent->bytes[ETHER + IP + 14])
                     : 0;
    return tunnelled ? OUTER + ETHER : ETHER;
}

static bool sent_a_packet6(const struct frame *sent, uint32_t at) {
    return sent->length >= at + IP6 + 8 && sent->bytes[at - 2] == 0x86 &&
           sent->bytes[at - 1] == 0xdd;
}

static bool sent_a_packet(const struct frame *sent, uint32_t at) {
    return sent->length >= at + IP + 8 && sent->bytes[at - 2] == 0x08 &&
           sent->bytes[at - 1] == 0x00 && sent->length >= at + (sent->bytes[at] & 0xf) * 4u + 4u;
}

static void swap(uint8_t *a, uint8_t *b, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        uint8_t kept = a[i];

        a[i] = b[i];
        b[i] = kept;
    }
}

static void write_ether(struct frame *plain) {
    memcpy(plain->bytes, &frame_ld_mac, 6);
    memcpy(plain->bytes + 6, &frame_gateway_mac, 6);
    plain->bytes[12] = 0x08;
    plain->bytes[13] = 0x00;
}

static uint16_t local_port_bucket(const uint8_t *l4) {
    return (uint16_t)(l4[2] << 8 | l4[3]);
}

/* An RS's bucket is that of the local port, a client's the one client_packet() has for its port. */
static uint16_t answer_bucket(const uint8_t *l4) {
    bool client = l4[0] == CLIENT_PORT >> 8;

    return client ? l4[1] : local_port_bucket(l4);
}

/* Without extension headers the LD sends none of its own; what has some is answered wrongly. */
static uint8_t *turn_round6(struct frame *plain) {
    uint8_t *ip = plain->bytes + ETHER;

    plain->bytes[12] = 0x86;
    plain->bytes[13] = 0xdd;
    swap(ip + 8, ip + 24, 16);
    ip[7] = 64;
    return ip + IP6;
}

static uint8_t *turn_round(struct frame *plain) {
    uint8_t *ip = plain->bytes + ETHER;

    swap(ip + 12, ip + 16, 4);
    ip[8] = 64;
    return ip + (ip[0] & 0xf) * 4;
}

static struct frame answer_frame(struct input *input, const struct frame *last) {
    struct frame plain = { .length = 0 };
    uint8_t flags = input_u8(input), shape = input_u8(input), *l4, *end;
    uint32_t vni, at = sent_packet_at(last, &vni);
    bool v6 = sent_a_packet6(last, at);
    uint8_t protocol;

    if (!v6 && !sent_a_packet(last, at))
        return plain;
    plain.length = last->length - at + ETHER;
    memcpy(plain.bytes + ETHER, last->bytes + at, last->length - at);
    write_ether(&plain);
    protocol = plain.bytes[ETHER + (v6 ? 6 : 9)];
    l4 = v6 ? turn_round6(&plain) : turn_round(&plain);
    swap(l4, l4 + 2, 2);
    end = plain.bytes + plain.length;
    if (protocol == FRAME_TCP && l4 + 20 <= end && l4 + (l4[12] >> 4) * 4 <= end) {
        segment_answer(l4, (uint32_t)(end - l4) - (l4[12] >> 4) * 4u);
        l4[13] = flags;
    }
    if (shape & SHAPE_TCP_OPTIONS)
        segment_put_options(&plain, input);
    patch(&plain, input);
    return wrap(&plain, shape, vni, answer_bucket(l4));
}

static struct frame error_frame(struct input *input, const struct frame *last) {
    struct frame plain = { .length = 0 };
    uint8_t type = input_u8(input), code = input_u8(input), quoted = input_u8(input);
    uint32_t vni, at = sent_packet_at(last, &vni), bytes;

    if (!sent_a_packet(last, at))
        return plain;
    bytes = RTE_MIN(last->length - at, 28u + quoted);
    plain.length = ETHER + IP + 8 + bytes;
    write_ether(&plain);
    plain.bytes[ETHER] = 0x45;
    plain.bytes[ETHER + 2] = (uint8_t)((IP + 8 + bytes) >> 8);
    plain.bytes[ETHER + 3] = (uint8_t)(IP + 8 + bytes);
    plain.bytes[ETHER + 8] = 64;
    plain.bytes[ETHER + 9] = FRAME_ICMP;
    memcpy(plain.bytes + ETHER + 12, "\xc0\x00\x02\x01", 4);
    memcpy(plain.bytes + ETHER + 16, last->bytes + at + 12, 4);
    plain.bytes[ETHER + IP] = type;
    plain.bytes[ETHER + IP + 1] = code;
    memcpy(plain.bytes + ETHER + IP + 8, last->bytes + at, bytes);
    patch(&plain, input);
    frame_fix_icmp_checksum(&plain, ETHER + IP);
    return wrap(&plain, 0, vni, local_port_bucket(last->bytes + at + IP - 2));
}

static struct frame raw_frame(struct input *input) {
    struct frame frame = { .length = 0 };
    size_t bytes;
    uint16_t wanted = input_u16(input);
    const uint8_t *at = input_bytes(input, RTE_MIN(wanted, FRAME_BYTES_MAX), &bytes);

    memcpy(frame.bytes, at, bytes);
    frame.length = (uint32_t)bytes;
    return frame;
}

static struct frame packet_frame(struct input *input) {
    struct frame plain = { .length = ETHER };
    size_t bytes;
    uint16_t wanted = input_u16(input);
    const uint8_t *at = input_bytes(input, RTE_MIN(wanted, 1600), &bytes);

    write_ether(&plain);
    memcpy(plain.bytes + ETHER, at, bytes);
    plain.length += (uint32_t)bytes;
    fix_checksum(&plain);
    return wrap(&plain, 0, 0, 1);
}

struct frame step_frame(uint8_t what, struct input *input, const struct frame *last) {
    switch (what) {
    case STEP_FLOW:
        return flow_frame(input);
    case STEP_ANSWER:
        return answer_frame(input, last);
    case STEP_ERROR:
        return error_frame(input, last);
    case STEP_FRAGMENT:
        return fragment_frame(input);
    case STEP_PACKET:
        return packet_frame(input);
    default:
        return raw_frame(input);
    }
}
