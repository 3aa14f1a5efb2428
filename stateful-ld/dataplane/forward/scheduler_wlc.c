#include "forward/scheduler_wlc.h"

#include "forward/rs_share.h"

/* Of an RS among those compared; 64 bits hold the product of 2^28 sessions and any weight. */
struct load {
    uint64_t sessions;
    uint64_t weight;
};

int wlc_choose(const struct choice *choices, const uint16_t *shares, uint32_t count,
               const struct rs_counters *rs, uint64_t *cursor) {
    struct load best = { 0 };
    uint32_t compared = 0;
    int least = -1;

    if (count == 0)
        return -1;
    for (uint32_t i = 0; i < count && compared < WLC_COMPARED_MAX; i++) {
        uint32_t number = (uint32_t)(*cursor + i) % count;
        uint32_t target = choices[number].target;
        const struct load load = {
            .sessions = rs[target].sessions_active + 1,
            .weight = (uint64_t)choices[number].weight * rs_share_of(shares, target),
        };

        if (load.weight == 0)
            continue;
        compared++;
        if (least >= 0 && load.sessions * best.weight >= best.sessions * load.weight)
            continue;
        least = (int)number;
        best = load;
    }
    *cursor = (*cursor + (count <= WLC_COMPARED_MAX ? 1 : compared)) % count;
    return least;
}
