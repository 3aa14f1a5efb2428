#include "config/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/migration.h"
#include "session/timeouts.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Limit Limit;
typedef Sluice__Ld__V1__Prefix Prefix;
typedef Sluice__Ld__V1__Service Service;
typedef Sluice__Ld__V1__RealServer RealServer;
typedef Sluice__Ld__V1__Timeouts Timeouts;

static const struct policy defaults = {
    .timeout_ms = {
        [STATE_SYN_SENT] = TIMEOUT_SYN_SENT_MS,
        [STATE_SYN_RECV] = TIMEOUT_SYN_RECV_MS,
        [STATE_ESTABLISHED] = TIMEOUT_ESTABLISHED_MS,
        [STATE_FIN_WAIT] = TIMEOUT_FIN_WAIT_MS,
        [STATE_CLOSE_WAIT] = TIMEOUT_CLOSE_WAIT_MS,
        [STATE_LAST_ACK] = TIMEOUT_LAST_ACK_MS,
        [STATE_TIME_WAIT] = TIMEOUT_TIME_WAIT_MS,
        [STATE_CLOSE] = TIMEOUT_CLOSE_MS,
        [STATE_UDP_ACTIVE] = TIMEOUT_UDP_MS,
        [STATE_SYN_ACK] = TIMEOUT_SYN_ACK_MS,
    },
};

static void set_timeouts(uint32_t *timeout_ms, const Timeouts *configured) {
    const Timeouts none = SLUICE__LD__V1__TIMEOUTS__INIT;
    const Timeouts *t = configured != NULL ? configured : &none;
    const uint32_t wanted[STATE_COUNT] = {
        [STATE_SYN_SENT] = t->syn_sent_ms,       [STATE_SYN_RECV] = t->syn_recv_ms,
        [STATE_ESTABLISHED] = t->established_ms, [STATE_FIN_WAIT] = t->fin_wait_ms,
        [STATE_CLOSE_WAIT] = t->close_wait_ms,   [STATE_LAST_ACK] = t->last_ack_ms,
        [STATE_TIME_WAIT] = t->time_wait_ms,     [STATE_CLOSE] = t->close_ms,
        [STATE_UDP_ACTIVE] = t->udp_ms,          [STATE_SYN_ACK] = t->syn_ack_ms,
    };

    for (int state = 0; state < STATE_COUNT; state++)
        if (wanted[state] != 0)
            timeout_ms[state] = wanted[state];
}

void policy_set_default(struct policy *policy, const LdConfig *config) {
    *policy = defaults;
    set_timeouts(policy->timeout_ms, config->timeouts);
}

static struct access_prefix prefix_of(const Prefix *given, bool allow) {
    struct ip_address address = given->address.len == sizeof(address)
                                    ? ip_from_v6(given->address.data)
                                    : (struct ip_address){ 0 };
    struct access_prefix prefix = { .allow = allow, .bits = (uint8_t)given->len };

    if (given->address.len != sizeof(address)) {
        rte_be32_t v4;

        memcpy(&v4, given->address.data, sizeof(v4));
        address = ip_from_v4(v4);
        prefix.bits = (uint8_t)(96 + given->len);
    }
    prefix.address = (struct access_address){
        .high = rte_be_to_cpu_64(address.half[0]),
        .low = rte_be_to_cpu_64(address.half[1]),
    };
    return prefix;
}

static int set_access(struct policy *policy, const Service *service) {
    size_t count = service->n_allow + service->n_block;
    struct access_prefix *prefixes;

    if (count == 0)
        return 0;
    prefixes = calloc(count, sizeof(*prefixes));
    if (prefixes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < service->n_allow; i++)
        prefixes[i] = prefix_of(service->allow[i], true);
    for (size_t i = 0; i < service->n_block; i++)
        prefixes[service->n_allow + i] = prefix_of(service->block[i], false);
    policy->access = access_list_build(prefixes, (uint32_t)count);
    free(prefixes);
    return policy->access != NULL ? 0 : -ENOMEM;
}

