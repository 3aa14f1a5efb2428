#include "forward/own_segment.h"

#include "forward/worker.h"

bool own_segment_send(struct worker *worker, const struct tcp_segment *segment,
                      const struct way_out *way, uint16_t bucket) {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->dataplane->mbufs);
    struct packet packet = { .key = segment->flow, .l3_off = RTE_ETHER_HDR_LEN };
    uint8_t *frame;

    if (mbuf == NULL)
        return false;
    frame = (uint8_t *)rte_pktmbuf_append(mbuf, RTE_ETHER_HDR_LEN + TCP_SEGMENT_BYTES_MAX);
    if (frame != NULL) {
        packet.l3_len = tcp_segment_write(frame + packet.l3_off, segment);
        packet.l4_off =
            (uint16_t)(packet.l3_off + (flow_is_v6(&segment->flow) ? sizeof(struct rte_ipv6_hdr)
                                                                   : sizeof(struct rte_ipv4_hdr)));
        if (way_send(worker, mbuf, &packet, way, bucket) == DROP_NONE)
            return true;
    }
    rte_pktmbuf_free(mbuf);
    return false;
}
