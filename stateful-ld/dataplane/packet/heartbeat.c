#include "packet/heartbeat.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "packet/checksum.h"

enum {
    HEARTBEAT_TTL = 64,
    INTERNETWORK_CONTROL = 0xc0 /* RFC 791 3.1, precedence 6: before anything that fills queues */
};

/* 20 bytes without holes only when packed: 32, 16, 16, 32, 64 bits. */
struct payload {
    rte_be32_t key;
    rte_be16_t ld_id;
    rte_be16_t flags;
    rte_be32_t epoch;
    rte_be64_t sequence;
} __attribute__((packed));

_Static_assert(HEARTBEAT_FRAME_BYTES == sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
                                            sizeof(struct rte_udp_hdr) + sizeof(struct payload),
               "all of the frame");

void heartbeat_write(uint8_t *frame, const struct own_address *own,
                     const struct rte_ether_addr *next_hop, rte_be32_t to,
                     const struct heartbeat_message *message) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
    struct payload *payload = (struct payload *)(udp + 1);
    uint16_t udp_bytes = sizeof(*udp) + sizeof(*payload);

    ether->dst_addr = *next_hop;
    ether->src_addr = own->mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .type_of_service = INTERNETWORK_CONTROL,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_bytes)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = HEARTBEAT_TTL,
        .next_proto_id = IPPROTO_UDP,
        .src_addr = own->vtep,
        .dst_addr = to,
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof(*ip)));
    /* Without a checksum (RFC 768 allows it), as our tunnels: the key tells a heartbeat. */
    *udp = (struct rte_udp_hdr){
        .src_port = RTE_BE16(UDP_PORT_HEARTBEAT),
        .dst_port = RTE_BE16(UDP_PORT_HEARTBEAT),
        .dgram_len = rte_cpu_to_be_16(udp_bytes),
    };
    *payload = (struct payload){
        .key = rte_cpu_to_be_32(message->key),
        .ld_id = rte_cpu_to_be_16(message->ld_id),
        .flags = rte_cpu_to_be_16(message->flags),
        .epoch = rte_cpu_to_be_32(message->epoch),
        .sequence = rte_cpu_to_be_64(message->sequence),
    };
}

void heartbeat_set_sequence(uint8_t *frame, uint64_t sequence) {
    rte_be64_t value = rte_cpu_to_be_64(sequence);

    memcpy(frame + HEARTBEAT_FRAME_BYTES - sizeof(value), &value, sizeof(value));
}
