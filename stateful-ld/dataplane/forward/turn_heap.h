/**
 * @file
 * A heap of words, the least on top: whose turn is next, by when << some bits | who.
 */
#ifndef SLUICE_FORWARD_TURN_HEAP_H
#define SLUICE_FORWARD_TURN_HEAP_H

#include <stdint.h>

/**
 * Put the turn at @p at, which may be later than those below it, where it belongs.
 *
 * @return how many levels it has sunk, at most log2 @p count
 */
static inline uint32_t turn_heap_sink(uint64_t *turns, uint32_t count, uint32_t at) {
    uint64_t turn = turns[at];
    uint32_t levels = 0;

    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && turns[child + 1] < turns[child];
        if (turn <= turns[child])
            break;
        turns[at] = turns[child];
        at = child;
        levels++;
    }
    turns[at] = turn;
    return levels;
}

/** Make a heap of turns in any order. */
static inline void turn_heap_make(uint64_t *turns, uint32_t count) {
    for (uint32_t i = count / 2; i > 0; i--)
        (void)turn_heap_sink(turns, count, i - 1);
}

#endif
