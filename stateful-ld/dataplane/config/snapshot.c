#include "config/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_common.h>

#include "config/check.h"
#include "config/migration.h"
#include "config/next_hops.h"
#include "config/services.h"
#include "packet/nd.h"
#include "packet/vxlan.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Service Service;
typedef Sluice__Ld__V1__RealServer RealServer;
typedef Sluice__Ld__V1__Heartbeat Heartbeat;

enum {
    MTU_DEFAULT_BYTES = 1600,
    IPV4_TCP_BYTES = 40,
    IPV6_TCP_BYTES = 60,
    HEARTBEAT_INTERVAL_DEFAULT_MS = 10,
    COOKIES_NAME_BYTES = 320,
    HEARTBEAT_HOLD_DEFAULT_MS = 50,
};

_Static_assert((int)VXLAN_OUTER_BYTES == (int)VXLAN_OVERHEAD_BYTES, "one number is both");

static rte_be32_t mask_of(uint32_t prefix_len) {
    return rte_cpu_to_be_32(prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len));
}

static void set_slot(struct local_ip_set *ips, uint32_t slot, const struct ip_address *address) {
    ips->address[slot] = *address;
    ips->slots |= 1ULL << slot;
}

/* @return the slot in use for the address, or LOCAL_IPS_MAX */
static uint32_t find_slot(const struct local_ip_set *ips, const struct ip_address *address) {
    uint32_t slot = 0;

    while (slot < LOCAL_IPS_MAX &&
           ((ips->slots >> slot & 1) == 0 || !ip_equal(&ips->address[slot], address)))
        slot++;
    return slot;
}

/* Keep the slots of addresses that stay; give free slots to new ones. */
static void set_local_ips(struct snapshot *snapshot, const LdConfig *config,
                          const struct snapshot *previous) {
    for (size_t i = 0; previous != NULL && i < config->n_local_ips; i++) {
        struct ip_address address = address_of(config->local_ips[i]);
        enum ip_family family = ip_family(&address);
        uint32_t slot = find_slot(&previous->local_ips[family], &address);

        if (slot != LOCAL_IPS_MAX)
            set_slot(&snapshot->local_ips[family], slot, &address);
    }
    for (size_t i = 0; i < config->n_local_ips; i++) {
        struct ip_address address = address_of(config->local_ips[i]);
        struct local_ip_set *ips = &snapshot->local_ips[ip_family(&address)];

        if (find_slot(ips, &address) == LOCAL_IPS_MAX)
            set_slot(ips, (uint32_t)__builtin_ctzll(~ips->slots), &address);
    }
}

static uint32_t find_tunnel(const struct return_tunnels *tunnels, ProtobufCBinaryData vtep) {
    struct ip_address wanted = address_of(vtep);
    uint32_t slot = 0;

    while (slot < RETURN_TUNNELS_MAX &&
           ((tunnels->slots >> slot & 1) == 0 || !ip_equal(&tunnels->vtep[slot], &wanted)))
        slot++;
    return slot;
}

static void set_tunnel(struct snapshot *snapshot, uint32_t slot, const LdConfig *config,
                       ProtobufCBinaryData vtep, const struct neighbour_set *neighbours) {
    struct return_tunnels *tunnels = &snapshot->return_tunnels;

    tunnels->slots |= 1ULL << slot;
    tunnels->vtep[slot] = address_of(vtep);
    tunnels->next_hop[slot] = hop_to(config, neighbours, address_of(vtep));
}

