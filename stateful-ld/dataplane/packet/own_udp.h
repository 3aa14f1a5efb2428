/**
 * @file
 * UDP packets of the LD's own, from its VTEP: heartbeats to switches, and what LDs tell each other.
 */
#ifndef SLUICE_PACKET_OWN_UDP_H
#define SLUICE_PACKET_OWN_UDP_H

#include <stdint.h>

#include "packet/parse.h"

enum {
    OWN_UDP_HEADERS_MAX = 14 + 40 + 8,
};

/** Where to, and between which ports (host order). */
struct own_udp {
    const struct rte_ether_addr *next_hop;
    const struct ip_address *to; /**< of the VTEP's family */
    uint16_t src_port;
    uint16_t dst_port;
};

/** Bytes of Ethernet, IP and UDP headers in front of the payload. */
static inline uint16_t own_udp_headers(const struct own_address *own) {
    return own_tunnels_over_v6(own) ? OWN_UDP_HEADERS_MAX : 14 + 20 + 8;
}

/**
 * Write the headers at @p frame. The payload is behind them already: over IPv6 it is summed (RFC
 * 8200 8.1); over IPv4 there is no checksum (RFC 768 allows it), the receiver tells a damaged
 * packet by a key or tag in it.
 */
void own_udp_write(uint8_t *frame, const struct own_address *own, const struct own_udp *packet,
                   uint16_t payload_bytes);

#endif
