/**
 * @file
 * What all measurements stand on: memory-only ports, data planes on them, a thread for each worker,
 * and samples of what the workers have done. Main thread only.
 */
#ifndef SLUICE_BENCH_STATION_H
#define SLUICE_BENCH_STATION_H

#include <pthread.h>
#include <stdint.h>

#include "bench/traffic.h"
#include "testing/message.h"

enum {
    STATIONS_MAX = 2,
    WARM_UP_MS = 300,
    /* Connections: sessions of the first second have been expiring for a while by then. */
    SETTLE_MS = 4500,
    OPEN_TIMEOUT_S = 300,
};

struct bench_options {
    const char *measure;
    uint32_t sessions;
    uint32_t workers;
    uint32_t runs;
    uint32_t run_ms;
    uint32_t delay_us; /**< between two LDs, one way */
    uint32_t loss;     /**< one packet of so many between two LDs; 0: none */
};

extern struct bench_options options;

/** A worker's thread, what it receives, and what it does. */
struct station {
    struct worker *worker;
    struct traffic traffic;
    struct traffic_frame *frames;
    uint32_t frame_count;
    pthread_t thread;
    uint32_t started; /**< `thread` is set */
    uint64_t swapped; /**< packets macswap has sent back, or what memory_run() has done */
};

extern struct station stations[STATIONS_MAX];

_Noreturn void die(const char *what);
void sleep_ms(uint32_t ms);

/** Set up a net_null port with as many queues; nothing is attached to it yet. */
void port_configure(uint16_t port, uint16_t queues);
void port_start(uint16_t port);

/**
 * A data plane on a port, its worker i at station @p first + i and queue i.
 *
 * @param sessions of all workers together
 */
void station_dataplane(struct dataplane *dataplane, uint16_t port, uint32_t first, uint32_t workers,
                       uint32_t sessions);

/** Begin a configuration with all local IPs and the services that traffic is for. */
void station_message(struct message *message);

/** Apply it; every neighbour is known at once. */
void station_configure(struct dataplane *dataplane, const struct message *message);

/** @param count of stations, from the first on */
void station_start(uint32_t count);
void station_stop(void);

/** Let station @p number's traffic be connections. @see traffic_connect() */
void station_connect(uint32_t number, uint32_t in_progress, int8_t phases, uint64_t limit);

/** Wait until station @p number has opened @p sessions. */
void station_wait_opened(uint32_t number, uint64_t sessions);

/** Both directions of each session of a worker as its frames, in random order. */
void station_shuffle_flows(uint32_t number);

/** Samples of the first `options.workers` stations, as a member "samples" of the JSON object. */
void station_print_samples(uint32_t settle_ms);

/** Packets dropped by @p count stations. */
uint64_t station_drops(uint32_t count);

/** Tell on stderr why. */
void station_say_drops(uint32_t count);

#endif
