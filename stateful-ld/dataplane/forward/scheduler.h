/**
 * @file
 * Which RS a new session of a service gets.
 */
#ifndef SLUICE_FORWARD_SCHEDULER_H
#define SLUICE_FORWARD_SCHEDULER_H

#include <stdbool.h>

#include "packet/flow.h"

struct service;
struct worker;

/**
 * @param client tuple of the client's packet
 * @return index among the service's choices, or -1 when every weight, or share of it, is 0
 */
int scheduler_choose(struct worker *worker, const struct service *service,
                     const struct flow_key *client);

/** True when a choice does not depend on what becomes of the ones before: it may be made ahead. */
bool scheduler_foresees(const struct service *service);

/**
 * The hash that SOURCE_HASH looks up, of the leading @p bits of an address. Like
 * scheduler_flow_hash() the same on every LD and in every version: changing it moves every client.
 */
uint32_t scheduler_source_hash(const struct ip_address *source, uint32_t bits);

/** The hash that FLOW_HASH looks up. */
uint32_t scheduler_flow_hash(const struct flow_key *client);

#endif
