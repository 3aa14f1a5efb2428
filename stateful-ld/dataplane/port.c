#include "port.h"

#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "forward/rss.h"
#include "log.h"

enum {
    DESCRIPTORS = 1024
};

#define RSS_TYPES                                                                                  \
    (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |  \
     RTE_ETH_RSS_NONFRAG_IPV6_TCP)

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

/* Drivers that do not say mean the 40 bytes that RSS began with. */
static uint8_t key_bytes(const struct rte_eth_dev_info *info) {
    return info->hash_key_size != 0 ? info->hash_key_size : 40;
}

/* How the port could spread tunnels by their buckets; 0: not at all. */
static uint32_t usable_entries(const struct rte_eth_dev_info *info, uint16_t queues) {
    uint32_t entries = RTE_MIN((uint32_t)info->reta_size, (uint32_t)RSS_TABLE_MAX);

    if (queues < 2 || (info->flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_UDP) == 0 ||
        key_bytes(info) < RSS_KEY_BYTES_MIN || key_bytes(info) > RSS_KEY_BYTES_MAX ||
        entries < queues || !rte_is_power_of_2(entries))
        return 0;
    return entries;
}

/* The MTU to receive with; 0: the driver's default. Drivers count 18 bytes of Ethernet around it
 * when they do not say. */
static uint32_t mtu_of(const struct rte_eth_dev_info *info) {
    uint32_t around = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu
                          ? info->max_rx_pktlen - info->max_mtu
                          : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
    uint32_t most = RTE_MIN((uint32_t)info->max_mtu, info->max_rx_pktlen - around);

    return most > RTE_ETHER_MTU ? RTE_MIN(most, (uint32_t)PORT_MTU_BYTES) : 0;
}

/* Without a key of ours, packets are spread all the same, and handed over. */
static struct rte_eth_conf configuration(const struct rte_eth_dev_info *info, uint16_t queues,
                                         uint8_t *key) {
    struct rte_eth_conf conf = { .rxmode.mtu = mtu_of(info) };

    if (queues > 1 && (info->flow_type_rss_offloads & RSS_TYPES) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        if ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0)
            conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH;
        conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_TYPES;
        conf.rx_adv_conf.rss_conf.rss_key = key;
        conf.rx_adv_conf.rss_conf.rss_key_len = key != NULL ? key_bytes(info) : 0;
    }
    return conf;
}

/* With the key when the port takes it. */
static int configure(struct port *port, const struct rte_eth_dev_info *info) {
    uint8_t key[RSS_KEY_BYTES_MAX];
    struct rte_eth_conf conf;

    port->rss_entries = usable_entries(info, port->queues);
    port->rss_family = FAMILY_IPV4; /* until the configuration says otherwise */
    if (port->rss_entries != 0) {
        rss_key(key, key_bytes(info), port->rss_family);
        conf = configuration(info, port->queues, key);
        if (rte_eth_dev_configure(port->id, port->queues, port->queues, &conf) == 0)
            return 0;
        port->rss_entries = 0;
    }
    conf = configuration(info, port->queues, NULL);
    return rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
}

/* Give a running port its key, and ask for it. */
static bool set_key(const struct port *port, const struct rte_eth_dev_info *info) {
    uint8_t key[RSS_KEY_BYTES_MAX] = { 0 }, wanted[RSS_KEY_BYTES_MAX];
    struct rte_eth_rss_conf conf = {
        .rss_key = wanted,
        .rss_key_len = key_bytes(info),
        .rss_hf = info->flow_type_rss_offloads & RSS_TYPES,
    };

    rss_key(wanted, key_bytes(info), port->rss_family);
    /* Some drivers take the key at configuration, some only here. */
    (void)rte_eth_dev_rss_hash_update(port->id, &conf);
    conf.rss_key = key;
    return rte_eth_dev_rss_hash_conf_get(port->id, &conf) == 0 &&
           memcmp(key, wanted, key_bytes(info)) == 0;
}

/* What the port says its table is, now that it runs. */
static bool table_is_as_told(const struct port *port, const struct rte_eth_dev_info *info,
                             const struct rte_eth_rss_reta_entry64 *table) {
    struct rte_eth_rss_reta_entry64 told[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE * 4];
    memcpy(told, table, sizeof(told));
    for (uint32_t group = 0; group < RTE_DIM(told); group++)
        memset(told[group].reta, 0xff, sizeof(told[group].reta));
    if (rte_eth_dev_rss_reta_query(port->id, told, info->reta_size) != 0)
        return false;
    for (uint32_t entry = 0; entry < info->reta_size; entry++)
        if (told[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE] !=
            table[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE])
            return false;
    return true;
}

