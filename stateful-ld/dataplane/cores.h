/**
 * @file
 * Whether the CPUs of workers are theirs alone, and what to do about it where they are not. A
 * worker polls: whoever else runs on its CPU takes packets from it, or its heartbeats.
 */
#ifndef SLUICE_CORES_H
#define SLUICE_CORES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_lcore.h>

#include "forward/dataplane.h"

/** Where EAL lets the program's threads run. */
struct cores {
    unsigned control; /**< the main lcore; heartbeats and EAL's own threads are on its CPUs too */
    rte_cpuset_t control_cpus;
    uint32_t workers;
    unsigned worker[WORKERS_MAX]; /**< lcores */
    rte_cpuset_t worker_cpus[WORKERS_MAX];
};

/** As EAL has been told (-l, --lcores). */
void cores_read(struct cores *cores);

/**
 * Say in the log where control and workers run; and of workers that never sleep, as warnings, which
 * may run on more than one CPU, which share theirs with control, with each other, or with other
 * programs, and which have one that the kernel uses for whatever it has to do. Takes some
 * milliseconds: the CPUs that each process of the machine may use are looked at.
 *
 * @param root where `sys` and `proc` are: "" but for tests
 * @param sleep whether workers sleep that find nothing; then a shared CPU is no harm, nor a warning
 */
void cores_report(const struct cores *cores, const char *root, bool sleep);

/** "0-2,8" (cpuset(7), "List format") as a set. @return false when it is not that */
bool cores_parse_list(const char *text, rte_cpuset_t *cpus);

#endif
