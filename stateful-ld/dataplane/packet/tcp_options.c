#include "packet/tcp_options.h"

#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>

#include "packet/checksum.h"
#include "packet/flow.h"

enum {
    MSS_BYTES = 4,
    WINDOW_SCALE_BYTES = 3,
    SACK_PERMITTED_BYTES = 2,
    SACK_BLOCK_BYTES = 8,
    TIMESTAMPS_BYTES = 10,
};

/* The next option from `option` on that is no NOP; NULL: they end there, at the header's end, their
 * own, or the first that cannot be read. */
static uint8_t *next_option(uint8_t **option, const uint8_t *end) {
    while (*option < end && **option == TCP_OPTION_NOP)
        ++*option;
    if (*option == end || **option == TCP_OPTION_END || end - *option < 2 || (*option)[1] < 2 ||
        (*option)[1] > end - *option)
        return NULL;
    return *option;
}

static const uint8_t *options_end(const struct rte_tcp_hdr *tcp) {
    return (const uint8_t *)tcp + tcp_header_bytes(tcp);
}

uint8_t *tcp_option_find(struct rte_tcp_hdr *tcp, uint8_t kind, uint32_t bytes) {
    uint8_t *option = (uint8_t *)(tcp + 1);
    const uint8_t *end = options_end(tcp);

    for (; next_option(&option, end) != NULL; option += option[1])
        if (option[0] == kind)
            return option[1] >= bytes ? option : NULL;
    return NULL;
}

static uint32_t read32(const uint8_t *at) {
    rte_be32_t word;

    memcpy(&word, at, sizeof(word));
    return rte_be_to_cpu_32(word);
}

static void write32(uint8_t *at, uint32_t value) {
    rte_be32_t word = rte_cpu_to_be_32(value);

    memcpy(at, &word, sizeof(word));
}

struct tcp_options tcp_options_read(const struct rte_tcp_hdr *segment) {
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)segment; /* is only read */
    const uint8_t *mss = tcp_option_find(tcp, TCP_OPTION_MSS, MSS_BYTES);
    const uint8_t *scale = tcp_option_find(tcp, TCP_OPTION_WINDOW_SCALE, WINDOW_SCALE_BYTES);
    const uint8_t *stamps = tcp_option_find(tcp, TCP_OPTION_TIMESTAMPS, TIMESTAMPS_BYTES);
    struct tcp_options options = {
        .sack_permitted =
            tcp_option_find(tcp, TCP_OPTION_SACK_PERMITTED, SACK_PERMITTED_BYTES) != NULL,
        .window_scaled = scale != NULL,
        .timestamps = stamps != NULL,
    };

    if (mss != NULL)
        options.mss = (uint16_t)(mss[2] << 8 | mss[3]);
    if (scale != NULL)
        options.window_scale = scale[2] > TCP_WINDOW_SCALE_MAX ? TCP_WINDOW_SCALE_MAX : scale[2];
    if (stamps != NULL) {
        options.ts_value = read32(stamps + 2);
        options.ts_echo = read32(stamps + 6);
    }
    return options;
}

uint32_t tcp_options_write(uint8_t *at, const struct tcp_options *options) {
    uint8_t *start = at;

    if (options->mss != 0) {
        *at++ = TCP_OPTION_MSS;
        *at++ = MSS_BYTES;
        *at++ = (uint8_t)(options->mss >> 8);
        *at++ = (uint8_t)options->mss;
    }
    if (options->sack_permitted || options->timestamps) {
        /* Two bytes in front of the timestamps: RFC 7323 appendix A. */
        *at++ = options->sack_permitted ? TCP_OPTION_SACK_PERMITTED : TCP_OPTION_NOP;
        *at++ = options->sack_permitted ? SACK_PERMITTED_BYTES : TCP_OPTION_NOP;
        if (!options->timestamps) {
            *at++ = TCP_OPTION_NOP;
            *at++ = TCP_OPTION_NOP;
        }
    }
    if (options->timestamps) {
        *at++ = TCP_OPTION_TIMESTAMPS;
        *at++ = TIMESTAMPS_BYTES;
        write32(at, options->ts_value);
        write32(at + 4, options->ts_echo);
        at += 8;
    }
    if (options->window_scaled) {
        *at++ = TCP_OPTION_NOP;
        *at++ = TCP_OPTION_WINDOW_SCALE;
        *at++ = WINDOW_SCALE_BYTES;
        *at++ = options->window_scale;
    }
    return (uint32_t)(at - start);
}

