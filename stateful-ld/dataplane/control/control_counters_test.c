/* Counters and shares of real servers, by the control socket. */
#include "control/control_test.h"

static uint64_t value(const Sluice__Ld__V1__NamedCounter *const *counters, size_t count,
                      const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(counters[i]->name, name) == 0)
            return counters[i]->value;
    fail_msg("no counter %s", name);
    return 0;
}

static void counters_sum_over_the_workers(void **state) {
    Response *response;
    Sluice__Ld__V1__Counters *counters;
    uint64_t opened = 0;

    (void)state;
    apply_well();
    open_sessions(FRAME_TCP, 10);
    response = get_counters();
    counters = response->counters;
    assert_int_equal(counters->n_services, 2);
    assert_string_equal(counters->services[0]->service, "dns");
    assert_string_equal(counters->services[1]->service, "web");
    assert_int_equal(counters->services[1]->n_real_servers, 2);
    assert_int_equal(counters->services[1]->real_servers[0]->sessions_active +
                         counters->services[1]->real_servers[1]->sessions_active,
                     10);
    assert_int_equal(counters->sessions_active, 10);
    assert_int_equal(counters->sessions_capacity, 4096);
    assert_int_equal(counters->n_drops, DROP_REASON_COUNT - 1);
    assert_int_equal(value((const void *)counters->drops, counters->n_drops, "no_session"), 0);
    assert_int_equal(value((const void *)counters->port, counters->n_port, "sessions_opened"), 10);
    assert_int_equal(value((const void *)counters->port, counters->n_port, "rx_missed"), 0);
    assert_int_equal(counters->n_workers, 2);
    for (int worker = 0; worker < 2; worker++) {
        const Sluice__Ld__V1__WorkerCounters *line = counters->workers[worker];

        assert_int_equal(line->core, harness.dataplane.workers[worker]->lcore);
        assert_in_range(line->sessions_active, 1, 9);
        assert_int_equal(value((const void *)line->port, line->n_port, "sessions_opened"),
                         line->sessions_active);
        opened += line->sessions_active;
    }
    assert_int_equal(opened, 10);
    release(response);
}

/* A new address under the same name is the same RS; a removed one counts until it has drained. */
static void counters_follow_the_rs(void **state) {
    Response *response;

    (void)state;
    apply_well();
    open_sessions(FRAME_UDP, 10);
    message.services[1].rs[0].address = message_address(&message, "10.0.0.99");
    apply_well();
    open_sessions(FRAME_UDP, 11); /* one of them is new */
    response = get_counters();
    assert_int_equal(response->counters->services[0]->n_real_servers, 1);
    assert_int_equal(response->counters->services[0]->real_servers[0]->sessions_total, 11);
    assert_int_equal(response->counters->services[0]->real_servers[0]->packets_in, 21);
    release(response);
    harness_pass(&harness, 400000);
    apply_well(); /* forgets the old address, not what it has counted */
    response = get_counters();
    assert_int_equal(response->counters->services[0]->real_servers[0]->sessions_total, 11);
    assert_int_equal(response->counters->services[0]->real_servers[0]->sessions_active, 0);
    release(response);
    message.config.n_services = 1;
    apply_well();
    response = get_counters();
    assert_int_equal(response->counters->n_services, 1);
    assert_string_equal(response->counters->services[0]->service, "web");
    release(response);
}

static Response *set_shares(uint32_t number, const char *rs, uint32_t permille) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneSetShares body = SLUICE__LD__V1__DATAPLANE_SET_SHARES__INIT;
    Sluice__Ld__V1__RsShare share = SLUICE__LD__V1__RS_SHARE__INIT;
    Sluice__Ld__V1__RsShare *pointer = &share;

    share.number = number;
    share.service = (char *)(uintptr_t) "web";
    share.rs = (char *)(uintptr_t)rs;
    share.share_permille = permille;
    body.n_shares = 1;
    body.shares = &pointer;
    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_SET_SHARES;
    request.set_shares = &body;
    return call(&request);
}

static Response *list_rs(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneListRs body = SLUICE__LD__V1__DATAPLANE_LIST_RS__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_LIST_RS;
    request.list_rs = &body;
    return call(&request);
}

static void check_share(const char *rs, uint32_t permille) {
    Response *response = list_rs();
    bool found = false;

    for (size_t i = 0; i < response->rs_list->n_real_servers; i++) {
        const Sluice__Ld__V1__DataplaneRs *item = response->rs_list->real_servers[i];

        if (strcmp(item->service, "web") != 0 || strcmp(item->rs, rs) != 0)
            continue;
        found = true;
        assert_int_equal(item->share_permille, permille);
    }
    assert_true(found);
    release(response);
}

static void shares_are_set_and_stay(void **state) {
    Response *response = list_rs();

    (void)state;
    assert_int_equal(response->rs_list->n_real_servers, 0); /* not configured yet */
    release(response);
    apply_well();
    response = list_rs();
    assert_int_equal(response->rs_list->n_real_servers, 3);
    assert_false(response->rs_list->can_probe); /* there is no device */
    assert_string_equal(response->rs_list->real_servers[1]->rs, "b");
    assert_int_equal(response->rs_list->real_servers[1]->number, 1);
    assert_int_equal(response->rs_list->real_servers[1]->port, 80);
    assert_memory_equal(response->rs_list->real_servers[1]->probe_address.data,
                        ((const uint8_t[]){ 198, 19, 1, 1 }), 4);
    release(response);
    release(set_shares(1, "b", 250));
    check_share("b", 250);
    check_share("a", 1000);
    apply_well();
    check_share("b", 250);
    /* A number that means another RS by now. */
    response = set_shares(0, "b", 0);
    assert_int_equal(response->code, STATUS_OK);
    release(response);
    check_share("a", 1000);
    response = set_shares(1, "b", 1001);
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(response->message, "share_permille"));
    release(response);
    check_share("b", 250);
}

/* Those of the LD's buckets, and by which map they are; not before the LD can know. */
static void sessions_are_counted_by_rs(void **state) {
    uint64_t active = 0, primary = 0;
    Response *response;

    (void)state;
    message.config.epoch = 7;
    apply_well();
    open_sessions(FRAME_TCP, 10);
    response = list_rs();
    assert_int_equal(response->rs_list->counted_epoch, 0);
    for (size_t i = 0; i < response->rs_list->n_real_servers; i++) {
        active += response->rs_list->real_servers[i]->sessions_active;
        primary += response->rs_list->real_servers[i]->sessions_primary;
    }
    assert_int_equal(active, 10);
    assert_int_equal(primary, 10);
    release(response);
    harness.dataplane.replication.online = 1;
    for (uint32_t id = 0; id < harness.dataplane.worker_count; id++)
        harness_poll(&harness, id);
    response = list_rs();
    assert_int_equal(response->rs_list->counted_epoch, 7);
    release(response);
}

/* What was known of an RS that is gone is not said of one that comes. */
static void a_new_rs_has_its_whole_share(void **state) {
    (void)state;
    apply_well();
    release(set_shares(1, "b", 0));
    message.services[0].message.n_real_servers = 1;
    apply_well();
    message.services[0].message.n_real_servers = 2;
    apply_well();
    check_share("b", 1000);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(counters_sum_over_the_workers), CASE(counters_follow_the_rs),
        CASE(shares_are_set_and_stay),       CASE(a_new_rs_has_its_whole_share),
        CASE(sessions_are_counted_by_rs),
    };

    return run_control_tests(tests);
}
