/* Beats that a worker does not come to send in time: it was held up, and the switches have turned
 * to the other LDs meanwhile. */
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "forward/heartbeat.h"
#include "packet/heartbeat.h"
#include "testing/harness.h"
#include "testing/test.h"

enum {
    LD_ID = 1,
    INTERVAL_MS = 10,
    HOLD_MS = 50,
    RING_SLOTS = 64,
};

static const uint64_t start_us = 1900000000000000;
static struct harness harness;
static struct message message;
static struct heartbeat heartbeat;
static struct rte_ring *nothing, *wire; /* what the port receives, and what it has sent */

static void give_port(struct worker *worker) {
    static int port = -1;
    struct rte_eth_conf conf = { 0 };

    worker->queue = 0;
    if (port < 0) {
        nothing = rte_ring_create("nothing", RING_SLOTS, SOCKET_ID_ANY, 0);
        wire = rte_ring_create("wire", RING_SLOTS, SOCKET_ID_ANY, 0);
        port = rte_eth_from_rings("cable", &nothing, 1, &wire, 1, 0);
        assert_true(port >= 0);
        assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
        assert_int_equal(
            rte_eth_rx_queue_setup((uint16_t)port, 0, RING_SLOTS, 0, NULL, harness.dataplane.mbufs),
            0);
        assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, 0, RING_SLOTS, 0, NULL), 0);
        assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
    }
    worker->port_id = (uint16_t)port;
}

static void turn(void) {
    worker_poll(harness_worker(&harness), harness.now_ms);
}

static void tick(void) {
    heartbeat_tick(&heartbeat, harness.now_ms, start_us + harness.now_ms * 1000);
}

/* What has come to the switch. */
static uint32_t arrived(void) {
    struct rte_mbuf *mbuf;
    uint32_t count = 0;

    for (; rte_ring_dequeue(wire, (void **)&mbuf) == 0; count++)
        rte_pktmbuf_free(mbuf);
    return count;
}

static int set_up(void **state) {
    (void)state;
    harness_start(&harness, 1, 16);
    heartbeat_init(&heartbeat, &harness.dataplane);
    message_begin(&message);
    message_heartbeat(&message, LD_ID, 1, INTERVAL_MS);
    message.heartbeat.hold_ms = HOLD_MS;
    message_switch(&message, "10.0.0.2");
    message_cluster(&message, LD_ID);
    message_replicates(&message);
    message_assign(&message, 0, 1023, LD_ID, 0);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    give_port(harness_worker(&harness));
    turn();
    tick(); /* online */
    turn();
    assert_int_equal(arrived(), 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    heartbeat_free(&heartbeat);
    harness_stop(&harness);
    return 0;
}

static bool online(void) {
    return harness.dataplane.replication.online != 0;
}

static uint64_t stale(void) {
    return harness_worker(&harness)->stats.drops[DROP_STALE_HEARTBEAT];
}

/* The worker sleeps when the next beat is made, and does not wake up before @p held_ms are over. */
static void hold_worker(uint64_t held_ms) {
    uint64_t until_ms = harness.now_ms + held_ms;

    while (harness.now_ms < until_ms) {
        harness.now_ms++;
        tick();
    }
}

/* A beat was on its way to the worker: the one before had left, and the worker had turned since. */
static void a_worker_that_was_held_sends_no_beat_of_before(void **state) {
    (void)state;
    hold_worker(40 * HOLD_MS);
    assert_false(online());
    turn();
    assert_int_equal(arrived(), 0);
    assert_int_equal(stale(), 1);
    tick(); /* there is nobody to wait for: online again, and the first beat of this life */
    assert_true(online());
    turn();
    assert_int_equal(arrived(), 1);
    assert_int_equal(stale(), 1);
    assert_int_equal(harness_mbufs_in_use(&harness), 1); /* last words */
}

/* The heartbeat thread was held as well, as all threads of a stopped process are: it has said
 * nothing of it yet when the worker runs. */
static void nor_does_one_that_runs_before_the_heartbeat_thread(void **state) {
    (void)state;
    harness.now_ms += INTERVAL_MS;
    tick();
    harness.now_ms += 40 * HOLD_MS;
    turn();
    assert_int_equal(arrived(), 0);
    assert_int_equal(stale(), 1);
}

static void a_short_hold_up_costs_no_beat(void **state) {
    (void)state;
    hold_worker(HOLD_MS);
    turn();
    assert_int_equal(arrived(), 1);
    assert_int_equal(stale(), 0);
    tick();
    turn();
    assert_true(online());
    assert_int_equal(arrived(), 1);
    assert_int_equal(harness.dataplane.heartbeats_sent, 2); /* and the one that has just left */
}

/* That a beat is made does not make the silence shorter: it has not left. */
static void what_has_not_left_has_not_been_said(void **state) {
    (void)state;
    hold_worker(HOLD_MS);
    assert_true(online());
    hold_worker(1);
    assert_false(online());
}

/* A port that takes nothing more: the LD begins again (and is online at once, being alone). */
static void nor_has_what_the_port_did_not_take(void **state) {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(harness.dataplane.mbufs);
    uint64_t incarnation = harness.dataplane.replication.incarnation;

    (void)state;
    while (rte_ring_enqueue(wire, mbuf) == 0)
        rte_mbuf_refcnt_update(mbuf, 1);
    for (int ms = 0; ms < HOLD_MS + INTERVAL_MS; ms++) {
        harness.now_ms++;
        tick();
        turn();
    }
    arrived();
    rte_pktmbuf_free(mbuf);
    assert_int_not_equal(harness.dataplane.replication.incarnation, incarnation);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_worker_that_was_held_sends_no_beat_of_before),
        CASE(nor_does_one_that_runs_before_the_heartbeat_thread),
        CASE(a_short_hold_up_costs_no_beat),
        CASE(what_has_not_left_has_not_been_said),
        CASE(nor_has_what_the_port_did_not_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
