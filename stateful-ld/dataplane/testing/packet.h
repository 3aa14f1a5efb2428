/**
 * @file
 * What two parsers have found out about one frame.
 */
#ifndef SLUICE_TESTING_PACKET_H
#define SLUICE_TESTING_PACKET_H

#include "packet/parse.h"
#include "packet/parse_usual.h"
#include "testing/test.h"

/**
 * The short ways through the parser say the same as parse_frame(), or nothing.
 *
 * @param reason, packet what parse_frame() has said of the frame; the packet was zeroed before, so
 *                       that all of it can be compared, whatever is added to it
 * @return whether one has said anything
 */
static inline bool assert_usual_agrees(const uint8_t *frame, uint32_t bytes,
                                       const struct own_address *own, enum drop_reason reason,
                                       const struct packet *packet) {
    struct packet usual = { 0 };

    if (!parse_usual(frame, bytes, own, &usual) && !parse_usual_v6(frame, bytes, own, &usual))
        return false;
    assert_int_equal(reason, DROP_NONE);
    assert_memory_equal(&usual, packet, sizeof(usual));
    return true;
}

#endif
