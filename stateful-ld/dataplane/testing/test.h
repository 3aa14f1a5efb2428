/**
 * @file
 * What every test includes. cmocka wants these headers before its own.
 */
#ifndef SLUICE_TESTING_TEST_H
#define SLUICE_TESTING_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

/** Repeatable pseudo-random numbers (xorshift64*); never seed with 0. */
static inline uint64_t test_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

#endif
