#include "forward/slow_path.h"

#include <rte_icmp.h>

#include "forward/icmp_path.h"
#include "forward/worker.h"
#include "packet/arp.h"
#include "packet/icmp6.h"
#include "packet/nd.h"

/* Tell control; it may miss one when it is behind, neighbours repeat themselves. */
static void neighbour_heard_of(struct worker *worker, struct ip_address address,
                               struct rte_ether_addr mac) {
    struct neighbour_event event = { .address = address, .mac = mac };

    (void)rte_ring_enqueue_elem(worker->dataplane->neighbour_events, &event, sizeof(event));
}

static void handle_arp(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(frame + packet->l3_off);
    const struct own_address *own = &worker->snapshot->own;

    if (!arp_valid(arp)) {
        worker_drop(worker, mbuf, DROP_BAD_ARP);
        return;
    }
    worker->stats.arp_received++;
    if (snapshot_on_link(worker->snapshot, arp->arp_data.arp_sip) &&
        arp->arp_data.arp_sip != own->vtep_v4)
        neighbour_heard_of(worker, ip_from_v4(arp->arp_data.arp_sip), arp->arp_data.arp_sha);
    if (!arp_asks_for(arp, own)) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    arp_make_reply(frame, packet->l3_off, own);
    worker->stats.arp_answered++;
    worker_send(worker, mbuf);
}

static void handle_nd(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    const struct own_address *own = &worker->snapshot->own;
    struct nd_heard heard;

    if (!nd_read(rte_pktmbuf_mtod(mbuf, const uint8_t *), packet, own, &heard)) {
        worker_drop(worker, mbuf, DROP_BAD_ND);
        return;
    }
    worker->stats.nd_received++;
    if (heard.known && !own_address_is(own, &heard.address))
        neighbour_heard_of(worker, heard.address, heard.mac);
    if (!heard.asks || !nd_make_advertisement(mbuf, packet, own)) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    worker->stats.nd_answered++;
    worker_send(worker, mbuf);
}

/* A ping of the LD itself. It goes back to the MAC it came from, so no neighbour is needed. */
static void handle_echo(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet) {
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);

    ether->dst_addr = ether->src_addr;
    ether->src_addr = worker->snapshot->own.mac;
    if (flow_is_v6(&packet->key))
        icmp6_make_echo_reply((uint8_t *)ether, packet);
    else
        icmp_make_echo_reply((uint8_t *)ether, packet);
    worker->stats.echo_answered++;
    worker_send(worker, mbuf);
}

/* What needs the session of a packet, on the worker that owns it. */
static enum drop_reason at_owner(struct worker *worker, struct rte_mbuf *mbuf,
                                 struct packet *packet) {
    if (worker_hand_off(worker, mbuf, packet))
        return DROP_NONE;
    if (packet->kind == PACKET_ICMP_ERROR)
        return icmp_translate_error(worker, mbuf, packet);
    return icmp_time_exceeded(worker, mbuf, packet);
}

void slow_path(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet) {
    enum drop_reason reason;

    if (packet->kind == PACKET_ARP) {
        handle_arp(worker, mbuf, packet);
        return;
    }
    if (packet->kind == PACKET_ND) {
        handle_nd(worker, mbuf, packet);
        return;
    }
    if (packet->kind == PACKET_ECHO) {
        handle_echo(worker, mbuf, packet);
        return;
    }
    if (packet->kind == PACKET_REPLICATION) {
        replicate_receive(worker, mbuf, packet);
        return;
    }
    if (packet->kind == PACKET_FRAGMENT) {
        fragment_process(worker, mbuf, packet);
        return;
    }
    packet->bucket = worker_bucket_of(worker->snapshot, packet);
    if (packet->kind == PACKET_VIP_ECHO || packet->kind == PACKET_VIP_ECHO_FRAGMENT)
        reason = icmp_answer_ping(worker, mbuf, packet);
    else if (packet->kind == PACKET_ECHO_REPLY)
        reason = icmp_take_reply(worker, mbuf, packet);
    else
        reason = at_owner(worker, mbuf, packet);
    if (reason != DROP_NONE)
        worker_drop(worker, mbuf, reason);
}
