#include "packet/insert.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/tcp_options.h"

/* A 16-bit field grows; what that adds to a checksum over it. */
static uint64_t grow(rte_be16_t *field, uint16_t bytes) {
    rte_be16_t before = *field;

    *field = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(before) + bytes));
    return checksum_delta16(before, *field);
}

static void grow_ip(uint8_t *l3, const struct packet *packet, uint16_t bytes) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

    if (flow_is_v6(&packet->key))
        (void)grow(&((struct rte_ipv6_hdr *)l3)->payload_len, bytes);
    else
        ip->hdr_checksum = checksum_update(ip->hdr_checksum, grow(&ip->total_length, bytes));
}

/* Headers move to the front, so that all offsets stay; the data stays where it is.
 * Returns what all of that adds to the L4 checksum, the pseudo header's length included. */
static uint64_t insert(struct rte_mbuf *mbuf, struct packet *packet, uint16_t l4_bytes,
                       const uint8_t *data, uint16_t bytes) {
    uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, bytes);
    uint16_t header_bytes = (uint16_t)(packet->l4_off - packet->l3_off + l4_bytes);

    memmove(frame + packet->l3_off, frame + packet->l3_off + bytes, header_bytes);
    memcpy(frame + packet->l3_off + header_bytes, data, bytes);
    grow_ip(frame + packet->l3_off, packet, bytes);
    packet->l3_len = (uint16_t)(packet->l3_len + bytes);
    return checksum_sum(data, bytes) + rte_cpu_to_be_16(bytes);
}

static bool has_room(const struct rte_mbuf *mbuf, const struct packet *packet, uint16_t bytes) {
    return rte_pktmbuf_headroom(mbuf) >= bytes && packet->l3_len <= UINT16_MAX - bytes;
}

bool packet_insert_option(struct rte_mbuf *mbuf, struct packet *packet, const uint8_t *option,
                          uint16_t bytes) {
    struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(mbuf, struct rte_tcp_hdr *, packet->l4_off);
    uint16_t header_bytes = (uint16_t)tcp_header_bytes(tcp);
    uint16_t before, after;
    uint64_t delta;

    if (header_bytes + bytes > TCP_HEADER_BYTES_MAX || !has_room(mbuf, packet, bytes))
        return false;
    delta = insert(mbuf, packet, header_bytes, option, bytes);
    tcp = rte_pktmbuf_mtod_offset(mbuf, struct rte_tcp_hdr *, packet->l4_off);
    memcpy(&before, &tcp->data_off, 2); /* the word of data offset and flags */
    tcp->data_off = (uint8_t)(tcp->data_off + (bytes / 4 << 4));
    memcpy(&after, &tcp->data_off, 2);
    tcp->cksum = checksum_update(tcp->cksum, delta + checksum_delta16(before, after));
    return true;
}

bool packet_insert_data(struct rte_mbuf *mbuf, struct packet *packet, const uint8_t *data,
                        uint16_t bytes) {
    struct rte_udp_hdr *udp;
    uint64_t delta;

    if (!has_room(mbuf, packet, bytes))
        return false;
    delta = insert(mbuf, packet, sizeof(*udp), data, bytes);
    udp = rte_pktmbuf_mtod_offset(mbuf, struct rte_udp_hdr *, packet->l4_off);
    delta += grow(&udp->dgram_len, bytes);
    udp->dgram_cksum = checksum_update_udp(udp->dgram_cksum, delta);
    return true;
}
