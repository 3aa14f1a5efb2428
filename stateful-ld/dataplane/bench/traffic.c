#include "bench/traffic.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_tcp.h>
#include <rte_vxlan.h>

#include "packet/checksum.h"
#include "packet/vxlan.h"
#include "session/memory.h"
#include "testing/frame.h"

/* The headers of a switch's frame one behind the other, without padding. */
struct frame_bytes {
    struct rte_ether_hdr outer_ether;
    struct rte_ipv4_hdr outer_ip;
    struct rte_udp_hdr outer_udp;
    struct rte_vxlan_hdr vxlan;
    struct rte_ether_hdr ether;
    struct rte_ipv4_hdr ip;
    struct rte_tcp_hdr tcp;
    uint8_t padding[TRAFFIC_IP_BYTES - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_tcp_hdr)];
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct frame_bytes) == TRAFFIC_FRAME_BYTES, "no gaps");

static const struct {
    enum direction direction;
    uint8_t flags;
} phase_of[TRAFFIC_PHASES_ALL] = {
    { FROM_CLIENT, TCP_SYN }, { FROM_RS, TCP_SYN | TCP_ACK },
    { FROM_CLIENT, TCP_ACK }, { FROM_CLIENT, TCP_FIN | TCP_ACK },
    { FROM_RS, TCP_ACK },     { FROM_RS, TCP_FIN | TCP_ACK },
    { FROM_CLIENT, TCP_ACK },
};

static struct frame_bytes template;
static uint64_t template_sum; /* of its inner IP header, addresses 0 */

__attribute__((constructor)) static void make_template(void) {
    const struct ip_address steering = ip_of(frame_steering), vtep = ip_of(frame_vtep);
    const struct vxlan_tunnel tunnel = {
        .src_mac = frame_gateway_mac,
        .dst_mac = frame_ld_mac,
        .src = &steering,
        .dst = &vtep,
    };

    vxlan_write_outer((uint8_t *)&template, &tunnel,
                      sizeof(struct rte_ether_hdr) + TRAFFIC_IP_BYTES);
    template.ether = (struct rte_ether_hdr){
        .dst_addr = frame_ld_mac,
        .src_addr = frame_gateway_mac,
        .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
    };
    template.ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .total_length = RTE_BE16(TRAFFIC_IP_BYTES),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = 64,
        .next_proto_id = IPPROTO_TCP,
    };
    template.tcp.data_off = sizeof(struct rte_tcp_hdr) / 4 << 4;
    template_sum = checksum_sum(&template.ip, sizeof(template.ip));
}

struct traffic_frame traffic_frame_of(const struct flow_key *key, uint16_t bucket) {
    return (struct traffic_frame){
        .src = key->src,
        .dst = key->dst,
        .src_port = key->src_port,
        .dst_port = key->dst_port,
        .ip_checksum = (uint16_t)~checksum_fold(template_sum + key->src + key->dst),
        .outer_port = rte_cpu_to_be_16(bucket_to_udp_port(bucket)),
    };
}

static inline void write_frame(struct rte_mbuf *mbuf, const struct traffic_frame *frame,
                               uint8_t tcp_flags, uint32_t sequence) {
    struct frame_bytes *bytes = rte_pktmbuf_mtod(mbuf, struct frame_bytes *);

    *bytes = template;
    bytes->outer_udp.src_port = frame->outer_port;
    bytes->ip.src_addr = frame->src;
    bytes->ip.dst_addr = frame->dst;
    bytes->ip.hdr_checksum = frame->ip_checksum;
    bytes->tcp.src_port = frame->src_port;
    bytes->tcp.dst_port = frame->dst_port;
    bytes->tcp.sent_seq = sequence;
    bytes->tcp.tcp_flags = tcp_flags;
}

static uint16_t replay(struct traffic *traffic, struct rte_mbuf **mbufs, uint16_t count) {
    uint32_t at = traffic->at;

    for (uint16_t i = 0; i < count; i++) {
        write_frame(mbufs[i], &traffic->frames[at], TCP_ACK, 0);
        at = at + 1 == traffic->frame_count ? 0 : at + 1;
    }
    traffic->at = at;
    return count;
}

/* Clients are spread over 20.0.0.0/8, each with many ports; no tuple comes twice in 2^39. */
static struct flow_key client_of(uint64_t number) {
    uint32_t host = (uint32_t)(number >> 15) * 0x9e3779b1u & 0xffffff;

