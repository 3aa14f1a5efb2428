/**
 * @file
 * Measurements of two LDs: both data planes in this process, a worker and a port each, a wire
 * between them (bench/link.h). Each prints its members of the JSON object.
 */
#ifndef SLUICE_BENCH_PAIR_H
#define SLUICE_BENCH_PAIR_H

#include <stdint.h>

/** What the other LD of a pair is told of connections. */
enum pair_backup {
    BACKUP_NONE, /**< nothing: each is alone, so a difference to this is replication's alone */
    /** All. It has none of the services, refuses all that it is told and acknowledges it: its
     * memory is in nobody's way then, as a backup's on another machine. */
    BACKUP_TOLD,
    BACKUP_KEEPS, /**< all, and it has the sessions, too */
};

/**
 * New connections at one LD, beside another one. What is measured is the first one.
 *
 * @param in_progress connections at a time
 * @return packets dropped
 */
uint64_t pair_connections(uint32_t in_progress, enum pair_backup backup);

/**
 * `options.sessions` sessions, in use at full rate, move to the LD of another cluster. From the
 * configurations that say so until both LDs have counted what they have; then each session's client
 * is heard there.
 *
 * @return packets of the traffic that were dropped
 */
uint64_t pair_migration(void);

#endif
