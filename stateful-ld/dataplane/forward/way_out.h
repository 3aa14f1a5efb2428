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
    rte_be32_t vtep;                        /**< other end of the tunnel */
    const struct rte_ether_addr *inner_mac; /**< NULL: the next hop's */
};

static inline struct way_out way_to_rs(const struct target *target) {
    return (struct way_out){
        .next_hop = target->next_hop,
        .tunnel = target->in_vpc,
        .vni = target->vni,
        .vtep = target->host_vtep,
        .inner_mac = &target->mac,
    };
}

/* An on-link client is rare (a gateway is nearly always between), so nobody is resolved in
 * advance: the first packet makes control ask. */
static inline const struct neighbour *way_client_hop(struct worker *worker, rte_be32_t client) {
    const struct snapshot *snapshot = worker->snapshot;
    struct neighbour_event event;
    const struct neighbour *neighbour;

    if (likely(!snapshot_on_link(snapshot, client)))
        return snapshot->gateway;
    event = (struct neighbour_event){ .address = ip_from_v4(client) };
    neighbour = neighbour_find(worker->neighbours, &event.address);
    if (neighbour == NULL) /* when the ring is full, a later packet asks */
        (void)rte_ring_enqueue_elem(worker->dataplane->neighbour_events, &event, sizeof(event));
    return neighbour;
}

/** The way to a client outside any VPC (@p vni 0), or back through the gateway into its VPC. */
static inline struct way_out way_to_client(struct worker *worker, uint32_t vni, rte_be32_t client) {
    const struct snapshot *snapshot = worker->snapshot;

    if (vni == 0)
        return (struct way_out){ .next_hop = way_client_hop(worker, client) };
    return (struct way_out){
        .next_hop = snapshot->gateway_vtep_hop,
        .tunnel = true,
        .vni = vni,
        .vtep = snapshot->gateway_vtep,
    };
}

/** Where a session's packets of @p direction go. */
static inline struct way_out way_of(struct worker *worker, const struct session *session,
                                    enum direction direction) {
    const struct flow_short *client = &session->key[FROM_CLIENT];

    if (direction == FROM_CLIENT)
        return way_to_rs(&worker->snapshot->targets[session->target]);
    return way_to_client(worker, client->vni_protocol >> 8, client->src);
}

/** The largest IP packet that fits. */
static inline int way_mtu_bytes(const struct worker *worker, const struct way_out *way) {
    return worker->snapshot->mtu_bytes - (way->tunnel ? VXLAN_OVERHEAD_BYTES : 0);
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

static inline void way_write_ethernet(uint8_t *at, const struct rte_ether_addr *dst,
                                      const struct rte_ether_addr *src) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)at;

    ether->dst_addr = *dst;
    ether->src_addr = *src;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

/**
 * Dress the IPv4 packet at packet->l3_off for its way, which it must fit, and queue it for
 * transmission; what was around it before is overwritten.
 *
 * @return DROP_NONE, or why the caller must drop it
 */
static inline enum drop_reason way_send(struct worker *worker, struct rte_mbuf *mbuf,
                                        const struct packet *packet, const struct way_out *way,
                                        uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;
    uint16_t frame_bytes = (uint16_t)(RTE_ETHER_HDR_LEN + packet->l3_len);
    uint16_t outer_bytes = way->tunnel ? VXLAN_OUTER_BYTES : 0;
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
            .src = snapshot->own.vtep,
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
