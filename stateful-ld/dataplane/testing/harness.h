/**
 * @file
 * A data plane in the test's own process: no port, no threads, a clock the test moves.
 */
#ifndef SLUICE_TESTING_HARNESS_H
#define SLUICE_TESTING_HARNESS_H

#include <stdint.h>

#include "forward/worker.h"
#include "testing/frame.h"
#include "testing/message.h"

struct harness {
    struct dataplane dataplane;
    uint64_t now_ms;
    struct frame sent[TX_MAX]; /**< by the last harness_receive() */
    uint32_t sent_count;
};

/** Start EAL (once in a process) and make a data plane. */
void harness_start(struct harness *harness, uint32_t workers, uint32_t sessions);
void harness_stop(struct harness *harness);

/** Apply a configuration; fails the test when it is refused. Nothing is resolved yet. */
void harness_apply(struct harness *harness, const struct message *message);

/** Every neighbour answers: its MAC is 02:00 and the last four bytes of its address. */
void harness_resolve(struct harness *harness);

/** The MAC harness_resolve() gives @p address. */
struct rte_ether_addr harness_mac_of(const char *address);

/** The neighbour with @p address, or NULL. */
struct neighbour *harness_neighbour(const struct harness *harness, const char *address);

/** Worker 0 receives one frame. @return how many frames are in harness->sent. */
uint32_t harness_receive(struct harness *harness, const struct frame *frame);

/** A worker receives @p count frames as one burst. */
uint32_t harness_receive_burst(struct harness *harness, uint32_t worker, const struct frame *frames,
                               uint16_t count);

/** A worker gets one packet that is in an mbuf already, such as one handed over to it. */
uint32_t harness_run_mbuf(struct harness *harness, uint32_t worker, struct rte_mbuf *mbuf);

/** What a worker does besides packets it receives. @return how many frames are in harness->sent. */
uint32_t harness_poll(struct harness *harness, uint32_t worker);

/** Let time pass, with all the expiry that comes with it. */
void harness_pass(struct harness *harness, uint64_t ms);

/** A bucket of @p worker. */
uint16_t harness_bucket_of(const struct harness *harness, uint32_t worker);

/** Frame is dropped and counted as @p reason, and as nothing else. */
void harness_expect_drop(struct harness *harness, const struct frame *frame,
                         enum drop_reason reason);

/** mbufs that are not in their pool: 0 unless someone leaks. */
uint32_t harness_mbufs_in_use(const struct harness *harness);

static inline struct worker *harness_worker(struct harness *harness) {
    return harness->dataplane.workers[0];
}

/** Sum of all drop counters of worker 0. */
uint64_t harness_drops(struct harness *harness);

#endif
