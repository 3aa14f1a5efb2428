/**
 * @file
 * TCP segments of the LD's own making, over IPv4 or IPv6.
 */
#ifndef SLUICE_PACKET_TCP_SEGMENT_H
#define SLUICE_PACKET_TCP_SEGMENT_H

#include <stdint.h>

#include "packet/flow.h"
#include "packet/tcp_options.h"

struct tcp_segment {
    struct flow_key flow; /**< as it leaves */
    uint32_t sequence;
    uint32_t ack;
    uint8_t flags;
    uint16_t window;
    const struct tcp_options *options; /**< or NULL */
    const uint8_t *data;
    uint16_t data_bytes; /**< at most TCP_SEGMENT_DATA_MAX */
};

enum {
    TCP_SEGMENT_DATA_MAX = 64,
    /** What tcp_segment_write() writes at most: IPv6 and TCP with all options, and data. */
    TCP_SEGMENT_BYTES_MAX = 40 + TCP_HEADER_BYTES_MAX + TCP_SEGMENT_DATA_MAX,
};

/**
 * Write the IP packet, checksums included.
 *
 * @return its bytes
 */
uint16_t tcp_segment_write(uint8_t *at, const struct tcp_segment *segment);

#endif
