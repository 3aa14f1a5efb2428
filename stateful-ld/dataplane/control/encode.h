/**
 * @file
 * Answers of the control socket, as the messages of dataplane.proto with their length in front.
 */
#ifndef SLUICE_CONTROL_ENCODE_H
#define SLUICE_CONTROL_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/apply.h"
#include "forward/session_scan.h"
#include "sluice/ld/v1/dataplane.pb-c.h"

enum {
    FRAME_HEADER_BYTES = 4, /**< length, big endian */
    FRAME_BODY_BYTES_MAX = 16 << 20,
};

/** Bytes waiting to be written. Zero-initialise. */
struct output {
    uint8_t *data;
    size_t begin;
    size_t end;
    size_t capacity;
};

static inline size_t output_pending(const struct output *output) {
    return output->end - output->begin;
}

void output_free(struct output *output);

/** Append one message. @return false when out of memory. */
bool encode_response(struct output *output, const Sluice__Ld__V1__DataplaneResponse *response);

/** Append an answer that is only a code and, unless it is STATUS_OK, a reason. */
bool encode_status(struct output *output, enum status_code code, const char *reason);

/** Append @p config as it is held; NULL: none has been applied. */
bool encode_config(struct output *output, Sluice__Ld__V1__LdConfig *config);

/** Append how the LD is: version, epoch, sessions, how far its workers are. */
bool encode_state(struct output *output, const struct dataplane *dataplane, uint64_t started_ms,
                  uint64_t now_ms);

/** Append what is known of each configured RS, and by which address it is checked. */
bool encode_rs_list(struct output *output, const struct dataplane *dataplane);

/** Append all counters, summed over the workers. */
bool encode_counters(struct output *output, const struct dataplane *dataplane);

/** Append a batch of sessions of the worker on @p lcore. */
bool encode_sessions(struct output *output, const struct dataplane *dataplane, unsigned lcore,
                     const struct session_view *views, uint32_t count);

/** Append the empty batch that ends a listing. */
bool encode_sessions_end(struct output *output);

/** Memory for encode_replication(). */
struct replication_status {
    Sluice__Ld__V1__PeerReplication peers[CLUSTER_LDS_MAX];
    Sluice__Ld__V1__PeerReplication *pointers[CLUSTER_LDS_MAX];
};

/** How far replication is with each peer. @return how many there are in @p status */
size_t encode_replication(struct replication_status *status, const struct dataplane *dataplane,
                          uint64_t now_ms);

#endif
