#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "config/check.h"
#include "config/config.h"
#include "session/timeouts.h"

typedef Sluice__Ld__V1__Service Service;
typedef Sluice__Ld__V1__Timeouts Timeouts;

enum {
    WHAT_BYTES = 384, /* a name of 255 bytes, and which of its fields */
};

bool refuse(const struct check *check, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(check->reason, CONFIG_REASON_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

bool check_range(const struct check *check, const char *what, uint64_t value, uint64_t least,
                 uint64_t most) {
    if (value < least || value > most)
        return refuse(check, "%s: %llu is out of range (%llu..%llu)", what,
                      (unsigned long long)value, (unsigned long long)least,
                      (unsigned long long)most);
    return true;
}

bool check_timeouts(const struct check *check, const char *prefix, const Timeouts *timeouts) {
    const Timeouts defaults = SLUICE__LD__V1__TIMEOUTS__INIT;
    const Timeouts *t = timeouts != NULL ? timeouts : &defaults;
    const struct {
        const char *name;
        uint32_t value_ms;
    } fields[] = {
        { "syn_sent_ms", t->syn_sent_ms },
        { "syn_recv_ms", t->syn_recv_ms },
        { "established_ms", t->established_ms },
        { "fin_wait_ms", t->fin_wait_ms },
        { "close_wait_ms", t->close_wait_ms },
        { "last_ack_ms", t->last_ack_ms },
        { "time_wait_ms", t->time_wait_ms },
        { "close_ms", t->close_ms },
        { "udp_ms", t->udp_ms },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char what[WHAT_BYTES];

        snprintf(what, sizeof(what), "%stimeouts: %s", prefix, fields[i].name);
        if (!check_range(check, what, fields[i].value_ms, 0, TIMEOUT_MAX_MS))
            return false;
    }
    return true;
}

static bool check_scheduler(const struct check *check, const char *what, const Service *service) {
    char field[WHAT_BYTES];

    if (service->scheduler < SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN ||
        service->scheduler > SLUICE__LD__V1__SCHEDULER__FLOW_HASH)
        return refuse(check,
                      "%s: scheduler %d is not known (WEIGHTED_ROUND_ROBIN 1, "
                      "WEIGHTED_LEAST_CONNECTIONS 2, SOURCE_HASH 3, FLOW_HASH 4)",
                      what, (int)service->scheduler);
    if (service->scheduler != SLUICE__LD__V1__SCHEDULER__SOURCE_HASH &&
        (service->source_prefix_len != 0 || service->source_prefix_len_v6 != 0))
        return refuse(check, "%s: source_prefix_len: means something to SOURCE_HASH only", what);
    snprintf(field, sizeof(field), "%s: source_prefix_len", what);
    if (!check_range(check, field, service->source_prefix_len, 0, 32))
        return false;
    snprintf(field, sizeof(field), "%s: source_prefix_len_v6", what);
    return check_range(check, field, service->source_prefix_len_v6, 0, 128);
}

bool check_policy(const struct check *check, const char *what, const Service *service) {
    char prefix[WHAT_BYTES];

    snprintf(prefix, sizeof(prefix), "%s: ", what);
    return check_scheduler(check, what, service) &&
           check_timeouts(check, prefix, service->timeouts);
}
