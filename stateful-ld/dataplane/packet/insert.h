/**
 * @file
 * Adding bytes to a packet: behind the TCP header's options, or in front of a datagram's data.
 */
#ifndef SLUICE_PACKET_INSERT_H
#define SLUICE_PACKET_INSERT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/parse.h"

/**
 * Append an option to a TCP header.
 *
 * @param option of @p bytes, a multiple of 4
 * @return false when the header or the mbuf has no room; nothing has changed then
 */
bool packet_insert_option(struct rte_mbuf *mbuf, struct packet *packet, const uint8_t *option,
                          uint16_t bytes);

/**
 * Put bytes in front of a UDP datagram's data.
 *
 * @param data of @p bytes, an even number
 * @return false when the mbuf has no room; nothing has changed then
 */
bool packet_insert_data(struct rte_mbuf *mbuf, struct packet *packet, const uint8_t *data,
                        uint16_t bytes);

#endif
