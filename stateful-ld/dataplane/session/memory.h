/**
 * @file
 * Large tables of one worker: zeroed, lazily backed, on transparent huge pages where the kernel
 * has them. They are never reached by a device, so DPDK's own (pinned) memory is left to mbufs.
 */
#ifndef SLUICE_SESSION_MEMORY_H
#define SLUICE_SESSION_MEMORY_H

#include <stddef.h>

/** @return zeroed memory aligned to 2 MiB when it is that large, or NULL when there is none. */
void *memory_map(size_t bytes);

/** @param bytes as given to memory_map(). NULL is ignored. */
void memory_unmap(void *memory, size_t bytes);

#endif
