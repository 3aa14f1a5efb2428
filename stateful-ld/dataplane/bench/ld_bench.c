/* ld-bench: one measurement of the data plane a process; what it measured is one line of JSON on
 * stdout. `npm run bench -- ld` runs it for each line of its tables. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_random.h>

#include "bench/traffic.h"
#include "control/apply.h"
#include "forward/loop.h"
#include "forward/worker.h"
#include "session/memory.h"
#include "testing/frame.h"
#include "testing/message.h"

enum {
    WORKERS = 2, /* at most */
    RS_PER_SERVICE = 16,
    LOCAL_IPS = 32,
    MBUFS = 8191,
    DESCRIPTORS = 512,
    IN_PROGRESS = 65536, /* connections: a round trip of 30 ms at 700 k connections/s */
    WARM_UP_MS = 300,
    /* Connections: sessions of the first second have been expiring for a while by then. */
    SETTLE_MS = 4500,
    OPEN_TIMEOUT_S = 300,
};

static struct {
    const char *measure;
    uint32_t sessions;
    uint32_t workers;
    uint32_t runs;
    uint32_t run_ms;
} options = { .sessions = 1000000, .workers = 1, .runs = 5, .run_ms = 500 };

/* A worker's thread, what it receives, and what it does. */
struct station {
    struct worker *worker;
    struct traffic traffic;
    struct traffic_frame *frames;
    uint32_t frame_count;
    pthread_t thread;
    uint32_t started; /* `thread` is set */
    uint64_t swapped; /* packets macswap has sent back */
};

struct counts {
    uint64_t packets, connections, cycles, cpu_ns;
};

static struct station stations[WORKERS];
static struct dataplane dataplane;
static volatile int stop;

