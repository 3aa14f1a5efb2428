/**
 * @file
 * Neighbour discovery for IPv6 over Ethernet (RFC 4861, RFC 2464), as far as a host without
 * autoconfiguration needs it: solicitations and advertisements.
 */
#ifndef SLUICE_PACKET_ND_H
#define SLUICE_PACKET_ND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "packet/icmp6.h"
#include "packet/parse.h"

enum {
    ND_SOLICITATION = 135,
    ND_ADVERTISEMENT = 136,
};

/** Either message, without its options. */
struct nd_message {
    struct icmp6_header icmp; /**< `word`: flags of an advertisement */
    uint8_t target[16];
};

/** What a message says. */
struct nd_heard {
    struct ip_address address; /**< whose MAC `mac` is */
    struct rte_ether_addr mac;
    bool known; /**< the message says both */
    bool asks;  /**< it asks for one of our addresses */
};

/** Read a PACKET_ND. @return false when it is malformed */
bool nd_read(const uint8_t *frame, const struct packet *packet, const struct own_address *own,
             struct nd_heard *heard);

/**
 * Turn a solicitation into our answer, in place; the mbuf's length follows, a VLAN tag stays.
 *
 * @return false when there is no room
 */
bool nd_make_advertisement(struct rte_mbuf *mbuf, const struct packet *packet,
                           const struct own_address *own);

/**
 * Write a solicitation for @p target into an empty mbuf.
 *
 * @param destination where to: a known neighbour that is being checked (RFC 4861 7.3.3), or NULL
 *                    for all that may have the address
 */
void nd_make_solicitation(struct rte_mbuf *mbuf, const struct own_address *own,
                          const struct ip_address *target,
                          const struct rte_ether_addr *destination);

/** The link-local address a MAC stands for (RFC 4291 appendix A). */
struct ip_address nd_link_local(const struct rte_ether_addr *mac);

#endif
