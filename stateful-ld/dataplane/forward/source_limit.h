/**
 * @file
 * How many new sessions a second one client may open towards a service.
 *
 * Clients are not remembered one by one: each falls into one cell of two rows, by hashes nobody
 * outside can foresee, and is refused when both are exhausted. That takes 1 MiB however many there
 * are; an innocent client is refused only when flooding ones have both of its cells, which of 65536
 * a thousand of them do to one client in 4000. All workers use the same cells: a client's
 * connections come to any of them. They are touched for new sessions only, and an exhausted one is
 * only read.
 */
#ifndef SLUICE_FORWARD_SOURCE_LIMIT_H
#define SLUICE_FORWARD_SOURCE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/flow.h"

enum {
    SOURCE_ROWS = 2,
    SOURCE_CELLS = 65536,
};

struct source_limits {
    uint64_t seed;
    uint64_t *due[SOURCE_ROWS]; /**< [SOURCE_CELLS], gcra_take_shared()'s */
};

/** @return 0, or -ENOMEM */
int source_limits_init(struct source_limits *limits, uint64_t seed);
void source_limits_free(struct source_limits *limits);

/**
 * May this client open one more session? IPv6 clients are told apart by the first 64 bits: who has
 * one address there has them all.
 *
 * @param client tuple of the client's packet. @param per_s also how many may come at once
 */
bool source_limit_take(struct source_limits *limits, const struct flow_key *client, uint32_t per_s,
                       uint64_t now_ms);

#endif
