/**
 * @file
 * One connection to the control socket: requests in, answers out, in order.
 */
#ifndef SLUICE_CONTROL_CLIENT_H
#define SLUICE_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/encode.h"
#include "forward/dataplane.h"

/** What all connections work on. Control's own. */
struct control_state {
    struct dataplane *dataplane;
    Sluice__Ld__V1__LdConfig *held; /**< what apply_config() took last; NULL: none */
    uint64_t started_ms;
    uint64_t now_ms;
    struct client *lister;   /**< the connection whose listing the workers serve; NULL: none */
    struct client *capturer; /**< the connection whose capture they serve; NULL: none */
};

struct client;

/** @param fd a connected socket, taken over. @return NULL when out of memory. */
struct client *client_create(int fd, struct control_state *state);
void client_destroy(struct client *client);

/** File descriptor and the poll(2) events the connection waits for. */
int client_fd(const struct client *client);
short client_events(const struct client *client);

/** True when the connection has work that does not depend on the socket. */
bool client_busy(const struct client *client);

/**
 * Go on: read, serve, write, as far as possible without waiting.
 *
 * @param readable poll(2) says there is something to read
 * @return false when the connection is over and has to be destroyed
 */
bool client_step(struct client *client, bool readable);

#endif
