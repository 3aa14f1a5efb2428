#include "packet/heartbeat.h"

#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/own_udp.h"

/* 20 bytes without holes only when packed: 32, 16, 16, 32, 64 bits. */
struct payload {
    rte_be32_t key;
    rte_be16_t ld_id;
    rte_be16_t flags;
    rte_be32_t epoch;
    rte_be64_t sequence;
} __attribute__((packed));

_Static_assert(HEARTBEAT_PAYLOAD_BYTES == sizeof(struct payload), "all of the payload");

void heartbeat_write(uint8_t *frame, const struct own_address *own,
                     const struct rte_ether_addr *next_hop, const struct ip_address *to,
                     const struct heartbeat_message *message) {
    const struct own_udp udp = {
        .next_hop = next_hop,
        .to = to,
        .src_port = UDP_PORT_HEARTBEAT,
        .dst_port = UDP_PORT_HEARTBEAT,
    };
    struct payload *payload = (struct payload *)(frame + own_udp_headers(own));

    *payload = (struct payload){
        .key = rte_cpu_to_be_32(message->key),
        .ld_id = rte_cpu_to_be_16(message->ld_id),
        .flags = rte_cpu_to_be_16(message->flags),
        .epoch = rte_cpu_to_be_32(message->epoch),
        .sequence = rte_cpu_to_be_64(message->sequence),
    };
    own_udp_write(frame, own, &udp, sizeof(*payload));
}

/* Over IPv4 there is no UDP checksum, and stays none. */
void heartbeat_set_sequence(uint8_t *frame, uint16_t bytes, uint64_t sequence) {
    struct payload *payload = (struct payload *)(frame + bytes - sizeof(*payload));
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)((uint8_t *)payload - sizeof(*udp));
    rte_be64_t value = rte_cpu_to_be_64(sequence), before = payload->sequence;

    udp->dgram_cksum = checksum_update_udp(
        udp->dgram_cksum, checksum_delta32((uint32_t)before, (uint32_t)value) +
                              checksum_delta32((uint32_t)(before >> 32), (uint32_t)(value >> 32)));
    payload->sequence = value;
}
