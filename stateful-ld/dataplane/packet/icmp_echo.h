/**
 * @file
 * Ping of the LD's own address (RFC 792, RFC 1122 3.2.2.6).
 */
#ifndef SLUICE_PACKET_ICMP_ECHO_H
#define SLUICE_PACKET_ICMP_ECHO_H

#include <stdint.h>

#include "packet/parse.h"

/**
 * Turn an echo request into the reply, in place. It goes back to the MAC it came from, so no
 * neighbour is needed.
 *
 * @param frame start of the Ethernet header; a VLAN tag in it stays
 */
void icmp_make_echo_reply(uint8_t *frame, const struct packet *packet,
                          const struct own_address *own);

#endif
