#include "forward/scheduler_wrr.h"

#include "config/registry.h"

/* A heap whose words are when << CHOICE_BITS | choice: time goes on by ROUND in a round, in which
 * everyone serves as often as its weight says. */
enum {
    CHOICE_BITS = 14
};

#define ROUND (1ULL << 40)
#define LATE  (1ULL << 49) /* from here on time is set back, long before it outgrows its bits */
#define NEVER UINT64_MAX

_Static_assert(TARGETS_MAX <= 1 << CHOICE_BITS, "a choice fits into its bits");

/* An RS begins anywhere in its first step, each at another part of it (multiples of the golden
 * ratio are spread evenly): or all RSs of one weight would serve one right after the other. */
static uint64_t first_turn(const struct choice *choice, uint32_t number) {
    uint32_t part = (number + 1) * 0x9e3779b9u;

    if (choice->weight == 0)
        return NEVER;
    return (1 + ((ROUND / choice->weight >> 8) * part >> 24)) << CHOICE_BITS | number;
}

static void sink(uint64_t *turns, uint32_t count, uint32_t at) {
    uint64_t turn = turns[at];

    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && turns[child + 1] < turns[child];
        if (turn <= turns[child])
            break;
        turns[at] = turns[child];
        at = child;
    }
    turns[at] = turn;
}

static void begin(const struct choice *choices, uint64_t *turns, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        turns[i] = first_turn(&choices[i], i);
    for (uint32_t i = count / 2; i > 0; i--)
        sink(turns, count, i - 1);
}

/* Once in some hundred rounds. Nobody's turn is before that of the top, which becomes 1. */
static void set_back(uint64_t *turns, uint32_t count) {
    uint64_t back = ((turns[0] >> CHOICE_BITS) - 1) << CHOICE_BITS;

    for (uint32_t i = 0; i < count; i++)
        if (turns[i] != NEVER)
            turns[i] -= back;
}

int wrr_choose(const struct choice *choices, uint64_t *turns, uint32_t count) {
    uint32_t chosen;

    if (count == 0)
        return -1;
    if (turns[0] == 0)
        begin(choices, turns, count);
    if (turns[0] == NEVER)
        return -1;
    if (turns[0] >> CHOICE_BITS >= LATE)
        set_back(turns, count);
    chosen = turns[0] & ((1u << CHOICE_BITS) - 1);
    turns[0] += ROUND / choices[chosen].weight << CHOICE_BITS;
    sink(turns, count, 0);
    return (int)chosen;
}
