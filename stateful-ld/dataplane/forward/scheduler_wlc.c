#include "forward/scheduler_wlc.h"

#include <stdbool.h>

static bool less_loaded(const struct choice *a, const struct choice *b,
                        const struct rs_counters *rs) {
    return (rs[a->target].sessions_active + 1) * b->weight <
           (rs[b->target].sessions_active + 1) * a->weight;
}

int wlc_choose(const struct choice *choices, uint32_t count, const struct rs_counters *rs,
               uint64_t *cursor) {
    uint32_t compared = 0;
    int least = -1;

    if (count == 0)
        return -1;
    for (uint32_t i = 0; i < count && compared < WLC_COMPARED_MAX; i++) {
        uint32_t number = (uint32_t)(*cursor + i) % count;

        if (choices[number].weight == 0)
            continue;
        compared++;
        if (least < 0 || less_loaded(&choices[number], &choices[least], rs))
            least = (int)number;
    }
    *cursor = (*cursor + (count <= WLC_COMPARED_MAX ? 1 : compared)) % count;
    return least;
}
