/* Limits that several workers share, each on a thread of its own, packets and all: what they let
 * through together, and how it follows where the traffic is. The test moves the clock, so nothing
 * depends on how fast the threads are. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

#include "forward/quota.h"
#include "testing/harness.h"
#include "testing/test.h"

enum {
    WORKERS = 3,
    SESSIONS = 40000,
    PAYLOAD_BYTES = 1400,
    PACKET_BYTES = PAYLOAD_BYTES + 28,
    /* So long after a change shares follow it, and what may come at once has come. */
    SETTLE_MS = 3 * QUOTA_REDISTRIBUTE_MS,
    WINDOW_MS = 600,
};

static struct harness harness;
static struct message message;
static pthread_barrier_t begin_ms, end_ms;
static bool over;

/* One worker's thread, and what it is to ask for. */
struct lane {
    pthread_t thread;
    struct worker *worker;
    uint16_t buckets[BUCKET_COUNT]; /* its own */
    uint32_t bucket_count;
    bool opens;      /* every packet is a session's first; else all are of one */
    uint32_t per_ms; /* packets */
    uint32_t sent;
    uint64_t passed;
};

static struct lane lanes[WORKERS];

static void send_one(struct lane *lane) {
    uint32_t number = lane->opens ? lane->sent : 0;
    char client[INET_ADDRSTRLEN];
    struct flow_spec flow = {
        .src = client,
        .dst = "203.0.113.10",
        .src_port = (uint16_t)(1024 + number % 50000),
        .dst_port = 53,
        .protocol = FRAME_UDP,
        .payload = lane->opens ? 8 : PAYLOAD_BYTES,
        .no_udp_checksum = true,
    };
    const struct tunnel_spec tunnel = { .bucket = lane->buckets[number % lane->bucket_count] };
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(harness.dataplane.mbufs);
    struct frame frame;

    snprintf(client, sizeof(client), "192.0.%u.%u", 2 + lane->worker->id, 1 + number / 50000);
    frame = frame_tunnelled(&flow, &tunnel);
    lane->sent++;
    if (mbuf == NULL)
        return;
    memcpy(rte_pktmbuf_append(mbuf, (uint16_t)frame.length), frame.bytes, frame.length);
    ld_process(lane->worker, &mbuf, 1);
    lane->passed += lane->worker->tx_count;
    rte_pktmbuf_free_bulk(lane->worker->tx, lane->worker->tx_count);
    lane->worker->tx_count = 0;
}

static void *run_lane(void *argument) {
    struct lane *lane = argument;

    for (;;) {
        pthread_barrier_wait(&begin_ms);
        if (over)
            return NULL;
        worker_refresh(lane->worker, harness.now_ms);
        for (uint32_t i = 0; i < lane->per_ms; i++)
            send_one(lane);
        pthread_barrier_wait(&end_ms);
    }
}

static uint64_t open_sessions(void) {
    uint64_t sum = 0;

    for (uint32_t id = 0; id < WORKERS; id++)
        sum += lanes[id].worker->sessions.active;
    return sum;
}

/* All lanes at once, millisecond by millisecond, while control deals. What has passed before is
 * forgotten. @return the most sessions there were */
static uint64_t pass(uint32_t ms) {
    uint64_t most = 0;

    for (uint32_t id = 0; id < WORKERS; id++)
        lanes[id].passed = 0;
    for (; ms > 0; ms--) {
        harness.now_ms++;
        pthread_barrier_wait(&begin_ms);
        dataplane_limits(&harness.dataplane, harness.now_ms);
        pthread_barrier_wait(&end_ms);
        most = RTE_MAX(most, open_sessions());
    }
    return most;
}

static void ask(bool opens, uint32_t first, uint32_t second, uint32_t third) {
    const uint32_t per_ms[WORKERS] = { first, second, third };

    for (uint32_t id = 0; id < WORKERS; id++) {
        lanes[id].opens = opens;
        lanes[id].per_ms = per_ms[id];
    }
}

static uint64_t passed(void) {
    return lanes[0].passed + lanes[1].passed + lanes[2].passed;
}

static void assert_about(uint64_t number, double wanted) {
    assert_in_range(number, (uint64_t)(wanted * 0.95), (uint64_t)(wanted * 1.02) + 1);
}

static void start_lane(struct lane *lane, uint32_t id) {
    *lane = (struct lane){ .worker = harness.dataplane.workers[id] };
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        if (harness.dataplane.owner_of_bucket[bucket] == id)
            lane->buckets[lane->bucket_count++] = bucket;
    assert_int_equal(pthread_create(&lane->thread, NULL, run_lane, lane), 0);
}

static Sluice__Ld__V1__Limit *begin(void) {
    static const char *const servers[] = { "10.0.0.51", "10.0.0.52", "10.0.0.53", "10.0.0.54" };
    struct message_service *service;

    harness_start(&harness, WORKERS, SESSIONS);
    message_begin(&message);
    message_local_ip(&message, "198.18.1.2");
    service = message_service(&message, "dns", 0, "203.0.113.10", FRAME_UDP, 53);
    for (size_t i = 0; i < RTE_DIM(servers); i++)
        message_rs(&message, service, servers[i], servers[i], 53, 1);
    service->message.limit = (char *)(uintptr_t) "gold";
    return message_limit(&message);
}

