#include "forward/peer.h"

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "forward/way_out.h"
#include "forward/worker.h"
#include "replicate/install.h"

static bool comes_from_a_peer(const struct cluster *cluster, const struct packet *packet) {
    struct ip_address sender = packet_tunnel_src(packet);

    for (uint32_t i = 0; packet->tunnelled && i < cluster->ld_count; i++)
        if (cluster->lds[i].ld_id != 0 && ip_equal(&cluster->lds[i].vtep, &sender))
            return true;
    return false;
}

enum drop_reason peer_send_to(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet, uint8_t to) {
    const struct peer *peer = &worker->snapshot->cluster.lds[to];
    struct way_out way = {
        .next_hop = peer->next_hop,
        .tunnel = true,
        .vni = flow_vni(&packet->key),
        .vtep = &peer->vtep,
    };
    enum drop_reason reason;

    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return DROP_MTU_EXCEEDED;
    reason = way_send(worker, mbuf, packet, &way, packet->bucket);
    worker->stats.passed_on += reason == DROP_NONE;
    return reason;
}

enum drop_reason peer_pass_on(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    bool has_come_as_it_should = packet->tunnel_bucket == packet->bucket;

    if (cluster->ld_count == 0 || cluster->primary[packet->bucket] == CLUSTER_NO_LD ||
        cluster->primary[packet->bucket] == cluster->self ||
        (has_come_as_it_should &&
         (!released_may_stray(worker) || comes_from_a_peer(cluster, packet))))
        return DROP_BUCKET_NOT_OWNED;
    return peer_send_to(worker, mbuf, packet, cluster->primary[packet->bucket]);
}

/* One that has gone would lose a packet, and nobody would count it. */
static bool was_heard_lately(const struct worker *worker, uint8_t peer) {
    uint64_t heard_ms =
        __atomic_load_n(&worker->dataplane->replication.peers[peer].heard_ms, __ATOMIC_RELAXED);

    return heard_ms != 0 && (int64_t)(worker->now_ms - heard_ms) <= PEER_GONE_MS;
}

/* The other LD has what it has opened while this one was silent, and an RS can answer before the
 * record of its session is here: until all copies are, and when the switches have just turned to
 * this LD again. */
static bool may_lack_sessions(const struct worker *worker, uint8_t partner) {
    uint64_t online_ms =
        __atomic_load_n(&worker->dataplane->replication.online_ms, __ATOMIC_RELAXED);

    if (!replicate_is_online(&worker->dataplane->replication, worker->now_ms))
        return was_heard_lately(worker, partner);
    return online_ms != 0 && (int64_t)(worker->now_ms - online_ms) < STRAGGLERS_MS;
}

/* The RS answers to a port that only the other LD gives out, which has had the flow's first packet:
 * a fragmented datagram, whose fragments come to an LD that need not be the bucket's primary. The
 * record of the session is on its way, but an RS next door is quicker. */
static bool is_of_others_port(const struct worker *worker, const struct packet *packet,
                              uint8_t partner) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    struct ip_address address = flow_dst(&packet->key);

    return snapshot_is_local_ip(worker->snapshot, &address) &&
           !shares_have_port(cluster_port_shares(cluster, packet->bucket),
                             rte_be_to_cpu_16(packet->key.dst_port)) &&
           !replicate_is_silent(&worker->dataplane->replication, partner, worker->now_ms);
}

bool peer_may_know(const struct worker *worker, const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    uint8_t partner = cluster_partner(cluster, packet->bucket);

    return partner != CLUSTER_NO_LD &&
           (released_may_stray(worker) || may_lack_sessions(worker, partner) ||
            is_of_others_port(worker, packet, partner)) &&
           !comes_from_a_peer(cluster, packet);
}

bool peer_may_open(const struct worker *worker, const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    uint8_t partner = cluster_partner(cluster, packet->bucket);

    /* By whose tunnel the packet has come tells where answers go: that is not passed on with it. */
    return partner != CLUSTER_NO_LD && was_heard_lately(worker, partner) &&
           !comes_from_a_peer(cluster, packet) &&
           snapshot_return_tunnel(worker->snapshot, packet) == 0;
}

enum drop_reason peer_ask_partner(struct worker *worker, struct rte_mbuf *mbuf,
                                  const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return peer_send_to(worker, mbuf, packet, cluster_partner(cluster, packet->bucket));
}

static bool is_silent(const struct worker *worker, uint8_t twin) {
    const struct replication_peer *peer = &worker->dataplane->replication.peers[twin];
    uint64_t heard_ms = __atomic_load_n(&peer->heard_ms, __ATOMIC_RELAXED);

    return (int64_t)(worker->now_ms - heard_ms) > PEER_TWIN_SILENT_MS;
}

bool peer_twin_has(const struct worker *worker, const struct session *session,
                   enum direction direction, const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    uint8_t twin = cluster->twin[session->bucket];

    return (session->replica & REPLICA_TWIN) != 0 && direction == FROM_RS &&
           twin != CLUSTER_NO_LD && !is_silent(worker, twin) && !comes_from_a_peer(cluster, packet);
}

enum drop_reason peer_give_to_twin(struct worker *worker, struct rte_mbuf *mbuf,
                                   const struct packet *packet) {
    return peer_send_to(worker, mbuf, packet, worker->snapshot->cluster.twin[packet->bucket]);
}

/* The VXLAN header of a frame that the parser has found one in; from the front, for how long the
 * header between it and the packet inside is cannot be told from behind. NULL: there are IPv6
 * extension headers before it, which no switch sends. */
static const struct rte_vxlan_hdr *vxlan_of(const uint8_t *frame, const struct packet *packet) {
    const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)frame;
    const uint8_t *ip = frame + sizeof(*ether);

    if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN))
        ip += sizeof(struct rte_vlan_hdr);
    if (packet->tunnelled == TUNNELLED_OVER_IPV4)
        ip += (*ip & 0x0f) * 4;
    else if (((const struct rte_ipv6_hdr *)ip)->proto == IPPROTO_UDP)
        ip += sizeof(struct rte_ipv6_hdr);
    else
        return NULL;
    return (const struct rte_vxlan_hdr *)(ip + sizeof(struct rte_udp_hdr));
}

/* In the bits that RFC 7348 reserves behind the flags; 0: none. Read here and not by the parser,
 * for hardly a packet is asked for it. */
static uint32_t hint_of(const struct rte_mbuf *mbuf, const struct packet *packet) {
    const struct rte_vxlan_hdr *vxlan = vxlan_of(rte_pktmbuf_mtod(mbuf, const uint8_t *), packet);

    return vxlan != NULL ? rte_be_to_cpu_32(vxlan->vx_flags) & 0xffffff : 0;
}

uint8_t peer_hinted(const struct worker *worker, const struct rte_mbuf *mbuf,
                    const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    if (!cluster->migrates || !packet->tunnelled || comes_from_a_peer(cluster, packet))
        return CLUSTER_NO_LD;
    return cluster_find(cluster, hint_of(mbuf, packet));
}
