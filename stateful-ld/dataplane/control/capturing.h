/**
 * @file
 * A capture in progress: what workers copy (forward/capture.h), as chunks of a pcapng file. Bounded
 * in packets, bytes and time; what a slow reader does not take in time is missed, and counted.
 */
#ifndef SLUICE_CONTROL_CAPTURING_H
#define SLUICE_CONTROL_CAPTURING_H

#include <stdbool.h>

#include "control/encode.h"
#include "forward/dataplane.h"

struct capturing;

/**
 * Begin to capture. Only one capture can run at a time. Names of the filter are looked up once: an
 * RS that comes later is none of it.
 *
 * @param[out] reason set when it cannot begin
 * @return STATUS_OK, INVALID_ARGUMENT or RESOURCE_EXHAUSTED
 */
enum status_code capturing_begin(struct capturing **capturing, struct dataplane *dataplane,
                                 const Sluice__Ld__V1__CaptureRequest *request, uint64_t now_ms,
                                 char reason[CONFIG_REASON_BYTES]);

enum capturing_status {
    CAPTURING_GOES_ON,
    CAPTURING_DONE,   /**< the last batch is in @p output */
    CAPTURING_FAILED, /**< out of memory, or nobody reads */
};

/** Move what workers have copied to @p output. Never waits for a packet path. */
enum capturing_status capturing_step(struct capturing *capturing, struct output *output,
                                     uint64_t now_ms);

/** End it, also before it is done. NULL is allowed. */
void capturing_end(struct capturing *capturing);

#endif
