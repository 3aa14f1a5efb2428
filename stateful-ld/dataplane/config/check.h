/**
 * @file
 * Parts of config_validate(). Each check says in `reason` what it refuses, and why.
 */
#ifndef SLUICE_CONFIG_CHECK_H
#define SLUICE_CONFIG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/ld/v1/ld.pb-c.h"

struct check {
    const Sluice__Ld__V1__LdConfig *config;
    char *reason; /**< CONFIG_REASON_BYTES */
};

/** Set the reason. @return false */
__attribute__((format(printf, 2, 3))) bool refuse(const struct check *check, const char *format,
                                                  ...);

/** @param what names the value in the reason */
bool check_range(const struct check *check, const char *what, uint64_t value, uint64_t least,
                 uint64_t most);

/** @param prefix of the reason, such as "service \"web\": ". @param timeouts NULL: all defaults */
bool check_timeouts(const struct check *check, const char *prefix,
                    const Sluice__Ld__V1__Timeouts *timeouts);

/** LdConfig.limits and priority_ports. */
bool check_limits(const struct check *check);

/** How a service treats its sessions: all of it but the VIP and the RSs. @param what names it */
bool check_policy(const struct check *check, const char *what,
                  const Sluice__Ld__V1__Service *service);

#endif
