#define ALLOW_EXPERIMENTAL_API /* rte_pcapng, of DPDK 22.11 */
#include "forward/capture.h"

#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_pcapng.h>
#include <rte_udp.h>

#include "forward/own_segment.h"
#include "forward/worker.h"
#include "packet/bucket.h"

/* What leaves is read as its receiver would read it. */
static struct own_address receiver_of(const uint8_t *data, uint32_t bytes) {
    const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)data;
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
    const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)(ether + 1);
    struct own_address own = { .vtep_v4 = OWN_NO_IPV4 };

    if (bytes < sizeof(*ether) + sizeof(*ip))
        return own;
    own.mac = ether->dst_addr;
    if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && ip->next_proto_id == IPPROTO_UDP)
        own.vtep_v4 = ip->dst_addr;
    if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6) &&
        bytes >= sizeof(*ether) + sizeof(*ip6) && ip6->proto == IPPROTO_UDP)
        own.vtep = ip_from_v6(ip6->dst_addr);
    return own;
}

/* To a receiver of UDP every datagram looks like a tunnel's to itself; only VXLAN is one. */
static enum drop_reason parse_leaving(const uint8_t *data, uint32_t bytes, struct packet *packet) {
    struct own_address own = receiver_of(data, bytes);
    enum drop_reason reason = parse_frame(data, bytes, &own, packet);

    if (reason == DROP_NONE || (own.vtep_v4 == OWN_NO_IPV4 && ip_is_none(&own.vtep)))
        return reason;
    own.vtep_v4 = OWN_NO_IPV4;
    own.vtep = (struct ip_address){ 0 };
    return parse_frame(data, bytes, &own, packet);
}

static bool of_a_flow(const struct packet *packet) {
    switch (packet->kind) {
    case PACKET_FLOW:
    case PACKET_ICMP_ERROR:
    case PACKET_TTL_EXPIRED:
    case PACKET_FRAGMENT:
        return true;
    default:
        return false;
    }
}

static bool of_a_ping(const struct packet *packet) {
    return packet->kind == PACKET_VIP_ECHO || packet->kind == PACKET_VIP_ECHO_FRAGMENT;
}

/* Those that are not this worker's are captured when they are handed over. */
static bool is_owner(const struct worker *worker, const struct packet *packet) {
    return worker->dataplane->owner_of_bucket[worker_bucket_of(worker->snapshot, packet)] ==
           worker->id;
}

/* Of no session: by the tuple alone. */
static bool tuple_wanted(const struct session_filter *filter, const struct flow_key *key) {
    struct session_filter any_port = *filter;

    if (filter->targets != NULL || filter->state != STATE_NONE)
        return false;
    if (key->src_port == 0 && key->dst_port == 0)
        any_port.client_port = any_port.vip_port = 0;
    return session_filter_has_client(&any_port, key);
}

static bool wanted(const struct worker *worker, const struct capture *capture,
                   const struct packet *packet, enum capture_direction direction) {
    const struct session_table *table = &worker->sessions;
    struct flow_key key =
        direction == CAPTURE_IN ? packet->key : flow_turned(&packet->key); /* as it came to us */
    session_ref ref;

    if (!of_a_flow(packet))
        return of_a_ping(packet) ? tuple_wanted(&capture->filter, &key) : capture->all;
    if (direction == CAPTURE_IN && !is_owner(worker, packet))
        return false;
    ref = session_find(table, &key, session_hash(table, &key));
    return ref != 0 ? session_filter_has(&capture->filter, table, ref >> 1)
                    : tuple_wanted(&capture->filter, &key);
}

static bool frame_wanted(const struct worker *worker, const struct capture *capture,
                         const struct rte_mbuf *mbuf, enum capture_direction direction) {
    const uint8_t *data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    uint32_t bytes = rte_pktmbuf_data_len(mbuf);
    struct packet packet = { 0 };
    enum drop_reason reason = direction == CAPTURE_IN
                                  ? parse_frame(data, bytes, &worker->snapshot->own, &packet)
                                  : parse_leaving(data, bytes, &packet);

    return reason == DROP_NONE ? wanted(worker, capture, &packet, direction) : capture->all;
}

static bool copy(const struct worker *worker, const struct capture *capture,
                 const struct rte_mbuf *mbuf, enum capture_direction direction) {
    struct rte_mbuf *made =
        rte_pcapng_copy(worker->port_id, worker->queue, mbuf, capture->mbufs, capture->snap_bytes,
                        rte_get_tsc_cycles(), (enum rte_pcapng_direction)direction);

    if (made == NULL)
        return false;
    if (rte_ring_enqueue(capture->ring, made) == 0)
        return true;
    rte_pktmbuf_free(made);
    return false;
}

void capture_frames(struct worker *worker, struct rte_mbuf **mbufs, uint16_t count,
                    enum capture_direction direction) {
    struct capture *capture = worker->capture;

    if (worker->snapshot == NULL)
        return;
    for (uint16_t i = 0; i < count; i++)
        if (frame_wanted(worker, capture, mbufs[i], direction) &&
            !copy(worker, capture, mbufs[i], direction))
            __atomic_fetch_add(&capture->missed, 1, __ATOMIC_RELAXED);
}
