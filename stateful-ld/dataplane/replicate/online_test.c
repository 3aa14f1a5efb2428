/* When an LD may be online: two of a cluster that start, fall silent, lose their links, and come
 * back. */
#include <stdio.h>
#include <stdlib.h>

#include <rte_log.h>

#include "replicate/install.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

/* Its workers are stuck, or its link is down. */
static bool online_but_deaf(int which) {
    return replicate_online(&ld[which].dataplane, ld[which].dataplane.snapshot, false, now_ms,
                            now_ms * 1000);
}

/* A restarted LD gets its own sessions back and those it stands in for, before it is online. */
static void a_restarted_ld_gets_all_sessions_first(void **state) {
    struct connection mine[400], other[100], meanwhile;

    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        mine[i] = lds_establish(LD_1, i, (uint16_t)(i % 100));
        if (i < 100)
            other[i] = lds_establish(LD_2, 1000 + i, (uint16_t)(512 + i));
        if (i % 20 == 0)
            lds_pass(1);
    }
    lds_pass(20);
    lds_pair_restart(LD_1, 1);
    assert_false(lds_online(LD_1));
    assert_int_equal(lds_standby(LD_1), 0);
    meanwhile = lds_establish(LD_2, 5000, LDS_BUCKET_1); /* by the backup, in the primary's place */
    network.delay_max_ms = 3;
    network.loss_percent = 10;
    lds_pass_until_online(LD_1);
    for (uint32_t i = 0; i < 400; i++)
        assert_non_null(lds_session_of(LD_1, &mine[i]));
    for (uint32_t i = 0; i < 100; i++)
        assert_non_null(lds_session_of(LD_1, &other[i]));
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_int_equal(lds_send_client(LD_1, &meanwhile, TCP_ACK), meanwhile.local_port);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.replication_copies_short, 0);
}

static void nothing_is_opened_before_it_is_online(void **state) {
    struct connection connection = { 1, LDS_BUCKET_1, 0 };
    struct frame syn = lds_from_client(LD_1, &connection, TCP_SYN);

    (void)state;
    network.cut = true;
    lds_pair_restart(LD_1, 1);
    harness_expect_drop(&ld[LD_1], &syn, DROP_NOT_ONLINE);
    lds_pass_until_online(LD_1);
    assert_int_not_equal(lds_send_client(LD_1, &connection, TCP_SYN), 0);
}

/* It stood still, the switch has turned, and what had come before that waits in its queue: the
 * other LD opens it, by a port of its own share, and either of them goes on with it. */
static void what_comes_while_it_is_offline_the_other_one_opens(void **state) {
    struct connection connection = { 1, LDS_BUCKET_1, 0 };

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(LDS_HOLD_MS + 1);
    assert_false(lds_online(LD_1));
    connection.local_port = lds_send_client(LD_1, &connection, TCP_SYN);
    assert_int_equal(connection.local_port / BUCKET_COUNT % 4, 3);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.sessions_opened, 1);
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK)); /* before the record is here */
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
    assert_null(lds_session_of(LD_1, &connection));
    lds_pass_until_online(LD_1);
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
    assert_int_equal(lds_session_of(LD_1, &connection)->state, STATE_ESTABLISHED);
}

/* All of it stood still, and a worker runs again first, with a SYN of before the other LD has taken
 * over. The client has tried again meanwhile: what the other one has opened stays the only session.
 */
static void nothing_is_opened_before_it_knows_that_it_was_silent(void **state) {
    struct connection connection;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    lds_pass(LDS_HOLD_MS + 1);
    connection = lds_establish(LD_2, 1, LDS_BUCKET_1);
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_SYN), connection.local_port);
    assert_null(lds_session_of(LD_1, &connection));
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
}