    return (struct flow_key){
        .src = rte_cpu_to_be_32(20u << 24 | host),
        .dst = rte_cpu_to_be_32(RTE_IPV4(203, 0, 113, 1 + number % TRAFFIC_SERVICES)),
        .src_port = rte_cpu_to_be_16((uint16_t)(0x8000 | (number & 0x7fff))),
        .dst_port = RTE_BE16(80),
        .vni_protocol = flow_vni_protocol(0, IPPROTO_TCP),
    };
}

static void begin(struct traffic *traffic, struct connection *connection) {
    struct flow_key client;
    uint16_t bucket;

    do {
        client = client_of(traffic->connections.number++);
        bucket = bucket_of_flow(&client);
    } while (traffic->dataplane->owner_of_bucket[bucket] != traffic->worker);
    connection->from_client = traffic_frame_of(&client, bucket);
    traffic->connections.opened++;
}

/* The next connection in the round that has a frame to send. */
static struct connection *next_to_send(struct traffic *traffic) {
    struct connections *all = &traffic->connections;

    for (uint32_t tries = 0; tries < all->count; tries++) {
        struct connection *connection = &all->slots[all->at];

        all->at = all->at + 1 == all->count ? 0 : all->at + 1;
        if (connection->phase > 0)
            return connection;
        if (connection->phase < 0) {
            connection->phase++;
        } else if (all->opened < all->limit) {
            begin(traffic, connection);
            return connection;
        }
    }
    return NULL;
}

static uint16_t connect_burst(struct traffic *traffic, struct rte_mbuf **mbufs, uint16_t count) {
    struct connections *all = &traffic->connections;
    uint16_t filled;

    for (filled = 0; filled < count; filled++) {
        struct connection *connection = next_to_send(traffic);
        const struct traffic_frame *frame;

        if (connection == NULL)
            break;
        frame = phase_of[connection->phase].direction == FROM_CLIENT ? &connection->from_client
                                                                     : &connection->from_rs;
        write_frame(mbufs[filled], frame, phase_of[connection->phase].flags,
                    (uint32_t)(connection - all->slots));
        if (++connection->phase == all->phases) {
            connection->phase = 0;
            all->finished++;
        }
    }
    rte_pktmbuf_free_bulk(mbufs + filled, count - filled);
    return filled;
}

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
                           uint16_t most, void *context) {
    struct traffic *traffic = context;

    (void)port, (void)queue, (void)most;
    if (traffic->connections.count != 0)
        return connect_burst(traffic, mbufs, count);
    return replay(traffic, mbufs, count);
}

/* The RS's side of a connection is what the SYN that reaches it says. */
static uint16_t on_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
                            void *context) {
    struct traffic *traffic = context;

    (void)port, (void)queue;
    if (traffic->connections.count == 0)
        return count;
    for (uint16_t i = 0; i < count; i++) {
        const uint8_t *ether = rte_pktmbuf_mtod(mbufs[i], const uint8_t *);
        const struct rte_ipv4_hdr *ip = (const void *)(ether + sizeof(struct rte_ether_hdr));
        const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);

        if (ip->next_proto_id == IPPROTO_TCP && tcp->tcp_flags == TCP_SYN) {
            const struct flow_key from_rs = {
                .src = ip->dst_addr,
                .dst = ip->src_addr,
                .src_port = tcp->dst_port,
                .dst_port = tcp->src_port,
            };

            traffic->connections.slots[tcp->sent_seq].from_rs = traffic_frame_of(
                &from_rs, bucket_of_local_port(rte_be_to_cpu_16(from_rs.dst_port)));
        }
    }
    return count;
}

int traffic_connect(struct traffic *traffic, uint32_t in_progress, int8_t phases, uint64_t limit) {
    struct connections *all = &traffic->connections;

    all->slots = memory_map(in_progress * sizeof(*all->slots));
    if (all->slots == NULL)
        return -ENOMEM;
    all->count = in_progress;
    all->phases = phases;
    all->limit = limit;
    for (uint32_t i = 0; i < in_progress; i++)
        all->slots[i].phase = (int8_t) - (int)(i % (uint32_t)phases);
    return 0;
}

void traffic_replay(struct traffic *traffic, const struct traffic_frame *frames, uint32_t count) {
    traffic_free(traffic);
    traffic->frames = frames;
    traffic->frame_count = count;
    traffic->at = 0;
}

void traffic_free(struct traffic *traffic) {
    struct connections *all = &traffic->connections;

    memory_unmap(all->slots, all->count * sizeof(*all->slots));
    memset(all, 0, sizeof(*all));
}

int traffic_attach(struct traffic *traffic, uint16_t port, uint16_t queue) {
    if (rte_eth_add_rx_callback(port, queue, on_receive, traffic) == NULL ||
        rte_eth_add_tx_callback(port, queue, on_transmit, traffic) == NULL)
        return -rte_errno;
    return 0;
}
