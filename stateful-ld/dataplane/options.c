#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

enum {
    SESSIONS_DEFAULT = 65536,
    SESSIONS_MAX = 1 << 28,
    IDLE_SLEEP_MAX_US = 100000,
};

static const char usage[] =
    "Usage: sluice-ld EAL_OPTIONS -- --control-socket PATH [OPTIONS]\n"
    "  --control-socket PATH  Unix socket for the agent\n"
    "  --probe-device NAME    interface to make for health checks of RSs (default: no checks)\n"
    "  --sessions N           sessions per worker, 188 bytes each (default 65536)\n"
    "  --idle-sleep-us N      a worker that finds nothing sleeps so long (default 0: never)\n"
    "  --log-level LEVEL      error, warning, info (default) or debug\n"
    "  --log-format FORMAT    text (default), or json: an object a line, as the agent writes\n"
    "  --help\n";

static bool read_number(const char *name, const char *text, uint32_t least, uint32_t most,
                        uint32_t *number) {
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && value >= least &&
        value <= most) {
        *number = (uint32_t)value;
        return true;
    }
    fprintf(stderr, "sluice-ld: --%s %s: not a number in %u..%u\n", name, text, least, most);
    return false;
}

enum options_result options_read(int argc, char **argv, struct options *options) {
    static const struct option known[] = {
        { "control-socket", required_argument, NULL, 'c' },
        { "idle-sleep-us", required_argument, NULL, 'i' },
        { "probe-device", required_argument, NULL, 'p' },
        { "sessions", required_argument, NULL, 's' },
        { "log-level", required_argument, NULL, 'l' },
        { "log-format", required_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    bool good = true;
    int option;

    *options = (struct options){ .sessions = SESSIONS_DEFAULT };
    optind = 1;
    while (good && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->control_socket = optarg;
            break;
        case 'i':
            good =
                read_number("idle-sleep-us", optarg, 0, IDLE_SLEEP_MAX_US, &options->idle_sleep_us);
            break;
        case 'p':
            options->probe_device = optarg;
            break;
        case 's':
            good = read_number("sessions", optarg, 1, SESSIONS_MAX, &options->sessions);
            break;
        case 'l':
            good = log_set_level(optarg);
            if (!good)
                fprintf(stderr, "sluice-ld: --log-level %s: not error, warning, info or debug\n",
                        optarg);
            break;
        case 'f':
            good = log_set_format(optarg);
            if (!good)
                fprintf(stderr, "sluice-ld: --log-format %s: neither text nor json\n", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return OPTIONS_HELP;
        default: /* getopt has said what */
            good = false;
        }
    }
    if (good && optind < argc) {
        fprintf(stderr, "sluice-ld: %s: unexpected argument (see sluice-ld -- --help)\n",
                argv[optind]);
        good = false;
    }
    if (good && options->control_socket == NULL) {
        fprintf(stderr, "sluice-ld: no control socket (add -- --control-socket PATH)\n");
        good = false;
    }
    return good ? OPTIONS_RUN : OPTIONS_WRONG;
}
