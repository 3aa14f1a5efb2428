/**
 * @file
 * Frames made field by field, and checked against full checksums that are computed here, not by
 * the code under test.
 */
#ifndef SLUICE_TESTING_FRAME_H
#define SLUICE_TESTING_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "packet/address.h"

enum {
    FRAME_BYTES_MAX = 2048,
    FRAME_ICMP = 1,
    FRAME_TCP = 6,
    FRAME_UDP = 17
};

struct frame {
    uint8_t bytes[FRAME_BYTES_MAX];
    uint32_t length;
};

/** An address as people write it, in network order. */
rte_be32_t ip4(const char *text);

/** The same of either family. */
struct ip_address ip_of(const char *text);

/** A TCP or UDP packet over IPv4. Zero-initialise what does not matter; ports in host order. */
struct flow_spec {
    const char *src;
    const char *dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t protocol;
    uint8_t tcp_flags;
    uint32_t sequence; /**< host order; 0: some other number */
    uint32_t ack;
    uint8_t ttl;        /**< 0: 64 */
    uint8_t ip_options; /**< bytes of NOP options, a multiple of 4 */
    uint8_t tcp_options[40];
    uint8_t tcp_option_bytes; /**< a multiple of 4 */
    uint16_t payload;         /**< bytes */
    bool no_udp_checksum;
    uint16_t fragment; /**< host order: flags and offset */
    uint8_t seed;      /**< of the payload */
};

/** How the switch wraps it. */
struct tunnel_spec {
    uint16_t bucket; /**< BUCKET_NONE: a source port below 0xC000 */
    uint32_t vni;
    const char *src; /**< NULL: the steering address */
    const char *dst; /**< NULL: the VTEP; when it is IPv6, so is the tunnel */
};

extern const struct rte_ether_addr frame_ld_mac;      /**< 02:00:00:00:00:11 */
extern const struct rte_ether_addr frame_gateway_mac; /**< 02:00:00:00:00:01 */
extern const char frame_vtep[];                       /**< 10.0.0.11 */
extern const char frame_steering[];                   /**< 198.18.0.1 */

/** Ethernet to the LD, then the flow's packet. */
struct frame frame_plain(const struct flow_spec *flow);

/** The same in VXLAN from the switch. */
struct frame frame_tunnelled(const struct flow_spec *flow, const struct tunnel_spec *tunnel);

/** ARP request or reply (@p opcode) to broadcast or, as a reply, to the LD. */
struct frame frame_arp(uint16_t opcode, const struct rte_ether_addr *sender_mac, const char *sender,
                       const char *target);

/** ICMP echo request to @p dst with 56 bytes of data. */
struct frame frame_echo(const char *src, const char *dst);

/** An ICMP error, as a router or a host makes it. */
struct error_spec {
    const char *src;
    uint8_t type;
    uint8_t code;
    uint16_t mtu;
    uint16_t quoted; /**< bytes behind the embedded IPv4 header; 0: all there are */
};

struct frame_view;

/** An error about a packet the LD has sent, to the packet's source. */
struct frame frame_icmp_error(const struct frame_view *about, const struct error_spec *error);

/**
 * A fragment of a plain frame's packet: @p bytes of its payload from @p offset on, or as many as
 * there are. More fragments follow unless it ends where the packet does.
 */
struct frame frame_fragment(const struct frame *plain, uint32_t offset, uint32_t bytes);

/** The plain frame with the whole packet of @p count fragments, all of them plain or tunnelled. */
struct frame frame_reassemble(const struct frame *fragments, uint32_t count);

/** Wrap a plain frame as the switch does. */
struct frame frame_wrap(const struct frame *plain, const struct tunnel_spec *tunnel);

/** Insert an 802.1Q tag. */
void frame_tag(struct frame *frame, uint16_t vlan);

/** Recompute the IPv4 header checksum at @p offset, after a test has changed the header. */
void frame_fix_ip_checksum(struct frame *frame, uint32_t offset);

/** Recompute the checksum of the ICMP message from @p offset to the end of the frame. */
void frame_fix_icmp_checksum(struct frame *frame, uint32_t offset);

/** The VTEP and the steering address of an underlay of IPv6. */
extern const char frame_vtep_v6[];     /**< fd00:10::11 */
extern const char frame_steering_v6[]; /**< fd00:ff::1 */

/** Offset of the inner IPv4 header in a frame_tunnelled() frame over IPv4 without VLAN tags. */
enum {
    FRAME_INNER_IP = 14 + 20 + 8 + 8 + 14
};

/** Headers found in a frame that left the LD; NULL where there is none. */
struct frame_view {
    const struct rte_ether_hdr *ether;
    const struct rte_ipv4_hdr *outer;    /**< only when tunnelled over IPv4 */
    const struct rte_ipv6_hdr *outer_v6; /**< only when tunnelled over IPv6 */
    const struct rte_udp_hdr *outer_udp;
    const struct rte_vxlan_hdr *vxlan;
    const struct rte_ether_hdr *inner_ether;
    const struct rte_ipv4_hdr *ip; /**< innermost */
    const struct rte_tcp_hdr *tcp;
    const struct rte_udp_hdr *udp;
    const struct rte_icmp_hdr *icmp;
    const struct rte_ipv4_hdr *embedded;    /**< in an ICMP error */
    const struct rte_udp_hdr *embedded_udp; /**< or the same place of TCP */
    const uint8_t *payload;
    uint32_t payload_bytes;
};

/** Take a frame apart; fails the test when lengths or any checksum are wrong. */
struct frame_view frame_view(const struct frame *frame);

#endif
