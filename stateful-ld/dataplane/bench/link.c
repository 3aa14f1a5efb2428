#include "bench/link.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_memcpy.h>

#include "bench/station.h"
#include "testing/frame.h"

enum {
    LINK_FRAMES = 4096,
    LENT_MAX = LINK_FRAMES - 1, /* what a ring takes: all of them may have arrived */
};

struct on_its_way {
    struct rte_mbuf *mbuf;
    uint64_t due;
};

static struct rte_ring *make_ring(const char *name, uint32_t number, uint32_t element_bytes) {
    char whole[RTE_RING_NAMESIZE];
    struct rte_ring *ring;

    snprintf(whole, sizeof(whole), "%s%u", name, number);
    ring = rte_ring_create_elem(whole, element_bytes, LINK_FRAMES, SOCKET_ID_ANY,
                                RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (ring == NULL)
        die("no memory for the link");
    return ring;
}

void link_init(struct link *link, rte_be32_t to, uint32_t delay_us, uint32_t loss) {
    static uint32_t serial;

    *link = (struct link){
        .ring = make_ring("link", serial, sizeof(struct on_its_way)),
        .done = make_ring("done", serial, sizeof(struct rte_mbuf *)),
        .to = to,
        .delay_cycles = rte_get_tsc_hz() / 1000000 * delay_us,
        .loss = loss,
        .addresses = to != ip4(frame_vtep),
    };
    serial++;
}

/* The driver gives the buffer back; the link holds it, too. */
static void carry(struct link *link, struct rte_mbuf *mbuf) {
    struct on_its_way frame = { mbuf, rte_rdtsc() + link->delay_cycles };

    rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *)->dst_addr = frame_ld_mac;
    if (link->loss != 0 && ++link->sent % link->loss == 0)
        return;
    rte_mbuf_refcnt_update(mbuf, 1);
    if (link->lent < LENT_MAX && rte_ring_enqueue_elem(link->ring, &frame, sizeof(frame)) == 0) {
        link->lent++;
        return;
    }
    rte_mbuf_refcnt_update(mbuf, -1);
    link->full++;
}

/* Not before there are some: the ring's head is in the receiver's cache. */
static void take_back(struct link *link) {
    struct rte_mbuf *done[BURST];
    unsigned count;

    if (link->lent < BURST)
        return;
    count = rte_ring_dequeue_burst_elem(link->done, done, sizeof(*done), BURST, NULL);
    rte_pktmbuf_free_bulk(done, count);
    link->lent -= count;
}

static uint16_t on_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
                            void *context) {
    struct link *link = context;

    (void)port, (void)queue;
    take_back(link);
    for (uint16_t i = 0; i < count; i++) {
        const struct rte_ipv4_hdr *ip =
            rte_pktmbuf_mtod_offset(mbufs[i], const void *, sizeof(struct rte_ether_hdr));

        if (ip->dst_addr == link->to)
            carry(link, mbufs[i]);
    }
    return count;
}

/* Whether a frame has arrived; it is `next` then. */
static bool has_arrived(struct link *link) {
    struct on_its_way frame;

    if (link->next == NULL && rte_ring_dequeue_elem(link->ring, &frame, sizeof(frame)) == 0) {
        link->next = frame.mbuf;
        link->next_due = frame.due;
    }
    return link->next != NULL && rte_rdtsc() >= link->next_due;
}

static uint16_t make_room(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
                          uint16_t most, void *context) {
    struct link *link = context;
    uint16_t left = count;

    (void)port, (void)queue, (void)most;
    if (__atomic_load_n(&link->closed, __ATOMIC_RELAXED) != 0)
        left = 0;
    else if (has_arrived(link) && count > LINK_BURST)
        left = (uint16_t)(count - LINK_BURST);
    link->spares = (uint16_t)(count - left);
    memcpy(link->spare, mbufs + left, link->spares * sizeof(*mbufs));
    return left;
}

/* Traffic is made for the first LD. */
static void address_to(rte_be32_t vtep, struct rte_mbuf *mbuf) {
    struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));

    ip->dst_addr = vtep;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* To a buffer that the port has received into. */
static struct rte_mbuf *arrive(struct link *link, struct rte_mbuf *buffer) {
    struct rte_mbuf *frame = link->next;

    rte_memcpy(rte_pktmbuf_mtod(buffer, void *), rte_pktmbuf_mtod(frame, void *), frame->data_len);
    buffer->data_len = frame->data_len;
    buffer->pkt_len = frame->data_len;
    link->next = NULL;
    if (rte_ring_enqueue_elem(link->done, &frame, sizeof(frame)) != 0)
        die("the link has lost a buffer");
    return buffer;
}

static uint16_t put_in(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
                       uint16_t most, void *context) {
    struct link *link = context;

    (void)port, (void)queue, (void)most;
    for (uint16_t i = 0; link->addresses && i < count; i++)
        address_to(link->to, mbufs[i]);
    while (link->spares > 0 && has_arrived(link))
        mbufs[count++] = arrive(link, link->spare[--link->spares]);
    rte_pktmbuf_free_bulk(link->spare, link->spares);
    return count;
}

void link_attach_sender(struct link *link, uint16_t port) {
    if (rte_eth_add_tx_callback(port, 0, on_transmit, link) == NULL)
        die("callbacks are not compiled into DPDK (RTE_ETHDEV_RXTX_CALLBACKS)");
}

void link_attach_receiver(struct link *link, uint16_t port, int (*attach)(void *), void *context) {
    link->closed = attach == NULL;
    if (rte_eth_add_rx_callback(port, 0, make_room, link) == NULL ||
        (attach != NULL && attach(context) != 0) ||
        rte_eth_add_rx_callback(port, 0, put_in, link) == NULL)
        die("callbacks are not compiled into DPDK (RTE_ETHDEV_RXTX_CALLBACKS)");
}

void link_gate(struct link *link, bool open) {
    __atomic_store_n(&link->closed, !open, __ATOMIC_RELAXED);
}