/* As local IPs: those that stay first, so that no new one takes their slot. */
static void set_return_tunnels(struct snapshot *snapshot, const LdConfig *config,
                               const struct snapshot_inputs *inputs) {
    struct return_tunnels *tunnels = &snapshot->return_tunnels;

    for (size_t i = 0; inputs->previous != NULL && i < config->n_return_tunnels; i++) {
        uint32_t slot = find_tunnel(&inputs->previous->return_tunnels, config->return_tunnels[i]);

        if (slot != RETURN_TUNNELS_MAX)
            set_tunnel(snapshot, slot, config, config->return_tunnels[i], inputs->neighbours);
    }
    for (size_t i = 0; i < config->n_return_tunnels; i++)
        if (find_tunnel(tunnels, config->return_tunnels[i]) == RETURN_TUNNELS_MAX)
            set_tunnel(snapshot, (uint32_t)__builtin_ctzll(~tunnels->slots), config,
                       config->return_tunnels[i], inputs->neighbours);
}

static void set_owned_buckets(struct snapshot *snapshot, const LdConfig *config) {
    for (size_t i = 0; i < config->n_owned_buckets; i++)
        for (uint32_t bucket = config->owned_buckets[i]->first;
             bucket <= config->owned_buckets[i]->last; bucket++)
            snapshot->owned_buckets[bucket / 64] |= 1ULL << (bucket % 64);
}

static uint32_t or_default(uint32_t configured_ms, uint32_t default_ms) {
    return configured_ms != 0 ? configured_ms : default_ms;
}

static void set_target(struct target *target, const LdConfig *config, const RealServer *rs,
                       const struct neighbour_set *neighbours, uint32_t policy) {
    target->address = address_of(rs->address);
    target->port = rte_cpu_to_be_16((uint16_t)rs->port);
    target->in_vpc = rs->vpc != NULL;
    if (rs->vpc != NULL) {
        target->vni = rs->vpc->vni;
        target->host_vtep = address_of(rs->vpc->host_vtep);
        memcpy(&target->mac, rs->vpc->mac.data, sizeof(target->mac));
    }
    target->next_hop = hop_to(config, neighbours, tunnel_end_of(rs));
    target->policy = policy;
}

bool snapshot_is_local_ip(const struct snapshot *snapshot, const struct ip_address *address) {
    const struct local_ip_set *ips = &snapshot->local_ips[ip_family(address)];

    for (uint64_t left = ips->slots; left != 0; left &= left - 1)
        if (ip_equal(&ips->address[__builtin_ctzll(left)], address))
            return true;
    return false;
}

int snapshot_local_slot(const struct snapshot *snapshot, enum ip_family family,
                        const struct ip_address *address) {
    uint32_t slot = find_slot(&snapshot->local_ips[family], address);

    return slot < LOCAL_IPS_MAX ? (int)slot : -1;
}

static int want_target(struct registry *registry, const Service *service, const RealServer *rs) {
    const struct target_identity identity = {
        .service = service->name,
        .rs = rs->name,
        .vni = rs->vpc != NULL ? rs->vpc->vni : 0,
        .address = address_of(rs->address),
        .port = rte_cpu_to_be_16((uint16_t)rs->port),
    };

    return registry_want(registry, &identity);
}

static struct quota *find_quota(const struct snapshot *snapshot, const char *name) {
    for (uint32_t i = 0; snapshot != NULL && i < snapshot->quota_count; i++)
        if (strcmp(snapshot->quotas[i]->name, name) == 0)
            return snapshot->quotas[i];
    return NULL;
}

/* A limit keeps its state while it keeps its name. */
static struct quota *get_quota(struct snapshot *snapshot, const char *name,
                               const struct snapshot_inputs *inputs) {
    struct quota *quota = find_quota(inputs->previous, name);

    if (quota != NULL)
        quota->references++;
    else
        quota = quota_create(name, inputs->workers);
    if (quota != NULL)
        snapshot->quotas[snapshot->quota_count++] = quota;
    return quota;
}

static int set_quotas(struct snapshot *snapshot, const LdConfig *config,
                      const struct snapshot_inputs *inputs) {
    snapshot->quotas = calloc(config->n_limits + config->n_services + 1, sizeof(struct quota *));
    if (snapshot->quotas == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_limits; i++)
        if (get_quota(snapshot, config->limits[i]->name, inputs) == NULL)
            return -ENOMEM;
    return 0;
}