/* Entries of workers without a queue go where the packets are handed to them. */
static void spread_by_bucket(struct port *port, const struct rte_eth_dev_info *info,
                             uint16_t workers) {
    struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE * 4];
    uint8_t owner_of_entry[RSS_TABLE_MAX], owner_of_bucket[BUCKET_COUNT];

    if (port->rss_entries == 0 ||
        info->reta_size > RTE_DIM(table) * (uint32_t)RTE_ETH_RETA_GROUP_SIZE) {
        port->rss_entries = 0;
        return;
    }
    rss_share(port->rss_entries, workers, owner_of_entry, owner_of_bucket);
    memset(table, 0, sizeof(table));
    for (uint32_t entry = 0; entry < info->reta_size; entry++) {
        struct rte_eth_rss_reta_entry64 *group = &table[entry / RTE_ETH_RETA_GROUP_SIZE];

        group->mask |= 1ULL << entry % RTE_ETH_RETA_GROUP_SIZE;
        group->reta[entry % RTE_ETH_RETA_GROUP_SIZE] =
            owner_of_entry[entry & (port->rss_entries - 1)] % port->queues;
    }
    if (!set_key(port, info) ||
        rte_eth_dev_rss_reta_update(port->id, table, info->reta_size) != 0 ||
        !table_is_as_told(port, info, table)) {
        log_warning("port: its RSS key and table are not what they were set to: packets reach any "
                    "core and are handed over");
        port->rss_entries = 0;
    }
}

static bool can_spread(const struct rte_eth_dev_info *info, enum ip_family family) {
    if (family == FAMILY_IPV4)
        return true; /* else it would have no entries */
    return (info->flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV6_UDP) != 0 &&
           key_bytes(info) >= RSS_KEY_V6_BYTES_MIN;
}

void port_spread(struct port *port, enum ip_family family) {
    struct rte_eth_dev_info info;

    if (port->rss_entries == 0 || family == port->rss_family)
        return;
    port->rss_family = family;
    if (rte_eth_dev_info_get(port->id, &info) != 0 || !can_spread(&info, family) ||
        !set_key(port, &info))
        log_warning("port: its RSS cannot be set to spread tunnels over %s by their buckets: "
                    "packets reach any core and are handed over",
                    family == FAMILY_IPV6 ? "IPv6" : "IPv4");
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
    int status;

    if (find_port(port, error) < 0)
        return -1;
    status = rte_eth_dev_info_get(port->id, &info);
    if (status != 0)
        return fail(error, "says nothing about itself", status);
    port->if_index = info.if_index;
    port->kernel = info.if_index != 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    port->queues = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
    port->queues = RTE_MIN(port->queues, workers);
    status = configure(port, &info);
    if (status != 0)
        return fail(error, "cannot be configured", status);
    if (set_up_queues(port, mbufs, error) < 0)
        return -1;
    status = rte_eth_dev_start(port->id);
    if (status != 0)
        return fail(error, "cannot be started", status);
    spread_by_bucket(port, &info, workers);
    /* Neighbour solicitations come to multicast addresses (RFC 4861 7.2.2); a driver that cannot be
     * told receives them all anyway, or there is no IPv6 on its port. */
    (void)rte_eth_allmulticast_enable(port->id);
    status = rte_eth_macaddr_get(port->id, &port->mac);
    if (status != 0)
        return fail(error, "has no MAC address", status);
    return 0;
}

/* Some drivers of kernel interfaces (net_af_packet before DPDK 23.11) report a link that is always
 * up: the kernel is asked itself. */
static bool kernel_has_link(const struct port *port) {
    struct ifreq request = { .ifr_ifindex = (int)port->if_index };

    /* By its number each time: interfaces may be renamed. */
    return ioctl(port->kernel, SIOCGIFNAME, &request) == 0 &&
           ioctl(port->kernel, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 &&
           (request.ifr_flags & IFF_RUNNING) != 0;
}

bool port_has_link(const struct port *port) {
    struct rte_eth_link link;

    if (rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN)
        return false;
    return port->kernel < 0 || kernel_has_link(port);
}

void port_losses(const struct port *port, struct port_losses *losses) {
    /* Some drivers add up registers that are cleared by reading. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct rte_eth_stats stats = { 0 };

    if (port != NULL) {
        pthread_mutex_lock(&lock);
        if (rte_eth_stats_get(port->id, &stats) != 0)
            memset(&stats, 0, sizeof(stats));
        pthread_mutex_unlock(&lock);
    }
    *losses = (struct port_losses){
        .rx_missed = stats.imissed,
        .rx_no_mbuf = stats.rx_nombuf,
        .rx_errors = stats.ierrors,
    };
}

void port_stop(const struct port *port) {
    (void)rte_eth_dev_stop(port->id);
    (void)rte_eth_dev_close(port->id);
    if (port->kernel >= 0)
        close(port->kernel);
}
