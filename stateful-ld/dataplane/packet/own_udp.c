#include "packet/own_udp.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/outer_ipv4.h"

enum {
    INTERNETWORK_CONTROL = 0xc0, /* RFC 791 3.1: before anything that fills queues */
};

static void write_ipv6(struct rte_ipv6_hdr *ip, const struct own_address *own,
                       const struct ip_address *to, struct rte_udp_hdr *udp, uint16_t udp_bytes) {
    uint16_t checksum;

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = RTE_BE32(6u << 28 | INTERNETWORK_CONTROL << 20),
        .payload_len = rte_cpu_to_be_16(udp_bytes),
        .proto = IPPROTO_UDP,
        .hop_limits = OUTER_TTL,
    };
    memcpy(ip->src_addr, &own->vtep, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, to, sizeof(ip->dst_addr));
    checksum = (uint16_t)~checksum_fold(
        ip6_pseudo_sum(ip->src_addr, ip->dst_addr, udp_bytes, IPPROTO_UDP) +
        checksum_sum(udp, udp_bytes));
    udp->dgram_cksum = checksum != 0 ? checksum : 0xffff;
}

void own_udp_write(uint8_t *frame, const struct own_address *own, const struct own_udp *packet,
                   uint16_t payload_bytes) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
    struct rte_udp_hdr *udp =
        (struct rte_udp_hdr *)(frame + own_udp_headers(own) - sizeof(struct rte_udp_hdr));
    uint16_t udp_bytes = (uint16_t)(sizeof(*udp) + payload_bytes);
    bool v6 = own_tunnels_over_v6(own);

    ether->dst_addr = *packet->next_hop;
    ether->src_addr = own->mac;
    ether->ether_type = v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
    *udp = (struct rte_udp_hdr){
        .src_port = rte_cpu_to_be_16(packet->src_port),
        .dst_port = rte_cpu_to_be_16(packet->dst_port),
        .dgram_len = rte_cpu_to_be_16(udp_bytes),
    };
    if (v6)
        write_ipv6((struct rte_ipv6_hdr *)(ether + 1), own, packet->to, udp, udp_bytes);
    else
        outer_ipv4_write((struct rte_ipv4_hdr *)(ether + 1), INTERNETWORK_CONTROL,
                         (rte_be32_t)own->vtep_v4, ip_to_v4(packet->to), udp_bytes);
}