static _Noreturn void die(const char *what) {
    fprintf(stderr, "ld-bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static uint64_t thread_cpu_ns(const struct station *station) {
    struct timespec used;
    clockid_t clock;

    if (pthread_getcpuclockid(station->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("the workers' CPU time cannot be read");
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void sleep_ms(uint32_t ms) {
    const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&pause, NULL);
}

/* What testpmd's macswap does, on the same frames: the cost of port and traffic alone. */
static void macswap_run(struct station *station) {
    struct rte_mbuf *mbufs[BURST];

    while (!stop) {
        uint16_t count = rte_eth_rx_burst(0, station->worker->queue, mbufs, BURST);

        for (uint16_t i = 0; i < count; i++) {
            struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbufs[i], struct rte_ether_hdr *);
            struct rte_ether_addr dst = ether->dst_addr;

            ether->dst_addr = ether->src_addr;
            ether->src_addr = dst;
        }
        count = rte_eth_tx_burst(0, station->worker->queue, mbufs, count);
        __atomic_store_n(&station->swapped, station->swapped + count, __ATOMIC_RELAXED);
    }
}

static int station_main(void *argument) {
    const struct loop_options loop = { .stop = &stop };
    struct station *station = argument;

    station->thread = pthread_self();
    __atomic_store_n(&station->started, 1, __ATOMIC_RELEASE);
    if (strcmp(options.measure, "macswap") == 0 && station->frames != NULL)
        macswap_run(station);
    else
        loop_run(station->worker, &loop);
    return 0;
}

static void start_workers(void) {
    stop = 0;
    for (uint32_t i = 0; i < options.workers; i++) {
        stations[i].started = 0;
        rte_eal_remote_launch(station_main, &stations[i], stations[i].worker->lcore);
        while (__atomic_load_n(&stations[i].started, __ATOMIC_ACQUIRE) == 0)
            sleep_ms(1);
    }
}

static void stop_workers(void) {
    stop = 1;
    rte_eal_mp_wait_lcore();
}

static void start_port(void) {
    const struct rte_eth_conf conf = { 0 };
    struct rte_mempool *mbufs =
        rte_pktmbuf_pool_create("mbufs", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

    if (mbufs == NULL)
        die("no memory for packet buffers");
    if (rte_eth_dev_count_avail() != 1 || rte_eth_dev_configure(0, WORKERS, WORKERS, &conf) != 0)
        die("no net_null port (--vdev net_null0,size=110)");
    for (uint16_t queue = 0; queue < WORKERS; queue++)
        if (rte_eth_rx_queue_setup(0, queue, DESCRIPTORS, 0, NULL, mbufs) != 0 ||
            rte_eth_tx_queue_setup(0, queue, DESCRIPTORS, 0, NULL) != 0)
            die("the port has too few queues");
    for (uint16_t queue = 0; queue < options.workers; queue++)
        if (traffic_attach(&stations[queue].traffic, 0, queue) != 0)
            die("callbacks are not compiled into DPDK (RTE_ETHDEV_RXTX_CALLBACKS)");
    if (rte_eth_dev_start(0) != 0)
        die("the port does not start");
    dataplane.mbufs = mbufs;
}

static void configure(void) {
    static struct message message;
    char text[32], reason[CONFIG_REASON_BYTES];
    const struct neighbour_set *set;

    message_begin(&message);
    for (int i = 2; i <= LOCAL_IPS; i++) {
        snprintf(text, sizeof(text), "198.18.1.%d", i);
        message_local_ip(&message, text);
    }
    for (int service = 1; service <= TRAFFIC_SERVICES; service++) {
        char name[32];
        struct message_service *made;

        snprintf(name, sizeof(name), "s%d", service);
        snprintf(text, sizeof(text), "203.0.113.%d", service);
        made = message_service(&message, name, 0, text, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
        for (int rs = 1; rs <= RS_PER_SERVICE; rs++) {
            snprintf(name, sizeof(name), "s%d-%d", service, rs);
            snprintf(text, sizeof(text), "10.1.%d.%d", service, rs);
            message_rs(&message, made, name, text, 80, 1);
        }
    }
    if (apply_config(&dataplane, &message.config, reason) != STATUS_OK)
        die(reason);
    set = dataplane.neighbours;
    for (uint32_t i = 0; i < set->count; i++)
        neighbour_heard(set->entries[i], &frame_gateway_mac, clock_ms());
}

/* @param sessions of all workers together */
static void make_dataplane(uint32_t sessions) {
    unsigned lcores[RTE_MAX_LCORE], lcore;
    struct dataplane_options made = {
        .mac = frame_ld_mac,
        .mbufs = dataplane.mbufs,
        .lcores = lcores,
        .seed = rte_rand(),
        .now_ms = clock_ms(),
    };

    RTE_LCORE_FOREACH_WORKER (lcore)
        if (made.workers < options.workers)
            lcores[made.workers++] = lcore;
    if (made.workers < options.workers)
        die("too few lcores for the workers");
    /* Several workers do not get exactly equal shares of the flows. */
    made.sessions_per_worker = made.workers == 1 ? sessions : sessions / made.workers * 21 / 20;
    if (dataplane_init(&dataplane, &made) != 0)
        die("no memory for the sessions");
    for (uint32_t i = 0; i < made.workers; i++) {
        struct station *station = &stations[i];

        station->worker = dataplane.workers[i];
        station->worker->port_id = 0;
        station->worker->queue = (uint16_t)i;
        station->traffic.dataplane = &dataplane;
        station->traffic.worker = i;
    }
    configure();
}

static uint64_t all_drops(void) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < options.workers; i++)
        for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
            sum += counter_read(&stations[i].worker->stats.drops[reason]);
    return sum;
}

static void say_drops(void) {
    for (uint32_t i = 0; i < options.workers; i++)
        for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
            if (stations[i].worker->stats.drops[reason] != 0)
                fprintf(stderr, "ld-bench: worker %u dropped %lu packets: %s\n", i,
                        (unsigned long)stations[i].worker->stats.drops[reason],
                        drop_reason_name((enum drop_reason)reason));
}

static void connect_all(uint32_t sessions, int8_t phases, uint64_t limit) {
    for (uint32_t i = 0; i < options.workers; i++) {
        uint32_t slots = RTE_MIN((uint32_t)IN_PROGRESS, sessions) / options.workers;

        if (traffic_connect(&stations[i].traffic, RTE_MAX(slots, 1u), phases,
                            limit / options.workers) != 0)
            die("no memory for connections");
    }
}

/* Open all sessions by the packets that open sessions. */
static void establish(uint32_t sessions) {
    uint64_t waited_ms = 0;

    connect_all(sessions, TRAFFIC_PHASES_OPEN, sessions);
    start_workers();
    for (uint32_t i = 0; i < options.workers; i++)
        while (__atomic_load_n(&stations[i].traffic.connections.finished, __ATOMIC_RELAXED) <
               sessions / options.workers) {
            sleep_ms(10);
            if ((waited_ms += 10) > OPEN_TIMEOUT_S * 1000) {
                say_drops();
                die("the sessions do not open");
            }
        }
    sleep_ms(20);
    stop_workers();
}

/* Both directions of each session of a worker, in random order. */
static void shuffle_flows(struct station *station) {
    const struct session_table *table = &station->worker->sessions;
    uint32_t count = 0;

    station->frames = memory_map((size_t)table->active * 2 * sizeof(*station->frames));
    if (station->frames == NULL)
        die("no memory for the frames");
    for (uint32_t number = 1; number <= table->used_up_to; number++) {
        for (uint32_t direction = 0; session_is_open(table, number) && direction < 2; direction++) {
            struct flow_key key = session_flow(table, number << 1 | direction);

            station->frames[count++] = traffic_frame_of(&key, table->sessions[number].bucket);
        }
    }
    for (uint32_t left = count; left > 1; left--) {
        uint64_t other = rte_rand_max(left);
        struct traffic_frame frame = station->frames[other];

        station->frames[other] = station->frames[left - 1];
        station->frames[left - 1] = frame;
    }
    station->frame_count = count;
}

static struct counts count_now(void) {
    struct counts counts = { .cycles = rte_rdtsc() };

    for (uint32_t i = 0; i < options.workers; i++) {
        const struct station *station = &stations[i];

        counts.packets += counter_read(&station->worker->stats.tx_packets);
        counts.packets += counter_read(&station->swapped);
        counts.connections += counter_read(&station->traffic.connections.finished);
        counts.cpu_ns += thread_cpu_ns(station);
    }
    return counts;
}

static void print_sample(const struct counts *from, const struct counts *to, bool first) {
    printf("%s{\"packets\":%lu,\"connections\":%lu,\"wallSeconds\":%.6f,\"cpuSeconds\":%.6f}",
           first ? "" : ",", (unsigned long)(to->packets - from->packets),
           (unsigned long)(to->connections - from->connections),
           (double)(to->cycles - from->cycles) / (double)rte_get_tsc_hz(),
           (double)(to->cpu_ns - from->cpu_ns) * 1e-9);
}

static void print_samples(uint32_t settle_ms) {
    sleep_ms(settle_ms);
    printf("\"samples\":[");
    for (uint32_t run = 0; run < options.runs; run++) {
        struct counts from = count_now(), to;

        sleep_ms(options.run_ms);
        to = count_now();
        print_sample(&from, &to, run == 0);
    }
    printf("]");
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

static void measure_established(void) {
    uint64_t before, after, handed_off = 0;

    make_dataplane(options.sessions);
    before = resident_bytes();
    establish(options.sessions);
    for (uint32_t i = 0; i < options.workers; i++)
        traffic_free(&stations[i].traffic); /* who made the connections is no part of them */
    after = resident_bytes();
    for (uint32_t i = 0; i < options.workers; i++)
        shuffle_flows(&stations[i]);
    for (uint32_t i = 0; i < options.workers; i++) {
        bool wrong = strcmp(options.measure, "handoff") == 0;
        const struct station *from = &stations[wrong ? options.workers - 1 - i : i];

        traffic_replay(&stations[i].traffic, from->frames, from->frame_count);
    }
    start_workers();
    print_samples(WARM_UP_MS);
    stop_workers();
    for (uint32_t i = 0; i < options.workers; i++)
        handed_off += stations[i].worker->stats.handed_off;
    printf(",\"sessions\":%lu,\"residentBytes\":%lu,\"handedOff\":%lu",
           (unsigned long)sessions_now("active"), (unsigned long)(after - before),
           (unsigned long)handed_off);
}

static void measure_connections(void) {
    make_dataplane(options.sessions);
    connect_all(options.sessions, TRAFFIC_PHASES_ALL, UINT64_MAX);
    start_workers();
    print_samples(SETTLE_MS);
    stop_workers();
    printf(",\"sessions\":%lu,\"expired\":%lu", (unsigned long)sessions_now("active"),
           (unsigned long)sessions_now("expired"));
}

static uint32_t number_of(const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > UINT32_MAX)
        die("an option is not a number above 0");
    return (uint32_t)value;
}

static void read_options(int argc, char **argv) {
    static const struct option known[] = {
        { "sessions", required_argument, NULL, 's' },
        { "workers", required_argument, NULL, 'w' },
        { "runs", required_argument, NULL, 'r' },
        { "run-ms", required_argument, NULL, 'm' },
        { 0 },
    };
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            options.sessions = number_of(optarg);
        else if (option == 'w')
            options.workers = number_of(optarg);
        else if (option == 'r')
            options.runs = number_of(optarg);
        else if (option == 'm')
            options.run_ms = number_of(optarg);
        else
            exit(2);
    }
    if (optind + 1 != argc || options.workers > WORKERS) {
        fprintf(stderr, "usage: ld-bench EAL_OPTIONS -- established|handoff|macswap|connections\n"
                        "  [--sessions N] [--workers 1|2] [--runs N] [--run-ms N]\n");
        exit(2);
    }
    options.measure = argv[optind];
}

int main(int argc, char **argv) {
    int eal_arguments = rte_eal_init(argc, argv);

    if (eal_arguments < 0)
        die(rte_strerror(rte_errno));
    read_options(argc - eal_arguments, argv + eal_arguments);
    start_port();
    printf("{\"measure\":\"%s\",\"workers\":%u,", options.measure, options.workers);
    if (strcmp(options.measure, "connections") == 0)
        measure_connections();
    else
        measure_established();
    printf(",\"drops\":%lu}\n", (unsigned long)all_drops());
    say_drops();
    return EXIT_SUCCESS;
}
