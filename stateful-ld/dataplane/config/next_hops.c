#include "config/next_hops.h"

#include <stdlib.h>

#include "config/check.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__RealServer RealServer;

struct fabric fabric_of(const LdConfig *config, enum ip_family family) {
    if (family == FAMILY_IPV6 && config->ipv6 != NULL)
        return (struct fabric){ address_of(config->ipv6->address),
                                address_of(config->ipv6->gateway), config->ipv6->prefix_len };
    return (struct fabric){ address_of(config->vtep), address_of(config->gateway),
                            config->vtep.len == 16 ? config->prefix_len : 96 + config->prefix_len };
}

/* Where a packet to `destination` is sent: to itself on the fabric, else to the gateway. No subnet
 * of IPv6 has an address of IPv4 in it. */
static struct ip_address next_hop_of(const LdConfig *config, struct ip_address destination) {
    struct fabric fabric = fabric_of(config, ip_family(&destination));

    return ip_same_subnet(&destination, &fabric.own, fabric.prefix_len) ? destination
                                                                        : fabric.gateway;
}

struct ip_address tunnel_end_of(const RealServer *rs) {
    return address_of(rs->vpc != NULL ? rs->vpc->host_vtep : rs->address);
}

static struct ip_address tunnel_end_of_target(const struct target *target) {
    return target->in_vpc ? target->host_vtep : target->address;
}

/* An RS that drains may be of a family the fabric does not have any more, or its host of one that
 * the tunnels do not. */
static bool is_reached(const LdConfig *config, const struct target *target) {
    if (target->in_vpc)
        return (ip_family(&target->host_vtep) == FAMILY_IPV6) == (config->vtep.len == 16);
    return ip_family(&target->address) == FAMILY_IPV4 || has_ipv6(config);
}

struct ip_address *next_hops(const LdConfig *config, const struct snapshot *previous,
                             uint32_t *count) {
    size_t capacity = 3 + (previous != NULL ? previous->target_count : 0);
    struct ip_address *hops;
    uint32_t used = 0;

    for (size_t i = 0; i < config->n_services; i++)
        capacity += config->services[i]->n_real_servers;
    if (config->heartbeat != NULL)
        capacity += config->heartbeat->n_switches;
    if (config->cluster != NULL)
        capacity += config->cluster->n_lds;
    if (config->migration != NULL)
        capacity += config->migration->n_lds;
    capacity += config->n_return_tunnels;
    hops = malloc(capacity * sizeof(*hops));
    if (hops == NULL)
        return NULL;
    hops[used++] = address_of(config->gateway);
    if (config->ipv6 != NULL)
        hops[used++] = address_of(config->ipv6->gateway);
    if (config->gateway_vtep.len != 0)
        hops[used++] = next_hop_of(config, address_of(config->gateway_vtep));
    for (size_t i = 0; i < config->n_services; i++)
        for (size_t j = 0; j < config->services[i]->n_real_servers; j++)
            hops[used++] = next_hop_of(config, tunnel_end_of(config->services[i]->real_servers[j]));
    for (size_t i = 0; config->heartbeat != NULL && i < config->heartbeat->n_switches; i++)
        hops[used++] = next_hop_of(config, address_of(config->heartbeat->switches[i]));
    for (size_t i = 0; i < config->n_return_tunnels; i++)
        hops[used++] = next_hop_of(config, address_of(config->return_tunnels[i]));
    for (size_t i = 0; config->cluster != NULL && i < config->cluster->n_lds; i++)
        if (config->cluster->lds[i]->ld_id != config->cluster->ld_id)
            hops[used++] = next_hop_of(config, address_of(config->cluster->lds[i]->vtep));
    for (size_t i = 0; config->migration != NULL && i < config->migration->n_lds; i++)
        hops[used++] = next_hop_of(config, address_of(config->migration->lds[i]->vtep));
    for (uint32_t i = 0; previous != NULL && i < previous->target_count; i++) {
        const struct target *target = &previous->targets[i];

        if (target->next_hop != NULL && is_reached(config, target))
            hops[used++] = next_hop_of(config, tunnel_end_of_target(target));
    }
    *count = used;
    return hops;
}

const struct neighbour *hop_to(const LdConfig *config, const struct neighbour_set *set,
                               struct ip_address destination) {
    struct ip_address hop = next_hop_of(config, destination);

    return neighbour_find(set, &hop);
}

const struct neighbour *hop_while_draining(const LdConfig *config, const struct neighbour_set *set,
                                           const struct target *target) {
    return is_reached(config, target) ? hop_to(config, set, tunnel_end_of_target(target)) : NULL;
}