static void set_quota(struct policy *policy, const Service *service,
                      const struct policy_inputs *inputs) {
    for (size_t i = 0; i < inputs->config->n_limits; i++) {
        const Limit *limit = inputs->config->limits[i];
        const struct quota_limits limits = {
            .per_s = { [QUOTA_BYTES_IN] = limit->bandwidth_in_bps / 8,
                       [QUOTA_BYTES_OUT] = limit->bandwidth_out_bps / 8,
                       [QUOTA_NEW_SESSIONS] = limit->new_sessions_per_s },
            .sessions = limit->sessions,
        };

        if (strcmp(limit->name, service->limit) == 0)
            policy->quota = quota_use(inputs->quotas[i], &limits);
    }
}

static bool has_priority(const LdConfig *config, const Service *service) {
    for (size_t i = 0; i < config->n_priority_ports; i++)
        if (config->priority_ports[i]->port == service->port &&
            config->priority_ports[i]->protocol == service->protocol)
            return true;
    return false;
}

int policy_set(struct policy *policy, const Service *service, const struct policy_inputs *inputs) {
    *policy = *inputs->ld;
    set_timeouts(policy->timeout_ms, service->timeouts);
    set_quota(policy, service, inputs);
    if (inputs->cookies != NULL) {
        const struct quota_limits threshold = {
            .per_s = { [QUOTA_NEW_SESSIONS] = service->syn_cookie_threshold_per_s },
        };

        policy->cookies = quota_use(inputs->cookies, &threshold);
    }
    policy->new_sessions_per_source_per_s = service->new_sessions_per_source_per_s;
    policy->high_priority = has_priority(inputs->config, service);
    policy->reset = service->reset;
    policy->migrates = migration_moves(inputs->config, service->name);
    policy->client_address = service->client_address;
    return set_access(policy, service);
}

void policy_free(struct policy *policy) {
    access_list_free(policy->access);
}

/* All LDs must agree on it, so it is made of what they all are told, not of names or numbers. */
static void set_identity(struct maglev_identity *identity, const RealServer *rs) {
    if (rs->address.len == 4) {
        identity->address[10] = identity->address[11] = 0xff;
        memcpy(identity->address + 12, rs->address.data, 4);
    } else {
        memcpy(identity->address, rs->address.data, sizeof(identity->address));
    }
    identity->vni = rs->vpc != NULL ? rs->vpc->vni : 0;
    identity->port = rs->port;
}

static struct maglev_table *get_table(const Service *service, const struct choice *choices,
                                      struct maglev_table *old) {
    struct maglev_identity *identities = calloc(service->n_real_servers + 1, sizeof(*identities));
    struct maglev_table *table;

    if (identities == NULL)
        return NULL;
    for (size_t i = 0; i < service->n_real_servers; i++)
        set_identity(&identities[i], service->real_servers[i]);
    table = maglev_get(choices, identities, (uint32_t)service->n_real_servers, old);
    free(identities);
    return table;
}

int service_scheduler_set(struct service_scheduler *scheduler, const Service *service,
                          const struct choice *choices, const struct service_scheduler *old) {
    uint32_t bits = service->source_prefix_len, bits_v6 = service->source_prefix_len_v6;

    scheduler->kind = service->scheduler;
    scheduler->source_bits[FAMILY_IPV4] = (uint8_t)(bits != 0 ? bits : 32);
    scheduler->source_bits[FAMILY_IPV6] = (uint8_t)(bits_v6 != 0 ? bits_v6 : 128);
    if (service->scheduler != SLUICE__LD__V1__SCHEDULER__SOURCE_HASH &&
        service->scheduler != SLUICE__LD__V1__SCHEDULER__FLOW_HASH)
        return 0;
    scheduler->maglev = get_table(service, choices, old != NULL ? old->maglev : NULL);
    return scheduler->maglev != NULL ? 0 : -ENOMEM;
}

void service_scheduler_free(struct service_scheduler *scheduler) {
    maglev_put(scheduler->maglev);
}
