/**
 * @file
 * The one logger: DPDK's, under the name "sluice". Not for the packet path.
 */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_log.h>

extern int log_type;

/** @param name error, warning, info or debug. @return false when it is none of them. */
bool log_set_level(const char *name);

#define log_error(format, ...)   log_line(RTE_LOG_ERR, "error", format, ##__VA_ARGS__)
#define log_warning(format, ...) log_line(RTE_LOG_WARNING, "warning", format, ##__VA_ARGS__)
#define log_info(format, ...)    log_line(RTE_LOG_INFO, "info", format, ##__VA_ARGS__)
#define log_debug(format, ...)   log_line(RTE_LOG_DEBUG, "debug", format, ##__VA_ARGS__)

#define log_line(level, name, format, ...)                                                         \
    rte_log(level, (uint32_t)log_type, "sluice-ld: " name ": " format "\n", ##__VA_ARGS__)

#endif
