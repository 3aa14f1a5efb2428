/**
 * @file
 * Putting a configuration into force: all of it, or nothing.
 */
#ifndef SLUICE_CONTROL_APPLY_H
#define SLUICE_CONTROL_APPLY_H

#include "config/config.h"
#include "forward/dataplane.h"

/** gRPC status codes this program answers with (google.rpc.Code). */
enum status_code {
    STATUS_OK = 0,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_UNIMPLEMENTED = 12,
};

/**
 * Validate, build, publish, and free what it replaces once no worker uses it. Traffic goes on.
 *
 * @param[out] reason set when the code is not STATUS_OK; nothing has changed then
 * @return STATUS_OK, INVALID_ARGUMENT, FAILED_PRECONDITION (an epoch older than the one held) or
 *         RESOURCE_EXHAUSTED. Control only; waits for the workers' current bursts.
 */
enum status_code apply_config(struct dataplane *dataplane, const Sluice__Ld__V1__LdConfig *config,
                              char reason[CONFIG_REASON_BYTES]);

/** Sum of what all workers have counted for a target, without what earlier ones have carried. */
struct rs_counters apply_rs_totals(const struct dataplane *dataplane, uint32_t target);

#endif
