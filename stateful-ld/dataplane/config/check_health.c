#include <stdio.h>
#include <string.h>

#include "config/check.h"

typedef Sluice__Ld__V1__HealthCheck HealthCheck;
typedef Sluice__Ld__V1__HttpCheck HttpCheck;
typedef Sluice__Ld__V1__PassiveCheck PassiveCheck;
typedef Sluice__Ld__V1__Service Service;

enum {
    WHAT_BYTES = 384,
    HOUR_MS = 3600 * 1000,
    TEXT_BYTES_MAX = 1024,
    SEND_BYTES_MAX = 512,
};

struct range {
    const char *name;
    uint32_t value;
    uint32_t least;
    uint32_t most;
};

static bool in_ranges(const struct check *check, const char *what, const struct range *ranges,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        char field[WHAT_BYTES];

        snprintf(field, sizeof(field), "%s: health_check: %s", what, ranges[i].name);
        if (!check_range(check, field, ranges[i].value, ranges[i].least, ranges[i].most))
            return false;
    }
    return true;
}

static bool check_http(const struct check *check, const char *what, const HttpCheck *http) {
    const struct range ranges[] = {
        { "status_min", http->status_min, 100, 599 },
        { "status_max", http->status_max, http->status_min, 599 },
    };

    if (*http->path != '/' || strlen(http->path) > TEXT_BYTES_MAX || *http->host == '\0' ||
        strlen(http->host) > TEXT_BYTES_MAX)
        return refuse(check,
                      "%s: health_check: http: a path that begins with a slash and a host are "
                      "needed, of at most %d bytes each",
                      what, TEXT_BYTES_MAX);
    return in_ranges(check, what, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

static bool check_passive(const struct check *check, const char *what, const PassiveCheck *passive,
                          const Service *service) {
    const struct range ranges[] = {
        { "unanswered", passive->unanswered, 1, 1000 },
        { "suspect_ms", passive->suspect_ms, 1000, 600 * 1000 },
    };

    if (service->protocol != SLUICE__LD__V1__IP_PROTOCOL__TCP)
        return refuse(check, "%s: health_check: passive: only TCP has SYN-ACKs", what);
    return in_ranges(check, what, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

static bool check_active(const struct check *check, const char *what, const HealthCheck *health) {
    const struct range ranges[] = {
        { "port", health->port, 0, UINT16_MAX },
        { "interval_ms", health->interval_ms, 100, 600 * 1000 },
        { "timeout_ms", health->timeout_ms, 50, 60 * 1000 },
        { "rise", health->rise, 1, 100 },
        { "fall", health->fall, 1, 100 },
    };
    bool http = health->kind == SLUICE__LD__V1__HEALTH_CHECK__KIND__HTTP ||
                health->kind == SLUICE__LD__V1__HEALTH_CHECK__KIND__HTTPS;

    if (!in_ranges(check, what, ranges, sizeof(ranges) / sizeof(ranges[0])))
        return false;
    if (health->send.len > SEND_BYTES_MAX)
        return refuse(check, "%s: health_check: send: %zu bytes (at most %d)", what,
                      health->send.len, SEND_BYTES_MAX);
    if (http != (health->http != NULL))
        return refuse(check, "%s: health_check: http: %s", what,
                      http ? "is missing (HTTP and HTTPS need it)"
                           : "means something to HTTP and HTTPS only");
    return !http || check_http(check, what, health->http);
}

bool check_health(const struct check *check, const char *what, const Service *service) {
    const HealthCheck *health = service->health_check;

    if (health == NULL)
        return true;
    {
        const struct range ranges[] = {
            { "kind", health->kind, 0, SLUICE__LD__V1__HEALTH_CHECK__KIND__ICMP },
            { "slow_start_ms", health->slow_start_ms, 0, HOUR_MS },
            { "panic_percent", health->panic_percent, 0, 100 },
        };

        if (!in_ranges(check, what, ranges, sizeof(ranges) / sizeof(ranges[0])))
            return false;
    }
    if (health->kind != SLUICE__LD__V1__HEALTH_CHECK__KIND__NONE &&
        !check_active(check, what, health))
        return false;
    return health->passive == NULL || check_passive(check, what, health->passive, service);
}
