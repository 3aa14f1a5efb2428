/* When beats are sent, what is in them, and the last words. */
#include "forward/heartbeat.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "packet/heartbeat.h"
#include "testing/harness.h"
#include "testing/test.h"

enum {
    LD_ID = 513,
    INTERVAL_MS = 20,
};

static const uint32_t key = 0xdeadbeef;
static const uint64_t start_us = 1900000000000000;
static struct harness harness;
static struct message message;
static struct heartbeat heartbeat;

static int start(uint32_t workers) {
    harness_start(&harness, workers, 16);
    heartbeat_init(&heartbeat, &harness.dataplane);
    message_begin(&message);
    message.config.epoch = 0x01020304;
    message_heartbeat(&message, LD_ID, key, INTERVAL_MS);
    message_switch(&message, "10.0.0.2");
    message_switch(&message, "172.16.0.1"); /* by the gateway */
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    return start(1);
}

static int set_up_two(void **state) {
    (void)state;
    return start(2);
}

static int tear_down(void **state) {
    (void)state;
    heartbeat_free(&heartbeat);
    harness_stop(&harness);
    return 0;
}

/* One turn of every worker but `stuck`. */
static void turn(uint32_t stuck) {
    for (uint32_t id = 0; id < harness.dataplane.worker_count; id++)
        if (id != stuck)
            worker_poll(harness.dataplane.workers[id], harness.now_ms);
}

static int tick(void) {
    return heartbeat_tick(&heartbeat, harness.now_ms, start_us + harness.now_ms * 1000);
}

static struct frame frame_of(struct rte_mbuf *mbuf) {
    struct frame frame = { .length = mbuf->data_len };

    memcpy(frame.bytes, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
    rte_pktmbuf_free(mbuf);
    return frame;
}

/* What the worker with the queue has been given to send: it leaves. */
static uint32_t take_beats(struct frame *frames) {
    struct beats *beats = harness_worker(&harness)->beats;
    uint32_t count = 0;

    if (beats == NULL)
        return 0;
    while (count < beats->count) {
        frames[count] = frame_of(beats->mbufs[count]);
        count++;
    }
    beats->sent = beats->count;
    beats->count = 0;
    harness_worker(&harness)->beats = NULL;
    return count;
}

static uint64_t big_endian(const uint8_t *at, int bytes) {
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | *at++;
    return value;
}

static uint64_t assert_beat(const struct frame *frame, const char *to, const char *next_hop,
                            uint16_t flags) {
    struct frame_view view = frame_view(frame);
    struct rte_ether_addr mac = harness_mac_of(next_hop);

    assert_memory_equal(&view.ether->dst_addr, &mac, sizeof(mac));
    assert_memory_equal(&view.ether->src_addr, &frame_ld_mac, sizeof(mac));
    assert_int_equal(view.ip->src_addr, ip4(frame_vtep));
    assert_int_equal(view.ip->dst_addr, ip4(to));
    assert_int_equal(ntohs(view.udp->dst_port), 53793);
    assert_int_equal(view.payload_bytes, 20);
    assert_int_equal(big_endian(view.payload, 4), key);
    assert_int_equal(big_endian(view.payload + 4, 2), LD_ID);
    assert_int_equal(big_endian(view.payload + 6, 2), flags);
    assert_int_equal(big_endian(view.payload + 8, 4), 0x01020304);
    return big_endian(view.payload + 12, 8);
}

static void every_switch_gets_a_beat(void **state) {
    struct frame frames[4];

    (void)state;
    turn(UINT32_MAX);
    assert_int_equal(tick(), INTERVAL_MS);
    assert_int_equal(take_beats(frames), 2);
    assert_int_equal(assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0),
                     start_us + harness.now_ms * 1000);
    assert_beat(&frames[1], "172.16.0.1", "10.0.0.1", 0);
    harness.now_ms += INTERVAL_MS;
    tick();
    assert_int_equal(harness.dataplane.heartbeats_sent, 2);
}

