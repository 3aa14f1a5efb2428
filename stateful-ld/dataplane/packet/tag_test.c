#include "packet/tag.h"

#include "testing/test.h"

static const struct siphash_key secret = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };

static struct tag_key key;
static uint8_t header[TAG_HEADER_BYTES];
static uint8_t body[TAG_BODY_MAX];

static int set_up(void **state) {
    (void)state;
    tag_key_init(&key, &secret);
    for (size_t i = 0; i < sizeof(header); i++)
        header[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(7 * i + 3);
    return 0;
}

/* By another implementation, of integers without a limit. */
static void known_tags(void **state) {
    (void)state;
    assert_true(tag_of(&key, header, body, 0) == 0xd82e204958ddcfe9ULL);
    assert_true(tag_of(&key, header, body, 16) == 0x6fcfdb347c8f84c2ULL);
    assert_true(tag_of(&key, header, body, 48) == 0x0e6842f5dda4daf4ULL);
    assert_true(tag_of(&key, header, body, TAG_BODY_MAX) == 0xa8b371957b95dc2fULL);
}

static void every_bit_matters(void **state) {
    uint64_t right = tag_of(&key, header, body, TAG_BODY_MAX);

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof(header); bit++) {
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(tag_of(&key, header, body, TAG_BODY_MAX) != right);
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(body); bit++) {
        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(tag_of(&key, header, body, TAG_BODY_MAX) != right);
        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(tag_of(&key, header, body, TAG_BODY_MAX) == right);
}

/* A sum does not know an order, were it not for a key of each place. */
static void places_matter(void **state) {
    uint8_t turned[32];
    uint64_t of_two;

    (void)state;
    of_two = tag_of(&key, header, body, 32);
    memcpy(turned, body + 16, 16);
    memcpy(turned + 16, body, 16);
    assert_true(tag_of(&key, header, turned, 32) != of_two);
    for (int word = 0; word < 4; word++)
        memcpy(turned + 8 * word, body + 8 * (word ^ 1), 8);
    assert_true(tag_of(&key, header, turned, 32) != of_two);
}

static void lengths_matter(void **state) {
    uint64_t without;

    (void)state;
    memset(body, 0, sizeof(body));
    without = tag_of(&key, header, body, 0);
    for (size_t bytes = 16; bytes <= sizeof(body); bytes += 16)
        assert_true(tag_of(&key, header, body, bytes) != without);
}

static void secrets_matter(void **state) {
    struct siphash_key other_secret = secret;
    struct tag_key other;

    (void)state;
    other_secret.word[1] ^= 1;
    tag_key_init(&other, &other_secret);
    assert_true(tag_of(&other, header, body, 48) != tag_of(&key, header, body, 48));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(known_tags),     CASE(every_bit_matters), CASE(places_matter),
        CASE(lengths_matter), CASE(secrets_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
