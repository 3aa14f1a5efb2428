/* Which RS sessions get, through the whole receive path. */
#include "forward/scheduler.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "forward/rs_share.h"
#include "forward/session_life.h"
#include "testing/harness.h"
#include "testing/test.h"

#define VIP "203.0.113.10"

enum {
    SERVERS = 5
};

static struct harness harness;
static struct message message;
static struct message_service *service;
static uint16_t next_port;

static void start(int scheduler) {
    harness_start(&harness, 1, 8192);
    message_begin(&message);
    service = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    service->message.scheduler = (Sluice__Ld__V1__Scheduler)scheduler;
    next_port = 1024;
}

static const char *server(uint32_t number) {
    static char text[SERVERS][INET_ADDRSTRLEN];

    snprintf(text[number], sizeof(text[number]), "10.0.0.%u", 31 + number);
    return text[number];
}

static void add_server(uint32_t number, uint32_t weight) {
    char name[16];

    snprintf(name, sizeof(name), "rs%u", number);
    message_rs(&message, service, name, server(number), 8080, weight);
}

static void apply(void) {
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

/* The RS a new connection of the client gets, 0..4. */
static uint32_t connect_from(const char *client, uint16_t port) {
    const struct flow_spec flow = { .src = client,
                                    .dst = VIP,
                                    .src_port = port,
                                    .dst_port = 80,
                                    .protocol = FRAME_TCP,
                                    .tcp_flags = TCP_SYN };
    const struct tunnel_spec tunnel = { .bucket = port & BUCKET_MASK };
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    assert_int_equal(harness_receive(&harness, &frame), 1);
    return ntohl(frame_view(&harness.sent[0]).ip->dst_addr) - ntohl(ip4(server(0)));
}

static uint32_t connect_new(const char *client) {
    return connect_from(client, next_port++);
}

static const char *client(uint32_t number) {
    static char text[INET_ADDRSTRLEN];

    snprintf(text, sizeof(text), "192.0.%u.%u", number / 200, number % 200 + 1);
    return text;
}

static void client_keeps_its_rs_on_every_ld(void **state) {
    uint32_t chosen[300], seen = 0;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__SOURCE_HASH);
    for (uint32_t i = 0; i < SERVERS; i++)
        add_server(i, 1);
    apply();
    for (uint32_t i = 0; i < 300; i++) {
        chosen[i] = connect_new(client(i));
        seen |= 1u << chosen[i];
        assert_int_equal(connect_new(client(i)), chosen[i]);
    }
    assert_int_equal(seen, (1 << SERVERS) - 1);
    harness_stop(&harness);
    /* Another LD, told of the RSs in another order and under other names. */
    start(SLUICE__LD__V1__SCHEDULER__SOURCE_HASH);
    for (uint32_t i = 0; i < SERVERS; i++) {
        add_server((i * 2 + 3) % SERVERS, 1);
        service->rs[i].name = (char *)(uintptr_t) "abcde" + i;
    }
    apply();
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(connect_new(client(i)), chosen[i]);
    harness_stop(&harness);
}

static void only_clients_of_the_drained_rs_move(void **state) {
    uint32_t chosen[300], moved = 0, others = 0;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__SOURCE_HASH);
    for (uint32_t i = 0; i < SERVERS; i++)
        add_server(i, 1);
    apply();
    for (uint32_t i = 0; i < 300; i++)
        chosen[i] = connect_new(client(i));
    service->rs[2].weight = 0;
    apply();
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t now = connect_new(client(i));

        assert_int_not_equal(now, 2);
        moved += chosen[i] == 2;
        others += chosen[i] != 2 && now != chosen[i];
    }
    assert_true(moved > 30);
    assert_true(others <= 300 * 2 / 100);
    /* Back again: everybody is where they were. */
    service->rs[2].weight = 1;
    apply();
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(connect_new(client(i)), chosen[i]);
    harness_stop(&harness);
}

static void share(uint32_t number, uint16_t permille) {
    rs_share_set(harness.dataplane.rs_shares, number, permille);
}

/* It fails, and returns with a slow start: nobody else's clients move, and its own come back one
 * after the other to where they were. */
