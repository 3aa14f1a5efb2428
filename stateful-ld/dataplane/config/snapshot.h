/**
 * @file
 * One configuration in the form workers use. Immutable once published (but for the schedulers'
 * turns, of which each worker has its own), replaced as a whole, freed after every worker has
 * reported that it has let go of it (RCU).
 */
#ifndef SLUICE_CONFIG_SNAPSHOT_H
#define SLUICE_CONFIG_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cluster.h"
#include "config/policy.h"
#include "config/registry.h"
#include "forward/neighbour.h"
#include "forward/scheduler_wrr.h"
#include "packet/bucket.h"
#include "packet/flow.h"
#include "packet/parse.h"
#include "session/local_port.h"
#include "session/tcp_state.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** Where and how packets reach an RS. */
struct target {
    const struct neighbour *next_hop; /**< of the RS, or of its host when it is in a VPC */
    uint32_t vni;                     /**< 0: not in a VPC */
    bool in_vpc;
    struct rte_ether_addr mac; /**< inner destination in the VPC */
    rte_be16_t port;
    struct ip_address host_vtep; /**< in a VPC */
    struct ip_address address;
    uint32_t policy;    /**< index into snapshot.policies */
    bool reset_removed; /**< the RS is gone, and its sessions are to end */
};

struct service {
    uint32_t vni_protocol; /**< as in struct flow_key */
    rte_be16_t port;
    struct ip_address vip;
    uint32_t first_choice; /**< its part of snapshot.choices */
    uint32_t choices;
    struct service_scheduler scheduler;
};

struct vip {
    struct ip_address address;
    uint32_t vni;
};

enum {
    HEARTBEAT_SWITCHES_MAX = 64
};

enum {
    RETURN_TUNNELS_MAX = 64
};

/** Region entries, by whose tunnels answers to their clients go back. A slot keeps its number. */
struct return_tunnels {
    uint64_t slots; /**< bit per slot in use */
    struct ip_address vtep[RETURN_TUNNELS_MAX];
    const struct neighbour *next_hop[RETURN_TUNNELS_MAX];
};

struct heartbeat_switch {
    struct ip_address address;
    const struct neighbour *next_hop;
};

struct heartbeat_config {
    uint32_t ld_id;
    uint32_t key;
    uint32_t interval_ms;
    uint32_t hold_ms;
    uint32_t previous_epoch; /**< 0: none */
    uint32_t switch_count;   /**< 0: no heartbeats */
    struct heartbeat_switch switches[HEARTBEAT_SWITCHES_MAX];
};

struct snapshot {
    struct own_address own;
    rte_be32_t subnet; /**< of IPv4; without IPv4 on the fabric one that no host is in */
    rte_be32_t subnet_mask;
    uint16_t mtu_bytes;    /**< IP MTU of the fabric port */
    uint16_t mss_max;      /**< largest TCP MSS that needs no fragment in any tunnel */
    uint16_t mss_max_v6;   /**< the same when a side is IPv6 */
    uint16_t tunnel_bytes; /**< a tunnel's headers: outer Ethernet to VXLAN, or IP to inner
                              Ethernet */
    const struct neighbour *gateway;    /**< by its MAC IPv4 leaves, also when it is IPv6 itself */
    const struct neighbour *gateway_v6; /**< NULL when there is no IPv6 on the fabric */
    uint32_t prefix_len_v6;
    struct ip_address gateway_vtep;
    const struct neighbour *gateway_vtep_hop; /**< NULL when there is no gateway VTEP */
    struct return_tunnels return_tunnels;
    uint64_t epoch;
    struct heartbeat_config heartbeat;
    struct cluster cluster;

    struct local_ip_set local_ips[FAMILY_COUNT];
    /** Each worker opens sessions on its own ones only (forward/local_ip_rules.h). */
    bool local_ips_shared[FAMILY_COUNT];
    uint64_t owned_buckets[BUCKET_COUNT / 64]; /**< bit per bucket */
    struct quota **quotas; /**< of config->limits, then of services with SYN cookies */
    uint32_t quota_count;
    bool attentive;          /**< packets have to pass admission_packet() */
    struct policy *policies; /**< [0]: of sessions whose service is gone; then of each service */

