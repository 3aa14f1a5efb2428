/* sluice-ld: the data plane of an LD. The main lcore serves the control socket, every other lcore
 * is a worker and does nothing but packets. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pdump.h>
#include <rte_random.h>

#include "control/control.h"
#include "control/telemetry.h"
#include "cores.h"
#include "forward/heartbeat.h"
#include "forward/local_ip_rules.h"
#include "forward/loop.h"
#include "forward/rss.h"
#include "forward/worker.h"
#include "log.h"
#include "options.h"
#include "port.h"
#include "probe/device.h"
#include "probe/probe.h"

enum {
    HEARTBEAT_WAIT_MS = 10, /* so often the link is looked at */
    MBUFS_PER_WORKER = 4096,
    MBUFS_FOR_QUEUES = 4095,
    MBUF_CACHE = 256,
};

static volatile sig_atomic_t stopping;
static volatile int workers_stopping; /* later: they have a last beat to send */
static struct options options;
static struct dataplane dataplane;
static struct heartbeat heartbeat;
static struct probe probe;

static void on_signal(int number) {
    (void)number;
    stopping = 1;
}

static uint64_t us_since_1970(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* On whichever thread has crashed. The disposition is the default one again (SA_RESETHAND), so the
 * signal that is raised here ends the process on return, where it crashed; so does a second crash.
 */
static void on_fatal_signal(int number) {
    heartbeat_last_words(&heartbeat, us_since_1970());
    raise(number);
}

static int worker_main(void *worker) {
    const struct loop_options loop = {
        .stop = &workers_stopping,
        .idle_sleep_us = options.idle_sleep_us,
    };

    loop_run(worker, &loop);
    return 0;
}

static int die(const char *message) {
    fprintf(stderr, "sluice-ld: %s\n", message);
    return EXIT_FAILURE;
}

/* Workers beyond the port's queues receive by hand-off, and transmit through another's queue. */
static void share_queues(const struct port *port) {
    for (uint32_t id = 0; id < dataplane.worker_count; id++) {
        struct worker *worker = dataplane.workers[id];

        worker->port_id = port->id;
        if (id < port->queues)
            worker->queue = (uint16_t)id;
        else
            worker->transmitter = dataplane.workers[id % port->queues];
    }
}

/* Where control runs, but not behind what control is at. */
static void *heartbeat_main(void *argument) {
    const struct port *port = argument;

    rte_rcu_qsbr_thread_register(dataplane.rcu, READER_HEARTBEAT);
    while (!stopping) {
        int wait_ms;

        heartbeat_link(&heartbeat, port_has_link(port));
        wait_ms = heartbeat_tick(&heartbeat, clock_ms(), us_since_1970());
        poll(NULL, 0, RTE_MIN(wait_ms, HEARTBEAT_WAIT_MS));
    }
    rte_rcu_qsbr_thread_unregister(dataplane.rcu, READER_HEARTBEAT);
    return NULL;
}

static int run(struct control *control, struct port *port) {
    pthread_t beating;
    int status = pthread_create(&beating, NULL, heartbeat_main, port);

    if (status != 0) {
        fprintf(stderr, "sluice-ld: heartbeat thread: %s\n", strerror(status));
        return EXIT_FAILURE;
    }
    pthread_setname_np(beating, "heartbeat");
    for (uint32_t id = 0; id < dataplane.worker_count; id++)
        rte_eal_remote_launch(worker_main, dataplane.workers[id], dataplane.workers[id]->lcore);
    while (!stopping) {
        control_poll(control, clock_ms(), probe_wait_ms(&probe, clock_ms()));
        probe_poll(&probe, clock_ms());
        dataplane_neighbours(&dataplane, clock_ms());
        dataplane_limits(&dataplane, clock_ms());
        if (dataplane.snapshot != NULL)
            port_spread(port, ip_family(&dataplane.snapshot->own.vtep));
        rss_watch(&dataplane, clock_ms());
    }
    log_info("stopping");
    pthread_join(beating, NULL);
    heartbeat_last_words(&heartbeat, us_since_1970());
    workers_stopping = 1;
    rte_eal_mp_wait_lcore();
    return EXIT_SUCCESS;
}

/* Without a device RSs are not checked. */
static int start_probe(char error[CONTROL_ERROR_BYTES]) {
    int device;

    probe = (struct probe){ .dataplane = &dataplane, .device = -1 };
    if (options.probe_device == NULL)
        return 0;
    device = device_open(options.probe_device, error);
    if (device < 0)
        return -1;
    if (probe_init(&probe, &dataplane, device, clock_ms()) < 0) {
        snprintf(error, CONTROL_ERROR_BYTES, "probe device %s: out of memory",
                 options.probe_device);
        return -1;
    }
    return 0;
}

static int serve(struct port *port, struct rte_mempool *mbufs) {
    unsigned lcores[RTE_MAX_LCORE], lcore;
    struct dataplane_options made = {
        .mac = port->mac,
        .mbufs = mbufs,
        .lcores = lcores,
        .rss_entries = port->rss_entries,
        .sessions_per_worker = options.sessions,
        .seed = rte_rand(),
        .now_ms = clock_ms(),
    };
    char error[CONTROL_ERROR_BYTES];
    struct control *control;
    int status;

    RTE_LCORE_FOREACH_WORKER (lcore)
        lcores[made.workers++] = lcore;
    if (dataplane_init(&dataplane, &made) < 0)
        return die("sessions: not enough memory (lower --sessions)");
    dataplane.port = port;
    share_queues(port);
    local_ip_rules_init(&dataplane.local_ip_rules, &flow_driver_dpdk, port->id, port->queues,
                        made.workers);
    heartbeat_init(&heartbeat, &dataplane);
    if (start_probe(error) < 0) {
        dataplane_free(&dataplane);
        return die(error);
    }
    control = control_create(options.control_socket, &dataplane, clock_ms(), error);
    if (control == NULL) {
        probe_free(&probe);
        dataplane_free(&dataplane);
        return die(error);
    }
    control_wake_on(control, probe.device);
    telemetry_begin(&dataplane);
    log_info("ready: %u workers, %u sessions each, control socket %s", made.workers,
             options.sessions, options.control_socket);
    status = run(control, port);
    local_ip_rules_free(&dataplane.local_ip_rules);
    telemetry_end();
    control_destroy(control);
    heartbeat_free(&heartbeat);
    probe_free(&probe);
    dataplane_free(&dataplane);
    return status;
}

static void check_cores(void) {
    struct cores cores;

    cores_read(&cores);
    cores_report(&cores, "", options.idle_sleep_us != 0);
}

static int start(void) {
    uint32_t workers = rte_lcore_count() - 1;
    char error[PORT_ERROR_BYTES];
    struct rte_mempool *mbufs;
    struct port port;
    int status;

    if (workers == 0 || workers > WORKERS_MAX)
        return die("lcores: one for control and 1 to 64 for packets are needed (such as -l 0,1, or "
                   "--lcores '(0,1)@0' on one core)");
    check_cores();
    mbufs = rte_pktmbuf_pool_create("mbufs", MBUFS_FOR_QUEUES + workers * MBUFS_PER_WORKER,
                                    MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (mbufs == NULL)
        return die("packet buffers: not enough DPDK memory (raise -m, or give hugepages)");
    if (port_start(&port, (uint16_t)workers, mbufs, error) < 0)
        return die(error);
    status = serve(&port, mbufs);
    port_stop(&port);
    return status;
}

static void handle_signals(void) {
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    const struct sigaction stop = { .sa_handler = on_signal };
    const struct sigaction crash = { .sa_handler = on_fatal_signal, .sa_flags = SA_RESETHAND };

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    for (size_t i = 0; i < RTE_DIM(fatal); i++)
        sigaction(fatal[i], &crash, NULL);
}

int main(int argc, char **argv) {
    int eal_arguments, status;

    eal_arguments = rte_eal_init(argc, argv);
    if (eal_arguments < 0) {
        fprintf(stderr, "sluice-ld: EAL options: %s (see the lines above)\n",
                rte_strerror(rte_errno));
        return EXIT_FAILURE;
    }
    switch (options_read(argc - eal_arguments, argv + eal_arguments, &options)) {
    case OPTIONS_HELP:
        status = EXIT_SUCCESS;
        break;
    case OPTIONS_WRONG:
        status = EXIT_FAILURE;
        break;
    default:
        handle_signals();
        /* For dpdk-dumpcap; it costs nothing while nobody captures. */
        if (rte_pdump_init() != 0)
            log_warning("pdump: %s: packets cannot be captured", rte_strerror(rte_errno));
        status = start();
        rte_pdump_uninit();
    }
    rte_eal_cleanup();
    return status;
}
