/**
 * @file
 * The way out of a packet: towards an RS or towards a client, plain or in a tunnel, and the headers
 * that go with it. Inline: it is on the way of every packet.
 */
#ifndef SLUICE_FORWARD_WAY_OUT_H
#define SLUICE_FORWARD_WAY_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "forward/worker.h"
#include "packet/vxlan.h"

struct way_out {
    const struct neighbour *next_hop;
    bool tunnel;
    uint32_t vni;
    const struct ip_address *vtep;          /**< other end of the tunnel; the snapshot's */
    const struct rte_ether_addr *inner_mac; /**< NULL: the next hop's */
};

static inline struct way_out way_to_rs(const struct target *target) {
    return (struct way_out){
        .next_hop = target->next_hop,
        .tunnel = target->in_vpc,
        .vni = target->vni,
        .vtep = &target->host_vtep,
        .inner_mac = &target->mac,
    };
}

/* When the ring is full, a later packet asks. */
static inline void way_ask_for(struct worker *worker, const struct ip_address *address) {
    struct ip_address wish = *address; /* the ring takes no const */

    (void)rte_ring_enqueue_elem(worker->dataplane->neighbour_wishes, &wish, sizeof(wish));
}

/* An on-link client is rare (a gateway is nearly always between), so nobody is resolved in
 * advance: the first packet makes control ask. */
static inline const struct neighbour *way_client_hop(struct worker *worker, rte_be32_t client) {
    const struct snapshot *snapshot = worker->snapshot;
    struct neighbour *neighbour;
    struct ip_address address;

    if (likely(!snapshot_on_link(snapshot, client)))
        return snapshot->gateway;
    address = ip_from_v4(client);
    neighbour = neighbour_find(worker->neighbours, &address);
    if (neighbour != NULL)
        neighbour_use(neighbour);
    else
        way_ask_for(worker, &address);
    return neighbour;
}

/* The same for IPv6. */
static inline const struct neighbour *way_client_hop6(struct worker *worker,
                                                      const struct ip_address *client) {
    const struct snapshot *snapshot = worker->snapshot;
    struct neighbour *neighbour;

    if (likely(!snapshot_on_link6(snapshot, client)))
        return snapshot->gateway_v6;
    neighbour = neighbour_find(worker->neighbours, client);
    if (neighbour != NULL)
        neighbour_use(neighbour);
    else
        way_ask_for(worker, client);
    return neighbour;
}

/** The way back through the gateway into a client's VPC. */
static inline struct way_out way_to_vpc(const struct snapshot *snapshot, uint32_t vni) {
    return (struct way_out){
        .next_hop = snapshot->gateway_vtep_hop,
        .tunnel = true,
        .vni = vni,
        .vtep = &snapshot->gateway_vtep,
    };
}

/** The way back to a client by the region entry in @p slot, where its packets came in. */
static inline struct way_out way_back_by(const struct snapshot *snapshot, uint32_t slot) {
    return (struct way_out){
        .next_hop = snapshot->return_tunnels.next_hop[slot],
        .tunnel = true,
        .vtep = &snapshot->return_tunnels.vtep[slot],
    };
}

/** The way to the sender of a packet of a client's. */
static inline struct way_out way_to_client(struct worker *worker, const struct packet *packet) {
    const struct flow_key *client = &packet->key;
    uint32_t vni = flow_vni(client);
    uint8_t entry = snapshot_return_tunnel(worker->snapshot, packet);

    if (vni != 0)
        return way_to_vpc(worker->snapshot, vni);
    if (entry != 0)
        return way_back_by(worker->snapshot, entry - 1u);
    if (flow_is_v6(client))
        return (struct way_out){ .next_hop = way_client_hop6(worker, &client->v6.src) };
    return (struct way_out){ .next_hop = way_client_hop(worker, client->src) };
}

/** Where packets of session @p ref go: on in its direction. */
static inline struct way_out way_of(struct worker *worker, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    const struct flow_short *client = &session->key[FROM_CLIENT];

    if (session_direction(ref) == FROM_CLIENT)
        return way_to_rs(&worker->snapshot->targets[session->target]);
    if (client->vni_protocol >> 8 != 0)
        return way_to_vpc(worker->snapshot, client->vni_protocol >> 8);
    if (unlikely(session->by_entry) &&
        (worker->snapshot->return_tunnels.slots >> session->return_tunnel & 1) != 0)
        return way_back_by(worker->snapshot, session->return_tunnel);
    if (unlikely((client->vni_protocol & FLOW_V6) != 0))
        return (struct way_out){
            .next_hop = way_client_hop6(
                worker, &session_addresses(&worker->sessions, ref)->v6[FROM_CLIENT].src)
        };
    return (struct way_out){ .next_hop = way_client_hop(worker, client->src) };
}

