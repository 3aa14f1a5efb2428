/**
 * @file
 * How a service treats its sessions: everything of its configuration but its address and its RSs,
 * in the form workers use.
 */
#ifndef SLUICE_CONFIG_POLICY_H
#define SLUICE_CONFIG_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/access_list.h"
#include "forward/quota.h"
#include "forward/scheduler_maglev.h"
#include "packet/address.h"
#include "session/tcp_state.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** What a session asks its service for while it lives. */
struct policy {
    uint32_t timeout_ms[STATE_COUNT];
    uint32_t new_sessions_per_source_per_s; /**< 0: no limit */
    bool high_priority;                     /**< within the limit of bandwidth */
    bool reset;                             /**< refusals are answered */
    bool migrates;                          /**< the service moves from or to another cluster */
    Sluice__Ld__V1__ClientAddress client_address;
    struct access_list *access; /**< NULL: everybody */
    struct quota_use quota;
    struct quota_use cookies; /**< new sessions beyond it are opened by SYN cookies; often none */
};

/** How a service chooses the RS of a new session. */
struct service_scheduler {
    Sluice__Ld__V1__Scheduler kind;
    uint8_t source_bits[FAMILY_COUNT]; /**< leading bits of a client's address that count */
    struct maglev_table *maglev;       /**< of schedulers that hash; else NULL */
};

/** The LD's own: what services take over that do not say otherwise. */
void policy_set_default(struct policy *policy, const Sluice__Ld__V1__LdConfig *config);

/** What the policies of one configuration are made of. */
struct policy_inputs {
    const Sluice__Ld__V1__LdConfig *config;
    const struct policy *ld;     /**< policy_set_default()'s */
    struct quota *const *quotas; /**< one for each of config->limits */
    struct quota *cookies;       /**< the service's threshold of SYN cookies, or NULL */
};

/** @return 0, or -ENOMEM */
int policy_set(struct policy *policy, const Sluice__Ld__V1__Service *service,
               const struct policy_inputs *inputs);

void policy_free(struct policy *policy);

/**
 * @param choices  the service's RSs
 * @param old      what the service had before, or NULL: its table is kept when it is still right
 * @return 0, or -ENOMEM
 */
int service_scheduler_set(struct service_scheduler *scheduler,
                          const Sluice__Ld__V1__Service *service, const struct choice *choices,
                          const struct service_scheduler *old);

void service_scheduler_free(struct service_scheduler *scheduler);

#endif
