#include "session/memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE_BYTES = 2 << 20
};

/* mmap aligns to 4 KiB; the parts outside the aligned window are given back. */
static void *map_aligned(size_t bytes) {
    size_t padded = bytes + HUGE_PAGE_BYTES;
    uint8_t *base = mmap(NULL, padded, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uintptr_t aligned;

    if (base == MAP_FAILED)
        return NULL;
    aligned = ((uintptr_t)base + HUGE_PAGE_BYTES - 1) & ~(uintptr_t)(HUGE_PAGE_BYTES - 1);
    if (aligned > (uintptr_t)base)
        munmap(base, aligned - (uintptr_t)base);
    munmap((void *)(aligned + bytes), (uintptr_t)base + padded - (aligned + bytes));
    return (void *)aligned;
}

static size_t rounded(size_t bytes) {
    size_t unit = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : 4096;

    return (bytes + unit - 1) / unit * unit;
}

void *memory_map(size_t bytes) {
    void *memory = map_aligned(rounded(bytes));

    /* A hint: without huge pages the table works, only with more TLB misses. */
    if (memory != NULL && bytes >= HUGE_PAGE_BYTES)
        (void)madvise(memory, rounded(bytes), MADV_HUGEPAGE);
    return memory;
}

void memory_unmap(void *memory, size_t bytes) {
    if (memory != NULL)
        munmap(memory, rounded(bytes));
}
