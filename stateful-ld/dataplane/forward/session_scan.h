/**
 * @file
 * Listing sessions while traffic runs: control asks, each worker copies its own sessions slice by
 * slice between bursts, so that no packet waits for a listing and no session is read half-written.
 */
#ifndef SLUICE_FORWARD_SESSION_SCAN_H
#define SLUICE_FORWARD_SESSION_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "forward/session_filter.h"

struct worker;

enum {
    SCAN_BATCH = 512,         /**< sessions copied before control has to take them */
    SCAN_SLICE_COPIED = 64,   /**< sessions copied between two bursts */
    SCAN_SLICE_VISITED = 512, /**< entries looked at between two bursts */
};

/** A session as it was when its worker copied it. */
struct session_view {
    struct flow_key from_client;
    struct flow_key from_rs;
    uint32_t target;
    uint16_t bucket;
    uint8_t state;
    uint64_t age_ms;
    uint64_t expires_in_ms;
    uint64_t packets[2];
};

/**
 * One listing of one worker's sessions. Belongs to the worker from when control has set
 * worker->scan until the worker has set `ready`, and to control from then until it clears `ready`.
 */
struct session_scan {
    struct session_filter filter;
    uint32_t last;  /**< session number looked at last */
    bool finished;  /**< no session is left */
    uint32_t count; /**< of `views` */
    uint32_t ready; /**< atomic: 1 when control may read */
    struct session_view views[SCAN_BATCH];
};

/** Worker: copy a slice when one is wanted. */
void session_scan_slice(struct worker *worker);

/** Control: begin to scan @p worker's sessions, behind `last`. The scan must be zeroed but for that
 * and its filter. */
void session_scan_begin(struct worker *worker, struct session_scan *scan);

/** Control: true when views, count and finished may be read. */
bool session_scan_ready(const struct session_scan *scan);

/** Control: hand the scan back to the worker for the next batch. */
void session_scan_continue(struct session_scan *scan);

/**
 * Control: let go of the scan. It may be freed only after every worker has been quiescent once
 * (rte_rcu_qsbr_synchronize()), because the worker may be in the middle of a slice.
 */
void session_scan_end(struct worker *worker);

#endif
