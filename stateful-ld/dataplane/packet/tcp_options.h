/**
 * @file
 * TCP options (RFC 9293 3.2): reading a SYN's, writing one's own, and changing those of a packet
 * that passes with its checksum. Whatever a length field claims, nothing behind the header is
 * touched.
 */
#ifndef SLUICE_PACKET_TCP_OPTIONS_H
#define SLUICE_PACKET_TCP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_tcp.h>

enum {
    TCP_OPTION_END = 0,
    TCP_OPTION_NOP = 1,
    TCP_OPTION_MSS = 2,
    TCP_OPTION_WINDOW_SCALE = 3,   /**< RFC 7323 2.2 */
    TCP_OPTION_SACK_PERMITTED = 4, /**< RFC 2018 2 */
    TCP_OPTION_SACK = 5,           /**< RFC 2018 3 */
    TCP_OPTION_TIMESTAMPS = 8,     /**< RFC 7323 3.2 */
    TCP_OPTION_FAST_OPEN = 34,     /**< RFC 7413 2 */
    TCP_OPTION_TOA = 254,          /**< RFC 4727 7: experimental; as in LVS, DPVS and toa.ko */

    TCP_HEADER_BYTES_MAX = 60,
    TCP_OPTIONS_BYTES_MAX = 40,
    /** RFC 7323 2.3: a larger shift count is used as this. */
    TCP_WINDOW_SCALE_MAX = 14,
};

/** What two ends agree on when they open a connection. */
struct tcp_options {
    uint16_t mss; /**< 0: not given */
    bool window_scaled;
    uint8_t window_scale;
    bool sack_permitted;
    bool timestamps;
    uint32_t ts_value;
    uint32_t ts_echo;
};

/** Header length of a segment, as its data offset says. */
static inline uint32_t tcp_header_bytes(const struct rte_tcp_hdr *tcp) {
    return (uint32_t)(tcp->data_off >> 4) * 4;
}

/**
 * Option number @p kind of a segment.
 *
 * @param bytes its least length, kind and length bytes included
 * @return its first byte; NULL when there is none, or the options before it are malformed
 */
uint8_t *tcp_option_find(struct rte_tcp_hdr *tcp, uint8_t kind, uint32_t bytes);

/** What a segment has; malformed options and those behind them count as absent. */
struct tcp_options tcp_options_read(const struct rte_tcp_hdr *tcp);

/**
 * Write options in the order and with the padding that stacks expect on their fast paths.
 *
 * @return bytes, a multiple of 4, at most TCP_OPTIONS_BYTES_MAX
 */
uint32_t tcp_options_write(uint8_t *at, const struct tcp_options *options);

/**
 * Replace by NOPs what is behind the end of the options, or cannot be read as any, and fix the
 * checksum. A receiver stops there, and would not see an option that is appended.
 */
void tcp_options_blank_rest(struct rte_tcp_hdr *tcp);

/** Replace an option by NOPs, as often as it is there, and fix the checksum. */
void tcp_option_blank(struct rte_tcp_hdr *tcp, uint8_t kind);

/** Add @p delta to all edges of the SACK blocks, and fix the checksum. */
void tcp_sack_shift(struct rte_tcp_hdr *tcp, uint32_t delta);

/** Add to the value and to the echo of the timestamps option, and fix the checksum. */
void tcp_timestamps_shift(struct rte_tcp_hdr *tcp, uint32_t value_delta, uint32_t echo_delta);

/** Add to the sequence and, when the ACK flag is set, to the acknowledgement number. */
void tcp_numbers_shift(struct rte_tcp_hdr *tcp, uint32_t sequence_delta, uint32_t ack_delta);

#endif
