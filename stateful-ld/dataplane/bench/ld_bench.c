/* ld-bench: one measurement of the data plane a process; what it measured is one line of JSON on
 * stdout. `npm run bench -- ld` runs it for each line of its tables. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "bench/pair.h"
#include "bench/station.h"
#include "forward/worker.h"

enum {
    WORKERS_OF_ONE = 2,  /* at most */
    IN_PROGRESS = 65536, /* connections: a round trip of 30 ms at 700 k connections/s */
};

static struct dataplane dataplane;

static void make_dataplane(void) {
    static struct message message;

    port_configure(0, WORKERS_OF_ONE);
    for (uint16_t queue = 0; queue < options.workers; queue++)
        if (traffic_attach(&stations[queue].traffic, 0, queue) != 0)
            die("callbacks are not compiled into DPDK (RTE_ETHDEV_RXTX_CALLBACKS)");
    port_start(0);
    station_dataplane(&dataplane, 0, 0, options.workers, options.sessions);
    station_message(&message);
    station_configure(&dataplane, &message);
}

static void connect_all(int8_t phases, uint64_t limit) {
    uint32_t in_progress = RTE_MIN((uint32_t)IN_PROGRESS, options.sessions);

    for (uint32_t i = 0; i < options.workers; i++)
        station_connect(i, in_progress / options.workers, phases, limit / options.workers);
}

/* Open all sessions by the packets that open sessions. */
static void establish(void) {
    connect_all(TRAFFIC_PHASES_OPEN, options.sessions);
    station_start(options.workers);
    for (uint32_t i = 0; i < options.workers; i++)
        station_wait_opened(i, options.sessions / options.workers);
    sleep_ms(20);
    station_stop();
}

/* Resident memory, huge pages included. */
static uint64_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    uint64_t sum = 0, kb;
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Rss: %lu", &kb) == 1 || sscanf(line, "Private_Hugetlb: %lu", &kb) == 1)
            sum += kb * 1024;
    if (file != NULL)
        fclose(file);
    return sum;
}

static uint64_t sessions_now(const char *what) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < options.workers; i++)
        sum += strcmp(what, "active") == 0
                   ? stations[i].worker->sessions.active
                   : counter_read(&stations[i].worker->stats.sessions_expired);
    return sum;
}

static uint64_t measure_established(void) {
    uint64_t before, after, handed_off = 0;

    make_dataplane();
    before = resident_bytes();
    establish();
    for (uint32_t i = 0; i < options.workers; i++)
        traffic_free(&stations[i].traffic); /* who made the connections is no part of them */
    after = resident_bytes();
    for (uint32_t i = 0; i < options.workers; i++)
        station_shuffle_flows(i);
    for (uint32_t i = 0; i < options.workers; i++) {
        bool wrong = strcmp(options.measure, "handoff") == 0;
        const struct station *from = &stations[wrong ? options.workers - 1 - i : i];

        traffic_replay(&stations[i].traffic, from->frames, from->frame_count);
    }
    station_start(options.workers);
    station_print_samples(WARM_UP_MS);
    station_stop();
    for (uint32_t i = 0; i < options.workers; i++)
        handed_off += stations[i].worker->stats.handed_off;
    printf(",\"sessions\":%lu,\"residentBytes\":%lu,\"handedOff\":%lu",
           (unsigned long)sessions_now("active"), (unsigned long)(after - before),
           (unsigned long)handed_off);
    return station_drops(options.workers);
}

static uint64_t measure_connections(void) {
    make_dataplane();
    connect_all(TRAFFIC_PHASES_ALL, UINT64_MAX);
    station_start(options.workers);
    station_print_samples(SETTLE_MS);
    station_stop();
    printf(",\"sessions\":%lu,\"expired\":%lu", (unsigned long)sessions_now("active"),
           (unsigned long)sessions_now("expired"));
    return station_drops(options.workers);
}

static uint32_t number_of(const char *text, uint32_t least) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > UINT32_MAX)
        die("an option is not a number, or too small");
    return (uint32_t)value;
}

static void read_options(int argc, char **argv) {
    static const struct option known[] = {
        { "sessions", required_argument, NULL, 's' },
        { "workers", required_argument, NULL, 'w' },
        { "runs", required_argument, NULL, 'r' },
        { "run-ms", required_argument, NULL, 'm' },
        { "delay-us", required_argument, NULL, 'd' },
        { "loss", required_argument, NULL, 'l' },
        { 0 },
    };
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            options.sessions = number_of(optarg, 1);
        else if (option == 'w')
            options.workers = number_of(optarg, 1);
        else if (option == 'r')
            options.runs = number_of(optarg, 1);
        else if (option == 'm')
            options.run_ms = number_of(optarg, 1);
        else if (option == 'd')
            options.delay_us = number_of(optarg, 0);
        else if (option == 'l')
            options.loss = number_of(optarg, 0);
        else
            exit(2);
    }
    if (optind + 1 != argc || options.workers > WORKERS_OF_ONE) {
        fprintf(stderr, "usage: ld-bench EAL_OPTIONS -- "
                        "established|handoff|macswap|memory|connections|\n"
                        "  unreplicated|replicated|installed|migration\n"
                        "  [--sessions N] [--workers 1|2] [--runs N] [--run-ms N]\n"
                        "  replicated, migration: [--delay-us N] [--loss N]  between the two LDs; "
                        "one packet of N is lost\n");
        exit(2);
    }
    options.measure = argv[optind];
}

int main(int argc, char **argv) {
    int eal_arguments = rte_eal_init(argc, argv);
    uint64_t drops;

    if (eal_arguments < 0)
        die(rte_strerror(rte_errno));
    read_options(argc - eal_arguments, argv + eal_arguments);
    printf("{\"measure\":\"%s\",\"workers\":%u,", options.measure, options.workers);
    if (strcmp(options.measure, "replicated") == 0)
        drops = pair_connections(IN_PROGRESS, BACKUP_TOLD);
    else if (strcmp(options.measure, "installed") == 0)
        drops = pair_connections(IN_PROGRESS, BACKUP_KEEPS);
    else if (strcmp(options.measure, "unreplicated") == 0)
        drops = pair_connections(IN_PROGRESS, BACKUP_NONE);
    else if (strcmp(options.measure, "migration") == 0)
        drops = pair_migration();
    else if (strcmp(options.measure, "connections") == 0)
        drops = measure_connections();
    else
        drops = measure_established();
    printf(",\"drops\":%lu}\n", (unsigned long)drops);
    if (drops != 0)
        station_say_drops(STATIONS_MAX);
    return EXIT_SUCCESS;
}
