/**
 * @file
 * TCP segments of a fuzzer's packets: their options, as the input says, and numbers that fit those
 * of a segment they answer.
 */
#ifndef SLUICE_FUZZ_SEGMENT_H
#define SLUICE_FUZZ_SEGMENT_H

#include "fuzz/input.h"
#include "testing/frame.h"

/** First byte of the options of a packet: how many, and */
enum {
    OPTIONS_COUNT_MASK = 0x0f,
    OPTIONS_LAST = 0x80, /**< the frame ends behind them, so that a read too far is seen */
};

/** First byte of an option; a byte follows that its value counts up from. */
enum {
    OPTION_KIND_MASK = 0x0f, /**< which of segment_kinds */
    OPTION_ODD = 0x10,       /**< behind a NOP */
    OPTION_CUT = 0x20,       /**< only its kind, and of those that have one their length */
    OPTION_SHORT = 0x40,     /**< without its last byte */
    OPTION_LIES = 0x80,      /**< one more byte follows: the length that it says it has */
};

/** Kinds of options by their number in inputs; the seeds are written with it. */
enum {
    SEGMENT_END = 0,
    SEGMENT_NOP,
    SEGMENT_MSS,
    SEGMENT_WINDOW_SCALE,
    SEGMENT_SACK_PERMITTED,
    SEGMENT_SACK,
    SEGMENT_TIMESTAMPS,
    SEGMENT_FAST_OPEN,
    SEGMENT_TOA,
    SEGMENT_TOA_V6,
    SEGMENT_MD5,
    SEGMENT_UNKNOWN,
    SEGMENT_KINDS
};

/** Length of an option of one of these kinds, as it should be. */
uint8_t segment_option_bytes(uint8_t number);

/**
 * Replace the options of the TCP segment in a plain frame, IPv4 or IPv6 without extensions, by what
 * the input says; lengths and the segment's checksum are right afterwards. They end where the
 * header does: NOPs are in front of them. Another frame stays as it is, and takes the same bytes of
 * the input.
 */
void segment_put_options(struct frame *plain, struct input *input);

/** Let the segment at @p tcp, which is what the other end has sent with its ports turned round,
 * begin where that one's acknowledgement ends, and acknowledge it. */
void segment_answer(uint8_t *tcp, uint32_t payload_bytes);

#endif
