/* What an operator can set of a session's life: how long each state lasts, an RS that drains, and
 * what the log says when ports or room run out. */
#include <stdio.h>

#include <rte_log.h>

#include "forward/fullnat_test.h"
#include "log.h"

/* A packet of the connection, from the client or its RS. */
struct step {
    enum direction from;
    uint8_t flags;
};

#define CLIENT_SENDS(flags)                                                                        \
    { FROM_CLIENT, flags }
#define RS_SENDS(flags)                                                                            \
    { FROM_RS, flags }
#define HANDSHAKE CLIENT_SENDS(TCP_SYN), RS_SENDS(TCP_SYN | TCP_ACK), CLIENT_SENDS(TCP_ACK)

enum {
    STEPS_MAX = 6
};

/* How to get into each state, what its timeout is when nobody says, and when somebody does. That of
 * SYN_ACK, which takes a SYN cookie, is in cookie_test.c. */
static const struct way {
    enum session_state state;
    size_t field;
    uint32_t default_ms;
    uint32_t set_ms;
    struct step steps[STEPS_MAX];
} ways[] = {
#define FIELD(name) offsetof(Sluice__Ld__V1__Timeouts, name)
    { STATE_SYN_SENT, FIELD(syn_sent_ms), 3000, 1300, { CLIENT_SENDS(TCP_SYN) } },
    { STATE_SYN_RECV,
      FIELD(syn_recv_ms),
      30000,
      1700,
      { CLIENT_SENDS(TCP_SYN), RS_SENDS(TCP_SYN | TCP_ACK) } },
    { STATE_ESTABLISHED, FIELD(established_ms), 900000, 2100, { HANDSHAKE } },
    { STATE_FIN_WAIT, FIELD(fin_wait_ms), 7000, 2500, { HANDSHAKE, RS_SENDS(TCP_FIN | TCP_ACK) } },
    { STATE_CLOSE_WAIT,
      FIELD(close_wait_ms),
      60000,
      2900,
      { HANDSHAKE, CLIENT_SENDS(TCP_FIN | TCP_ACK) } },
    { STATE_LAST_ACK,
      FIELD(last_ack_ms),
      7000,
      3300,
      { HANDSHAKE, CLIENT_SENDS(TCP_FIN | TCP_ACK), RS_SENDS(TCP_FIN | TCP_ACK) } },
    { STATE_TIME_WAIT,
      FIELD(time_wait_ms),
      7000,
      3700,
      { HANDSHAKE, RS_SENDS(TCP_FIN | TCP_ACK), CLIENT_SENDS(TCP_FIN | TCP_ACK) } },
    { STATE_CLOSE, FIELD(close_ms), 3000, 4100, { HANDSHAKE, RS_SENDS(TCP_RST) } },
    { STATE_UDP_ACTIVE, FIELD(udp_ms), 300000, 4500, { CLIENT_SENDS(0) } },
};

static void bring_to(const struct way *way, uint16_t client_port) {
    bool is_udp = way->state == STATE_UDP_ACTIVE;
    struct flow_spec flow = is_udp ? udp() : tcp(0);
    struct frame_view view = { 0 };

    flow.src_port = client_port;
    for (int i = 0; i < STEPS_MAX && (is_udp ? i == 0 : way->steps[i].flags != 0); i++) {
        const struct step *step = &way->steps[i];
        struct flow_spec sent = flow;

        if (step->from == FROM_RS)
            sent = answer_to(&view, step->flags);
        sent.tcp_flags = step->flags;
        if (step->from == FROM_RS) {
            receive_flow(sent);
            continue;
        }
        view = receive_flow(sent);
    }
}

/* The session ends when it has been idle for so long, and within a tick or two of the wheel. */
static void assert_lasts(const struct way *way, uint32_t timeout_ms, uint16_t client_port) {
    struct worker *worker = harness_worker(&harness);

    bring_to(way, client_port);
    assert_int_equal(only_session()->state, way->state);
    harness_pass(&harness, timeout_ms - 1);
    if (worker->sessions.active != 1)
        fail_msg("state %d: ended before %u ms", way->state, timeout_ms);
    harness_pass(&harness, 2 * WHEEL_TICK_MS + 51);
    if (worker->sessions.active != 0)
        fail_msg("state %d: did not end after %u ms", way->state, timeout_ms);
}

