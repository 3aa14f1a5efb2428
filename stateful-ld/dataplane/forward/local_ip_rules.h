/**
 * @file
 * Where answers of RSs come without a tunnel, from plain routers: rules of the NIC (rte_flow) that
 * bring what is sent to a local IP to one worker, which opens its sessions with its own local IPs
 * only. So an answer reaches the core that has its session without a hand-off. RSS cannot do that:
 * such a packet's RS port is part of its hash (forward/rss.h).
 *
 * A port that cannot do it, or that takes a rule back, changes nothing but speed: all workers use
 * all local IPs, and answers are handed over by rings. So it is with fewer local IPs than workers,
 * and behind gateway switches (a configuration with a gateway VTEP), whose tunnels RSS brings to
 * the right core anyway.
 *
 * The price is ports: towards one RS a bucket has those of its worker's local IPs.
 */
#ifndef SLUICE_FORWARD_LOCAL_IP_RULES_H
#define SLUICE_FORWARD_LOCAL_IP_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#include "config/snapshot.h"

/** What of rte_flow is used; signatures as there. */
struct flow_driver {
    int (*validate)(uint16_t port_id, const struct rte_flow_attr *attr,
                    const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
                    struct rte_flow_error *error);
    struct rte_flow *(*create)(uint16_t port_id, const struct rte_flow_attr *attr,
                               const struct rte_flow_item pattern[],
                               const struct rte_flow_action actions[],
                               struct rte_flow_error *error);
    int (*destroy)(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error);
};

/** rte_flow itself. */
extern const struct flow_driver flow_driver_dpdk;

struct local_ip_rule {
    struct ip_address address;
    struct rte_flow *flow; /**< NULL: there is none */
};

/** Control's own. Zero: a port that can do nothing. */
struct local_ip_rules {
    const struct flow_driver *driver;
    uint16_t port_id;
    uint32_t workers;            /**< each has the queue of its number */
    bool possible[FAMILY_COUNT]; /**< the port has said so, and has not been seen to fail */
    struct local_ip_rule rules[FAMILY_COUNT][LOCAL_IPS_MAX]; /**< by slot */
};

/**
 * Ask the port what it can do. It has been started.
 *
 * @param queues of the port; with fewer than workers nothing is possible
 */
void local_ip_rules_init(struct local_ip_rules *rules, const struct flow_driver *driver,
                         uint16_t port_id, uint32_t queues, uint32_t workers);

/**
 * Make the port's rules those of @p snapshot, which is about to be published, and set its
 * `local_ips_shared`. Sessions on local IPs whose rules change go on, by hand-off. Control only.
 */
void local_ip_rules_follow(struct local_ip_rules *rules, struct snapshot *snapshot);

/** Take all rules back. */
void local_ip_rules_free(struct local_ip_rules *rules);

/** How many rules the port has. */
uint32_t local_ip_rules_count(const struct local_ip_rules *rules);

/** The slots whose local IPs are @p worker's when they are shared. */
uint64_t local_ip_share(uint32_t worker, uint32_t workers);

#endif