static void beats_keep_their_interval(void **state) {
    struct frame frames[4];
    uint64_t begin_ms = harness.now_ms, last = 0;
    int beats = 0;

    (void)state;
    for (; harness.now_ms < begin_ms + 10 * INTERVAL_MS; harness.now_ms++) {
        turn(UINT32_MAX);
        if (harness.now_ms % 7 == 0) /* control is not always on time */
            continue;
        tick();
        if (take_beats(frames) == 0)
            continue;
        assert_true(assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0) > last);
        last = assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0);
        beats++;
    }
    assert_in_range(beats, 9, 10);
    harness.now_ms += 100 * INTERVAL_MS; /* after a long wait one beat, not a hundred */
    turn(UINT32_MAX);
    assert_int_equal(tick(), INTERVAL_MS);
    assert_int_equal(take_beats(frames), 2);
    assert_int_equal(tick(), INTERVAL_MS);
    assert_int_equal(take_beats(frames), 0);
}

static void a_stuck_worker_silences_the_ld(void **state) {
    struct frame frames[4];

    (void)state;
    turn(1);
    assert_int_equal(tick(), 1); /* it has not even begun */
    turn(UINT32_MAX);
    tick();
    assert_int_equal(take_beats(frames), 2);
    for (int i = 0; i < 10; i++) {
        harness.now_ms += INTERVAL_MS;
        turn(1);
        assert_int_equal(tick(), 1);
    }
    assert_int_equal(take_beats(frames), 0);
    assert_int_equal(harness.dataplane.heartbeats_withheld, 11);
    turn(0);
    assert_int_equal(tick(), INTERVAL_MS); /* worker 0 has turned since the last beat */
    assert_int_equal(take_beats(frames), 2);
}

/* Which the workers' turns do not show. */
static void without_buffers_there_is_no_beat(void **state) {
    struct rte_mempool *pool = harness.dataplane.mbufs;
    struct frame frames[4];
    void *leaked[4096];
    uint32_t count = 0;

    (void)state;
    while (rte_mempool_generic_get(pool, &leaked[count], 1, NULL) == 0)
        assert_true(++count < RTE_DIM(leaked));
    turn(UINT32_MAX);
    assert_int_equal(tick(), 1);
    assert_int_equal(take_beats(frames), 0);
    assert_int_equal(harness.dataplane.heartbeats_withheld, 1);
    rte_mempool_generic_put(pool, leaked, count, NULL);
    assert_int_equal(tick(), INTERVAL_MS);
    assert_int_equal(take_beats(frames), 2);
}

static void without_a_link_there_is_no_beat(void **state) {
    struct frame frames[4];

    (void)state;
    heartbeat_link(&heartbeat, false);
    turn(UINT32_MAX);
    assert_int_equal(tick(), 1);
    assert_int_equal(take_beats(frames), 0);
    heartbeat_link(&heartbeat, true);
    assert_int_equal(tick(), INTERVAL_MS);
    assert_int_equal(take_beats(frames), 2);
}

