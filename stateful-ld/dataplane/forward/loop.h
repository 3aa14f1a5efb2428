/**
 * @file
 * A worker's thread: turn after turn of worker_poll(), until it is told to stop.
 */
#ifndef SLUICE_FORWARD_LOOP_H
#define SLUICE_FORWARD_LOOP_H

#include <stdint.h>

struct worker;

/** What all workers of a process are told. */
struct loop_options {
    const volatile int *stop; /**< not 0: return after this turn */
    uint32_t idle_sleep_us;   /**< a worker that finds nothing sleeps so long; 0: never */
};

/** The process's clock: milliseconds since some moment, on every core the same. Any thread. */
uint64_t clock_ms(void);

/** Run @p worker on this thread, which RCU then knows by the worker's id. */
void loop_run(struct worker *worker, const struct loop_options *options);

#endif
