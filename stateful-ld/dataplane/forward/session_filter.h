/**
 * @file
 * Which sessions somebody wants to see, by who they are between.
 */
#ifndef SLUICE_FORWARD_SESSION_FILTER_H
#define SLUICE_FORWARD_SESSION_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "session/session.h"

/** Immutable while a worker uses it. Zero: all sessions. */
struct session_filter {
    const bool *targets; /**< by registry number; NULL: all */
    uint32_t target_count;
    struct ip_address client;
    uint32_t client_prefix_len; /**< of the 128 bits of `client` */
    rte_be16_t client_port;     /**< 0: any */
    struct ip_address vip;      /**< none: any */
    rte_be16_t vip_port;        /**< 0: any */
    uint8_t state;              /**< STATE_NONE: any */
};

/** Whether a client's packets are wanted. @param from_client their tuple */
bool session_filter_has_client(const struct session_filter *filter,
                               const struct flow_key *from_client);

/** Whether an open session is. */
bool session_filter_has(const struct session_filter *filter, const struct session_table *table,
                        uint32_t number);

#endif
