#include "bench/pair.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench/link.h"
#include "bench/station.h"
#include "control/encode.h"
#include "forward/loop.h"
#include "forward/worker.h"
#include "session/memory.h"
#include "testing/frame.h"

enum {
    OWNER = 0, /* stations, and ports */
    OTHER = 1,
    LDS = 2,
    EPOCH = 1,
    COPY_TIMEOUT_S = 60,
};

static const char *const vtep[LDS] = { frame_vtep, "10.0.0.12" };

static struct dataplane dataplanes[LDS];
static struct message messages[LDS];
static struct link links[LDS]; /* by receiver */

static int attach_traffic(void *context) {
    uint16_t *number = context;

    return traffic_attach(&stations[*number].traffic, *number, 0);
}

static void start_ports(bool traffic_at_other) {
    static uint16_t numbers[LDS] = { OWNER, OTHER };

    for (uint16_t i = 0; i < LDS; i++) {
        bool has_traffic = i == OWNER || traffic_at_other;

        port_configure(i, 1);
        link_init(&links[i], ip4(vtep[i]), options.delay_us, options.loss);
        link_attach_receiver(&links[i], i, has_traffic ? attach_traffic : NULL, &numbers[i]);
    }
    for (uint16_t i = 0; i < LDS; i++) {
        link_attach_sender(&links[LDS - 1 - i], i);
        port_start(i);
        station_dataplane(&dataplanes[i], i, i, 1, options.sessions);
    }
}

/* Of a cluster that replicates: LD 1 or 2, with its VTEP; nobody has a bucket. */
static void begin_message(uint32_t which) {
    struct message *message = &messages[which];

    station_message(message);
    message->config.vtep = message_address(message, vtep[which]);
    message->config.epoch = EPOCH;
    message_heartbeat(message, which + 1, 1, 10);
    message_cluster(message, which + 1);
    message_replicates(message);
}

/* Nobody answers yet: after the time for that, asked as often as a heartbeat is due, the LD is
 * online. */
static void go_online(struct dataplane *dataplane) {
    const struct snapshot *snapshot = dataplane->snapshot;
    uint64_t now_ms = clock_ms(), end_ms = now_ms + 2 * PEER_GONE_MS;

    while (!replicate_online(dataplane, snapshot, true, now_ms, now_ms * 1000)) {
        now_ms += snapshot->heartbeat.interval_ms;
        if (now_ms > end_ms)
            die("an LD does not go online");
    }
}

static void configure_both(void) {
    for (uint32_t i = 0; i < LDS; i++) {
        station_configure(&dataplanes[i], &messages[i]);
        go_online(&dataplanes[i]);
        /* A turn without traffic: in a map's first one an LD opens nothing. */
        worker_refresh(stations[i].worker, clock_ms());
        replicate_poll(stations[i].worker);
    }
}

static void print_replication(void) {
    const struct worker_stats *owner = &stations[OWNER].worker->stats;
    const struct worker_stats *other = &stations[OTHER].worker->stats;

    printf(",\"streams\":%lu,\"recordsSent\":%lu,\"packetsSent\":%lu,\"packetsAgain\":%lu",
           (unsigned long)owner->replication_streams,
           (unsigned long)owner->replication_records_sent,
           (unsigned long)owner->replication_packets_sent,
           (unsigned long)owner->replication_packets_again);
    printf(",\"recordsReceived\":%lu,\"recordsRefused\":%lu,\"sessionsAtOther\":%u",
           (unsigned long)other->replication_records_received,
           (unsigned long)other->replication_records_refused,
           stations[OTHER].worker->sessions.active);
}

static void configure_backup(enum pair_backup backup) {
    for (uint32_t i = 0; i < LDS; i++) {
        begin_message(i);
        message_ld(&messages[i], LDS - i, vtep[LDS - 1 - i]);
        message_assign(&messages[i], 0, BUCKET_COUNT - 1, 1, 2);
    }
    messages[OTHER].config.n_owned_buckets = 0;
    if (backup == BACKUP_TOLD)
        messages[OTHER].config.n_services = 0;
    configure_both();
}

static void configure_alone(void) {
    for (uint32_t i = 0; i < LDS; i++) {
        station_message(&messages[i]);
        messages[i].config.vtep = message_address(&messages[i], vtep[i]);
        station_configure(&dataplanes[i], &messages[i]);
    }
}

