/**
 * @file
 * A listing in progress: worker by worker, batch by batch, as fast as its reader takes it.
 */
#ifndef SLUICE_CONTROL_LISTING_H
#define SLUICE_CONTROL_LISTING_H

#include <stdbool.h>

#include "control/encode.h"
#include "forward/dataplane.h"

struct listing;

/**
 * Begin to list. Of all listings only one at a time may have the workers: from its listing_step()
 * until one that returns anything but LISTING_WAITS.
 *
 * @param filter has been validated (filter_validate())
 * @return NULL when out of memory
 */
struct listing *listing_begin(struct dataplane *dataplane,
                              const Sluice__Ld__V1__SessionFilter *filter);

enum listing_status {
    LISTING_WAITS,  /**< for a worker */
    LISTING_RESTS,  /**< until the reader takes what is in @p output; the workers are free */
    LISTING_DONE,   /**< the last batch is in @p output */
    LISTING_FAILED, /**< out of memory */
};

/** Move what workers have copied to @p output. Never waits for a packet path. */
enum listing_status listing_step(struct listing *listing, struct output *output);

/** End it, also before it is done. */
void listing_end(struct listing *listing);

#endif