/* No limit's name has a slash in front. */
static int get_cookies(struct snapshot *snapshot, const Service *service,
                       const struct snapshot_inputs *inputs, struct quota **quota) {
    char name[COOKIES_NAME_BYTES];

    *quota = NULL;
    if (service->syn_cookie_threshold_per_s == 0)
        return 0;
    snprintf(name, sizeof(name), "/%s", service->name);
    *quota = get_quota(snapshot, name, inputs);
    return *quota != NULL ? 0 : -ENOMEM;
}

/* What the service's sessions are treated by, and how their RSs are chosen. */
static int set_service_policy(struct snapshot *snapshot, const LdConfig *config,
                              struct service *made, const Service *service,
                              const struct snapshot_inputs *from) {
    const struct snapshot *previous = from->previous;
    const struct service *old =
        previous != NULL ? services_find(previous, made->vni_protocol, &made->vip, made->port)
                         : NULL;

    struct policy_inputs inputs = {
        .config = config,
        .ld = &snapshot->policies[0],
        .quotas = snapshot->quotas,
    };
    struct policy *policy = &snapshot->policies[snapshot->service_count + 1];
    int status = get_cookies(snapshot, service, from, &inputs.cookies);

    if (status == 0)
        status = policy_set(policy, service, &inputs);
    if (status < 0)
        return status;
    snapshot->attentive |= policy->quota.limits.per_s[QUOTA_BYTES_IN] != 0 ||
                           policy->quota.limits.per_s[QUOTA_BYTES_OUT] != 0;
    return service_scheduler_set(&made->scheduler, service, &snapshot->choices[made->first_choice],
                                 old != NULL ? &old->scheduler : NULL);
}

static int add_service(struct snapshot *snapshot, const LdConfig *config, const Service *service,
                       const struct snapshot_inputs *inputs) {
    struct service *made = &snapshot->services[snapshot->service_count];
    int status;

    made->vip = address_of(service->vip);
    made->vni_protocol = flow_vni_protocol(service->vni, (uint8_t)service->protocol);
    if (ip_family(&made->vip) == FAMILY_IPV6)
        made->vni_protocol |= FLOW_V6;
    made->port = rte_cpu_to_be_16((uint16_t)service->port);
    made->first_choice = snapshot->choice_count;
    made->choices = (uint32_t)service->n_real_servers;
    for (size_t i = 0; i < service->n_real_servers; i++) {
        const RealServer *rs = service->real_servers[i];
        int number = want_target(inputs->registry, service, rs);

        if (number < 0)
            return number;
        set_target(&snapshot->targets[number], config, rs, inputs->neighbours,
                   snapshot->service_count + 1);
        snapshot->choices[snapshot->choice_count++] = (struct choice){
            .target = (uint32_t)number,
            .weight = rs->weight,
        };
    }
    services_hash(snapshot, snapshot->service_count);
    status = set_service_policy(snapshot, config, made, service, inputs);
    snapshot->service_count++;
    return status;
}

/* Of the service with this name, or the LD's when there is none any more. */
static uint32_t policy_of(const LdConfig *config, const char *service) {
    for (size_t i = 0; i < config->n_services; i++)
        if (strcmp(config->services[i]->name, service) == 0)
            return (uint32_t)i + 1;
    return 0;
}

/* RSs that are gone from the configuration, but not from the sessions. */
static void keep_draining(struct snapshot *snapshot, const LdConfig *config,
                          const struct snapshot_inputs *inputs) {
    const struct snapshot *previous = inputs->previous;

    for (uint32_t i = 0; previous != NULL && i < previous->target_count; i++) {
        struct target *target = &snapshot->targets[i];

        if (!registry_used(inputs->registry, i) || inputs->registry->entries[i].wanted)
            continue;
        *target = previous->targets[i];
        target->next_hop = hop_while_draining(config, inputs->neighbours, target);
        target->reset_removed |= previous->policies[target->policy].reset;
        snapshot->attentive |= target->reset_removed;
        target->policy = policy_of(config, inputs->registry->entries[i].identity.service);
    }
}

