/**
 * @file
 * Which (local IP, local port) the next session of a bucket takes: least recently used first.
 *
 * Every bucket has its own list of the 63 ports of each local IP whose low 10 bits are the bucket
 * (1024..65535), or of those of them that this LD gives out (packet/port_share.h); the others,
 * whose sessions are known here as well, are in a second list in the same order. A port goes to the
 * end when a session takes it and again when the session ends, so the one at the front has been
 * idle longest. Towards different RSs one port may be in use many times; whether it is free towards
 * this one only the session table knows, so the caller asks with a callback. A port found in use
 * counts as just used and goes to the end as well.
 *
 * Not thread safe: a bucket's lists belong to the worker that owns the bucket.
 */
#ifndef SLUICE_SESSION_LOCAL_PORT_H
#define SLUICE_SESSION_LOCAL_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"
#include "packet/port_share.h"

enum {
    LOCAL_PORT_FIRST = 1024,
    LOCAL_PORTS_PER_BUCKET = 63, /**< of each local IP: (65536 - 1024) / 1024 */
    LOCAL_IPS_MAX = 64,          /**< of each family */
    LOCAL_PORT_TRIES_MAX = 512,  /**< that one packet may cost, towards all RSs */
};

/**
 * The cluster's local IPs of one family. A slot keeps its number while its address stays
 * configured.
 */
struct local_ip_set {
    uint64_t slots; /**< bit per slot in use */
    struct ip_address address[LOCAL_IPS_MAX];
};

/** Ports of a bucket that may be given out. */
struct local_port_range {
    uint64_t slots; /**< at these local IPs: a bit each */
    uint8_t shares; /**< of these shares: a bit each */
};

struct local_port_bucket;

struct local_ports {
    struct local_port_bucket *buckets; /**< one per bucket; untouched ones cost no memory */
    uint64_t seed;
};

struct local_port {
    struct ip_address address;
    uint16_t port; /**< host order */
    uint8_t slot;
};

/** @return true when @p candidate is unused towards the RS in question */
typedef bool (*local_port_is_free)(void *context, const struct local_port *candidate);

/** @param seed where in its ports a bucket begins. @return 0, or -ENOMEM. */
int local_ports_init(struct local_ports *ports, uint64_t seed);
void local_ports_free(struct local_ports *ports);

/** Ask for the memory where the list of @p bucket begins. */
void local_ports_prefetch(const struct local_ports *ports, uint16_t bucket);

/** When that is there: for what else local_port_take() reads. */
void local_ports_prefetch_first(const struct local_ports *ports, uint16_t bucket);

/**
 * The port that local_port_take() tries first, left where it is.
 *
 * @return false when it cannot be told, or there is none
 */
bool local_port_first(const struct local_ports *ports, const struct local_ip_set *ips,
                      struct local_port_range range, uint16_t bucket, struct local_port *first);

enum {
    LOCAL_PORT_PREFETCH_STEPS = 2
};

/**
 * Ask for what local_port_release() reads; parameters as there. What @p step 1 asks for stands in
 * what step 0 has asked for.
 */
void local_port_prefetch(const struct local_ports *ports, uint16_t bucket, uint8_t slot,
                         uint16_t port, int step);

/**
 * Take the least recently used port of @p bucket that @p is_free accepts.
 *
 * @param range those to take it from; a change of it is followed
 * @param[in,out] tries how many ports may be looked at; what is left of them
 * @return false when none was found: all ports (or the 256 least recently used) are in use
 */
bool local_port_take(struct local_ports *ports, const struct local_ip_set *ips,
                     struct local_port_range range, uint16_t bucket, local_port_is_free is_free,
                     void *context, int *tries, struct local_port *taken);

/**
 * A session that used the port is over.
 *
 * @param slot as in `local_port.slot`; ignored when the slot is not in use any more, or @p port is
 *             none that any LD gives out
 */
void local_port_release(struct local_ports *ports, uint16_t bucket, uint8_t slot, uint16_t port);

#endif
