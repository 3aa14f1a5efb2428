/**
 * @file
 * Counters by DPDK's telemetry socket (`dpdk-telemetry.py`), beside those DPDK itself has there for
 * ports, pools and rings:
 *
 *     /sluice/workers           cores of the workers
 *     /sluice/counters          sum over the workers
 *     /sluice/counters,CORE     of one worker
 *     /sluice/drops[,CORE]      packets dropped by reason; those above 0
 *
 * What depends on the configuration (services, real servers) is not here: EAL answers on a thread
 * of its own, which knows nothing of when configurations are freed.
 */
#ifndef SLUICE_CONTROL_TELEMETRY_H
#define SLUICE_CONTROL_TELEMETRY_H

#include "forward/dataplane.h"

/** Answer from now on. Once at a time in a process. */
void telemetry_begin(const struct dataplane *dataplane);

/** Before the data plane is freed; waits for an answer being made. */
void telemetry_end(void);

#endif
