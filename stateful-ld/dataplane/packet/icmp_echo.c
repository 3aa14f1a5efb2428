#include "packet/icmp_echo.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#include "packet/checksum.h"

enum {
    OWN_TTL = 64
}; /* RFC 1700, "IP option numbers": recommended default */

void icmp_make_echo_reply(uint8_t *frame, const struct packet *packet,
                          const struct own_address *own) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + packet->l3_off);
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + packet->l4_off);
    uint16_t request, reply;

    ether->dst_addr = ether->src_addr;
    ether->src_addr = own->mac;
    ip->dst_addr = ip->src_addr;
    ip->src_addr = own->vtep;
    ip->time_to_live = OWN_TTL;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, packet->l4_off - packet->l3_off));
    memcpy(&request, icmp, 2);
    icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
    memcpy(&reply, icmp, 2);
    icmp->icmp_cksum = checksum_update(icmp->icmp_cksum, checksum_delta16(request, reply));
}
