/**
 * @file
 * Timing wheel of one worker: one slot per tick, intrusive lists over item numbers.
 *
 * Items are not moved when a packet refreshes them. The slot an item is in is only when to look
 * at it again: the callback compares the item's real deadline with the clock and re-arms it.
 * Deadlines beyond the wheel's horizon are looked at once per horizon.
 *
 * Not thread safe: one worker, one wheel. Item 0 does not exist.
 */
#ifndef SLUICE_SESSION_WHEEL_H
#define SLUICE_SESSION_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WHEEL_TICK_MS = 64,
    WHEEL_SLOTS = 1024,
    WHEEL_HORIZON_MS = (WHEEL_SLOTS - 1) * WHEEL_TICK_MS, /**< about 65 s */
    WHEEL_BATCH = 32,
};

struct wheel_link {
    uint32_t next;     /**< item, or 0 */
    uint32_t previous; /**< item, or WHEEL_FIRST | slot for the first of its slot */
};

struct wheel {
    uint32_t head[WHEEL_SLOTS];
    struct wheel_link *link; /**< by item */
    uint64_t tick;           /**< the last tick whose slot is empty */
    uint32_t items;
};

/**
 * Called for items whose slot is due, at most WHEEL_BATCH at a time: so the memory of all of them
 * can be on its way before the first is looked at. They are not in the wheel any more and may be
 * armed again at once.
 */
typedef void (*wheel_due)(void *context, const uint32_t *items, uint32_t count);

/** @param items largest item number. @return 0, or -ENOMEM. */
int wheel_init(struct wheel *wheel, uint32_t items, uint64_t now_ms);
void wheel_free(struct wheel *wheel);

/**
 * Put an item that is not in the wheel into it, to be looked at not before @p deadline_ms (unless
 * that lies beyond the horizon) and not later than one tick after it.
 *
 * @return low 32 bits of the tick it is armed for
 */
uint32_t wheel_arm(struct wheel *wheel, uint32_t item, uint64_t deadline_ms);

/** Take an armed item out. */
void wheel_disarm(struct wheel *wheel, uint32_t item);

/** True when an item armed for @p armed_tick would be looked at too late for @p deadline_ms. */
bool wheel_too_late(const struct wheel *wheel, uint32_t armed_tick, uint64_t deadline_ms);

/**
 * Call @p due for items that are due at @p now_ms, at most @p budget of them; the rest are taken
 * up by the next call.
 *
 * @return how many
 */
uint32_t wheel_advance(struct wheel *wheel, uint64_t now_ms, uint32_t budget, wheel_due due,
                       void *context);

#endif
