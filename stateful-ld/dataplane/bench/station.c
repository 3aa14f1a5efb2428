#include "bench/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_random.h>

#include "bench/memory.h"
#include "control/apply.h"
#include "forward/loop.h"
#include "forward/worker.h"
#include "session/memory.h"
#include "testing/frame.h"

enum {
    RS_PER_SERVICE = 16,
    LOCAL_IPS = 32,
    MBUFS = 8191,
    DESCRIPTORS = 512,
};

struct counts {
    uint64_t packets, connections, cycles, cpu_ns;
};

struct bench_options options = { .sessions = 1000000, .workers = 1, .runs = 5, .run_ms = 500 };
struct station stations[STATIONS_MAX];

static struct rte_mempool *mbufs;
static volatile int stop;

void die(const char *what) {
    fprintf(stderr, "ld-bench: %s\n", what);
    exit(EXIT_FAILURE);
}

void sleep_ms(uint32_t ms) {
    const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&pause, NULL);
}

/* What testpmd's macswap does, on the same frames: the cost of port and traffic alone. */
static void macswap_run(struct station *station) {
    struct rte_mbuf *burst[BURST];

    while (!stop) {
        uint16_t count = rte_eth_rx_burst(0, station->worker->queue, burst, BURST);

        for (uint16_t i = 0; i < count; i++) {
            struct rte_ether_hdr *ether = rte_pktmbuf_mtod(burst[i], struct rte_ether_hdr *);
            struct rte_ether_addr dst = ether->dst_addr;

            ether->dst_addr = ether->src_addr;
            ether->src_addr = dst;
        }
        count = rte_eth_tx_burst(0, station->worker->queue, burst, count);
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
    else if (strcmp(options.measure, "memory") == 0 && station->frames != NULL)
        memory_run(&station->worker->sessions, &station->swapped, &stop);
    else
        loop_run(station->worker, &loop);
    return 0;
}

void station_start(uint32_t count) {
    stop = 0;
    for (uint32_t i = 0; i < count; i++) {
        stations[i].started = 0;
        rte_eal_remote_launch(station_main, &stations[i], stations[i].worker->lcore);
        while (__atomic_load_n(&stations[i].started, __ATOMIC_ACQUIRE) == 0)
            sleep_ms(1);
    }
}

void station_stop(void) {
    stop = 1;
    rte_eal_mp_wait_lcore();
}

void port_configure(uint16_t port, uint16_t queues) {
    const struct rte_eth_conf conf = { 0 };

    if (mbufs == NULL)
        mbufs = rte_pktmbuf_pool_create("mbufs", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                        SOCKET_ID_ANY);
    if (mbufs == NULL)
        die("no memory for packet buffers");
    if (!rte_eth_dev_is_valid_port(port) || rte_eth_dev_configure(port, queues, queues, &conf) != 0)
        die("too few net_null ports (--vdev net_null0,size=110)");
    for (uint16_t queue = 0; queue < queues; queue++)
        if (rte_eth_rx_queue_setup(port, queue, DESCRIPTORS, 0, NULL, mbufs) != 0 ||
            rte_eth_tx_queue_setup(port, queue, DESCRIPTORS, 0, NULL) != 0)
            die("the port has too few queues");
}

void port_start(uint16_t port) {
    if (rte_eth_dev_start(port) != 0)
        die("the port does not start");
}

/* The lcores of stations from @p first on. */
static void choose_lcores(unsigned *lcores, uint32_t first, uint32_t count) {
    uint32_t number = 0, found = 0;
    unsigned lcore;

    RTE_LCORE_FOREACH_WORKER (lcore)
        if (number++ >= first && found < count)
            lcores[found++] = lcore;
    if (found < count)
        die("too few lcores for the workers");
}

void station_dataplane(struct dataplane *dataplane, uint16_t port, uint32_t first, uint32_t workers,
                       uint32_t sessions) {
    unsigned lcores[STATIONS_MAX];
    struct dataplane_options made = {
        .mac = frame_ld_mac,
        .mbufs = mbufs,
        .lcores = lcores,
        .workers = workers,
        .seed = rte_rand(),
        .now_ms = clock_ms(),
    };

    choose_lcores(lcores, first, workers);
    /* Several workers do not get exactly equal shares of the flows. */
    made.sessions_per_worker = workers == 1 ? sessions : sessions / workers * 21 / 20;
    if (dataplane_init(dataplane, &made) != 0)
        die("no memory for the sessions");
    for (uint32_t i = 0; i < workers; i++) {
        struct station *station = &stations[first + i];

        station->worker = dataplane->workers[i];
        station->worker->port_id = port;
        station->worker->queue = (uint16_t)i;
        station->traffic.dataplane = dataplane;
        station->traffic.worker = i;
    }
}

void station_message(struct message *message) {
    char text[32];

    message_begin(message);
    for (int i = 2; i <= LOCAL_IPS; i++) {
        snprintf(text, sizeof(text), "198.18.1.%d", i);
        message_local_ip(message, text);
    }
    for (int service = 1; service <= TRAFFIC_SERVICES; service++) {
        char name[32];
        struct message_service *made;

        snprintf(name, sizeof(name), "s%d", service);
        snprintf(text, sizeof(text), "203.0.113.%d", service);
        made = message_service(message, name, 0, text, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
        for (int rs = 1; rs <= RS_PER_SERVICE; rs++) {
            snprintf(name, sizeof(name), "s%d-%d", service, rs);
            snprintf(text, sizeof(text), "10.1.%d.%d", service, rs);
            message_rs(message, made, name, text, 80, 1);
        }
    }
}

void station_configure(struct dataplane *dataplane, const struct message *message) {
    char reason[CONFIG_REASON_BYTES];
    const struct neighbour_set *set;

    if (apply_config(dataplane, &message->config, reason) != STATUS_OK)
        die(reason);
    set = dataplane->neighbours;
    for (uint32_t i = 0; i < set->count; i++)
        neighbour_heard(set->entries[i], &frame_gateway_mac, clock_ms());
}

void station_connect(uint32_t number, uint32_t in_progress, int8_t phases, uint64_t limit) {
    if (traffic_connect(&stations[number].traffic, RTE_MAX(in_progress, 1u), phases, limit) != 0)
        die("no memory for connections");
}

void station_wait_opened(uint32_t number, uint64_t sessions) {
    const uint64_t *finished = &stations[number].traffic.connections.finished;

    for (uint64_t waited_ms = 0; counter_read(finished) < sessions; waited_ms += 10) {
        sleep_ms(10);
        if (waited_ms > OPEN_TIMEOUT_S * 1000) {
            station_say_drops(STATIONS_MAX);
            die("the sessions do not open");
        }
    }
}

void station_shuffle_flows(uint32_t number) {
    struct station *station = &stations[number];
    const struct session_table *table = &station->worker->sessions;
    uint32_t count = 0;

    station->frames = memory_map((size_t)table->active * 2 * sizeof(*station->frames));
    if (station->frames == NULL)
        die("no memory for the frames");
    for (uint32_t at = 1; at <= table->used_up_to; at++) {
        for (uint32_t direction = 0; session_is_open(table, at) && direction < 2; direction++) {
            struct flow_key key = session_flow(table, at << 1 | direction);

            station->frames[count++] = traffic_frame_of(&key, table->sessions[at].bucket);
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

static uint64_t thread_cpu_ns(const struct station *station) {
    struct timespec used;
    clockid_t clock;

    if (pthread_getcpuclockid(station->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("the workers' CPU time cannot be read");
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
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

void station_print_samples(uint32_t settle_ms) {
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

uint64_t station_drops(uint32_t count) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
            sum += counter_read(&stations[i].worker->stats.drops[reason]);
    return sum;
}

void station_say_drops(uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        for (int reason = 0; stations[i].worker != NULL && reason < DROP_REASON_COUNT; reason++)
            if (counter_read(&stations[i].worker->stats.drops[reason]) != 0)
                fprintf(stderr, "ld-bench: worker %u dropped %lu packets: %s\n", i,
                        (unsigned long)stations[i].worker->stats.drops[reason],
                        drop_reason_name((enum drop_reason)reason));
}
