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

/** @param name error, warning, info or debug. @return false when it is none of
 * them. */
bool log_set_level(const char *name);

/**
 * Text for people, or a JSON object a line for programs, with the fields and
 * the numbers that the agent's lines have: level (20 debug, 30 info, 40
 * warning, 50 error), time (ms since 1970), pid, name, msg. Lines of DPDK's own
 * stay as they are.
 *
 * @param name text or json. @return false when it is neither.
 */
bool log_set_format(const char *name);

#define log_error(format, ...)   log_line(RTE_LOG_ERR, format, ##__VA_ARGS__)
#define log_warning(format, ...) log_line(RTE_LOG_WARNING, format, ##__VA_ARGS__)
#define log_info(format, ...)    log_line(RTE_LOG_INFO, format, ##__VA_ARGS__)
#define log_debug(format, ...)   log_line(RTE_LOG_DEBUG, format, ##__VA_ARGS__)

/** One line. @param level of RTE_LOG_ERR, WARNING, INFO and DEBUG */
void log_line(uint32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
