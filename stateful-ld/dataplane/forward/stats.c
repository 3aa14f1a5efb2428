#include "forward/stats.h"

void rs_counters_add(struct rs_counters *sum, const struct rs_counters *counters) {
    sum->sessions_total += counter_read(&counters->sessions_total);
    sum->sessions_active += counter_read(&counters->sessions_active);
    sum->sessions_standby += counter_read32(&counters->sessions_standby);
    sum->sessions_guest += counter_read32(&counters->sessions_guest);
    sum->sessions_primary += counter_read32(&counters->sessions_primary);
    for (int direction = 0; direction < 2; direction++) {
        sum->packets[direction] += counter_read(&counters->packets[direction]);
        sum->bytes[direction] += counter_read(&counters->bytes[direction]);
    }
}

void worker_stats_add(struct worker_stats *sum, const struct worker_stats *stats) {
#define STATS_ADD(name) sum->name += counter_read(&stats->name);
    PORT_COUNTERS(STATS_ADD)
#undef STATS_ADD
    for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
        sum->drops[reason] += counter_read(&stats->drops[reason]);
}
