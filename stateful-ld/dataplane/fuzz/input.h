/**
 * @file
 * A fuzzer's bytes, read one value after the other. What is missing at the end is 0.
 */
#ifndef SLUICE_FUZZ_INPUT_H
#define SLUICE_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
    const uint8_t *at;
    size_t left;
};

static inline const uint8_t *input_bytes(struct input *input, size_t wanted, size_t *got) {
    const uint8_t *at = input->at;

    *got = wanted < input->left ? wanted : input->left;
    input->at += *got;
    input->left -= *got;
    return at;
}

static inline uint8_t input_u8(struct input *input) {
    size_t got;
    const uint8_t *at = input_bytes(input, 1, &got);

    return got == 1 ? *at : 0;
}

static inline uint16_t input_u16(struct input *input) {
    uint8_t high = input_u8(input);

    return (uint16_t)(high << 8 | input_u8(input));
}

#endif