uint64_t pair_connections(uint32_t in_progress, enum pair_backup backup) {
    start_ports(false);
    if (backup == BACKUP_NONE)
        configure_alone();
    else
        configure_backup(backup);
    station_connect(OWNER, in_progress, TRAFFIC_PHASES_ALL, UINT64_MAX);
    station_start(LDS);
    station_print_samples(SETTLE_MS);
    station_stop();
    printf(",\"sessions\":%u", stations[OWNER].worker->sessions.active);
    print_replication();
    return station_drops(LDS);
}

/* Two clusters of an LD each, with local IPs of its own. */
static void configure_clusters(void) {
    for (uint32_t i = 0; i < LDS; i++) {
        begin_message(i);
        message_assign(&messages[i], 0, BUCKET_COUNT - 1, i + 1, 0);
    }
    messages[OTHER].config.n_local_ips = 0;
    message_local_ip(&messages[OTHER], "198.18.2.1");
    configure_both();
}

static void begin_migration(void) {
    for (uint32_t i = 0; i < LDS; i++) {
        message_migration(&messages[i], EPOCH);
        message_migration_ld(&messages[i], LDS - i, vtep[LDS - 1 - i]);
        message_migration_assign(&messages[i], 0, BUCKET_COUNT - 1, LDS - i);
        station_configure(&dataplanes[i], &messages[i]);
    }
}

/* What the controller looks at. */
static bool has_all(const struct dataplane *dataplane) {
    struct replication_status status;
    size_t peers = encode_replication(&status, dataplane, clock_ms());

    return peers == 1 && status.peers[0].whole;
}

static void wait_until_copied(void) {
    for (uint32_t waited_ms = 0; !has_all(&dataplanes[OWNER]) || !has_all(&dataplanes[OTHER]);
         waited_ms++) {
        if (waited_ms > COPY_TIMEOUT_S * 1000)
            die("the sessions are not copied");
        sleep_ms(1);
    }
}

/* The clients' packets alone: when the switch has turned, RSs still answer to the old cluster. */
static void replay_clients(const struct station *all, struct station *at) {
    at->frames = memory_map((size_t)all->frame_count * sizeof(*at->frames));
    if (at->frames == NULL)
        die("no memory for the frames");
    for (uint32_t i = 0; i < all->frame_count; i++)
        if (all->frames[i].dst_port == RTE_BE16(80))
            at->frames[at->frame_count++] = all->frames[i];
    traffic_replay(&at->traffic, at->frames, at->frame_count);
}

/* But for streams that began before the other LD knew of them. */
static uint64_t traffic_drops(void) {
    uint64_t of_streams = 0;

    for (uint32_t i = 0; i < LDS; i++)
        of_streams += counter_read(&stations[i].worker->stats.drops[DROP_BAD_REPLICATION]) +
                      counter_read(&stations[i].worker->stats.drops[DROP_REPLICATION_EPOCH]);
    return station_drops(LDS) - of_streams;
}

/* The switch sends clients to the other cluster. @return sessions that were not known there */
static uint64_t turn(uint32_t sessions) {
    const struct worker *worker = stations[OTHER].worker;
    uint64_t from = counter_read(&worker->stats.tx_packets);

    link_gate(&links[OWNER], false);
    sleep_ms(10);
    link_gate(&links[OTHER], true);
    while (counter_read(&worker->stats.tx_packets) - from + traffic_drops() < 2UL * sessions)
        sleep_ms(1);
    station_stop();
    return sessions - RTE_MIN(counter_read(&worker->stats.sessions_taken_over), sessions);
}

uint64_t pair_migration(void) {
    uint32_t sessions = options.sessions;
    uint64_t begun, copied;

    start_ports(true);
    link_gate(&links[OTHER], false);
    configure_clusters();
    station_connect(OWNER, sessions, TRAFFIC_PHASES_OPEN, sessions);
    station_start(LDS);
    station_wait_opened(OWNER, sessions);
    sleep_ms(20);
    station_stop();
    station_shuffle_flows(OWNER);
    traffic_replay(&stations[OWNER].traffic, stations[OWNER].frames, stations[OWNER].frame_count);
    replay_clients(&stations[OWNER], &stations[OTHER]);
    station_start(LDS);
    sleep_ms(WARM_UP_MS);
    begun = rte_rdtsc();
    begin_migration();
    wait_until_copied();
    copied = rte_rdtsc();
    printf("\"sessions\":%u,\"copySeconds\":%.6f", sessions,
           (double)(copied - begun) / (double)rte_get_tsc_hz());
    printf(",\"lost\":%lu", (unsigned long)turn(sessions));
    print_replication();
    return traffic_drops();
}
