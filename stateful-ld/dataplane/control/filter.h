/**
 * @file
 * The filter of a request (SessionFilter) as workers use it.
 */
#ifndef SLUICE_CONTROL_FILTER_H
#define SLUICE_CONTROL_FILTER_H

#include <stdbool.h>

#include "config/config.h"
#include "config/registry.h"
#include "forward/session_filter.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** @param[out] reason set when it is refused. @return false then */
bool filter_validate(const Sluice__Ld__V1__SessionFilter *message,
                     char reason[CONFIG_REASON_BYTES]);

/** True when the filter asks for nothing: all sessions are wanted. */
bool filter_is_empty(const Sluice__Ld__V1__SessionFilter *message);

/** @param message has been validated. @return false when out of memory */
bool filter_build(struct session_filter *filter, const struct registry *registry,
                  const Sluice__Ld__V1__SessionFilter *message);

/** Free what filter_build() has allocated; no worker may use it any more. */
void filter_free(struct session_filter *filter);

#endif
