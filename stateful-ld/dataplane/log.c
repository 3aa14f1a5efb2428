#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

enum {
    MESSAGE_BYTES = 1024,
    JSON_BYTES = 6 * MESSAGE_BYTES, /* of a character \u00xx at most */
};

RTE_LOG_REGISTER(log_type, sluice, INFO)

static const struct level {
    uint32_t level;
    const char *name;
    int number; /* the agent's logger's */
} levels[] = {
    { RTE_LOG_ERR, "error", 50 },
    { RTE_LOG_WARNING, "warning", 40 },
    { RTE_LOG_INFO, "info", 30 },
    { RTE_LOG_DEBUG, "debug", 20 },
};

static bool as_json;

bool log_set_level(const char *name) {
    for (size_t i = 0; i < RTE_DIM(levels); i++)
        if (strcmp(levels[i].name, name) == 0)
            return rte_log_set_level((uint32_t)log_type, levels[i].level) == 0;
    return false;
}

bool log_set_format(const char *name) {
    as_json = strcmp(name, "json") == 0;
    return as_json || strcmp(name, "text") == 0;
}

/* RFC 8259 7. Bytes above 127 are names of the configuration, which are UTF-8
 * as protobuf's are. */
static void escape(char to[JSON_BYTES], const char *from) {
    for (; *from != '\0'; from++) {
        unsigned char byte = (unsigned char)*from;

        if (byte == '"' || byte == '\\')
            *to++ = '\\';
        if (byte < 0x20)
            to += sprintf(to, "\\u%04x", byte);
        else
            *to++ = (char)byte;
    }
    *to = '\0';
}

static void write_json(const struct level *level, const char *message) {
    char escaped[JSON_BYTES];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    escape(escaped, message);
    rte_log(level->level, (uint32_t)log_type,
            "{\"level\":%d,\"time\":%lld%03ld,\"pid\":%d,\"name\":\"sluice-ld\","
            "\"msg\":\"%s\"}\n",
            level->number, (long long)now.tv_sec, now.tv_nsec / 1000000, getpid(), escaped);
}

static const struct level *find(uint32_t level) {
    size_t i = 0;

    while (i < RTE_DIM(levels) - 1 && levels[i].level != level)
        i++;
    return &levels[i];
}

void log_line(uint32_t level, const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list arguments;

    if (!rte_log_can_log((uint32_t)log_type, level))
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (as_json)
        write_json(find(level), message);
    else
        rte_log(level, (uint32_t)log_type, "sluice-ld: %s: %s\n", find(level)->name, message);
}
