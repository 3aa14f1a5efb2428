/**
 * @file
 * VXLAN encapsulation (RFC 7348) with the bucket in the UDP source port, over IPv4 or IPv6.
 */
#ifndef SLUICE_PACKET_VXLAN_H
#define SLUICE_PACKET_VXLAN_H

#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "packet/address.h"

enum {
    /** What a tunnel over IPv4 adds to the IP packet inside, counted against the fabric's IP MTU.
     */
    VXLAN_OVERHEAD_BYTES = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) +
                           sizeof(struct rte_vxlan_hdr) + sizeof(struct rte_ether_hdr),
    /** Outer headers over IPv4, outer Ethernet included; the inner Ethernet header follows them. */
    VXLAN_OUTER_BYTES = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
                        sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr),
    /** Of either, what IPv6 adds. */
    VXLAN_V6_MORE_BYTES = sizeof(struct rte_ipv6_hdr) - sizeof(struct rte_ipv4_hdr),
};

/** One tunnel, as the outer headers name it. */
struct vxlan_tunnel {
    struct rte_ether_addr src_mac;
    struct rte_ether_addr dst_mac;
    const struct ip_address *src; /**< both of one family */
    const struct ip_address *dst;
    uint32_t vni;
    uint16_t bucket;
};

/**
 * Write the outer headers: VXLAN_OUTER_BYTES, and VXLAN_V6_MORE_BYTES more when the tunnel's
 * addresses are IPv6.
 *
 * @param outer       where the outer Ethernet header goes
 * @param inner_bytes length of the inner frame, its Ethernet header included
 */
void vxlan_write_outer(uint8_t *outer, const struct vxlan_tunnel *tunnel, uint16_t inner_bytes);

#endif
