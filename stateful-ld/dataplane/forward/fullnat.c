#include "forward/fullnat.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "forward/session_life.h"
#include "forward/worker.h"
#include "packet/checksum.h"
#include "packet/tcp_mss.h"
#include "packet/vxlan.h"

/* A client that comes back with the ports of a connection that is over opens a new one, with a
 * local port of its own: the RS may still have the old one in TIME-WAIT. */
static bool replaces(const struct session *session, enum direction direction,
                     const struct packet *packet) {
    return unlikely((packet->tcp_flags & TCP_SYN) != 0) && direction == FROM_CLIENT &&
           (packet->tcp_flags & TCP_ACK) == 0 && tcp_state_over(session->state);
}

static enum drop_reason find_session(struct worker *worker, const struct packet *packet,
                                     session_ref guess, session_ref *found) {
    const struct session_table *table = &worker->sessions;
    session_ref ref = guess;

    /* The guess is from before this burst, in which sessions have come and gone since. */
    if (unlikely(ref == 0 || !session_is(table, ref, &packet->key)))
        ref = session_find(table, &packet->key, packet->hash);
    if (unlikely(ref != 0 && replaces(session_at(table, ref), session_direction(ref), packet))) {
        session_end(worker, ref >> 1);
        ref = 0;
    }
    *found = ref;
    return likely(ref != 0) ? DROP_NONE : session_admit(worker, packet, found);
}

/* What replacing addresses and ports adds to a checksum over the pseudo header and the ports. */
struct rewrite {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint64_t address_delta;
    uint64_t port_delta;
};

/* A packet in one direction gets the tuple of the other one, turned round. */
static struct rewrite rewrite_of(const struct session *session, enum direction direction) {
    const struct flow_key *before = &session->key[direction];
    const struct flow_key *other = &session->key[!direction];

    return (struct rewrite){
        .src = other->dst,
        .dst = other->src,
        .src_port = other->dst_port,
        .dst_port = other->src_port,
        .address_delta =
            checksum_delta32(before->src, other->dst) + checksum_delta32(before->dst, other->src),
        .port_delta = checksum_delta16(before->src_port, other->dst_port) +
                      checksum_delta16(before->dst_port, other->src_port),
    };
}

static void rewrite_ip(struct rte_ipv4_hdr *ip, const struct rewrite *rewrite) {
    uint16_t ttl_before, ttl_after;

    memcpy(&ttl_before, &ip->time_to_live, 2); /* the 16-bit word of TTL and protocol */
    ip->time_to_live--;
    memcpy(&ttl_after, &ip->time_to_live, 2);
    ip->src_addr = rewrite->src;
    ip->dst_addr = rewrite->dst;
    ip->hdr_checksum = checksum_update(
        ip->hdr_checksum, rewrite->address_delta + checksum_delta16(ttl_before, ttl_after));
}

static void rewrite_tcp(struct rte_tcp_hdr *tcp, const struct rewrite *rewrite, uint16_t mss_max) {
    tcp->src_port = rewrite->src_port;
    tcp->dst_port = rewrite->dst_port;
    tcp->cksum = checksum_update(tcp->cksum, rewrite->address_delta + rewrite->port_delta);
    if (unlikely(tcp->tcp_flags & TCP_SYN))
        tcp_clamp_mss(tcp, mss_max);
}

static void rewrite_udp(struct rte_udp_hdr *udp, const struct rewrite *rewrite) {
    udp->src_port = rewrite->src_port;
    udp->dst_port = rewrite->dst_port;
    udp->dgram_cksum =
        checksum_update_udp(udp->dgram_cksum, rewrite->address_delta + rewrite->port_delta);
}

static void rewrite_packet(uint8_t *frame, const struct packet *packet,
                           const struct session *session, enum direction direction,
                           uint16_t mss_max) {
    struct rewrite rewrite = rewrite_of(session, direction);

    rewrite_ip((struct rte_ipv4_hdr *)(frame + packet->l3_off), &rewrite);
    if (flow_protocol(&packet->key) == IPPROTO_TCP)
        rewrite_tcp((struct rte_tcp_hdr *)(frame + packet->l4_off), &rewrite, mss_max);
    else
        rewrite_udp((struct rte_udp_hdr *)(frame + packet->l4_off), &rewrite);
}

