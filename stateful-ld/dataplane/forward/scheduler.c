#include "forward/scheduler.h"

#include "forward/scheduler_wlc.h"
#include "forward/worker.h"

/* Arbitrary, and not those of flow_hash() or of the bucket: RSs must not depend on cores. */
#define SALT_HIGH 0x2d358dccaa6c78a5ULL
#define SALT_LOW  0x8bb84b93962eacc9ULL
#define SALT_REST 0x4b33a62ed433d4a3ULL

static uint64_t keep_bits(uint64_t word, uint32_t bits) {
    return bits == 0 ? 0 : bits >= 64 ? word : word & UINT64_MAX << (64 - bits);
}

static uint64_t mix_address(const struct ip_address *address, uint32_t bits) {
    uint64_t high = keep_bits(rte_be_to_cpu_64(address->half[0]), bits);
    uint64_t low = keep_bits(rte_be_to_cpu_64(address->half[1]), bits > 64 ? bits - 64 : 0);

    return flow_mix(high ^ SALT_HIGH, low ^ SALT_LOW);
}

uint32_t scheduler_source_hash(const struct ip_address *source, uint32_t bits) {
    return (uint32_t)flow_mix(mix_address(source, bits) ^ SALT_REST, SALT_LOW);
}

uint32_t scheduler_flow_hash(const struct flow_key *client) {
    struct ip_address source = flow_src(client), destination = flow_dst(client);
    uint64_t rest = (uint64_t)client->vni_protocol << 32 |
                    (uint64_t)rte_be_to_cpu_16(client->src_port) << 16 |
                    rte_be_to_cpu_16(client->dst_port);
    uint64_t ends = flow_mix(mix_address(&source, 128), mix_address(&destination, 128) ^ SALT_HIGH);

    return (uint32_t)flow_mix(ends ^ SALT_REST, rest ^ SALT_LOW);
}

static uint32_t source_hash(const struct service_scheduler *scheduler,
                            const struct flow_key *client) {
    struct ip_address source = flow_src(client);

    if (ip_family(&source) == FAMILY_IPV4)
        return scheduler_source_hash(&source, 96u + scheduler->source_bits[FAMILY_IPV4]);
    return scheduler_source_hash(&source, scheduler->source_bits[FAMILY_IPV6]);
}

int scheduler_choose(struct worker *worker, const struct service *service,
                     const struct flow_key *client) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct choice *choices = &snapshot->choices[service->first_choice];
    uint64_t *turns = &snapshot->turns[worker->id][service->first_choice];

    switch (service->scheduler.kind) {
    case SLUICE__LD__V1__SCHEDULER__SOURCE_HASH:
        return maglev_choose(service->scheduler.maglev, source_hash(&service->scheduler, client));
    case SLUICE__LD__V1__SCHEDULER__FLOW_HASH:
        return maglev_choose(service->scheduler.maglev, scheduler_flow_hash(client));
    case SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS:
        return wlc_choose(choices, service->choices, worker->rs, turns);
    default:
        return wrr_choose(choices, turns, service->choices);
    }
}
