#include "forward/peer.h"

#include "forward/way_out.h"
#include "forward/worker.h"

enum drop_reason peer_pass_on(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet) {
    const struct cluster *cluster = &worker->snapshot->cluster;
    const struct peer *peer;
    enum drop_reason reason;
    struct way_out way;

    if (packet->tunnel_bucket == packet->bucket || cluster->ld_count == 0 ||
        cluster->primary[packet->bucket] == CLUSTER_NO_LD ||
        cluster->primary[packet->bucket] == cluster->self)
        return DROP_BUCKET_NOT_OWNED;
    peer = &cluster->lds[cluster->primary[packet->bucket]];
    way = (struct way_out){
        .next_hop = peer->next_hop,
        .tunnel = true,
        .vni = flow_vni(&packet->key),
        .vtep = peer->vtep,
    };
    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return DROP_MTU_EXCEEDED;
    reason = way_send(worker, mbuf, packet, &way, packet->bucket);
    worker->stats.passed_on += reason == DROP_NONE;
    return reason;
}
