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
    /** `vtep` when it is IPv4, in network order; else OWN_NO_IPV4, and the LD has no IPv4 address.
     * Wider than an address, so that no packet's destination is equal to that. */
    uint64_t vtep_v4;
    struct ip_address vtep;       /**< where tunnels end; when it is IPv6, it is `address_v6` */
    struct ip_address address_v6; /**< on the fabric; none when the LD has no IPv6 there */
    struct ip_address link_local; /**< the same */
};

#define OWN_NO_IPV4 (1ULL << 32)

/** Say where tunnels end. */
static inline void own_address_set_vtep(struct own_address *own, struct ip_address vtep) {
    own->vtep = vtep;
    own->vtep_v4 = ip_family(&vtep) == FAMILY_IPV4 ? ip_to_v4(&vtep) : OWN_NO_IPV4;
}

/** True when tunnels go over IPv6. */
static inline bool own_tunnels_over_v6(const struct own_address *own) {
    return own->vtep_v4 == OWN_NO_IPV4;
}

/** True when @p address is one of the LD's own IPv6 addresses. */
static inline bool own_address_is(const struct own_address *own, const struct ip_address *address) {
    return !ip_is_none(address) &&
           (ip_equal(address, &own->address_v6) || ip_equal(address, &own->link_local));
}

enum packet_kind {
    PACKET_FLOW, /**< TCP or UDP, tunnelled or plain: `key` and what follows is valid */
    PACKET_ARP,  /**< `l3_off` is the ARP header, all 28 bytes of it are there */
    PACKET_ND,   /**< neighbour solicitation or advertisement, without a check of its options */
    PACKET_ECHO, /**< ICMP echo request to the LD: `l3_off`, `l4_off` and `l3_len` are valid */
    /** ICMP echo request to any other address: as PACKET_ECHO, and `key` with ports 0. */
    PACKET_VIP_ECHO,
    /** Fragment of an ICMP message to any other address, ports 0. The first one is as
     * PACKET_VIP_ECHO, its checksum aside; nobody knows what later ones are of. */
    PACKET_VIP_ECHO_FRAGMENT,
    /** ICMP error about a TCP or UDP packet. `l4_off` is the ICMP header; behind it, all there, are
     * the embedded IP header with its options or extensions and 8 bytes more. `key` names the
     * session: it is the embedded tuple with its ends exchanged, as if the packet had been sent
     * back. */
    PACKET_ICMP_ERROR,
    PACKET_TTL_EXPIRED, /**< as PACKET_FLOW, but must not be forwarded */
    /** Fragment of a TCP or UDP packet. The first one is as PACKET_FLOW, its whole L4 header is
     * there; later ones have ports 0 and no L4 header. */
    PACKET_FRAGMENT,
    /** ICMP echo reply to any other address: as PACKET_VIP_ECHO, and its identifier is the key's
     * destination port. */
    PACKET_ECHO_REPLY,
    /** From another LD (replicate/wire.h): `l4_off` is where its payload begins, `l3_len` how long
     * it is, `bucket` its source port's. */
    PACKET_REPLICATION,
};

enum {
    PACKET_MORE_FRAGMENTS = 0x2000,
    PACKET_OFFSET_MASK = 0x1fff,
};

/** In which tunnel a packet has come. */
enum tunnelled {
    NOT_TUNNELLED = 0,
    TUNNELLED_OVER_IPV4,
    TUNNELLED_OVER_IPV6,
};

/** What the parser found out. Offsets are bytes from the start of the frame. */
struct packet {
    struct flow_key key;
    enum packet_kind kind;
    uint32_t hash;   /**< of `key`; filled in by the caller */
    uint16_t l3_off; /**< innermost IP (or ARP) header */
    uint16_t l3_len; /**< of the IP packet: header, options or extensions, and payload */
    uint16_t l4_off;
    uint16_t bucket;        /**< of the flow; by the parser the tunnel's, or BUCKET_NONE */
    uint16_t tunnel_bucket; /**< as the tunnel's source port has it, or BUCKET_NONE */
    uint8_t tcp_flags;
    uint8_t tunnelled;               /**< enum tunnelled */
    rte_be32_t tunnel_src;           /**< who has sent the tunnel's packet, over IPv4 */
    uint16_t inner_l4_off;           /**< PACKET_ICMP_ERROR: L4 header of the embedded packet */
    uint16_t fragment;               /**< of fragments: offset in 8 bytes, PACKET_MORE_FRAGMENTS */
    rte_be32_t fragment_id;          /**< PACKET_FRAGMENT: identification; of IPv4 its 16 bits */
    struct ip_address tunnel_src_v6; /**< who has sent the tunnel's packet, over IPv6 */
};

/** Who has sent the tunnel's packet; none when the packet is in no tunnel. */
static inline struct ip_address packet_tunnel_src(const struct packet *packet) {
    if (packet->tunnelled == TUNNELLED_OVER_IPV6)
        return packet->tunnel_src_v6;
    return packet->tunnelled ? ip_from_v4(packet->tunnel_src) : (struct ip_address){ 0 };
}

/** Bytes of the datagram in front of a fragment's. */
static inline uint32_t packet_fragment_offset(const struct packet *packet) {
    return (packet->fragment & PACKET_OFFSET_MASK) * 8u;
}

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
