#include "control/listing.h"

#include <stdlib.h>
#include <string.h>

#include "control/filter.h"
#include "forward/worker.h"

enum {
    OUTPUT_HIGH_BYTES = 1 << 20
};

struct listing {
    struct dataplane *dataplane;
    struct session_filter filter;
    uint32_t remaining;
    uint32_t worker; /* whose sessions come next */
    uint32_t last;   /* of its sessions that have been taken */
    bool scanning;   /* that worker has the scan */
    struct session_scan scan;
};

struct listing *listing_begin(struct dataplane *dataplane,
                              const Sluice__Ld__V1__SessionFilter *filter) {
    struct listing *listing = calloc(1, sizeof(*listing));

    if (listing == NULL)
        return NULL;
    listing->dataplane = dataplane;
    listing->remaining = filter->limit != 0 ? filter->limit : UINT32_MAX;
    if (!filter_build(&listing->filter, &dataplane->registry, filter)) {
        free(listing);
        return NULL;
    }
    return listing;
}

static void scan_worker(struct listing *listing) {
    memset(&listing->scan, 0, sizeof(listing->scan));
    listing->scan.filter = listing->filter;
    listing->scan.last = listing->last;
    listing->scanning = true;
    session_scan_begin(listing->dataplane->workers[listing->worker], &listing->scan);
}

/* After this no worker looks at the scan any more. */
static void leave_worker(struct listing *listing) {
    session_scan_end(listing->dataplane->workers[listing->worker]);
    rte_rcu_qsbr_synchronize(listing->dataplane->rcu, RTE_QSBR_THRID_INVALID);
    listing->scanning = false;
}

static bool is_full(const struct output *output) {
    return output_pending(output) >= OUTPUT_HIGH_BYTES;
}

static bool take_batch(struct listing *listing, struct output *output) {
    struct session_scan *scan = &listing->scan;
    uint32_t count = RTE_MIN(scan->count, listing->remaining);
    bool encoded = true;

    if (count > 0)
        encoded = encode_sessions(output, listing->dataplane,
                                  listing->dataplane->workers[listing->worker]->lcore, scan->views,
                                  count);
    listing->remaining -= count;
    listing->last = scan->last;
    if (!scan->finished && listing->remaining > 0 && !is_full(output)) {
        session_scan_continue(scan);
        return encoded;
    }
    leave_worker(listing);
    if (scan->finished) {
        listing->worker++;
        listing->last = 0;
    }
    return encoded;
}

enum listing_status listing_step(struct listing *listing, struct output *output) {
    const struct dataplane *dataplane = listing->dataplane;

    /* Without a configuration there are no sessions, and workers do not look for scans. */
    while (dataplane->snapshot != NULL && listing->remaining > 0 &&
           listing->worker < dataplane->worker_count) {
        if (is_full(output))
            return LISTING_RESTS;
        if (!listing->scanning)
            scan_worker(listing);
        if (!session_scan_ready(&listing->scan))
            return LISTING_WAITS;
        if (!take_batch(listing, output))
            return LISTING_FAILED;
    }
    return encode_sessions_end(output) ? LISTING_DONE : LISTING_FAILED;
}

void listing_end(struct listing *listing) {
    if (listing == NULL)
        return;
    if (listing->scanning)
        leave_worker(listing);
    filter_free(&listing->filter);
    free(listing);
}
