#include "forward/own_segment.h"

#include "forward/worker.h"

struct rte_mbuf *own_segment_make(struct worker *worker, const struct tcp_segment *segment,
                                  struct packet *packet) {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->dataplane->mbufs);
    bool v6 = flow_is_v6(&segment->flow);
    uint8_t *frame;

    if (mbuf == NULL)
        return NULL;
    frame = (uint8_t *)rte_pktmbuf_append(mbuf, RTE_ETHER_HDR_LEN + TCP_SEGMENT_BYTES_MAX);
    if (frame == NULL) {
        rte_pktmbuf_free(mbuf);
        return NULL;
    }
    *packet = (struct packet){
        .key = segment->flow,
        .kind = PACKET_FLOW,
        .l3_off = RTE_ETHER_HDR_LEN,
        .l4_off = (uint16_t)(RTE_ETHER_HDR_LEN +
                             (v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr))),
        .l3_len = tcp_segment_write(frame + RTE_ETHER_HDR_LEN, segment),
        .tcp_flags = segment->flags,
    };
    rte_pktmbuf_trim(mbuf, (uint16_t)(TCP_SEGMENT_BYTES_MAX - packet->l3_len));
    return mbuf;
}

bool own_segment_send(struct worker *worker, const struct tcp_segment *segment,
                      const struct way_out *way, uint16_t bucket) {
    struct packet packet;
    struct rte_mbuf *mbuf = own_segment_make(worker, segment, &packet);

    if (mbuf == NULL)
        return false;
    if (way_send(worker, mbuf, &packet, way, bucket) == DROP_NONE)
        return true;
    rte_pktmbuf_free(mbuf);
    return false;
}