static int allocate(struct snapshot *snapshot, const LdConfig *config, uint32_t workers) {
    size_t choices = 0;

    for (size_t i = 0; i < config->n_services; i++)
        choices += config->services[i]->n_real_servers;
    if (choices > TARGETS_MAX)
        return -ENOSPC;
    snapshot->service_mask = rte_align32pow2((uint32_t)(config->n_services + 1) * 2) - 1;
    snapshot->targets = calloc(TARGETS_MAX, sizeof(*snapshot->targets));
    snapshot->choices = calloc(choices + 1, sizeof(*snapshot->choices));
    snapshot->services = calloc(config->n_services + 1, sizeof(*snapshot->services));
    snapshot->policies = calloc(config->n_services + 1, sizeof(*snapshot->policies));
    snapshot->service_hash = calloc(snapshot->service_mask + 1, sizeof(uint32_t));
    snapshot->vips = calloc(config->n_services + 1, sizeof(*snapshot->vips));
    snapshot->turns = calloc(workers, sizeof(*snapshot->turns));
    if (snapshot->targets == NULL || snapshot->choices == NULL || snapshot->services == NULL ||
        snapshot->policies == NULL || snapshot->service_hash == NULL || snapshot->vips == NULL ||
        snapshot->turns == NULL)
        return -ENOMEM;
    snapshot->workers = workers;
    for (uint32_t worker = 0; worker < workers; worker++) {
        size_t bytes = RTE_ALIGN_CEIL((choices + 1) * sizeof(uint64_t), 64);

        /* On cache lines of its own: each worker writes its part for every new session. */
        snapshot->turns[worker] = aligned_alloc(64, bytes);
        if (snapshot->turns[worker] == NULL)
            return -ENOMEM;
        memset(snapshot->turns[worker], 0, bytes);
    }
    return 0;
}

static void set_ipv6(struct snapshot *snapshot, const LdConfig *config,
                     const struct neighbour_set *neighbours) {
    struct fabric fabric = fabric_of(config, FAMILY_IPV6);

    if (!has_ipv6(config))
        return;
    snapshot->own.address_v6 = fabric.own;
    snapshot->own.link_local = nd_link_local(&snapshot->own.mac);
    snapshot->prefix_len_v6 = fabric.prefix_len;
    snapshot->gateway_v6 = neighbour_find(neighbours, &fabric.gateway);
}

/* Without IPv4 on the fabric, 0.0.0.0/32: no host has that. */
static void set_tunnel_end(struct snapshot *snapshot, const LdConfig *config) {
    struct ip_address vtep = address_of(config->vtep);
    bool v6 = config->vtep.len == 16;

    own_address_set_vtep(&snapshot->own, vtep);
    snapshot->subnet_mask = mask_of(v6 ? 32 : config->prefix_len);
    snapshot->subnet = v6 ? 0 : ip_to_v4(&vtep) & snapshot->subnet_mask;
    snapshot->tunnel_bytes = VXLAN_OUTER_BYTES + (v6 ? VXLAN_V6_MORE_BYTES : 0);
}

static void set_addresses(struct snapshot *snapshot, const LdConfig *config,
                          const struct snapshot_inputs *inputs) {
    const struct ip_address gateway = address_of(config->gateway);

    snapshot->own.mac = inputs->mac;
    set_tunnel_end(snapshot, config);
    snapshot->mtu_bytes = (uint16_t)or_default(config->mtu_bytes, MTU_DEFAULT_BYTES);
    snapshot->mss_max = (uint16_t)(snapshot->mtu_bytes - snapshot->tunnel_bytes - IPV4_TCP_BYTES);
    snapshot->mss_max_v6 =
        (uint16_t)(snapshot->mtu_bytes - snapshot->tunnel_bytes - IPV6_TCP_BYTES);
    snapshot->gateway = neighbour_find(inputs->neighbours, &gateway);
    snapshot->gateway_vtep = address_of(config->gateway_vtep);
    if (config->gateway_vtep.len != 0)
        snapshot->gateway_vtep_hop =
            hop_to(config, inputs->neighbours, address_of(config->gateway_vtep));
    snapshot->epoch = config->epoch;
    set_ipv6(snapshot, config, inputs->neighbours);
}

