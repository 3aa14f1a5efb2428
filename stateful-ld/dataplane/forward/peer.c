#include "forward/peer.h"

#include "forward/way_out.h"
#include "forward/worker.h"

static bool comes_from_a_peer(const struct cluster *cluster, const struct packet *packet) {
    for (uint32_t i = 0; packet->tunnel_src != 0 && i < cluster->ld_count; i++)
        if (cluster->lds[i].vtep == packet->tunnel_src)
            return true;
    return false;
}

static enum drop_reason send_to(struct worker *worker, struct rte_mbuf *mbuf,
                                const struct packet *packet, uint8_t to) {
    const struct peer *peer = &worker->snapshot->cluster.lds[to];
    struct way_out way = {
        .next_hop = peer->next_hop,
        .tunnel = true,
        .vni = flow_vni(&packet->key),
        .vtep = peer->vtep,
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
    return send_to(worker, mbuf, packet, cluster->primary[packet->bucket]);
}

bool peer_may_know(const struct worker *worker, const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return released_may_stray(worker) &&
           cluster_partner(cluster, packet->bucket) != CLUSTER_NO_LD &&
           !comes_from_a_peer(cluster, packet);
}

enum drop_reason peer_ask_partner(struct worker *worker, struct rte_mbuf *mbuf,
                                  const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return send_to(worker, mbuf, packet, cluster_partner(cluster, packet->bucket));
}