static void *publish(void *published) {
    harness_apply(&harness, &message);
    __atomic_store_n((int *)published, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* What a beat is made of is not freed under it, whatever control does. */
static void control_waits_for_a_beat_before_it_frees(void **state) {
    const struct snapshot *old = harness.dataplane.snapshot;
    struct rte_rcu_qsbr *rcu = harness.dataplane.rcu;
    pthread_t control;
    int published = 0;

    (void)state;
    assert_int_equal(rte_rcu_qsbr_thread_register(rcu, READER_HEARTBEAT), 0);
    rte_rcu_qsbr_thread_online(rcu, READER_HEARTBEAT);
    assert_int_equal(pthread_create(&control, NULL, publish, &published), 0);
    while (__atomic_load_n(&harness.dataplane.snapshot, __ATOMIC_ACQUIRE) == old)
        poll(NULL, 0, 1);
    assert_int_equal(__atomic_load_n(&published, __ATOMIC_ACQUIRE), 0);
    rte_rcu_qsbr_thread_offline(rcu, READER_HEARTBEAT);
    pthread_join(control, NULL);
    assert_int_equal(published, 1);
    assert_int_equal(rte_rcu_qsbr_thread_unregister(rcu, READER_HEARTBEAT), 0);
}

static void nothing_is_sent_without_a_configuration(void **state) {
    struct frame frames[4];

    (void)state;
    message.config.heartbeat = NULL;
    harness_apply(&harness, &message);
    turn(UINT32_MAX);
    assert_int_equal(tick(), HEARTBEAT_NOTHING_DUE_MS);
    harness_stop(&harness);
    harness_start(&harness, 1, 16);
    turn(UINT32_MAX);
    assert_int_equal(tick(), HEARTBEAT_NOTHING_DUE_MS);
    assert_int_equal(take_beats(frames), 0);
}

static void sequence_rises_whatever_the_clock_does(void **state) {
    struct frame frames[4];
    uint64_t sequence;

    (void)state;
    turn(UINT32_MAX);
    heartbeat_tick(&heartbeat, harness.now_ms, start_us);
    take_beats(frames);
    turn(UINT32_MAX);
    heartbeat_tick(&heartbeat, harness.now_ms + INTERVAL_MS, start_us - 5000000);
    take_beats(frames);
    sequence = assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0);
    assert_int_equal(sequence, start_us + 1);
    heartbeat_free(&heartbeat); /* a restart knows the clock only */
    heartbeat_init(&heartbeat, &harness.dataplane);
    turn(UINT32_MAX);
    heartbeat_tick(&heartbeat, harness.now_ms, start_us + 1000);
    take_beats(frames);
    assert_true(assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0) > sequence);
}

/* Whatever else: SYN cookies of an LD without heartbeats have a time, too. */
static void workers_are_told_the_time(void **state) {
    (void)state;
    harness_stop(&harness);
    harness_start(&harness, 1, 16);
    heartbeat_tick(&heartbeat, harness.now_ms, start_us);
    assert_int_equal(harness.now_ms + harness.dataplane.since_1970_ms, start_us / 1000);
    heartbeat_tick(&heartbeat, harness.now_ms + 5, start_us - 7000); /* set back */
    assert_int_equal(harness.now_ms + 5 + harness.dataplane.since_1970_ms, start_us / 1000 - 7);
}

/* While a new map goes out, a switch believes the one epoch or the other. */
static void both_epochs_are_told(void **state) {
    struct frame frames[4];

    (void)state;
    message.heartbeat.previous_epoch = 0x01020303;
    harness_apply(&harness, &message);
    turn(UINT32_MAX);
    tick();
    assert_int_equal(take_beats(frames), 4);
    assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", 0);
    assert_int_equal(big_endian(frame_view(&frames[2]).payload + 8, 4), 0x01020303);
    assert_int_equal(big_endian(frame_view(&frames[3]).payload + 8, 4), 0x01020303);
}

static void unresolved_switches_are_left_out(void **state) {
    struct frame frames[4];

    (void)state;
    message.config.epoch = 0x01020304;
    message_switch(&message, "10.0.0.3");
    harness_apply(&harness, &message);
    turn(UINT32_MAX);
    tick();
    assert_int_equal(take_beats(frames), 2);
}

/* A port whose transmit side is a ring the test reads. */
static struct rte_ring *give_queue(uint32_t worker) {
    static struct rte_ring *ring;
    static int port;

    if (ring == NULL) {
        struct rte_eth_conf conf = { 0 };

        ring = rte_ring_create("wire", 64, SOCKET_ID_ANY, 0);
        port = rte_eth_from_ring(ring);
        assert_true(port >= 0);
        assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
        assert_int_equal(
            rte_eth_rx_queue_setup((uint16_t)port, 0, 64, 0, NULL, harness.dataplane.mbufs), 0);
        assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, 0, 64, 0, NULL), 0);
        assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
    }
    harness.dataplane.workers[worker]->port_id = (uint16_t)port;
    harness.dataplane.workers[worker]->queue = 0;
    return ring;
}

