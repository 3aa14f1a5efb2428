#include "forward/scheduler_wrr.h"

#include <rte_common.h>

#include "config/registry.h"
#include "forward/rs_share.h"
#include "forward/turn_heap.h"

/* A heap whose words are when << CHOICE_BITS | choice: time goes on by ROUND in a round, in which
 * everyone serves as often as its weight says. */
enum {
    CHOICE_BITS = 14,
    CHOICE_MASK = (1 << CHOICE_BITS) - 1
};

#define ROUND (1ULL << 40)
#define LATE  (1ULL << 49) /* from here on time is set back, long before it outgrows its bits */
#define NEVER UINT64_MAX

/* An RS with any share at all serves once in so many rounds. Its turn, and that of whoever is
 * passed over, stays within the bits above LATE. */
#define LONGEST_STEP (ROUND << 8)

_Static_assert(TARGETS_MAX <= 1 << CHOICE_BITS, "a choice fits into its bits");

/* An RS begins anywhere in its first step, each at another part of it (multiples of the golden
 * ratio are spread evenly): or all RSs of one weight would serve one right after the other. */
static uint64_t first_turn(const struct choice *choice, uint32_t number) {
    uint32_t part = (number + 1) * 0x9e3779b9u;

    if (choice->weight == 0)
        return NEVER;
    return (1 + ((ROUND / choice->weight >> 8) * part >> 24)) << CHOICE_BITS | number;
}

static void begin(const struct choice *choices, uint64_t *turns, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        turns[i] = first_turn(&choices[i], i);
    turn_heap_make(turns, count);
}

/* Once in some hundred rounds. Nobody's turn is before that of the top, which becomes 1. */
static void set_back(uint64_t *turns, uint32_t count) {
    uint64_t back = ((turns[0] >> CHOICE_BITS) - 1) << CHOICE_BITS;

    for (uint32_t i = 0; i < count; i++)
        if (turns[i] != NEVER)
            turns[i] -= back;
}

/* From one turn of an RS to its next. Without any share it looks again after a round, so that those
 * who are down are passed over once a round each. */
static uint64_t step_of(const struct choice *choice, uint32_t share) {
    if (share == 0)
        return ROUND;
    return RTE_MIN(ROUND / choice->weight * RS_SHARE_FULL / share, LONGEST_STEP);
}

static void move_on(const struct choice *choices, const uint16_t *shares, uint64_t *turns,
                    uint32_t count, uint32_t at) {
    const struct choice *choice = &choices[turns[at] & CHOICE_MASK];

    turns[at] += step_of(choice, rs_share_of(shares, choice->target)) << CHOICE_BITS;
    (void)turn_heap_sink(turns, count, at);
}

/* Where the next turn of those is who have a share; -1: nobody has. Only when most of the weight is
 * down: a turn of an RS with little of its share may be many rounds ahead. */
static int next_with_share(const struct choice *choices, const uint16_t *shares,
                           const uint64_t *turns, uint32_t count) {
    int next = -1;

    for (uint32_t i = 0; i < count; i++) {
        if (turns[i] == NEVER || rs_share_of(shares, choices[turns[i] & CHOICE_MASK].target) == 0)
            continue;
        if (next < 0 || turns[i] < turns[next])
            next = (int)i;
    }
    return next;
}

int wrr_choose(const struct choice *choices, const uint16_t *shares, uint64_t *turns,
               uint32_t count) {
    int chosen;
    int at = -1;

    if (count == 0)
        return -1;
    if (turns[0] == 0)
        begin(choices, turns, count);
    if (turns[0] == NEVER)
        return -1;
    for (uint32_t passed = 0; at < 0 && passed <= count; passed++) {
        if (turns[0] >> CHOICE_BITS >= LATE)
            set_back(turns, count);
        if (rs_share_of(shares, choices[turns[0] & CHOICE_MASK].target) != 0)
            at = 0;
        else
            move_on(choices, shares, turns, count, 0);
    }
    if (at < 0)
        at = next_with_share(choices, shares, turns, count);
    if (at < 0)
        return -1;
    chosen = (int)(turns[at] & CHOICE_MASK);
    move_on(choices, shares, turns, count, (uint32_t)at);
    return chosen;
}