/* LD 1 answers the client, and remembers nothing. @return its sequence number */
static uint32_t cookie_for(const struct connection *connection) {
    struct connection first = { 1, connection->bucket, 0 };
    struct frame syn = lds_from_client(LD_1, connection, TCP_SYN), cookie;

    for (int each = LD_1; each <= LD_2; each++) {
        messages[each].services[0].message.syn_cookie_threshold_per_s = 1;
        harness_apply(&ld[each], &messages[each]);
        harness_resolve(&ld[each]);
    }
    lds_pass(1);
    assert_int_not_equal(lds_send_client(LD_1, &first, TCP_SYN), 0);
    cookie = lds_through(LD_1, &syn);
    assert_int_equal(frame_view(&cookie).tcp->tcp_flags, TCP_SYN | TCP_ACK);
    assert_null(lds_session_of(LD_1, connection));
    return ntohl(frame_view(&cookie).tcp->sent_seq);
}

/* The client's answer, which the switch sends to an LD. @return what leaves for it */
static struct frame acknowledge(int which, const struct connection *connection, uint32_t cookie) {
    struct frame ack = lds_from_client(which, connection, TCP_ACK);
    struct frame_view view = frame_view(&ack);
    struct rte_tcp_hdr *tcp =
        (struct rte_tcp_hdr *)(ack.bytes + ((const uint8_t *)view.tcp - ack.bytes));

    tcp->sent_seq = htonl(ntohl(tcp->sent_seq) + 1); /* all of them begin with the same number */
    tcp->recv_ack = htonl(cookie + 1);
    tcp->cksum = 0;
    tcp->cksum = rte_ipv4_udptcp_cksum(view.ip, tcp);
    return lds_through(which, &ack);
}

static void cookie_outlives_who_has_made_it(void **state) {
    struct connection connection = { 2, LDS_BUCKET_1, 0 };
    struct frame out;
    uint32_t cookie;

    (void)state;
    lds_pass(STRAGGLERS_MS);
    cookie = cookie_for(&connection);
    lds_kill(LD_1);
    lds_pass(LDS_HOLD_MS);
    out = acknowledge(LD_2, &connection, cookie);
    assert_int_equal(frame_view(&out).tcp->tcp_flags, TCP_SYN);
    assert_int_equal(frame_view(&out).ip->dst_addr, ip4(RS));
}

/* In its first second online an LD asks the other one: that may have opened the session already,
 * and two would be at two RSs. */
static void cookie_opens_one_session(void **state) {
    struct connection connection = { 2, LDS_BUCKET_1, 0 };
    struct frame out;
    uint32_t cookie;

    (void)state;
    lds_pass(STRAGGLERS_MS);
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    cookie = cookie_for(&connection);
    network.cut = true; /* no record gets there in time */
    out = acknowledge(LD_2, &connection, cookie);
    connection.local_port = ntohs(frame_view(&out).tcp->src_port);
    assert_int_equal(connection.local_port / BUCKET_COUNT % 4, 3);
    assert_true(lds_send_rs(LD_2, &connection, TCP_SYN | TCP_ACK));
    out = acknowledge(LD_1, &connection, cookie);
    assert_int_equal(ntohs(frame_view(&out).tcp->src_port), connection.local_port);
    assert_int_equal(frame_view(&out).tcp->tcp_flags, TCP_ACK);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    assert_null(lds_session_of(LD_1, &connection));
}

/* Nothing goes round between two LDs of which neither is online. */
static void what_the_other_one_may_not_open_either_is_dropped(void **state) {
    struct connection connection = { 1, LDS_BUCKET_1, 0 };

    (void)state;
    for (int which = LD_1; which <= LD_2; which++)
        replicate_beaten(&ld[which].dataplane, now_ms);
    lds_pass(LDS_HOLD_MS + 1);
    for (int which = LD_1; which <= LD_2; which++)
        assert_false(lds_online(which));
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_SYN), 0);
    assert_int_equal(harness_worker(&ld[LD_1])->stats.passed_on, 1);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.passed_on, 0);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.drops[DROP_NOT_ONLINE], 1);
}