static uint64_t take_last_words(struct rte_ring *ring) {
    struct frame frames[2];
    struct rte_mbuf *mbuf = NULL;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(rte_ring_dequeue(ring, (void **)&mbuf), 0);
        frames[i] = frame_of(mbuf);
    }
    assert_beat(&frames[1], "172.16.0.1", "10.0.0.1", HEARTBEAT_GOING_DOWN);
    return assert_beat(&frames[0], "10.0.0.2", "10.0.0.2", HEARTBEAT_GOING_DOWN);
}

/* As main does it: through the worker that has the queue. No beat follows. */
static void last_words_go_through_a_worker(void **state) {
    struct rte_ring *ring;
    struct frame frames[4];

    (void)state;
    turn(UINT32_MAX);
    tick();
    take_beats(frames);
    ring = give_queue(0);
    heartbeat_last_words(&heartbeat, start_us);
    assert_int_equal(rte_ring_count(ring), 0);
    worker_say_last_words(harness_worker(&harness), harness_worker(&harness)->last_words);
    __atomic_store_n(&harness_worker(&harness)->last_words, NULL, __ATOMIC_RELEASE);
    assert_true(take_last_words(ring) >= heartbeat.sequence + HEARTBEAT_LAST_WORDS_LEAD_US);
    heartbeat_last_words(&heartbeat, start_us);
    assert_null(harness_worker(&harness)->last_words);
    harness_worker(&harness)->queue = QUEUE_NONE;
    harness.now_ms += INTERVAL_MS;
    turn(UINT32_MAX);
    assert_int_equal(tick(), HEARTBEAT_NOTHING_DUE_MS);
    assert_int_equal(take_beats(frames), 0);
}

/* As a crashed worker does it that is the only one with a queue. */
static void a_crashed_worker_speaks_for_itself(void **state) {
    struct rte_ring *ring;
    struct frame frames[4];

    (void)state;
    turn(UINT32_MAX);
    tick();
    take_beats(frames);
    ring = give_queue(0);
    worker_of_this_thread = harness_worker(&harness);
    heartbeat_last_words(&heartbeat, start_us);
    worker_of_this_thread = NULL;
    take_last_words(ring);
}

/* ... but not from inside the driver. */
static void a_crashed_driver_is_left_alone(void **state) {
    struct rte_ring *ring;
    struct frame frames[4];

    (void)state;
    turn(UINT32_MAX);
    tick();
    take_beats(frames);
    ring = give_queue(0);
    worker_of_this_thread = harness_worker(&harness);
    worker_of_this_thread->transmitting = 1;
    heartbeat_last_words(&heartbeat, start_us);
    worker_of_this_thread = NULL;
    assert_int_equal(rte_ring_count(ring), 0);
    assert_int_equal(harness_mbufs_in_use(&harness), 2); /* nobody can say who has them now */
    for (int i = 0; i < 2; i++)
        rte_pktmbuf_free_bulk(heartbeat.words[i].mbufs, heartbeat.words[i].count);
}

static void before_the_first_beat_there_is_nothing_to_say(void **state) {
    (void)state;
    heartbeat_last_words(&heartbeat, start_us);
    assert_null(harness_worker(&harness)->last_words);
}

int main(void) {
#define CASE(name)     cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_TWO(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_switch_gets_a_beat),
        CASE(beats_keep_their_interval),
        CASE_TWO(a_stuck_worker_silences_the_ld),
        CASE(without_buffers_there_is_no_beat),
        CASE(without_a_link_there_is_no_beat),
        CASE(control_waits_for_a_beat_before_it_frees),
        CASE(nothing_is_sent_without_a_configuration),
        CASE(sequence_rises_whatever_the_clock_does),
        CASE(workers_are_told_the_time),
        CASE(both_epochs_are_told),
        CASE(unresolved_switches_are_left_out),
        CASE(last_words_go_through_a_worker),
        CASE(a_crashed_worker_speaks_for_itself),
        CASE(a_crashed_driver_is_left_alone),
        CASE(before_the_first_beat_there_is_nothing_to_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
