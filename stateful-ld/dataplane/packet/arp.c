#include "packet/arp.h"

bool arp_valid(const struct rte_arp_hdr *arp) {
    return arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
           arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
           arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(rte_be32_t) &&
           (arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ||
            arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY)) &&
           rte_is_valid_assigned_ether_addr(&arp->arp_data.arp_sha);
}

bool arp_asks_for(const struct rte_arp_hdr *arp, const struct own_address *own) {
    return arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) && arp->arp_data.arp_tip == own->vtep_v4;
}

void arp_make_reply(uint8_t *frame, uint16_t l3_off, const struct own_address *own) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
    struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame + l3_off);

    ether->dst_addr = arp->arp_data.arp_sha;
    ether->src_addr = own->mac;
    arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
    arp->arp_data.arp_tha = arp->arp_data.arp_sha;
    arp->arp_data.arp_tip = arp->arp_data.arp_sip;
    arp->arp_data.arp_sha = own->mac;
    arp->arp_data.arp_sip = (rte_be32_t)own->vtep_v4;
}

void arp_make_request(struct rte_mbuf *mbuf, const struct own_address *own, rte_be32_t target,
                      const struct rte_ether_addr *destination) {
    static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
    struct rte_ether_hdr *ether;
    struct rte_arp_hdr *arp;

    ether = (struct rte_ether_hdr *)rte_pktmbuf_append(mbuf, sizeof(*ether) + sizeof(*arp));
    arp = (struct rte_arp_hdr *)(ether + 1);
    ether->dst_addr = destination != NULL ? *destination : broadcast;
    ether->src_addr = own->mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
    *arp = (struct rte_arp_hdr){
        .arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
        .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
        .arp_hlen = RTE_ETHER_ADDR_LEN,
        .arp_plen = sizeof(rte_be32_t),
        .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
        .arp_data = {
            .arp_sha = own->mac,
            .arp_sip = (rte_be32_t)own->vtep_v4,
            .arp_tip = target,
        },
    };
}
