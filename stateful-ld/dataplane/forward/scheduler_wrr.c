#include "forward/scheduler_wrr.h"

/* Each turn everyone earns its weight, the richest serves and pays what all have earned. */
int wrr_choose(const struct choice *choices, int64_t *credit, uint32_t count) {
    int64_t earned = 0;
    int richest = -1;

    for (uint32_t i = 0; i < count; i++) {
        if (choices[i].weight == 0)
            continue;
        credit[i] += choices[i].weight;
        earned += choices[i].weight;
        if (richest < 0 || credit[i] > credit[richest])
            richest = (int)i;
    }
    if (richest >= 0)
        credit[richest] -= earned;
    return richest;
}
