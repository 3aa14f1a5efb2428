/**
 * @file
 * The one parser every received frame goes through. Every read is checked against the length of
 * the frame first; nothing behind the parser looks at a byte the parser has not vouched for.
 */
#ifndef SLUICE_PACKET_PARSE_H
#define SLUICE_PACKET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "packet/drop_reason.h"
#include "packet/flow.h"

enum {
    UDP_PORT_VXLAN = 4789,
    UDP_PORT_REPLICATION = 53794, /**< of the range for private use (RFC 6335) */
};

/** What the LD itself is called on the wire. */
struct own_address {
    struct rte_ether_addr mac;
    rte_be32_t vtep;
};

enum packet_kind {
    PACKET_FLOW, /**< TCP or UDP over IPv4, tunnelled or plain: `key` and what follows is valid */
    PACKET_ARP,  /**< `l3_off` is the ARP header, all 28 bytes of it are there */
    PACKET_ECHO, /**< ICMP echo request to the VTEP: `l3_off`, `l4_off` and `l3_len` are valid */
    /** ICMP echo request to any other address: as PACKET_ECHO, and `key` with ports 0. */
    PACKET_VIP_ECHO,
    /** ICMP error about a TCP or UDP packet. `l4_off` is the ICMP header; behind it, all there, are
     * the embedded IPv4 header with its options and 8 bytes more. `key` names the session: it is
     * the embedded tuple with its ends exchanged, as if the packet had been sent back. */
    PACKET_ICMP_ERROR,
    PACKET_TTL_EXPIRED, /**< as PACKET_FLOW, but must not be forwarded */
    /** Fragment of a TCP or UDP packet. The first one is as PACKET_FLOW, its whole L4 header is
     * there; later ones have ports 0 and no L4 header. */
    PACKET_FRAGMENT,
    /** From another LD (replicate/wire.h): `l4_off` is where its payload begins, `l3_len` how long
     * it is, `bucket` its source port's. */
    PACKET_REPLICATION,
};

/** What the parser found out. Offsets are bytes from the start of the frame. */
struct packet {
    struct flow_key key;
    enum packet_kind kind;
    uint32_t hash;   /**< of `key`; filled in by the caller */
    uint16_t l3_off; /**< innermost IPv4 (or ARP) header */
    uint16_t l3_len; /**< IPv4 total length: header, options and payload */
    uint16_t l4_off;
    uint16_t bucket;        /**< of the flow; by the parser the tunnel's, or BUCKET_NONE */
    uint16_t tunnel_bucket; /**< as the tunnel's source port has it, or BUCKET_NONE */
    uint8_t tcp_flags;
    bool tunnelled;
};

/**
 * Parse one frame.
 *
 * @param data  first byte of the Ethernet header, at an even address
 * @param bytes bytes of the frame that can be read at @p data
 * @param own   whom frames must be addressed to
 * @param[out] packet filled in when the frame is acceptable
 * @return DROP_NONE, or why the frame must be dropped. Thread safe: touches its arguments only.
 */
enum drop_reason parse_frame(const uint8_t *data, uint32_t bytes, const struct own_address *own,
                             struct packet *packet);

#endif
