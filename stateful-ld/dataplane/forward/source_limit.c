#include "forward/source_limit.h"

#include <errno.h>
#include <stddef.h>

#include "forward/gcra.h"
#include "session/memory.h"

enum {
    BURST_MS = 1000
};

static size_t row_bytes(void) {
    return SOURCE_CELLS * sizeof(uint64_t);
}

int source_limits_init(struct source_limits *limits, uint64_t seed) {
    limits->seed = seed;
    for (int row = 0; row < SOURCE_ROWS; row++) {
        limits->due[row] = memory_map(row_bytes());
        if (limits->due[row] == NULL) {
            source_limits_free(limits);
            return -ENOMEM;
        }
    }
    return 0;
}

void source_limits_free(struct source_limits *limits) {
    for (int row = 0; row < SOURCE_ROWS; row++) {
        memory_unmap(limits->due[row], row_bytes());
        limits->due[row] = NULL;
    }
}

/* The client's tuple without what differs from connection to connection. */
static struct flow_key key_of(const struct flow_key *client) {
    struct flow_key key = *client;

    key.src_port = 0;
    if (flow_is_v6(client))
        key.v6.src.half[1] = 0;
    return key;
}

bool source_limit_take(struct source_limits *limits, const struct flow_key *client, uint32_t per_s,
                       uint64_t now_ms) {
    const struct flow_key key = key_of(client);
    uint64_t cost = gcra_ms(BURST_MS) / per_s;
    bool granted = false;

    for (int row = 0; row < SOURCE_ROWS; row++) {
        uint32_t cell = flow_hash(&key, limits->seed + (uint64_t)row) % SOURCE_CELLS;

        granted |=
            gcra_take_shared(&limits->due[row][cell], gcra_ms(now_ms), cost, gcra_ms(BURST_MS));
    }
    return granted;
}
