#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/config.h"
#include "session/timeouts.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Limit Limit;
typedef Sluice__Ld__V1__Prefix Prefix;
typedef Sluice__Ld__V1__PriorityPort PriorityPort;
typedef Sluice__Ld__V1__Service Service;
typedef Sluice__Ld__V1__Timeouts Timeouts;

enum {
    WHAT_BYTES = 384, /* a name of 255 bytes, and which of its fields */
    LIMIT_NAME_BYTES_MAX = 255,
    ACCESS_PREFIXES_MAX = 65536,
    BANDWIDTH_MIN_BPS = 2000, /* as the switch's: four packets of full size take 25 s */
};

/* A byte's time is known to 1 % (forward/quota.c). */
#define BANDWIDTH_MAX_BPS 1000000000000ULL

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
        { "syn_ack_ms", t->syn_ack_ms },
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

static bool check_limit(const struct check *check, const Limit *limit) {
    char what[WHAT_BYTES];

    if (*limit->name == '\0' || *limit->name == '/' || strlen(limit->name) > LIMIT_NAME_BYTES_MAX)
        return refuse(check,
                      "limits: a name is empty, begins with a slash or is longer than %d bytes",
                      LIMIT_NAME_BYTES_MAX);
    if (limit->bandwidth_in_bps != 0 || limit->bandwidth_out_bps != 0) {
        snprintf(what, sizeof(what), "limit \"%s\": bandwidth", limit->name);
        if ((limit->bandwidth_in_bps != 0 && !check_range(check, what, limit->bandwidth_in_bps,
                                                          BANDWIDTH_MIN_BPS, BANDWIDTH_MAX_BPS)) ||
            (limit->bandwidth_out_bps != 0 && !check_range(check, what, limit->bandwidth_out_bps,
                                                           BANDWIDTH_MIN_BPS, BANDWIDTH_MAX_BPS)))
            return false;
        return true;
    }
    if (limit->new_sessions_per_s == 0 && limit->sessions == 0)
        return refuse(check, "limit \"%s\": limits nothing (leave it out)", limit->name);
    return true;
}

static const Limit *find_limit(const LdConfig *config, const char *name, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (strcmp(config->limits[i]->name, name) == 0)
            return config->limits[i];
    return NULL;
}

bool check_limits(const struct check *check) {
    const LdConfig *config = check->config;

    for (size_t i = 0; i < config->n_limits; i++) {
        if (!check_limit(check, config->limits[i]))
            return false;
        if (find_limit(config, config->limits[i]->name, i) != NULL)
            return refuse(check, "limit \"%s\": another limit has this name",
                          config->limits[i]->name);
    }
    for (size_t i = 0; i < config->n_priority_ports; i++) {
        const PriorityPort *port = config->priority_ports[i];

        if (port->protocol != SLUICE__LD__V1__IP_PROTOCOL__TCP &&
            port->protocol != SLUICE__LD__V1__IP_PROTOCOL__UDP)
            return refuse(check, "priority_ports: protocol %d is not known (TCP 6 or UDP 17)",
                          (int)port->protocol);
        if (!check_range(check, "priority_ports: port", port->port, 1, UINT16_MAX))
            return false;
    }
    return true;
}

static bool check_prefix(const struct check *check, const char *what, const Prefix *prefix) {
    size_t bytes = prefix->address.len;
    struct ip_address address = address_of(prefix->address);

    if (bytes != 4 && bytes != 16)
        return refuse(check, "%s: an address of %zu bytes (IPv4 has 4, IPv6 16)", what, bytes);
    if (prefix->len > bytes * 8)
        return refuse(check, "%s: a prefix of %u bits (at most %zu)", what, prefix->len, bytes * 8);
    if (bytes == 16 && prefix->len >= 96 && ip_family(&address) == FAMILY_IPV4)
        return refuse(check, "%s: %s is an IPv4 address (give its 4 bytes)", what,
                      show(prefix->address).at);
    for (uint32_t bit = prefix->len; bit < bytes * 8; bit++)
        if (prefix->address.data[bit / 8] >> (7 - bit % 8) & 1)
            return refuse(check, "%s: /%u, but there are bits behind the prefix (clear them)", what,
                          prefix->len);
    return true;
}

static int by_prefix(const void *a, const void *b) {
    const Prefix *x = *(const Prefix *const *)a, *y = *(const Prefix *const *)b;

    if (x->address.len != y->address.len)
        return x->address.len < y->address.len ? -1 : 1;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->address.data, y->address.data, x->address.len);
}

/* A prefix in both lists, or twice in one, says nothing that can be done. */
static bool check_prefixes(const struct check *check, const char *what, const Service *service) {
    size_t count = service->n_allow + service->n_block;
    const Prefix **all;
    bool good = true;

    if (count > ACCESS_PREFIXES_MAX)
        return refuse(check, "%s: allow and block have %zu prefixes (at most %d)", what, count,
                      ACCESS_PREFIXES_MAX);
    all = calloc(count + 1, sizeof(*all));
    if (all == NULL)
        abort(); /* a few KB, on the control core, before anything has changed */
    for (size_t i = 0; i < count && good; i++) {
        bool allow = i < service->n_allow;
        char field[WHAT_BYTES];

        all[i] = allow ? service->allow[i] : service->block[i - service->n_allow];
        snprintf(field, sizeof(field), "%s: %s", what, allow ? "allow" : "block");
        good = check_prefix(check, field, all[i]);
    }
    if (good)
        qsort(all, count, sizeof(*all), by_prefix);
    for (size_t i = 1; i < count && good; i++)
        if (by_prefix(&all[i - 1], &all[i]) == 0)
            good = refuse(check, "%s: allow, block: a prefix of %u bits is listed twice", what,
                          all[i]->len);
    free(all);
    return good;
}

static bool check_client_address(const struct check *check, const char *what,
                                 const Service *service) {
    if (service->client_address > SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2)
        return refuse(check, "%s: client_address %d is not known (TOA 1, PROXY_V2 2)", what,
                      (int)service->client_address);
    if (service->client_address == SLUICE__LD__V1__CLIENT_ADDRESS__TOA &&
        service->protocol != SLUICE__LD__V1__IP_PROTOCOL__TCP)
        return refuse(check, "%s: client_address: TOA is an option of TCP (use PROXY_V2)", what);
    return true;
}

static bool check_syn_cookies(const struct check *check, const char *what, const Service *service) {
    if (service->syn_cookie_threshold_per_s != 0 &&
        service->protocol != SLUICE__LD__V1__IP_PROTOCOL__TCP)
        return refuse(check, "%s: syn_cookie_threshold_per_s: only TCP has SYNs", what);
    return true;
}

bool check_policy(const struct check *check, const char *what, const Service *service) {
    char prefix[WHAT_BYTES];

    snprintf(prefix, sizeof(prefix), "%s: ", what);
    if (*service->limit != '\0' &&
        find_limit(check->config, service->limit, check->config->n_limits) == NULL)
        return refuse(check, "%s: limit \"%s\" is not one of the limits", what, service->limit);
    return check_scheduler(check, what, service) && check_client_address(check, what, service) &&
           check_syn_cookies(check, what, service) &&
           check_timeouts(check, prefix, service->timeouts) &&
           check_prefixes(check, what, service) && check_health(check, what, service);
}
