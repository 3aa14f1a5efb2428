#include "packet/siphash.h"

#include "testing/test.h"

/* Appendix A of the paper, and entries of its reference implementation's vectors. */
static void published_vectors(void **state) {
    static const struct siphash_key key = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };
    uint8_t input[16];

    (void)state;
    for (uint8_t i = 0; i < sizeof(input); i++)
        input[i] = i;
    assert_true(siphash(&key, input, 15) == 0xa129ca6149be45e5ULL);
    assert_true(siphash(&key, input, 0) == 0x726fdb47dd0e0e31ULL);
    assert_true(siphash(&key, input, 8) == 0x93f5f5799a932462ULL);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(published_vectors) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