static void set_timeouts(Sluice__Ld__V1__Timeouts *timeouts, uint32_t more_ms) {
    sluice__ld__v1__timeouts__init(timeouts);
    for (size_t i = 0; i < RTE_DIM(ways); i++)
        *(uint32_t *)((uint8_t *)timeouts + ways[i].field) = ways[i].set_ms + more_ms;
}

static void every_state_has_a_timeout(void **state) {
    (void)state;
    for (size_t i = 0; i < RTE_DIM(ways); i++)
        assert_lasts(&ways[i], ways[i].default_ms, (uint16_t)(40000 + i));
}

static void every_timeout_is_the_ones_that_was_set(void **state) {
    (void)state;
    message.config.timeouts = &message.timeouts;
    set_timeouts(&message.timeouts, 0);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    for (size_t i = 0; i < RTE_DIM(ways); i++)
        assert_lasts(&ways[i], ways[i].set_ms, (uint16_t)(40000 + i));
}

/* Of what both set, the service's word counts. */
static void every_timeout_of_a_service_comes_first(void **state) {
    Sluice__Ld__V1__Timeouts own;

    (void)state;
    message.config.timeouts = &message.timeouts;
    set_timeouts(&message.timeouts, 0);
    set_timeouts(&own, 10000);
    for (size_t i = 0; i < message.config.n_services; i++)
        message.config.services[i]->timeouts = &own;
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    for (size_t i = 0; i < RTE_DIM(ways); i++)
        assert_lasts(&ways[i], ways[i].set_ms + 10000, (uint16_t)(40000 + i));
}

/* Sessions keep 32 bits of the clock, which goes round every 49.7 days. */
static void every_timeout_holds_while_the_clock_goes_round(void **state) {
    struct worker *worker = harness_worker(&harness);
    uint32_t passed_ms = 0;

    (void)state;
    message.config.timeouts = &message.timeouts;
    set_timeouts(&message.timeouts, 0);
    harness_apply(&harness, &message);
    harness.now_ms = (1ULL << 32) - 1000;
    worker_refresh(worker, harness.now_ms);
    worker_housekeeping(worker); /* the wheel comes after */
    harness_resolve(&harness);
    for (size_t i = 0; i < RTE_DIM(ways); i++)
        bring_to(&ways[i], (uint16_t)(40000 + i));
    for (uint32_t left = RTE_DIM(ways); left > 0; left--) {
        uint32_t timeout_ms = ways[RTE_DIM(ways) - left].set_ms;

        harness_pass(&harness, timeout_ms - 1 - passed_ms);
        assert_int_equal(worker->sessions.active, left);
        harness_pass(&harness, 2 * WHEEL_TICK_MS + 51);
        assert_int_equal(worker->sessions.active, left - 1);
        passed_ms = timeout_ms - 1 + 2 * WHEEL_TICK_MS + 51;
    }
    assert_true(harness.now_ms > 1ULL << 32);
}

/* Packets of a state that is not over put its end off. */
static void what_is_in_use_does_not_end(void **state) {
    struct flow_spec ack = tcp(TCP_ACK);

    (void)state;
    message.config.timeouts = &message.timeouts;
    set_timeouts(&message.timeouts, 0);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    bring_to(&ways[2], ack.src_port);
    for (int i = 0; i < 10; i++) {
        harness_pass(&harness, ways[2].set_ms - 100);
        receive_flow(ack);
    }
    assert_int_equal(only_session()->state, STATE_ESTABLISHED);
}

static Sluice__Ld__V1__Scheduler schedulers[] = {
    SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN,
    SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS,
    SLUICE__LD__V1__SCHEDULER__SOURCE_HASH,
    SLUICE__LD__V1__SCHEDULER__FLOW_HASH,
};

/* The RS that a client's packet goes to. */
static rte_be32_t rs_of(uint32_t client, uint8_t flags) {
    char address[INET_ADDRSTRLEN];
    struct flow_spec flow = tcp(flags);

    snprintf(address, sizeof(address), "192.0.2.%u", 1 + client);
    flow.src = address;
    return receive_flow(flow).ip->dst_addr;
}

/* Weight 0: whatever chooses, sessions go on where they are and new ones go elsewhere; and with the
 * weight back they come back. */
