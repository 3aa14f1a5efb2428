/**
 * @file
 * The room behind a received packet, for an answer that is longer than it.
 */
#ifndef SLUICE_PACKET_ROOM_H
#define SLUICE_PACKET_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/* gcc and clang say it in different ways. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ROOM_POISON(at, bytes)   __asan_poison_memory_region(at, bytes)
#define ROOM_UNPOISON(at, bytes) __asan_unpoison_memory_region(at, bytes)
#else
#define ROOM_POISON(at, bytes)   ((void)(at))
#define ROOM_UNPOISON(at, bytes) ((void)(at))
#endif

/**
 * Have @p bytes of the mbuf's data to write, from its first one on. Tests poison what is behind a
 * received frame, so that a read there is found (testing/harness.c); this says that it is no
 * mistake. The mbuf's length stays the caller's.
 *
 * @return false when the mbuf has no room for so many
 */
static inline bool room_for(struct rte_mbuf *mbuf, uint32_t bytes) {
    if (bytes > mbuf->data_len + (uint32_t)rte_pktmbuf_tailroom(mbuf))
        return false;
    ROOM_UNPOISON(rte_pktmbuf_mtod(mbuf, uint8_t *), bytes);
    return true;
}

#endif
