/**
 * @file
 * What the parsers of both families share. Inline: it is on the way of every packet.
 */
#ifndef SLUICE_PACKET_CURSOR_H
#define SLUICE_PACKET_CURSOR_H

#include <netinet/in.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/parse.h"

/**
 * The part of the frame not parsed yet. `end` shrinks to what the IP and UDP lengths allow, so
 * that Ethernet padding is never taken for data.
 */
struct cursor {
    const uint8_t *data;
    uint32_t at;
    uint32_t end;
};

/** The next @p bytes; NULL when there are not so many. */
static inline const void *take(struct cursor *cursor, uint32_t bytes) {
    const void *taken = cursor->data + cursor->at;

    if (unlikely(bytes > cursor->end - cursor->at))
        return NULL;
    cursor->at += bytes;
    return taken;
}

static inline enum drop_reason parse_tcp(struct cursor *cursor, struct packet *packet) {
    const struct rte_tcp_hdr *tcp = take(cursor, sizeof(*tcp));
    uint32_t header_bytes;
    uint8_t flags;

    if (unlikely(tcp == NULL))
        return DROP_BAD_TCP_HEADER;
    header_bytes = (tcp->data_off >> 4) * 4;
    if (unlikely(header_bytes < sizeof(*tcp)))
        return DROP_BAD_TCP_HEADER;
    if (unlikely(take(cursor, header_bytes - sizeof(*tcp)) == NULL))
        return DROP_BAD_TCP_HEADER;
    flags = tcp->tcp_flags;
    /* No TCP sends SYN together with FIN or RST; scanners and flooders do. */
    if (unlikely((flags & TCP_SYN) != 0 && (flags & (TCP_FIN | TCP_RST)) != 0))
        return DROP_BAD_TCP_FLAGS;
    packet->tcp_flags = flags;
    flow_set_ports(&packet->key, &tcp->src_port);
    return DROP_NONE;
}

static inline enum drop_reason parse_udp(struct cursor *cursor, struct packet *packet) {
    uint32_t available = cursor->end - cursor->at;
    const struct rte_udp_hdr *udp = take(cursor, sizeof(*udp));
    uint32_t length;

    if (unlikely(udp == NULL))
        return DROP_BAD_UDP_LENGTH;
    length = rte_be_to_cpu_16(udp->dgram_len);
    if (unlikely(length < sizeof(*udp) || length > available))
        return DROP_BAD_UDP_LENGTH;
    packet->tcp_flags = 0;
    flow_set_ports(&packet->key, &udp->src_port);
    return DROP_NONE;
}

static inline enum drop_reason parse_first_fragment(struct cursor *cursor, struct packet *packet) {
    const struct rte_udp_hdr *udp;

    if (flow_protocol(&packet->key) == IPPROTO_TCP)
        return parse_tcp(cursor, packet);
    udp = take(cursor, sizeof(*udp));
    if (udp == NULL || rte_be_to_cpu_16(udp->dgram_len) < sizeof(*udp))
        return DROP_BAD_UDP_LENGTH;
    packet->tcp_flags = 0;
    flow_set_ports(&packet->key, &udp->src_port);
    return DROP_NONE;
}

/**
 * The fragmented part of a fragment whose `fragment` and protocol are known.
 *
 * RFC 1858 3.2 and RFC 3128: a first fragment has all of the TCP header, and no other fragment a
 * part of it, or what we look at would not be what the RS gets.
 */
static inline enum drop_reason parse_fragment_payload(struct cursor *cursor,
                                                      struct packet *packet) {
    uint32_t offset = packet_fragment_offset(packet);

    packet->kind = PACKET_FRAGMENT;
    if (offset == 0)
        return parse_first_fragment(cursor, packet);
    if (flow_protocol(&packet->key) == IPPROTO_TCP && offset < sizeof(struct rte_tcp_hdr))
        return DROP_BAD_TCP_HEADER;
    packet->tcp_flags = 0;
    packet->key.src_port = packet->key.dst_port = 0;
    return DROP_NONE;
}

/**
 * A UDP packet to the VTEP, from its header on: a tunnel's, or another LD's.
 *
 * @param tunnelled by which IP it has come; the caller has set the packet's tunnel_src
 */
enum drop_reason parse_tunnel(struct cursor *cursor, enum tunnelled tunnelled,
                              struct packet *packet);

/** As parse_fragment_payload() of an ICMP message, which must be an echo request. @param type its
 * number */
static inline enum drop_reason parse_echo_fragment(struct cursor *cursor, struct packet *packet,
                                                   uint8_t type) {
    const uint8_t *icmp;

    packet->kind = PACKET_VIP_ECHO_FRAGMENT;
    packet->key.src_port = packet->key.dst_port = 0;
    if (packet_fragment_offset(packet) != 0)
        return DROP_NONE;
    icmp = take(cursor, 8);
    if (icmp == NULL)
        return DROP_BAD_ICMP;
    return icmp[0] == type ? DROP_NONE : DROP_FRAGMENT;
}

#endif
