/**
 * @file
 * ARP for IPv4 over Ethernet (RFC 826).
 */
#ifndef SLUICE_PACKET_ARP_H
#define SLUICE_PACKET_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "packet/parse.h"

/** True when @p arp is a request or reply for IPv4 over Ethernet with a sender one can answer. */
bool arp_valid(const struct rte_arp_hdr *arp);

/** True when @p arp asks who has the LD's IPv4 address. */
bool arp_asks_for(const struct rte_arp_hdr *arp, const struct own_address *own);

/**
 * Turn a request into our answer, in place.
 *
 * @param frame  start of the Ethernet header; a VLAN tag in it stays
 * @param l3_off offset of the ARP header, as the parser found it
 */
void arp_make_reply(uint8_t *frame, uint16_t l3_off, const struct own_address *own);

/**
 * Write a request for @p target into an empty mbuf.
 *
 * @param destination where to: a known neighbour that is being checked (RFC 1122 2.3.2.1), or
 *                    NULL for broadcast
 */
void arp_make_request(struct rte_mbuf *mbuf, const struct own_address *own, rte_be32_t target,
                      const struct rte_ether_addr *destination);

#endif
