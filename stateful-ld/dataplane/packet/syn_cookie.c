#include "packet/syn_cookie.h"

#include <stddef.h>

enum {
    HASH_BITS = 29,
    /* Of the timestamp: 4 bits of window scale, one of SACK, one unused. */
    TIMESTAMP_BITS = 6,
    TIMESTAMP_SCALE_MASK = 0xf,
    TIMESTAMP_NOT_SCALED = 0xf, /* shift counts end at 14 */
    TIMESTAMP_SACK = 0x10,
};

/* The smallest that hosts use, those of IPv6 and of common tunnels and access networks, Ethernet
 * with and without IPv6, and jumbo frames. */
static const uint16_t mss_table[] = { 536, 1220, 1300, 1360, 1400, 1440, 1460, 8940 };

static uint32_t hash(const struct siphash_key *key, const struct syn_cookie_flow *flow) {
    _Static_assert(sizeof(*flow) == 56 && offsetof(struct syn_cookie_flow, mss_index) == 48,
                   "no padding");
    return (uint32_t)(siphash(key, flow, sizeof(*flow)) >> (64 - HASH_BITS));
}

uint32_t syn_cookie_make(const struct siphash_key *key, struct syn_cookie_flow flow, uint16_t mss,
                         uint64_t now_ms) {
    flow.mss_index = sizeof(mss_table) / sizeof(mss_table[0]) - 1;
    while (flow.mss_index > 0 && mss_table[flow.mss_index] > mss)
        flow.mss_index--;
    flow.period = (uint32_t)(now_ms / SYN_COOKIE_PERIOD_MS);
    return (uint32_t)flow.mss_index << HASH_BITS | hash(key, &flow);
}

uint16_t syn_cookie_check(const struct siphash_key *key, struct syn_cookie_flow flow,
                          uint32_t cookie, uint64_t now_ms) {
    uint32_t wanted = cookie & ((1u << HASH_BITS) - 1);

    flow.mss_index = cookie >> HASH_BITS;
    for (uint32_t age = 0; age < 3; age++) {
        flow.period = (uint32_t)(now_ms / SYN_COOKIE_PERIOD_MS) + 1 - age;
        if (hash(key, &flow) == wanted)
            return mss_table[flow.mss_index];
    }
    return 0;
}

uint32_t syn_cookie_timestamp(const struct tcp_options *client, uint64_t now_ms) {
    uint32_t options = client->window_scaled ? client->window_scale : TIMESTAMP_NOT_SCALED;

    if (client->sack_permitted)
        options |= TIMESTAMP_SACK;
    return ((uint32_t)now_ms & ~((1u << TIMESTAMP_BITS) - 1)) | options;
}

void syn_cookie_from_timestamp(uint32_t timestamp, struct tcp_options *client) {
    uint32_t scale = timestamp & TIMESTAMP_SCALE_MASK;

    client->window_scaled = scale != TIMESTAMP_NOT_SCALED;
    client->window_scale = client->window_scaled ? (uint8_t)scale : 0;
    client->sack_permitted = (timestamp & TIMESTAMP_SACK) != 0;
}
