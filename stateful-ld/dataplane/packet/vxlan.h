/**
 * @file
 * VXLAN encapsulation (RFC 7348) with the bucket in the UDP source port.
 */
#ifndef SLUICE_PACKET_VXLAN_H
#define SLUICE_PACKET_VXLAN_H

#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

enum {
    /** What the tunnel adds to the IP packet inside, counted against the fabric's IP MTU. */
    VXLAN_OVERHEAD_BYTES = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) +
                           sizeof(struct rte_vxlan_hdr) + sizeof(struct rte_ether_hdr),
    /** Outer headers, outer Ethernet included; the inner Ethernet header follows them. */
    VXLAN_OUTER_BYTES = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
                        sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr),
};

/** One tunnel, as the outer headers name it. */
struct vxlan_tunnel {
    struct rte_ether_addr src_mac;
    struct rte_ether_addr dst_mac;
    rte_be32_t src;
    rte_be32_t dst;
    uint32_t vni;
    uint16_t bucket;
};

/**
 * Write the VXLAN_OUTER_BYTES of outer headers.
 *
 * @param outer       where the outer Ethernet header goes
 * @param inner_bytes length of the inner frame, its Ethernet header included
 */
void vxlan_write_outer(uint8_t *outer, const struct vxlan_tunnel *tunnel, uint16_t inner_bytes);

#endif