static void only_clients_of_the_failed_rs_move(void **state) {
    uint32_t chosen[300], back = 0, half = 0, its = 0;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__SOURCE_HASH);
    for (uint32_t i = 0; i < SERVERS; i++)
        add_server(i, 1);
    apply();
    for (uint32_t i = 0; i < 300; i++)
        chosen[i] = connect_new(client(i));
    share(2, 0);
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t now = connect_new(client(i));

        its += chosen[i] == 2;
        assert_int_not_equal(now, 2);
        if (chosen[i] != 2)
            assert_int_equal(now, chosen[i]);
    }
    assert_true(its > 30);
    share(2, RS_SHARE_FULL / 2);
    for (uint32_t i = 0; i < 300; i++)
        half += connect_new(client(i)) == 2;
    assert_in_range(half, its / 4, its * 3 / 4);
    share(2, RS_SHARE_FULL);
    for (uint32_t i = 0; i < 300; i++)
        back += connect_new(client(i)) == chosen[i];
    assert_int_equal(back, 300);
    harness_stop(&harness);
}

/* Whatever the scheduler: all down but one, it gets everybody; that one too, and nobody does. */
static void the_last_one_gets_all(void **state) {
    (void)state;
    for (int kind = SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN;
         kind <= SLUICE__LD__V1__SCHEDULER__FLOW_HASH; kind++) {
        const struct flow_spec flow = { .src = "192.0.9.9",
                                        .dst = VIP,
                                        .src_port = 60000,
                                        .dst_port = 80,
                                        .protocol = FRAME_TCP,
                                        .tcp_flags = TCP_SYN };
        struct frame frame = frame_plain(&flow);

        start(kind);
        for (uint32_t i = 0; i < SERVERS; i++)
            add_server(i, 1);
        apply();
        for (uint32_t i = 0; i < SERVERS; i++)
            share(i, i == 3 ? 1 : 0);
        for (uint32_t i = 0; i < 100; i++)
            assert_int_equal(connect_new(client(i)), 3);
        apply(); /* a new configuration changes nothing of it */
        assert_int_equal(connect_new(client(100)), 3);
        share(3, 0);
        harness_expect_drop(&harness, &frame, DROP_NO_RS_AVAILABLE);
        harness_stop(&harness);
    }
}

/* Of sessions whose SYN an RS answers, refuses, and ignores. */
static void answers_are_counted(void **state) {
    const struct rs_answers *answers;
    struct frame_view view;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN);
    add_server(0, 1);
    apply();
    answers = harness_worker(&harness)->rs_answers;
    for (int i = 0; i < 3; i++) {
        struct flow_spec answer = { .src = server(0),
                                    .src_port = 8080,
                                    .dst = "198.18.1.1",
                                    .protocol = FRAME_TCP,
                                    .tcp_flags = i == 0 ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK };
        struct frame frame;

        connect_new(client(0));
        view = frame_view(&harness.sent[0]);
        answer.dst_port = ntohs(view.tcp->src_port);
        frame = frame_plain(&answer);
        if (i < 2)
            assert_int_equal(harness_receive(&harness, &frame), 1);
    }
    assert_int_equal(answers[0].answered, 1);
    assert_int_equal(answers[0].unanswered, 1);
    harness_pass(&harness, 10 * 1000);
    assert_int_equal(answers[0].answered, 1);
    assert_int_equal(answers[0].unanswered, 2);
    harness_stop(&harness);
}

static void clients_of_one_prefix_are_one_client(void **state) {
    uint32_t seen = 0, first;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__SOURCE_HASH);
    service->message.source_prefix_len = 24;
    for (uint32_t i = 0; i < SERVERS; i++)
        add_server(i, 1);
    apply();
    first = connect_new("198.51.100.1");
    for (uint32_t i = 2; i < 255; i += 7) {
        char text[INET_ADDRSTRLEN];

        snprintf(text, sizeof(text), "198.51.100.%u", i);
        assert_int_equal(connect_new(text), first);
        snprintf(text, sizeof(text), "198.51.%u.1", i);
        seen |= 1u << connect_new(text);
    }
    assert_int_equal(seen, (1 << SERVERS) - 1);
    harness_stop(&harness);
}

static void ports_count_for_flow_hash(void **state) {
    uint32_t count[SERVERS] = { 0 };
    uint32_t chosen;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__FLOW_HASH);
    for (uint32_t i = 0; i < SERVERS; i++)
        add_server(i, 1);
    apply();
    chosen = connect_from("192.0.2.1", 40000);
    for (uint16_t i = 0; i < 1000; i++)
        count[connect_new("192.0.2.1")]++;
    for (uint32_t i = 0; i < SERVERS; i++)
        assert_in_range(count[i], 150, 250);
    harness_stop(&harness);
    start(SLUICE__LD__V1__SCHEDULER__FLOW_HASH);
    for (uint32_t i = SERVERS; i-- > 0;)
        add_server(i, 1);
    apply();
    assert_int_equal(connect_from("192.0.2.1", 40000), chosen);
    harness_stop(&harness);
}

