#include "config/services.h"

#include <stdlib.h>

static uint32_t service_slot(const struct snapshot *snapshot, uint32_t vni_protocol,
                             const struct ip_address *vip, rte_be16_t port) {
    uint64_t mixed = ((uint64_t)ip_hash(vip) << 32 | vni_protocol) * 0x9e3779b97f4a7c15ULL;

    mixed = (mixed ^ port) * 0xd6e8feb86659fd93ULL;
    return (uint32_t)(mixed >> 32) & snapshot->service_mask;
}

void services_hash(struct snapshot *snapshot, uint32_t number) {
    const struct service *service = &snapshot->services[number];
    uint32_t slot = service_slot(snapshot, service->vni_protocol, &service->vip, service->port);

    while (snapshot->service_hash[slot] != 0)
        slot = (slot + 1) & snapshot->service_mask;
    snapshot->service_hash[slot] = number + 1;
}

const struct service *services_find(const struct snapshot *snapshot, uint32_t vni_protocol,
                                    const struct ip_address *vip, rte_be16_t port) {
    uint32_t slot = service_slot(snapshot, vni_protocol, vip, port);
    uint32_t number;

    for (; (number = snapshot->service_hash[slot]) != 0;
         slot = (slot + 1) & snapshot->service_mask) {
        const struct service *service = &snapshot->services[number - 1];

        if (ip_equal(&service->vip, vip) && service->vni_protocol == vni_protocol &&
            service->port == port)
            return service;
    }
    return NULL;
}

const struct service *snapshot_service(const struct snapshot *snapshot,
                                       const struct flow_key *key) {
    struct ip_address vip = flow_dst(key);

    return services_find(snapshot, key->vni_protocol, &vip, key->dst_port);
}

static int by_vip(const void *a, const void *b) {
    const struct vip *x = a, *y = b;
    int order = (x->vni > y->vni) - (x->vni < y->vni);

    return order != 0 ? order : ip_compare(&x->address, &y->address);
}

bool snapshot_is_vip(const struct snapshot *snapshot, uint32_t vni,
                     const struct ip_address *address) {
    const struct vip vip = { .address = *address, .vni = vni };

    return bsearch(&vip, snapshot->vips, snapshot->service_count, sizeof(vip), by_vip) != NULL;
}

void services_sort_vips(struct snapshot *snapshot) {
    for (uint32_t i = 0; i < snapshot->service_count; i++)
        snapshot->vips[i] = (struct vip){
            .address = snapshot->services[i].vip,
            .vni = snapshot->services[i].vni_protocol >> 8,
        };
    qsort(snapshot->vips, snapshot->service_count, sizeof(*snapshot->vips), by_vip);
}

int snapshot_target(const struct snapshot *snapshot, const struct flow_key *client,
                    const struct flow_key *rs) {
    const struct service *service = snapshot_service(snapshot, client);
    struct ip_address address = flow_src(rs);

    for (uint32_t i = 0; service != NULL && i < service->choices; i++) {
        uint32_t number = snapshot->choices[service->first_choice + i].target;
        const struct target *target = &snapshot->targets[number];

        if (target->port == rs->src_port && target->vni == flow_vni(rs) &&
            ip_equal(&target->address, &address))
            return (int)number;
    }
    return -1;
}