    struct target *targets; /**< by registry number */
    uint32_t target_count;
    struct choice *choices;
    uint32_t choice_count;
    uint64_t **turns; /**< [worker][choice]: whose turn it is, as the service's scheduler has it */
    uint32_t workers;

    struct service *services;
    uint32_t service_count;
    uint32_t *service_hash; /**< service number + 1; 0: empty */
    uint32_t service_mask;
    struct vip *vips; /**< of each service, ascending, with duplicates */
};

/** What a new snapshot is made of besides the message. */
struct snapshot_inputs {
    struct rte_ether_addr mac;       /**< of the port */
    const struct snapshot *previous; /**< or NULL */
    struct registry *registry;       /**< registry_begin() has been called */
    const struct neighbour_set *neighbours;
    uint32_t workers;
};

/**
 * Make a snapshot of a message config_validate() has accepted.
 *
 * Targets that are not configured any more but are still in the registry are taken over from
 * inputs->previous, so that their sessions keep running.
 *
 * @return 0; -ENOMEM; -ENOSPC when there are more RSs than TARGETS_MAX
 */
int snapshot_build(const Sluice__Ld__V1__LdConfig *config, const struct snapshot_inputs *inputs,
                   struct snapshot **built);

void snapshot_free(struct snapshot *snapshot);

static inline bool snapshot_owns(const struct snapshot *snapshot, uint16_t bucket) {
    return snapshot->owned_buckets[bucket / 64] >> (bucket % 64) & 1;
}

static inline bool snapshot_on_link(const struct snapshot *snapshot, rte_be32_t address) {
    return (address & snapshot->subnet_mask) == snapshot->subnet;
}

static inline const struct policy *snapshot_policy(const struct snapshot *snapshot,
                                                   uint32_t target) {
    return &snapshot->policies[snapshot->targets[target].policy];
}

/** True when @p address, of IPv6, is on the fabric. */
static inline bool snapshot_on_link6(const struct snapshot *snapshot,
                                     const struct ip_address *address) {
    return snapshot->prefix_len_v6 != 0 &&
           ip_same_subnet(address, &snapshot->own.address_v6, snapshot->prefix_len_v6);
}

/** Slot + 1 of the region entry with a tunnel endpoint; 0: it is none's. */
static inline uint8_t snapshot_return_slot(const struct snapshot *snapshot,
                                           const struct ip_address *vtep) {
    const struct return_tunnels *tunnels = &snapshot->return_tunnels;

    for (uint64_t left = tunnels->slots; left != 0; left &= left - 1)
        if (ip_equal(&tunnels->vtep[__builtin_ctzll(left)], vtep))
            return (uint8_t)(__builtin_ctzll(left) + 1);
    return 0;
}

/** The same of the one in whose tunnel the packet has come. */
static inline uint8_t snapshot_return_tunnel(const struct snapshot *snapshot,
                                             const struct packet *packet) {
    struct ip_address sender;

    if (likely(snapshot->return_tunnels.slots == 0) || !packet->tunnelled)
        return 0;
    sender = packet_tunnel_src(packet);
    return snapshot_return_slot(snapshot, &sender);
}

/** The service a client's packet is for, or NULL. */
const struct service *snapshot_service(const struct snapshot *snapshot, const struct flow_key *key);

/**
 * The registry number of the RS that has a session with these two tuples.
 *
 * @return -1 when the service does not have it
 */
int snapshot_target(const struct snapshot *snapshot, const struct flow_key *client,
                    const struct flow_key *rs);

/** The slot of a local IP, or -1. */
int snapshot_local_slot(const struct snapshot *snapshot, enum ip_family family,
                        const struct ip_address *address);

/** True when some service has this VIP. */
bool snapshot_is_vip(const struct snapshot *snapshot, uint32_t vni,
                     const struct ip_address *address);

/** True when @p address is one of the cluster's local IPs. */
bool snapshot_is_local_ip(const struct snapshot *snapshot, const struct ip_address *address);

#endif