/** The largest IP packet that fits. */
static inline int way_mtu_bytes(const struct worker *worker, const struct way_out *way) {
    return worker->snapshot->mtu_bytes - (way->tunnel ? worker->snapshot->tunnel_bytes : 0);
}

/**
 * Have at least @p bytes of the mbuf's data in front of packet->l4_off.
 *
 * @return false when there is no room
 */
static inline bool way_make_room(struct rte_mbuf *mbuf, struct packet *packet, uint16_t bytes) {
    uint16_t missing = packet->l4_off < bytes ? (uint16_t)(bytes - packet->l4_off) : 0;

    if (missing != 0 && rte_pktmbuf_prepend(mbuf, missing) == NULL)
        return false;
    packet->l3_off = (uint16_t)(packet->l3_off + missing);
    packet->l4_off = (uint16_t)(packet->l4_off + missing);
    packet->inner_l4_off = (uint16_t)(packet->inner_l4_off + missing);
    return true;
}

/* Make the mbuf's data begin at `start` (before its first byte when negative) and end after
 * `bytes`. */
static inline bool way_set_window(struct rte_mbuf *mbuf, int start, uint16_t bytes) {
    if (unlikely(start < -(int)rte_pktmbuf_headroom(mbuf)))
        return false;
    mbuf->data_off = (uint16_t)(mbuf->data_off + start);
    mbuf->data_len = bytes;
    mbuf->pkt_len = bytes;
    return true;
}

/* In front of an IP packet. */
static inline void way_write_ethernet(uint8_t *at, const struct rte_ether_addr *dst,
                                      const struct rte_ether_addr *src) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)at;
    uint8_t version = at[RTE_ETHER_HDR_LEN] >> 4;

    ether->dst_addr = *dst;
    ether->src_addr = *src;
    ether->ether_type =
        likely(version == 4) ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
}

/** Dress an IPv4 packet for a next hop, without a tunnel, and queue it for transmission. */
static inline void way_send_direct(struct worker *worker, struct rte_mbuf *mbuf,
                                   const struct packet *packet, const struct rte_ether_addr *mac) {
    uint16_t start = (uint16_t)(packet->l3_off - RTE_ETHER_HDR_LEN);
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod_offset(mbuf, struct rte_ether_hdr *, start);

    ether->dst_addr = *mac;
    ether->src_addr = worker->snapshot->own.mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    mbuf->data_off = (uint16_t)(mbuf->data_off + start);
    mbuf->data_len = (uint16_t)(RTE_ETHER_HDR_LEN + packet->l3_len);
    mbuf->pkt_len = mbuf->data_len;
    worker_send(worker, mbuf);
}

/**
 * Dress the IP packet at packet->l3_off for its way, which it must fit, and queue it for
 * transmission; what was around it before is overwritten.
 *
 * @return DROP_NONE, or why the caller must drop it
 */
static inline enum drop_reason way_send(struct worker *worker, struct rte_mbuf *mbuf,
                                        const struct packet *packet, const struct way_out *way,
                                        uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;
    uint16_t frame_bytes = (uint16_t)(RTE_ETHER_HDR_LEN + packet->l3_len);
    uint16_t outer_bytes = way->tunnel ? snapshot->tunnel_bytes : 0;
    struct rte_ether_addr mac;
    uint8_t *frame;

    if (unlikely(way->next_hop == NULL || !neighbour_mac(way->next_hop, &mac)))
        return DROP_NEIGHBOUR_UNRESOLVED;
    if (unlikely(!way_set_window(mbuf, packet->l3_off - RTE_ETHER_HDR_LEN - outer_bytes,
                                 (uint16_t)(outer_bytes + frame_bytes))))
        return DROP_NO_HEADROOM;
    frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    way_write_ethernet(frame + outer_bytes, way->tunnel && way->inner_mac ? way->inner_mac : &mac,
                       &snapshot->own.mac);
    if (way->tunnel) {
        const struct vxlan_tunnel tunnel = {
            .src_mac = snapshot->own.mac,
            .dst_mac = mac,
            .src = &snapshot->own.vtep,
            .dst = way->vtep,
            .vni = way->vni,
            .bucket = bucket,
        };

        vxlan_write_outer(frame, &tunnel, frame_bytes);
    }
    worker_send(worker, mbuf);
    return DROP_NONE;
}

#endif