/* Nobody is there to ask: after a while it does without. */
static void an_ld_alone_comes_online(void **state) {
    uint64_t begin_ms = now_ms;

    (void)state;
    network.cut = true;
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    assert_in_range(now_ms - begin_ms, PEER_GONE_MS, PEER_GONE_MS + 10);
}

/* It starts with a clock that is behind: peers take it for what it was once, and no heartbeat of it
 * would be believed. When the clock is right again, so is the LD. */
static void an_ld_whose_clock_was_set_back_waits_for_it(void **state) {
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);
    uint64_t behind_ms = now_ms - 600 * 1000;

    (void)state;
    lds_pass(20);
    lds_kill(LD_1);
    lds_start(LD_1, 1);
    lds_pair_configure(LD_1, 1);
    for (int ms = 0; ms < 3 * PEER_GONE_MS; ms++) {
        assert_false(replicate_online(&ld[LD_1].dataplane, ld[LD_1].dataplane.snapshot, true,
                                      now_ms, (behind_ms + (uint64_t)ms) * 1000));
        lds_pass(1);
    }
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &connection));
}

/* An LD that was silent for longer than the switches wait has been replaced meanwhile. */
static void a_long_silence_takes_an_ld_offline(void **state) {
    struct connection meanwhile, old = lds_establish(LD_1, 1, LDS_BUCKET_1);

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(LDS_HOLD_MS);
    assert_true(lds_online(LD_1));
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, LDS_BUCKET_1);
    lds_pass(LDS_HOLD_MS + 1);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_non_null(lds_session_of(LD_1, &old));
}

/* Heartbeats of an LD for a while, with nothing else going on. */
static void beat(int which, uint32_t ms) {
    for (uint32_t passed = 0; passed < ms; passed += 10) {
        lds_pass(10);
        assert_true(lds_online(which));
        replicate_beaten(&ld[which].dataplane, now_ms);
    }
}

/* Nobody has had the packets meanwhile: there is nothing to wait for. */
static void a_survivor_that_was_silent_does_not_wait_for_the_dead(void **state) {
    (void)state;
    lds_kill(LD_2);
    beat(LD_1, 2 * PEER_GONE_MS);
    lds_pass(2 * LDS_HOLD_MS);
    assert_true(lds_online(LD_1));
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(PEER_GONE_MS + 1); /* the other one may be back, and have waited for us in vain */
    assert_false(lds_online(LD_1));
}

static void a_peer_that_has_nothing_to_tell_is_not_dead(void **state) {
    struct connection meanwhile;

    (void)state;
    beat(LD_1, 4 * PEER_GONE_MS);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, LDS_BUCKET_1);
    lds_pass(2 * LDS_HOLD_MS);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
}

/* That nothing is heard of a peer for long does not mean that the peer has nothing to give. */
static void a_deaf_ld_waits_until_it_hears(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, LDS_BUCKET_1);
    for (int ms = 0; ms < 3 * PEER_GONE_MS; ms += 10) {
        lds_pass(10);
        assert_int_equal(online_but_deaf(LD_1), ms + 10 <= LDS_HOLD_MS);
    }
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
}

/* It has all copies, and stands still before it says so. */
static void what_was_copied_before_a_pause_is_not_enough_after_it(void **state) {
    struct connection meanwhile;

    (void)state;
    lds_pair_restart(LD_1, 1);
    assert_false(lds_online(LD_1));
    lds_pass(20);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, LDS_BUCKET_1);
    for (int ms = 0; ms < 2 * LDS_HOLD_MS; ms += 10) {
        lds_pass(10);
        assert_false(online_but_deaf(LD_1));
    }
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
}