/* Where a translated packet goes. */
struct way_out {
    const struct neighbour *next_hop;
    bool tunnel;
    uint32_t vni;
    rte_be32_t vtep;                        /* other end of the tunnel */
    const struct rte_ether_addr *inner_mac; /* NULL: the next hop's */
};

static struct way_out way_to_rs(const struct target *target) {
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
static const struct neighbour *client_hop(struct worker *worker, rte_be32_t client) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct neighbour_event event = { .address = client };
    const struct neighbour *neighbour;

    if (likely(!snapshot_on_link(snapshot, client)))
        return snapshot->gateway;
    neighbour = neighbour_find(worker->neighbours, client);
    if (neighbour == NULL) /* when the ring is full, a later packet asks */
        (void)rte_ring_enqueue_elem(worker->dataplane->neighbour_events, (void *)(uintptr_t)&event,
                                    sizeof(event));
    return neighbour;
}

static struct way_out way_to_client(struct worker *worker, const struct session *session) {
    const struct snapshot *snapshot = worker->snapshot;
    uint32_t vni = flow_vni(&session->key[FROM_CLIENT]);

    if (vni == 0)
        return (struct way_out){ .next_hop = client_hop(worker, session->key[FROM_CLIENT].src) };
    return (struct way_out){
        .next_hop = snapshot->gateway_vtep_hop,
        .tunnel = true,
        .vni = vni,
        .vtep = snapshot->gateway_vtep,
    };
}

/* Make the mbuf's data begin at `start` (before its first byte when negative) and end after
 * `bytes`. */
static bool set_window(struct rte_mbuf *mbuf, int start, uint16_t bytes) {
    if (unlikely(start < -(int)rte_pktmbuf_headroom(mbuf)))
        return false;
    mbuf->data_off = (uint16_t)(mbuf->data_off + start);
    mbuf->data_len = bytes;
    mbuf->pkt_len = bytes;
    return true;
}

static void write_ethernet(uint8_t *at, const struct rte_ether_addr *dst,
                           const struct rte_ether_addr *src) {
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)at;

    ether->dst_addr = *dst;
    ether->src_addr = *src;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

/* Dress the IPv4 packet at packet->l3_off for its way; what was around it before is overwritten. */
static enum drop_reason dress(const struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet, const struct way_out *way,
                              uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;
    uint16_t frame_bytes = (uint16_t)(RTE_ETHER_HDR_LEN + packet->l3_len);
    uint16_t outer_bytes = way->tunnel ? VXLAN_OUTER_BYTES : 0;
    struct rte_ether_addr mac;
    uint8_t *frame;

    if (unlikely(way->next_hop == NULL || !neighbour_mac(way->next_hop, &mac)))
        return DROP_NEIGHBOUR_UNRESOLVED;
    if (unlikely(packet->l3_len + (way->tunnel ? VXLAN_OVERHEAD_BYTES : 0) > snapshot->mtu_bytes))
        return DROP_MTU_EXCEEDED;
    if (unlikely(!set_window(mbuf, packet->l3_off - RTE_ETHER_HDR_LEN - outer_bytes,
                             (uint16_t)(outer_bytes + frame_bytes))))
        return DROP_NO_HEADROOM;
    frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    write_ethernet(frame + outer_bytes, way->tunnel && way->inner_mac ? way->inner_mac : &mac,
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
    return DROP_NONE;
}

enum drop_reason fullnat_translate(struct worker *worker, struct rte_mbuf *mbuf,
                                   const struct packet *packet, session_ref guess) {
    const struct session *session;
    enum direction direction;
    enum drop_reason reason;
    struct way_out way;
    session_ref ref;

    reason = find_session(worker, packet, guess, &ref);
    if (unlikely(reason != DROP_NONE))
        return reason;
    session = session_at(&worker->sessions, ref);
    direction = session_direction(ref);
    session_touch(worker, ref, packet);
    rewrite_packet(rte_pktmbuf_mtod(mbuf, uint8_t *), packet, session, direction,
                   worker->snapshot->mss_max);
    way = direction == FROM_CLIENT ? way_to_rs(&worker->snapshot->targets[session->target])
                                   : way_to_client(worker, session);
    reason = dress(worker, mbuf, packet, &way, session->bucket);
    if (likely(reason == DROP_NONE))
        worker_send(worker, mbuf);
    return reason;
}
