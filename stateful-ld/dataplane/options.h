/**
 * @file
 * The part of the command line behind `--`.
 */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *control_socket;
    const char *probe_device; /**< name of the interface for health checks; NULL: none */
    uint32_t idle_sleep_us;   /**< 0: workers never sleep */
    uint32_t sessions;        /**< per worker */
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_WRONG
};

/**
 * Read the options; what is wrong with them has been written to stderr when the result is
 * OPTIONS_WRONG. Strings point into @p argv.
 */
enum options_result options_read(int argc, char **argv, struct options *options);

#endif
