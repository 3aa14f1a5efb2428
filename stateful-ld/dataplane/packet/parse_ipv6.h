/**
 * @file
 * The part of the parser that knows IPv6 (RFC 8200) and ICMPv6 (RFC 4443).
 */
#ifndef SLUICE_PACKET_PARSE_IPV6_H
#define SLUICE_PACKET_PARSE_IPV6_H

#include "packet/cursor.h"

/**
 * Parse an IPv6 packet from its header on.
 *
 * @param vni   of the tunnel, 0: none
 * @param plain whom the LD is called when the packet is not in a tunnel: pings and neighbour
 *              discovery of its own addresses are only there; NULL in a tunnel
 */
enum drop_reason parse_ipv6(struct cursor *cursor, uint32_t vni, const struct own_address *plain,
                            struct packet *packet);

#endif