static void weight_0_drains(void **state) {
    enum {
        CLIENTS = 24
    };
    struct message_service *web = &message.services[0];

    (void)state;
    message_rs(&message, web, "rs2", "10.0.0.32", 8080, 1);
    for (size_t i = 0; i < RTE_DIM(schedulers); i++) {
        rte_be32_t before[CLIENTS];
        uint32_t of_rs1 = 0, back = 0;

        web->message.scheduler = schedulers[i];
        web->rs[0].weight = 1;
        harness_apply(&harness, &message);
        harness_resolve(&harness);
        for (uint32_t client = 0; client < CLIENTS; client++) {
            before[client] = rs_of(client, TCP_SYN);
            of_rs1 += before[client] == ip4(RS1);
        }
        assert_in_range(of_rs1, 1, CLIENTS - 1);
        web->rs[0].weight = 0;
        harness_apply(&harness, &message);
        harness_resolve(&harness);
        for (uint32_t client = 0; client < CLIENTS; client++)
            assert_int_equal(rs_of(client, TCP_ACK), before[client]);
        for (uint32_t client = CLIENTS; client < 2 * CLIENTS; client++)
            assert_int_equal(rs_of(client, TCP_SYN), ip4("10.0.0.32"));
        web->rs[0].weight = 1;
        harness_apply(&harness, &message);
        harness_resolve(&harness);
        for (uint32_t client = 2 * CLIENTS; client < 3 * CLIENTS; client++)
            back += rs_of(client, TCP_SYN) == ip4(RS1);
        assert_int_not_equal(back, 0);
        harness_pass(&harness, 2 * 3600 * 1000);
    }
}

/* What is logged while a block runs. */
static char *said;
static size_t said_bytes;
static FILE *stream;

static void listen_to_the_log(void) {
    stream = open_memstream(&said, &said_bytes);
    assert_non_null(stream);
    assert_int_equal(rte_openlog_stream(stream), 0);
}

static void stop_listening(void) {
    rte_openlog_stream(NULL);
    fclose(stream);
    free(said);
}

static void look(uint64_t after_ms) {
    harness.now_ms += after_ms;
    dataplane_limits(&harness.dataplane, harness.now_ms);
    fflush(stream);
}

static int lines_with(const char *what) {
    int count = 0;

    for (const char *at = said; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void open_until_refused(uint16_t first_port, bool one_bucket) {
    struct flow_spec flow = tcp(TCP_SYN);

    for (uint16_t i = 0; i < 300; i++) {
        struct tunnel_spec spread = { .bucket = one_bucket ? BUCKET : i };
        struct frame frame;

        flow.src_port = (uint16_t)(first_port + i);
        frame = frame_tunnelled(&flow, &spread);
        harness_receive(&harness, &frame);
    }
}

/* With the RS and the service by name, and at most one line in ten seconds. */
static void ports_that_run_out_are_logged(void **state) {
    (void)state;
    listen_to_the_log();
    look(20 * 1000);
    assert_int_equal(lines_with("local ports"), 0);
    open_until_refused(20000, true);
    look(1000);
    look(1000);
    assert_int_equal(lines_with("local ports: 237 sessions refused"), 1);
    assert_int_equal(lines_with("RS \"rs1\" of service \"web\""), 1);
    open_until_refused(30000, true);
    look(7000);
    assert_int_equal(lines_with("local ports"), 1);
    look(2000);
    assert_int_equal(lines_with("local ports: 300 sessions refused"), 1);
    assert_int_equal(lines_with("local ports"), 2);
    stop_listening();
}

static void a_full_table_is_logged(void **state) {
    (void)state;
    listen_to_the_log();
    look(20 * 1000);
    open_until_refused(20000, false);
    look(1000);
    assert_int_equal(lines_with("sessions: 44 refused"), 1);
    look(20 * 1000);
    assert_int_equal(lines_with("refused"), 1);
    stop_listening();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_state_has_a_timeout),
        CASE(every_timeout_is_the_ones_that_was_set),
        CASE(every_timeout_of_a_service_comes_first),
        CASE(every_timeout_holds_while_the_clock_goes_round),
        CASE(what_is_in_use_does_not_end),
        CASE(weight_0_drains),
        CASE(ports_that_run_out_are_logged),
        CASE(a_full_table_is_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