/* Sessions that end count no more: their RS is next. */
static void fewest_connections_are_filled_up(void **state) {
    uint32_t count[SERVERS] = { 0 };

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__WEIGHTED_LEAST_CONNECTIONS);
    for (uint32_t i = 0; i < 3; i++)
        add_server(i, i + 1);
    apply();
    for (uint32_t i = 0; i < 60; i++)
        count[connect_new("192.0.2.1")]++;
    assert_int_equal(count[0], 10);
    assert_int_equal(count[1], 20);
    assert_int_equal(count[2], 30);
    for (uint32_t number = 1; number <= 60; number++)
        if (harness_worker(&harness)->sessions.sessions[number].target == 1)
            session_end(harness_worker(&harness), number);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(connect_new("192.0.2.1"), 1);
    harness_stop(&harness);
}

static void unknown_bits_do_not_count(void **state) {
    struct ip_address one = ip_from_v4(ip4("10.1.2.3")), other = ip_from_v4(ip4("10.1.2.4"));
    struct ip_address v6 = { .bytes = { 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 3, 4 } }, near = v6;

    (void)state;
    assert_int_equal(scheduler_source_hash(&one, 96 + 24), scheduler_source_hash(&other, 96 + 24));
    assert_int_not_equal(scheduler_source_hash(&one, 128), scheduler_source_hash(&other, 128));
    near.bytes[7] ^= 1;
    near.bytes[15] ^= 1;
    assert_int_equal(scheduler_source_hash(&v6, 48), scheduler_source_hash(&near, 48));
    assert_int_not_equal(scheduler_source_hash(&v6, 64), scheduler_source_hash(&near, 64));
    assert_int_not_equal(scheduler_source_hash(&v6, 128), scheduler_source_hash(&near, 128));
}

/* Any change of these would move every client while LDs of two versions run side by side. */
static void hashes_are_the_same_in_every_version(void **state) {
    const struct flow_key key = { .src = ip4("192.0.2.77"),
                                  .dst = ip4(VIP),
                                  .src_port = htons(40000),
                                  .dst_port = htons(80),
                                  .vni_protocol = flow_vni_protocol(0, FRAME_TCP) };
    struct ip_address source = flow_src(&key);

    (void)state;
    assert_int_equal(scheduler_source_hash(&source, 128), 0xc6058fb1);
    assert_int_equal(scheduler_flow_hash(&key), 0x5b24721d);
}

static void timeouts_of_the_service_come_first(void **state) {
    Sluice__Ld__V1__Timeouts own;
    struct message_service *other;

    (void)state;
    start(SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN);
    add_server(0, 1);
    other = message_service(&message, "other", 0, VIP, FRAME_TCP, 81);
    message_rs(&message, other, "rs", "10.0.0.40", 81, 1);
    sluice__ld__v1__timeouts__init(&own);
    sluice__ld__v1__timeouts__init(&message.timeouts);
    own.syn_sent_ms = 20000;
    message.timeouts.syn_sent_ms = 10000;
    message.config.timeouts = &message.timeouts;
    service->message.timeouts = &own;
    apply();
    connect_new("192.0.2.1");
    {
        const struct flow_spec flow = { .src = "192.0.2.1",
                                        .dst = VIP,
                                        .src_port = 5000,
                                        .dst_port = 81,
                                        .protocol = FRAME_TCP,
                                        .tcp_flags = TCP_SYN };
        struct frame frame = frame_plain(&flow);

        assert_int_equal(harness_receive(&harness, &frame), 1);
    }
    harness_pass(&harness, 9900);
    assert_int_equal(harness_worker(&harness)->sessions.active, 2);
    harness_pass(&harness, 300);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
    /* The RS leaves the service: its session keeps the service's timeouts. */
    service->message.n_real_servers = 0;
    apply();
    harness_pass(&harness, 9600);
    assert_int_equal(harness_worker(&harness)->sessions.active, 1);
    harness_pass(&harness, 400);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    harness_stop(&harness);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_keeps_its_rs_on_every_ld),
        cmocka_unit_test(only_clients_of_the_drained_rs_move),
        cmocka_unit_test(only_clients_of_the_failed_rs_move),
        cmocka_unit_test(the_last_one_gets_all),
        cmocka_unit_test(answers_are_counted),
        cmocka_unit_test(clients_of_one_prefix_are_one_client),
        cmocka_unit_test(ports_count_for_flow_hash),
        cmocka_unit_test(fewest_connections_are_filled_up),
        cmocka_unit_test(unknown_bits_do_not_count),
        cmocka_unit_test(hashes_are_the_same_in_every_version),
        cmocka_unit_test(timeouts_of_the_service_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
