/* Sessions, listed by the control socket. */
#include "control/control_test.h"

static uint32_t count_of(Sluice__Ld__V1__SessionFilter *filter) {
    send_filter(fd, filter);
    return take_sessions(fd);
}

static void sessions_are_filtered_and_limited(void **state) {
    (void)state;
    assert_int_equal(list("", 0), 0); /* not configured yet */
    apply_well();
    assert_int_equal(list("", 0), 0);
    open_sessions(FRAME_TCP, 1100);
    open_sessions(FRAME_UDP, 50);
    assert_int_equal(list("", 0), 1150);
    assert_int_equal(list("web", 0), 1100);
    assert_int_equal(list("dns", 0), 50);
    assert_int_equal(list("nobody", 0), 0);
    assert_int_equal(list("web", 700), 700);
    assert_int_equal(list("", 1), 1);
}

static void sessions_are_filtered_by_who_they_are_between(void **state) {
    Sluice__Ld__V1__SessionFilter all = SLUICE__LD__V1__SESSION_FILTER__INIT, filter;
    Sluice__Ld__V1__Prefix client = SLUICE__LD__V1__PREFIX__INIT;
    rte_be32_t address = ip4("192.0.2.0"), vip = ip4("203.0.113.10");
    Response *response;

    (void)state;
    apply_well();
    open_sessions(FRAME_TCP, 20);
    open_sessions(FRAME_UDP, 10);
    filter = all;
    filter.client = &client;
    client.address = (ProtobufCBinaryData){ .len = 4, .data = (uint8_t *)&address };
    client.len = 24;
    assert_int_equal(count_of(&filter), 30);
    client.len = 32;
    assert_int_equal(count_of(&filter), 0);
    address = ip4("192.0.2.77");
    assert_int_equal(count_of(&filter), 30);
    filter.client_port = 10003;
    assert_int_equal(count_of(&filter), 2);
    filter.vip = (ProtobufCBinaryData){ .len = 4, .data = (uint8_t *)&vip };
    filter.vip_port = 53;
    assert_int_equal(count_of(&filter), 1);
    vip = ip4("203.0.113.11");
    assert_int_equal(count_of(&filter), 0);
    filter = all;
    filter.rs = (char *)"a";
    filter.service = (char *)"web";
    assert_int_equal(count_of(&filter), 10); /* of two equal ones */
    filter = all;
    filter.state = SLUICE__LD__V1__SESSION_STATE__UDP_ACTIVE;
    assert_int_equal(count_of(&filter), 10);
    filter.state = SLUICE__LD__V1__SESSION_STATE__SYN_SENT;
    assert_int_equal(count_of(&filter), 20);
    filter.state = (Sluice__Ld__V1__SessionState)99;
    send_filter(fd, &filter);
    response = receive_response(fd);
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    release(response);
    filter = all;
    filter.client = &client;
    client.len = 33;
    send_filter(fd, &filter);
    response = receive_response(fd);
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(response->message, "33"));
    release(response);
}

static void a_session_shows_all_it_is(void **state) {
    Response *response;
    Sluice__Ld__V1__Session *session;

    (void)state;
    apply_well();
    open_sessions(FRAME_UDP, 2);
    harness_pass(&harness, 1000);
    ask_for_sessions(fd, "dns", 0);
    response = receive_response(fd);
    assert_int_equal(response->sessions->n_sessions, 1); /* worker 0's */
    session = response->sessions->sessions[0];
    assert_string_equal(session->service, "dns");
    assert_string_equal(session->rs, "a");
    assert_int_equal(session->protocol, 17);
    assert_int_equal(*(uint32_t *)session->client_ip.data, ip4("192.0.2.77"));
    assert_int_equal(session->client_port, 10000);
    assert_int_equal(*(uint32_t *)session->vip.data, ip4("203.0.113.10"));
    assert_int_equal(session->vip_port, 53);
    assert_int_equal(*(uint32_t *)session->local_ip.data, ip4("198.18.1.1"));
    assert_int_equal(session->local_port & 1023, session->bucket);
    assert_int_equal(*(uint32_t *)session->rs_ip.data, ip4("10.0.0.31"));
    assert_int_equal(session->rs_port, 53);
    assert_int_equal(session->state, SLUICE__LD__V1__SESSION_STATE__UDP_ACTIVE);
    assert_int_equal(session->bucket, bucket_for(0, 0));
    assert_int_equal(session->core, 1);
    assert_int_equal(session->age_ms, 1000);
    assert_int_equal(session->expires_in_ms, 299000);
    assert_int_equal(session->packets_in, 1);
    assert_int_equal(session->packets_out, 0);
    release(response);
    assert_int_equal(take_sessions(fd), 1); /* worker 1's */
}

static void two_listings_wait_for_each_other(void **state) {
    int other = open_client();

    (void)state;
    apply_well();
    open_sessions(FRAME_TCP, 1200);
    ask_for_sessions(fd, "", 0);
    ask_for_sessions(other, "", 0);
    assert_int_equal(take_sessions(other), 1200);
    assert_int_equal(take_sessions(fd), 1200);
    ask_for_sessions(other, "", 0);
    close(other); /* in the middle of it */
    for (int i = 0; i < 100; i++)
        turn();
    assert_int_equal(list("", 0), 1200);
}

/* Whoever asks for much and reads nothing delays only themselves, and gets all when they read. */
static void a_listing_that_nobody_reads_is_in_nobodys_way(void **state) {
    enum {
        SESSIONS = 1200,
        LISTINGS = 20, /* more than the socket and the data plane keep */
    };
    int other = open_client();

    (void)state;
    apply_well();
    open_sessions(FRAME_TCP, SESSIONS);
    for (int i = 0; i < LISTINGS; i++)
        ask_for_sessions(fd, "", 0);
    for (int i = 0; i < 1000; i++)
        turn();
    ask_for_sessions(other, "", 0);
    assert_int_equal(take_sessions(other), SESSIONS);
    for (int i = 0; i < LISTINGS; i++)
        assert_int_equal(take_sessions(fd), SESSIONS);
    close(other);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sessions_are_filtered_and_limited),
        CASE(sessions_are_filtered_by_who_they_are_between),
        CASE(a_session_shows_all_it_is),
        CASE(two_listings_wait_for_each_other),
        CASE(a_listing_that_nobody_reads_is_in_nobodys_way),
    };

    return run_control_tests(tests);
}
