/**
 * @file
 * The Ethernet port on the fabric.
 */
#ifndef SLUICE_PORT_H
#define SLUICE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf_core.h>
#include <rte_mempool.h>

#include "packet/address.h"

enum {
    PORT_ERROR_BYTES = 256,
    /**
     * IP packets that the port receives, at most: a tunnel around a client's packet is longer than
     * Ethernet's 1500, which drivers hold to when nobody says otherwise. So much fits a packet
     * buffer, with the tags that drivers leave room for. No configuration may ask for more
     * (config/check_fabric.c): TCP would be told of segments that never get here.
     */
    PORT_MTU_BYTES = RTE_MBUF_DEFAULT_DATAROOM - 48,
};

struct port {
    uint16_t id;
    unsigned if_index; /**< of the kernel's interface it is a socket of; 0: there is none */
    int kernel;        /**< a socket to ask the kernel about that interface by; -1: none */
    uint16_t queues;   /**< receive and transmit queues each; at most one per worker */
    uint32_t
        rss_entries; /**< of its RSS table, which spreads as rss_share() says; 0: it does not */
    enum ip_family rss_family; /**< of the tunnels it spreads, or was to */
    struct rte_ether_addr mac;
};

/**
 * Set up and start the one port EAL has found.
 *
 * @param workers how many queues would be good to have; a port with fewer (net_af_packet has one)
 *                is shared by handing packets over
 * @param[out] error one line when it fails
 * @return 0, or -1
 */
int port_start(struct port *port, uint16_t workers, struct rte_mempool *mbufs,
               char error[PORT_ERROR_BYTES]);

/** Let the port spread tunnels of @p family from now on; says so when it cannot. Control only. */
void port_spread(struct port *port, enum ip_family family);

/** X(field, name as operators see it is the same) */
#define PORT_LOSSES(X)                                                                             \
    X(rx_missed)                                                                                   \
    X(rx_no_mbuf)                                                                                  \
    X(rx_errors)

/** Frames that came to the port and to no worker, since it was started. */
struct port_losses {
    uint64_t rx_missed;  /**< its queues were full: the workers were too slow */
    uint64_t rx_no_mbuf; /**< no packet buffer was free */
    uint64_t rx_errors;  /**< damaged, or not readable */
};

/**
 * Ask the driver what it has lost (rte_eth_stats: imissed, rx_nombuf, ierrors). What a driver does
 * not count is 0: net_af_packet of DPDK 22.11 counts none of them. Any thread but workers.
 *
 * @param port NULL: all are 0
 */
void port_losses(const struct port *port, struct port_losses *losses);

/** Whether the port has its link: a cable, and somebody at the other end. Control only. */
bool port_has_link(const struct port *port);

void port_stop(const struct port *port);

#endif
