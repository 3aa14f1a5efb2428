/**
 * @file
 * What an ICMP error says of a packet, changed where it stands: the error is still as it has come
 * (PACKET_ICMP_ERROR), and its checksum is right again afterwards.
 */
#ifndef SLUICE_PACKET_QUOTED_H
#define SLUICE_PACKET_QUOTED_H

#include <stdint.h>

#include "packet/parse.h"

/** Sequence number of the quoted TCP segment. */
uint32_t quoted_sequence(const uint8_t *frame, const struct packet *packet);

/**
 * Add to the sequence number of the quoted TCP segment and, when its whole header is there, to its
 * acknowledgement number.
 */
void quoted_shift(uint8_t *frame, const struct packet *packet, uint32_t sequence_delta,
                  uint32_t ack_delta);

/** When the error tells an MTU, tell one that is @p bytes lower. */
void quoted_lower_mtu(uint8_t *frame, const struct packet *packet, uint16_t bytes);

#endif
