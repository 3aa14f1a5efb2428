#include "packet/vxlan.h"

#include "packet/bucket.h"
#include "packet/outer_ipv4.h"
#include "packet/parse.h"

/* The flow label is the source port, for routers that spread by it (RFC 6438), as the switch does.
 */
static void write_ipv6(struct rte_ipv6_hdr *ip, const struct vxlan_tunnel *tunnel,
                       uint16_t udp_bytes) {
    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = rte_cpu_to_be_32(6u << 28 | bucket_to_udp_port(tunnel->bucket)),
        .payload_len = rte_cpu_to_be_16(udp_bytes),
        .proto = IPPROTO_UDP,
        .hop_limits = OUTER_TTL,
    };
    memcpy(ip->src_addr, tunnel->src, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, tunnel->dst, sizeof(ip->dst_addr));
}

void vxlan_write_outer(uint8_t *outer, const struct vxlan_tunnel *tunnel, uint16_t inner_bytes) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)outer;
    bool v6 = ip_family(tunnel->dst) == FAMILY_IPV6;
    struct rte_udp_hdr *udp =
        (struct rte_udp_hdr *)(outer + sizeof(*ether) +
                               (v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)));
    struct rte_vxlan_hdr *vxlan = (struct rte_vxlan_hdr *)(udp + 1);
    uint16_t udp_bytes = (uint16_t)(sizeof(*udp) + sizeof(*vxlan) + inner_bytes);

    ether->dst_addr = tunnel->dst_mac;
    ether->src_addr = tunnel->src_mac;
    ether->ether_type = v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
    if (v6)
        write_ipv6((struct rte_ipv6_hdr *)(ether + 1), tunnel, udp_bytes);
    else
        outer_ipv4_write((struct rte_ipv4_hdr *)(ether + 1), 0, ip_to_v4(tunnel->src),
                         ip_to_v4(tunnel->dst), udp_bytes);
    /* Checksum 0: RFC 7348 5 "SHOULD be transmitted as zero"; over IPv6 RFC 6935. */
    *udp = (struct rte_udp_hdr){
        .src_port = rte_cpu_to_be_16(bucket_to_udp_port(tunnel->bucket)),
        .dst_port = RTE_BE16(UDP_PORT_VXLAN),
        .dgram_len = rte_cpu_to_be_16(udp_bytes),
    };
    vxlan->vx_flags = RTE_BE32(0x08000000);
    vxlan->vx_vni = rte_cpu_to_be_32(tunnel->vni << 8);
}
