/**
 * @file
 * The control socket: a Unix stream socket on which the agent configures and reads the data plane
 * (dataplane.proto). Runs on the main lcore, waits for nobody: a slow reader of a long listing
 * delays only itself.
 */
#ifndef SLUICE_CONTROL_CONTROL_H
#define SLUICE_CONTROL_CONTROL_H

#include <stdint.h>

#include "forward/dataplane.h"

struct control;

enum {
    CONTROL_ERROR_BYTES = 512
};

/**
 * Listen on @p path; a socket nobody listens on any more is replaced.
 *
 * @param[out] error one line when it fails: what, where, why, remedy
 * @return NULL on failure
 */
struct control *control_create(const char *path, struct dataplane *dataplane, uint64_t now_ms,
                               char error[CONTROL_ERROR_BYTES]);

/** Wait up to @p wait_ms for requests, and serve what is there. */
void control_poll(struct control *control, uint64_t now_ms, int wait_ms);

/** Let control_poll() also return as soon as there is something to read from @p fd. */
void control_wake_on(struct control *control, int fd);

/** Close all connections and remove the socket. */
void control_destroy(struct control *control);

#endif