static void set_heartbeat(struct heartbeat_config *heartbeat, const LdConfig *config,
                          const struct neighbour_set *neighbours) {
    const Heartbeat *wanted = config->heartbeat;

    if (wanted == NULL)
        return;
    heartbeat->ld_id = wanted->ld_id;
    heartbeat->key = wanted->key;
    heartbeat->interval_ms = or_default(wanted->interval_ms, HEARTBEAT_INTERVAL_DEFAULT_MS);
    heartbeat->hold_ms = or_default(wanted->hold_ms, HEARTBEAT_HOLD_DEFAULT_MS);
    heartbeat->previous_epoch = wanted->previous_epoch;
    for (size_t i = 0; i < wanted->n_switches; i++) {
        heartbeat->switches[heartbeat->switch_count++] = (struct heartbeat_switch){
            .address = address_of(wanted->switches[i]),
            .next_hop = hop_to(config, neighbours, address_of(wanted->switches[i])),
        };
    }
}

static void set_cluster(struct cluster *cluster, const LdConfig *config,
                        const struct snapshot_inputs *inputs) {
    const struct neighbour_set *neighbours = inputs->neighbours;

    cluster_build(cluster, config->cluster,
                  inputs->previous != NULL ? &inputs->previous->cluster : NULL);
    migration_build(cluster, config, inputs->previous != NULL ? &inputs->previous->cluster : NULL);
    for (uint32_t i = 0; i < cluster->ld_count; i++)
        if (i != cluster->self && cluster->lds[i].ld_id != 0)
            cluster->lds[i].next_hop = hop_to(config, neighbours, cluster->lds[i].vtep);
}

int snapshot_build(const LdConfig *config, const struct snapshot_inputs *inputs,
                   struct snapshot **built) {
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    int status;

    if (snapshot == NULL)
        return -ENOMEM;
    status = allocate(snapshot, config, inputs->workers);
    if (status == 0)
        status = set_quotas(snapshot, config, inputs);
    if (status == 0)
        policy_set_default(&snapshot->policies[0], config);
    for (size_t i = 0; status == 0 && i < config->n_services; i++)
        status = add_service(snapshot, config, config->services[i], inputs);
    if (status != 0) {
        snapshot_free(snapshot);
        return status;
    }
    services_sort_vips(snapshot);
    set_addresses(snapshot, config, inputs);
    set_local_ips(snapshot, config, inputs->previous);
    set_return_tunnels(snapshot, config, inputs);
    set_owned_buckets(snapshot, config);
    set_heartbeat(&snapshot->heartbeat, config, inputs->neighbours);
    set_cluster(&snapshot->cluster, config, inputs);
    keep_draining(snapshot, config, inputs);
    snapshot->target_count = inputs->registry->used_up_to;
    *built = snapshot;
    return 0;
}

void snapshot_free(struct snapshot *snapshot) {
    if (snapshot == NULL)
        return;
    for (uint32_t worker = 0; worker < snapshot->workers; worker++)
        free(snapshot->turns[worker]);
    free(snapshot->turns);
    for (uint32_t i = 0; i < snapshot->service_count; i++) {
        service_scheduler_free(&snapshot->services[i].scheduler);
        policy_free(&snapshot->policies[i + 1]);
    }
    for (uint32_t i = 0; i < snapshot->quota_count; i++)
        quota_put(snapshot->quotas[i]);
    free(snapshot->quotas);
    free(snapshot->targets);
    free(snapshot->choices);
    free(snapshot->services);
    free(snapshot->policies);
    free(snapshot->service_hash);
    free(snapshot->vips);
    free(snapshot);
}