/* The checksum over the header with some of its bytes changed. An option may begin at an odd
 * offset, so sums are taken over whole words, from an even one. */
struct change {
    struct rte_tcp_hdr *tcp;
    uint8_t *from;
    size_t bytes;
    uint64_t before;
};

static struct change begin_change(struct rte_tcp_hdr *tcp, uint8_t *at, size_t bytes) {
    size_t odd = (size_t)(at - (uint8_t *)tcp) % 2;
    struct change change = { .tcp = tcp, .from = at - odd, .bytes = bytes + odd };

    change.bytes += change.bytes % 2; /* headers are of whole words, so this is still the header */
    change.before = checksum_sum(change.from, change.bytes);
    return change;
}

static void end_change(const struct change *change) {
    uint16_t before = checksum_fold(change->before);
    uint16_t after = checksum_fold(checksum_sum(change->from, change->bytes));

    change->tcp->cksum = checksum_update(change->tcp->cksum, checksum_delta16(before, after));
}

static void fill(struct rte_tcp_hdr *tcp, uint8_t *at, size_t bytes) {
    struct change change = begin_change(tcp, at, bytes);

    memset(at, TCP_OPTION_NOP, bytes);
    end_change(&change);
}

void tcp_options_blank_rest(struct rte_tcp_hdr *tcp) {
    uint8_t *option = (uint8_t *)(tcp + 1);
    const uint8_t *end = options_end(tcp);

    while (next_option(&option, end) != NULL)
        option += option[1];
    if (option < end)
        fill(tcp, option, (size_t)(end - option));
}

void tcp_option_blank(struct rte_tcp_hdr *tcp, uint8_t kind) {
    uint8_t *option = (uint8_t *)(tcp + 1);
    const uint8_t *end = options_end(tcp);

    while (next_option(&option, end) != NULL) {
        uint8_t bytes = option[1];

        if (option[0] == kind)
            fill(tcp, option, bytes);
        option += bytes;
    }
}

void tcp_sack_shift(struct rte_tcp_hdr *tcp, uint32_t delta) {
    uint8_t *option = tcp_option_find(tcp, TCP_OPTION_SACK, 2 + SACK_BLOCK_BYTES);
    struct change change;

    if (option == NULL)
        return;
    change = begin_change(tcp, option, option[1]);
    for (uint32_t at = 2; at + 4 <= option[1]; at += 4)
        write32(option + at, read32(option + at) + delta);
    end_change(&change);
}

void tcp_timestamps_shift(struct rte_tcp_hdr *tcp, uint32_t value_delta, uint32_t echo_delta) {
    uint8_t *option = tcp_option_find(tcp, TCP_OPTION_TIMESTAMPS, TIMESTAMPS_BYTES);
    struct change change;

    if (option == NULL)
        return;
    change = begin_change(tcp, option, TIMESTAMPS_BYTES);
    write32(option + 2, read32(option + 2) + value_delta);
    write32(option + 6, read32(option + 6) + echo_delta);
    end_change(&change);
}

/* By value: nothing aligns a TCP header behind VLAN tags, tunnels or IP options. */
static rte_be32_t shift32(rte_be32_t before, uint32_t delta, uint64_t *checksum) {
    rte_be32_t after = rte_cpu_to_be_32(rte_be_to_cpu_32(before) + delta);

    *checksum += checksum_delta32(before, after);
    return after;
}

void tcp_numbers_shift(struct rte_tcp_hdr *tcp, uint32_t sequence_delta, uint32_t ack_delta) {
    uint64_t checksum = 0;

    tcp->sent_seq = shift32(tcp->sent_seq, sequence_delta, &checksum);
    if (tcp->tcp_flags & TCP_ACK)
        tcp->recv_ack = shift32(tcp->recv_ack, ack_delta, &checksum);
    tcp->cksum = checksum_update(tcp->cksum, checksum);
}
