/* An RS that still has a connection of which this LD knows nothing, on the port of a new one. */
#include <arpa/inet.h>

#include "forward/alter.h"
#include "testing/harness.h"
#include "testing/tcp.h"
#include "testing/test.h"

enum {
    ISN = 1000,
    EXPECTED = 0x40000000, /* by the RS, of the old connection */
};

static uint16_t local_port;

static int set_up(void **state) {
    tcp_set_up(state);
    tcp_apply();
    return 0;
}

static struct frame_view pass(struct flow_spec flow) {
    return tcp_pass(flow, 1);
}

static void connect_and_be_challenged(void) {
    struct frame_view view = pass(tcp_from_client(TCP_SYN, ISN, 0, 0));

    local_port = ntohs(view.tcp->src_port);
    view = pass(tcp_from_rs(local_port, TCP_ACK, 77, EXPECTED, 0));
    assert_int_equal(ntohl(view.tcp->recv_ack), EXPECTED); /* the client sees that it is not its */
}

/* The RST is believed by an RS without RFC 1337; by one with it, the number that the SYN has. */
static void the_client_goes_on_connecting_by_the_same_port(void **state) {
    struct frame_view view;

    (void)state;
    connect_and_be_challenged();
    view = pass(tcp_from_client(TCP_RST, EXPECTED, 0, 0));
    assert_int_equal(ntohl(view.tcp->sent_seq), EXPECTED); /* RFC 5961 3.2: exactly */
    view = pass(tcp_from_client(TCP_SYN, ISN, 0, 0));
    assert_int_equal(ntohs(view.tcp->src_port), local_port);
    assert_int_equal(ntohl(view.tcp->sent_seq), EXPECTED + 1);
    view = pass(tcp_from_rs(local_port, TCP_SYN | TCP_ACK, 88, EXPECTED + 2, 0));
    assert_int_equal(ntohl(view.tcp->recv_ack), ISN + 1);
    view = pass(tcp_from_client(TCP_ACK, ISN + 1, 89, 0));
    assert_int_equal(ntohl(view.tcp->sent_seq), EXPECTED + 2);
    assert_int_equal(harness_worker(&tcp_ld)->stats.sessions_opened, 1);
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].state, STATE_ESTABLISHED);
}

/* Whoever has not been challenged means it. */
static void any_other_rst_ends_the_session(void **state) {
    const struct session *session = &harness_worker(&tcp_ld)->sessions.sessions[1];

    (void)state;
    pass(tcp_from_client(TCP_SYN, ISN, 0, 0));
    pass(tcp_from_client(TCP_RST, ISN + 1, 0, 0));
    assert_int_equal(session->state, STATE_CLOSE);
}

static void a_refusal_ends_it_all_the_same(void **state) {
    (void)state;
    connect_and_be_challenged();
    pass(tcp_from_rs(local_port, TCP_RST | TCP_ACK, 0, ISN + 1, 0));
    assert_int_equal(harness_worker(&tcp_ld)->sessions.sessions[1].state, STATE_CLOSE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tcp_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_client_goes_on_connecting_by_the_same_port),
        CASE(any_other_rst_ends_the_session),
        CASE(a_refusal_ends_it_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
