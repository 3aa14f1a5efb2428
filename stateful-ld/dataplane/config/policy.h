/**
 * @file
 * How a service treats its sessions: everything of its configuration but its address and its RSs,
 * in the form workers use.
 */
#ifndef SLUICE_CONFIG_POLICY_H
#define SLUICE_CONFIG_POLICY_H

#include <stdint.h>

#include "forward/scheduler_maglev.h"
#include "packet/address.h"
#include "session/tcp_state.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** What a session asks its service for while it lives. */
struct policy {
    uint32_t timeout_ms[STATE_COUNT];
};

/** How a service chooses the RS of a new session. */
struct service_scheduler {
    Sluice__Ld__V1__Scheduler kind;
    uint8_t source_bits[FAMILY_COUNT]; /**< leading bits of a client's address that count */
    struct maglev_table *maglev;       /**< of schedulers that hash; else NULL */
};

/** The LD's own: what services take over that do not say otherwise. */
void policy_set_default(struct policy *policy, const Sluice__Ld__V1__LdConfig *config);

/** @param ld policy_set_default()'s */
void policy_set(struct policy *policy, const Sluice__Ld__V1__Service *service,
                const struct policy *ld);

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
