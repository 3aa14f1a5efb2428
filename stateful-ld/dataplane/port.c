#include "port.h"

#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

enum {
    DESCRIPTORS = 1024
};

static int fail(char *error, const char *what, int status) {
    snprintf(error, PORT_ERROR_BYTES, "port: %s: %s", what, rte_strerror(-status));
    return -1;
}

static int set_up_queues(const struct port *port, struct rte_mempool *mbufs, char *error) {
    uint16_t receive = DESCRIPTORS, transmit = DESCRIPTORS;
    int socket = rte_eth_dev_socket_id(port->id);
    int status = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);

    if (status != 0)
        return fail(error, "cannot size its queues", status);
    for (uint16_t queue = 0; queue < port->queues; queue++) {
        status = rte_eth_rx_queue_setup(port->id, queue, receive, (unsigned)socket, NULL, mbufs);
        if (status != 0)
            return fail(error, "cannot set up a receive queue", status);
        status = rte_eth_tx_queue_setup(port->id, queue, transmit, (unsigned)socket, NULL);
        if (status != 0)
            return fail(error, "cannot set up a transmit queue", status);
    }
    return 0;
}

/* Spread by outer addresses and ports: the source port is the bucket, so a bucket stays on one
 * queue. */
static struct rte_eth_conf configuration(const struct rte_eth_dev_info *info, uint16_t queues) {
    struct rte_eth_conf conf = { 0 };
    uint64_t wanted = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_TCP;

    if (queues > 1 && (info->flow_type_rss_offloads & wanted) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & wanted;
    }
    return conf;
}

static int find_port(struct port *port, char *error) {
    uint16_t count = rte_eth_dev_count_avail();

    if (count == 1) {
        port->id = (uint16_t)rte_eth_find_next(0);
        return 0;
    }
    snprintf(error, PORT_ERROR_BYTES,
             count == 0 ? "port: EAL found none (give one, such as --vdev net_af_packet0,iface=IF, "
                          "or -a PCI_ADDRESS)"
                        : "port: EAL found %u, sluice-ld takes one (choose it with -a or --vdev)",
             count);
    return -1;
}

int port_start(struct port *port, uint16_t workers, struct rte_mempool *mbufs,
               char error[PORT_ERROR_BYTES]) {
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf;
    int status;

    if (find_port(port, error) < 0)
        return -1;
    status = rte_eth_dev_info_get(port->id, &info);
    if (status != 0)
        return fail(error, "says nothing about itself", status);
    port->queues = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
    port->queues = RTE_MIN(port->queues, workers);
    conf = configuration(&info, port->queues);
    status = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
    if (status != 0)
        return fail(error, "cannot be configured", status);
    if (set_up_queues(port, mbufs, error) < 0)
        return -1;
    status = rte_eth_dev_start(port->id);
    if (status != 0)
        return fail(error, "cannot be started", status);
    status = rte_eth_macaddr_get(port->id, &port->mac);
    if (status != 0)
        return fail(error, "has no MAC address", status);
    return 0;
}

void port_stop(const struct port *port) {
    (void)rte_eth_dev_stop(port->id);
    (void)rte_eth_dev_close(port->id);
}
