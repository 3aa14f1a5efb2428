/**
 * @file
 * The heartbeat on the wire (docs/design.md, failover; p4src/headers.p4): one UDP packet.
 */
#ifndef SLUICE_PACKET_HEARTBEAT_H
#define SLUICE_PACKET_HEARTBEAT_H

#include <stdint.h>

#include "packet/parse.h"

enum {
    UDP_PORT_HEARTBEAT = 53793, /**< of the range for private use (RFC 6335) */
    HEARTBEAT_GOING_DOWN = 1,   /**< flag: the LD ends its service now */
    HEARTBEAT_PAYLOAD_BYTES = 20,
};

struct heartbeat_message {
    uint32_t key;
    uint16_t ld_id;
    uint16_t flags;
    uint32_t epoch;
    uint64_t sequence; /**< microseconds since 1970 */
};

/** Write a whole frame to @p frame: own_udp_headers() and HEARTBEAT_PAYLOAD_BYTES. */
void heartbeat_write(uint8_t *frame, const struct own_address *own,
                     const struct rte_ether_addr *next_hop, const struct ip_address *to,
                     const struct heartbeat_message *message);

/** Change the sequence of a frame of @p bytes that has been written. Async-signal-safe. */
void heartbeat_set_sequence(uint8_t *frame, uint16_t bytes, uint64_t sequence);

#endif