/* An outage that is shorter than the hold time, but began with a beat that went into nothing. */
static void a_lost_link_takes_an_ld_offline(void **state) {
    struct connection meanwhile;

    (void)state;
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    assert_true(lds_online(LD_1));
    replicate_lost_touch(&ld[LD_1].dataplane);
    network.cut = true;
    meanwhile = lds_establish(LD_2, 2, LDS_BUCKET_1);
    assert_false(online_but_deaf(LD_1));
    lds_pass(LDS_HOLD_MS / 2);
    network.cut = false;
    assert_false(lds_online(LD_1));
    lds_pass_until_online(LD_1);
    assert_non_null(lds_session_of(LD_1, &meanwhile));
    assert_true(lds_online(LD_1)); /* once */
}

/* Of the two that claim one client's connection, the one whose packets have been seen stays. */
static void an_ld_that_comes_back_believes_the_other(void **state) {
    struct connection stale = { 7, LDS_BUCKET_1, 0 }, real;

    (void)state;
    network.cut = true;
    stale.local_port = lds_send_client(LD_1, &stale, TCP_SYN); /* its answer never came */
    real = lds_establish(LD_2, 7, LDS_BUCKET_1);
    replicate_beaten(&ld[LD_1].dataplane, now_ms);
    lds_pass(2 * LDS_HOLD_MS);
    assert_false(lds_online(LD_1));
    network.cut = false;
    lds_pass_until_online(LD_1);
    assert_int_not_equal(real.local_port, stale.local_port);
    assert_int_equal(lds_send_client(LD_1, &real, TCP_ACK), real.local_port);
}

/* What the lab waits for, and what people look for in the log. */
static void it_says_when_it_is_online_and_when_not(void **state) {
    char *said = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&said, &bytes);

    (void)state;
    assert_non_null(stream);
    assert_int_equal(rte_openlog_stream(stream), 0);
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    beat(LD_1, 10);
    lds_pass(LDS_HOLD_MS + 1);
    assert_false(lds_online(LD_1));
    rte_openlog_stream(NULL);
    fclose(stream);
    assert_string_equal(said, "sluice-ld: info: replication: online: waited 4 ms for the copies\n"
                              "sluice-ld: warning: replication: offline: the last heartbeat was 51 "
                              "ms ago (hold time 50 ms): other LDs may have had our packets\n");
    free(said);
}

/* A switch sends it packets again at once: an RS may answer before the session's record is here. */
static void one_that_is_back_asks_the_other_about_what_it_does_not_know(void **state) {
    struct connection connection = { 1, LDS_BUCKET_1, 0 };

    (void)state;
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    network.cut = true;
    connection.local_port = lds_send_client(LD_2, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_true(lds_send_rs(LD_1, &connection, TCP_SYN | TCP_ACK));
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
    assert_null(lds_session_of(LD_1, &connection));
    lds_pass(STRAGGLERS_MS);
    assert_false(lds_send_rs(LD_1, &connection, TCP_ACK));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_restarted_ld_gets_all_sessions_first),
        CASE(nothing_is_opened_before_it_is_online),
        CASE(what_comes_while_it_is_offline_the_other_one_opens),
        CASE(nothing_is_opened_before_it_knows_that_it_was_silent),
        CASE(cookie_outlives_who_has_made_it),
        CASE(cookie_opens_one_session),
        CASE(what_the_other_one_may_not_open_either_is_dropped),
        CASE(an_ld_alone_comes_online),
        CASE(an_ld_whose_clock_was_set_back_waits_for_it),
        CASE(a_long_silence_takes_an_ld_offline),
        CASE(a_survivor_that_was_silent_does_not_wait_for_the_dead),
        CASE(a_peer_that_has_nothing_to_tell_is_not_dead),
        CASE(a_deaf_ld_waits_until_it_hears),
        CASE(what_was_copied_before_a_pause_is_not_enough_after_it),
        CASE(a_lost_link_takes_an_ld_offline),
        CASE(an_ld_that_comes_back_believes_the_other),
        CASE(it_says_when_it_is_online_and_when_not),
        CASE(one_that_is_back_asks_the_other_about_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
