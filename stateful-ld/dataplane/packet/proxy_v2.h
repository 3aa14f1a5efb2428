/**
 * @file
 * Who the client is, for an RS that only sees a local IP: the PROXY protocol's binary header
 * (haproxy, doc/proxy-protocol.txt, section 2.2) and the TCP option TOA.
 */
#ifndef SLUICE_PACKET_PROXY_V2_H
#define SLUICE_PACKET_PROXY_V2_H

#include <stdint.h>

#include "packet/flow.h"

enum {
    PROXY_V2_IPV4_BYTES = 16 + 12,
    PROXY_V2_IPV6_BYTES = 16 + 36,
    TOA_IPV4_BYTES = 8,
    TOA_IPV6_BYTES = 20,
};

/** Bytes of proxy_v2_write() for a client's flow. */
static inline uint16_t proxy_v2_bytes(const struct flow_key *client) {
    return flow_is_v6(client) ? PROXY_V2_IPV6_BYTES : PROXY_V2_IPV4_BYTES;
}

/** Bytes of toa_write() for a client's flow: of whole 32-bit words. */
static inline uint16_t toa_bytes(const struct flow_key *client) {
    return flow_is_v6(client) ? TOA_IPV6_BYTES : TOA_IPV4_BYTES;
}

/** Write a header that says: from the client, to the VIP. @param client tuple of its packets */
void proxy_v2_write(uint8_t *at, const struct flow_key *client);

/** Write the option: kind 254, length, port, address. @param client tuple of its packets */
void toa_write(uint8_t *at, const struct flow_key *client);

#endif
