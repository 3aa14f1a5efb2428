#include "packet/quoted.h"

#include <rte_icmp.h>
#include <rte_tcp.h>

#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/tcp_options.h"

/* The whole sum: such packets are few. */
static void set_checksum(uint8_t *frame, const struct packet *packet) {
    uint32_t bytes = packet->l3_off + (uint32_t)packet->l3_len - packet->l4_off;
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + packet->l4_off);

    if (flow_is_v6(&packet->key)) {
        icmp6_set_checksum((const struct rte_ipv6_hdr *)(frame + packet->l3_off),
                           (struct icmp6_header *)icmp, bytes);
        return;
    }
    icmp->icmp_cksum = 0;
    icmp->icmp_cksum = (uint16_t)~checksum_fold(checksum_sum(icmp, bytes));
}

uint32_t quoted_sequence(const uint8_t *frame, const struct packet *packet) {
    const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(frame + packet->inner_l4_off);

    return rte_be_to_cpu_32(tcp->sent_seq);
}

void quoted_shift(uint8_t *frame, const struct packet *packet, uint32_t sequence_delta,
                  uint32_t ack_delta) {
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + packet->inner_l4_off);
    uint32_t bytes = packet->l3_off + (uint32_t)packet->l3_len - packet->inner_l4_off;

    if (bytes >= sizeof(*tcp))
        tcp_numbers_shift(tcp, sequence_delta, ack_delta);
    else /* of the 8 bytes that are always there */
        tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + sequence_delta);
    set_checksum(frame, packet);
}

/* An MTU of 0 is that of a router that does not know (RFC 1191 5). */
static rte_be16_t lower_v4(rte_be16_t mtu, uint16_t bytes) {
    uint16_t mtu_bytes = rte_be_to_cpu_16(mtu);

    return mtu_bytes > bytes ? rte_cpu_to_be_16((uint16_t)(mtu_bytes - bytes)) : mtu;
}

/* RFC 8201 4: nobody goes below what every link takes. */
static rte_be32_t lower_v6(rte_be32_t mtu, uint16_t bytes) {
    uint32_t mtu_bytes = rte_be_to_cpu_32(mtu);

    return mtu_bytes > (uint32_t)IPV6_MTU_MIN_BYTES + bytes ? rte_cpu_to_be_32(mtu_bytes - bytes)
                                                            : rte_cpu_to_be_32(IPV6_MTU_MIN_BYTES);
}

void quoted_lower_mtu(uint8_t *frame, const struct packet *packet, uint16_t bytes) {
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame + packet->l4_off);
    struct icmp6_header *icmp6 = (struct icmp6_header *)icmp;

    if (flow_is_v6(&packet->key) && icmp6->type == ICMP6_PACKET_TOO_BIG)
        icmp6->word = lower_v6(icmp6->word, bytes);
    else if (!flow_is_v6(&packet->key) && icmp->icmp_type == ICMP_UNREACHABLE &&
             icmp->icmp_code == ICMP_CODE_FRAG_NEEDED)
        icmp->icmp_seq_nb = lower_v4(icmp->icmp_seq_nb, bytes);
    else
        return;
    set_checksum(frame, packet);
}