static void start(void) {
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    over = false;
    pthread_barrier_init(&begin_ms, NULL, WORKERS + 1);
    pthread_barrier_init(&end_ms, NULL, WORKERS + 1);
    for (uint32_t id = 0; id < WORKERS; id++)
        start_lane(&lanes[id], id);
}

static int tear_down(void **state) {
    (void)state;
    over = true;
    pthread_barrier_wait(&begin_ms);
    for (uint32_t id = 0; id < WORKERS; id++)
        pthread_join(lanes[id].thread, NULL);
    pthread_barrier_destroy(&begin_ms);
    pthread_barrier_destroy(&end_ms);
    harness_stop(&harness);
    return 0;
}

/* A twentieth is dealt evenly, whoever asks; the rest by what each has been asked for. */
static double share_of(uint32_t id) {
    uint32_t sum = lanes[0].per_ms + lanes[1].per_ms + lanes[2].per_ms;

    return 0.95 * lanes[id].per_ms / sum + 0.05 / WORKERS;
}

/* `limit` is what may pass in a window; lane 2 asks for nothing, and leaves its part unused. */
static void assert_shared_by_demand(double limit) {
    assert_about(lanes[0].passed, limit * share_of(0));
    assert_about(lanes[1].passed, limit * share_of(1));
    assert_int_equal(lanes[2].passed, 0);
    assert_true((double)passed() <= limit * 1.01);
}

static void new_sessions_follow_the_traffic(void **state) {
    (void)state;
    begin()->new_sessions_per_s = 12000;
    start();
    ask(true, 5, 1, 0); /* less than the limit, and more than a third of it on one worker */
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_int_equal(passed(), 6 * WINDOW_MS);
    ask(true, 50, 10, 0);
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_shared_by_demand(12.0 * WINDOW_MS);
    ask(true, 10, 50, 0);
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_shared_by_demand(12.0 * WINDOW_MS);
}

static void bandwidth_follows_the_traffic(void **state) {
    const double per_window = 100e6 / 8 / PACKET_BYTES / 1000 * WINDOW_MS;

    (void)state;
    begin()->bandwidth_in_bps = 100000000;
    start();
    ask(false, 5, 2, 0);
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_int_equal(passed(), 7 * WINDOW_MS);
    ask(false, 20, 5, 0);
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_shared_by_demand(per_window);
    ask(false, 5, 20, 0);
    pass(SETTLE_MS);
    pass(WINDOW_MS);
    assert_shared_by_demand(per_window);
}

static void sessions_follow_the_traffic_and_never_exceed_their_limit(void **state) {
    const uint32_t limit = 15000;

    (void)state;
    begin()->sessions = limit;
    start();
    ask(true, 12, 0, 0);
    assert_true(pass(SETTLE_MS) <= limit);
    assert_true(lanes[0].worker->sessions.active > limit / 2); /* an even share is a third */
    ask(true, 2, 20, 1);
    assert_true(pass(6 * QUOTA_REDISTRIBUTE_MS) <= limit);
    assert_in_range(open_sessions(), limit - limit / 100, limit);
    /* Until others have given way, which takes two turns, lane 0 goes on with what it had. */
    assert_true(lanes[1].passed > 2 * lanes[0].passed);
}

/* Up to here a limit is exact at any moment, whatever the workers do at the same time. */
static void small_limits_are_exact(void **state) {
    Sluice__Ld__V1__Limit *limit = begin();

    (void)state;
    limit->sessions = 1000;
    limit->new_sessions_per_s = 2000;
    start();
    ask(true, 3, 2, 1);
    pass(100);
    assert_int_equal(passed(), 600);
    ask(true, 30, 20, 40);
    assert_int_equal(pass(50), 1000);
    assert_int_equal(open_sessions(), 1000);
    assert_int_equal(passed(), 400);
}

static void a_small_rate_is_exact(void **state) {
    (void)state;
    begin()->new_sessions_per_s = 1000;
    start();
    ask(true, 20, 10, 30);
    pass(100); /* a second's at once, and what 100 ms bring */
    assert_in_range(passed(), 1099, 1101);
    pass(500);
    assert_in_range(passed(), 499, 501);
}

static void a_small_bandwidth_is_exact(void **state) {
    (void)state;
    begin()->bandwidth_in_bps = 8000000;
    start();
    ask(false, 3, 1, 2);
    pass(100);
    pass(1000);
    assert_in_range(passed() * PACKET_BYTES, 1000000 - PACKET_BYTES, 1000000 + PACKET_BYTES);
}

int main(void) {
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(new_sessions_follow_the_traffic),
        CASE(bandwidth_follows_the_traffic),
        CASE(sessions_follow_the_traffic_and_never_exceed_their_limit),
        CASE(small_limits_are_exact),
        CASE(a_small_rate_is_exact),
        CASE(a_small_bandwidth_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
