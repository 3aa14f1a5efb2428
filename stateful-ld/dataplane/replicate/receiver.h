/**
 * @file
 * The receiving end: packets in order, exactly once; records to the workers that own their
 * buckets; and whether the copy a stream begins with has come whole.
 */
#ifndef SLUICE_REPLICATE_RECEIVER_H
#define SLUICE_REPLICATE_RECEIVER_H

#include <stdint.h>

#include "replicate/wire.h"

struct worker;

enum {
    /** Copies asked for again because their count was wrong. Then what there is has to do: a real
     * server that only one of the LDs knows must not keep the other from its work. */
    COPY_ATTEMPTS = 3,
};

/** Take in a packet of data. @param records its records, without the tag */
void receiver_data(struct worker *worker, uint8_t peer, const struct wire_header *header,
                   const uint8_t *records, uint16_t bytes, uint16_t bucket);

/** Acknowledge what the burst has brought. */
void receiver_acknowledge(struct worker *worker);

/** Do what records say that other workers have received for us. */
void receiver_take_records(struct worker *worker);

#endif
