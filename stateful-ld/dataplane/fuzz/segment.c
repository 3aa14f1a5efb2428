#include "fuzz/segment.h"

#include <rte_byteorder.h>

#include "packet/flow.h"
#include "packet/tcp_options.h"
#include "testing/test.h"

enum {
    ETHER = 14,
    IP6 = 40,
};

static const struct {
    uint8_t kind;
    uint8_t bytes; /* 1: it has no length */
} kinds[SEGMENT_KINDS] = {
    [SEGMENT_END] = { TCP_OPTION_END, 1 },
    [SEGMENT_NOP] = { TCP_OPTION_NOP, 1 },
    [SEGMENT_MSS] = { TCP_OPTION_MSS, 4 },
    [SEGMENT_WINDOW_SCALE] = { TCP_OPTION_WINDOW_SCALE, 3 },
    [SEGMENT_SACK_PERMITTED] = { TCP_OPTION_SACK_PERMITTED, 2 },
    [SEGMENT_SACK] = { TCP_OPTION_SACK, 18 },
    [SEGMENT_TIMESTAMPS] = { TCP_OPTION_TIMESTAMPS, 10 },
    [SEGMENT_FAST_OPEN] = { TCP_OPTION_FAST_OPEN, 10 },
    [SEGMENT_TOA] = { TCP_OPTION_TOA, 8 },
    [SEGMENT_TOA_V6] = { TCP_OPTION_TOA, 20 },
    [SEGMENT_MD5] = { 19, 18 },
    [SEGMENT_UNKNOWN] = { 77, 6 },
};

struct options {
    uint8_t bytes[TCP_OPTIONS_BYTES_MAX];
    uint32_t count;
};

uint8_t segment_option_bytes(uint8_t number) {
    return kinds[number].bytes;
}

static void add(struct options *options, uint8_t byte) {
    if (options->count < sizeof(options->bytes))
        options->bytes[options->count++] = byte;
}

static void add_option(struct options *options, struct input *input) {
    uint8_t form = input_u8(input), value = input_u8(input);
    uint8_t number = (form & OPTION_KIND_MASK) % SEGMENT_KINDS;
    uint8_t length = form & OPTION_LIES ? input_u8(input) : kinds[number].bytes;

    if (form & OPTION_ODD)
        add(options, TCP_OPTION_NOP);
    add(options, kinds[number].kind);
    if (kinds[number].bytes == 1)
        return;
    if ((form & OPTION_CUT) == 0 || (form & OPTION_LIES) != 0)
        add(options, length);
    for (uint8_t i = form & OPTION_SHORT ? 3 : 2;
         i < kinds[number].bytes && (form & OPTION_CUT) == 0; i++)
        add(options, value++);
}

/* What does not fill a word is NOPs in front. */
static struct options read_options(struct input *input, bool *last) {
    uint8_t head = input_u8(input);
    struct options read = { .count = 0 }, padded = { .count = 0 };

    *last = (head & OPTIONS_LAST) != 0;
    for (uint8_t left = head & OPTIONS_COUNT_MASK; left > 0; left--)
        add_option(&read, input);
    while ((padded.count + read.count) % 4 != 0)
        add(&padded, TCP_OPTION_NOP);
    for (uint32_t i = 0; i < read.count; i++)
        add(&padded, read.bytes[i]);
    return padded;
}

static bool is_v6(const struct frame *plain) {
    return plain->bytes[12] == 0x86 && plain->bytes[13] == 0xdd;
}

/* Where the segment is; 0: there is none. */
static uint32_t tcp_at(const struct frame *plain) {
    const uint8_t *ip = plain->bytes + ETHER;
    uint32_t at = is_v6(plain) ? ETHER + IP6 : ETHER + (ip[0] & 0xf) * 4u;
    uint8_t protocol = ip[is_v6(plain) ? 6 : 9];

    if (protocol != FRAME_TCP || plain->length < at + sizeof(struct rte_tcp_hdr) ||
        (!is_v6(plain) && (plain->bytes[12] != 0x08 || (ip[6] & 0x3f) != 0 || ip[7] != 0)))
        return 0;
    return at;
}

static void fix(struct frame *plain, uint32_t at) {
    uint8_t *ip = plain->bytes + ETHER;
    uint16_t bytes = (uint16_t)(plain->length - (is_v6(plain) ? at : (uint32_t)ETHER));
    struct rte_tcp_hdr tcp;

    ip[is_v6(plain) ? 4 : 2] = (uint8_t)(bytes >> 8);
    ip[is_v6(plain) ? 5 : 3] = (uint8_t)bytes;
    memcpy(&tcp, plain->bytes + at, sizeof(tcp));
    tcp.cksum = 0;
    memcpy(plain->bytes + at, &tcp, sizeof(tcp));
    tcp.cksum = is_v6(plain) ? rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, plain->bytes + at)
                             : rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)ip, plain->bytes + at);
    memcpy(plain->bytes + at, &tcp, sizeof(tcp));
}

void segment_put_options(struct frame *plain, struct input *input) {
    bool last;
    const struct options options = read_options(input, &last);
    uint32_t at = tcp_at(plain), header, payload, room;
    uint8_t *behind;

    if (at == 0)
        return;
    header = (uint32_t)(plain->bytes[at + 12] >> 4) * 4;
    room = at + (uint32_t)sizeof(struct rte_tcp_hdr) + options.count;
    if (header < sizeof(struct rte_tcp_hdr) || at + header > plain->length)
        return;
    payload = last ? 0 : plain->length - at - header;
    if (room + payload > FRAME_BYTES_MAX)
        return;
    behind = plain->bytes + at + sizeof(struct rte_tcp_hdr);
    memmove(behind + options.count, plain->bytes + at + header, payload);
    memcpy(behind, options.bytes, options.count);
    plain->bytes[at + 12] = (uint8_t)((sizeof(struct rte_tcp_hdr) + options.count) / 4 << 4);
    plain->length = room + payload;
    fix(plain, at);
}

void segment_answer(uint8_t *tcp, uint32_t payload_bytes) {
    struct rte_tcp_hdr header;
    rte_be32_t sent;

    memcpy(&header, tcp, sizeof(header));
    sent = header.sent_seq;
    header.sent_seq = header.recv_ack;
    header.recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(sent) + payload_bytes +
                                       ((header.tcp_flags & (TCP_SYN | TCP_FIN)) != 0));
    memcpy(tcp, &header, sizeof(header));
}
