/**
 * @file
 * What the memory of a machine allows: the two cache lines that a packet of any of many sessions
 * needs, and nothing else of a load balancer.
 */
#ifndef SLUICE_BENCH_MEMORY_H
#define SLUICE_BENCH_MEMORY_H

#include <stdint.h>

struct session_table;

/**
 * Ask for a line of the index anywhere and for the session anywhere that it would have named, as
 * many at a time as a worker has packets in a burst, and count on each session.
 *
 * @param table the LD's, with sessions
 * @param[out] done how many times so far; atomic
 * @param stop ends it
 */
void memory_run(struct session_table *table, uint64_t *done, const volatile int *stop);

#endif
