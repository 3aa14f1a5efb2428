#include "session/wheel.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "session/memory.h"

#define WHEEL_FIRST 0x80000000u

static size_t links_bytes(uint32_t items) {
    return ((size_t)items + 1) * sizeof(struct wheel_link);
}

int wheel_init(struct wheel *wheel, uint32_t items, uint64_t now_ms) {
    memset(wheel, 0, sizeof(*wheel));
    wheel->link = memory_map(links_bytes(items));
    if (wheel->link == NULL)
        return -ENOMEM;
    wheel->items = items;
    wheel->tick = now_ms / WHEEL_TICK_MS;
    return 0;
}

void wheel_free(struct wheel *wheel) {
    memory_unmap(wheel->link, links_bytes(wheel->items));
    wheel->link = NULL;
}

/* The first tick that begins at or after the deadline, within what the wheel can tell apart. */
static uint64_t tick_for(const struct wheel *wheel, uint64_t deadline_ms) {
    uint64_t tick = (deadline_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;

    if (tick <= wheel->tick)
        return wheel->tick + 1;
    if (tick > wheel->tick + WHEEL_SLOTS - 1)
        return wheel->tick + WHEEL_SLOTS - 1;
    return tick;
}

uint32_t wheel_arm(struct wheel *wheel, uint32_t item, uint64_t deadline_ms) {
    uint64_t tick = tick_for(wheel, deadline_ms);
    uint32_t slot = tick % WHEEL_SLOTS;
    uint32_t first = wheel->head[slot];

    wheel->link[item] = (struct wheel_link){ .next = first, .previous = WHEEL_FIRST | slot };
    if (first != 0)
        wheel->link[first].previous = item;
    wheel->head[slot] = item;
    return (uint32_t)tick;
}

void wheel_disarm(struct wheel *wheel, uint32_t item) {
    struct wheel_link *link = &wheel->link[item];

    if (link->previous & WHEEL_FIRST)
        wheel->head[link->previous & ~WHEEL_FIRST] = link->next;
    else
        wheel->link[link->previous].next = link->next;
    if (link->next != 0)
        wheel->link[link->next].previous = link->previous;
}

bool wheel_too_late(const struct wheel *wheel, uint32_t armed_tick, uint64_t deadline_ms) {
    return (int32_t)(armed_tick - (uint32_t)tick_for(wheel, deadline_ms)) > 0;
}

/* Take up to `most` items out of a slot. */
static uint32_t take_due(struct wheel *wheel, uint32_t slot, uint32_t most, uint32_t *items) {
    uint32_t item = wheel->head[slot];
    uint32_t count = 0;

    for (; item != 0 && count < most; item = wheel->link[item].next)
        items[count++] = item;
    wheel->head[slot] = item;
    if (item != 0)
        wheel->link[item].previous = WHEEL_FIRST | slot;
    return count;
}

uint32_t wheel_advance(struct wheel *wheel, uint64_t now_ms, uint32_t budget, wheel_due due,
                       void *context) {
    uint64_t now_tick = now_ms / WHEEL_TICK_MS;
    uint32_t items[WHEEL_BATCH];
    uint32_t done = 0;

    while (wheel->tick < now_tick) {
        uint32_t slot = (wheel->tick + 1) % WHEEL_SLOTS;

        while (wheel->head[slot] != 0) {
            uint32_t count =
                take_due(wheel, slot, RTE_MIN(budget - done, (uint32_t)WHEEL_BATCH), items);

            if (count == 0)
                return done;
            due(context, items, count);
            done += count;
        }
        wheel->tick++;
    }
    return done;
}
