#include "forward/scheduler.h"

#include "forward/rs_share.h"
#include "forward/scheduler_wlc.h"
#include "forward/worker.h"

/* Arbitrary, and not those of flow_hash() or of the bucket: RSs must not depend on cores. */
#define SALT_HIGH 0x2d358dccaa6c78a5ULL
#define SALT_LOW  0x8bb84b93962eacc9ULL
#define SALT_REST 0x4b33a62ed433d4a3ULL

enum {
    /** With half of the RSs down, one client in 65536 needs more. */
    HASH_ATTEMPTS = 16,
};

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

/* Which clients an RS gets back first in its slow start: some bits that do not choose the slot. */
static bool takes(uint32_t share, uint32_t hash) {
    return share == RS_SHARE_FULL || hash * 0x9e3779b1u % RS_SHARE_FULL < share;
}

/* Whom the table gives the client, unless it is down, or has not got so far in its slow start; then
 * whom it gives the next hash. So only clients of RSs that are impaired move, to RSs that all LDs
 * with the same view agree on, and they come back one after the other. */
static int choose_by_hash(const struct snapshot *snapshot, const struct service *service,
                          const uint16_t *shares, uint32_t hash) {
    const struct choice *choices = &snapshot->choices[service->first_choice];
    int chosen;

    for (int attempt = 0; attempt < HASH_ATTEMPTS; attempt++) {
        chosen = maglev_choose(service->scheduler.maglev, hash);
        if (chosen < 0 || takes(rs_share_of(shares, choices[chosen].target), hash))
            return chosen;
        hash = (uint32_t)flow_mix(hash ^ SALT_HIGH, SALT_REST);
    }
    for (uint32_t i = 0; i < service->choices; i++) {
        uint32_t number = (uint32_t)(((uint64_t)hash + i) % service->choices);

        if (choices[number].weight != 0 && rs_share_of(shares, choices[number].target) != 0)
            return (int)number;
    }
    return -1;
}

bool scheduler_foresees(const struct service *service) {
    return service->scheduler.kind != SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS;
}

int scheduler_choose(struct worker *worker, const struct service *service,
                     const struct flow_key *client) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct choice *choices = &snapshot->choices[service->first_choice];
    const uint16_t *shares = worker->dataplane->rs_shares;
    uint64_t *turns = &snapshot->turns[worker->id][service->first_choice];

    switch (service->scheduler.kind) {
    case SLUICE__LD__V1__SCHEDULER__SOURCE_HASH:
        return choose_by_hash(snapshot, service, shares, source_hash(&service->scheduler, client));
    case SLUICE__LD__V1__SCHEDULER__FLOW_HASH:
        return choose_by_hash(snapshot, service, shares, scheduler_flow_hash(client));
    case SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS:
        return wlc_choose(choices, shares, service->choices, worker->rs, turns);
    default:
        return wrr_choose(choices, shares, turns, service->choices);
    }
}
