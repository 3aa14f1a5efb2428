/* Configurations, requests in order, and the socket itself. */
#include "control/control_test.h"

static void config_is_held_as_given(void **state) {
    Response *response = get_config();

    (void)state;
    assert_null(response->config->config);
    release(response);
    apply_well();
    response = get_config();
    assert_int_equal(response->config->config->n_services, 2);
    assert_string_equal(response->config->config->services[0]->real_servers[1]->name, "b");
    assert_int_equal(response->config->config->epoch, 1);
    release(response);
}

static void refusals_change_nothing(void **state) {
    Response *response;

    (void)state;
    message.config.epoch = 5;
    apply_well();
    message.services[1].message.port = 0;
    response = apply();
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(response->message, "dns"));
    release(response);
    message.services[1].message.port = 53;
    message.config.epoch = 4;
    response = apply();
    assert_int_equal(response->code, STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(response->message, "epoch"));
    release(response);
    response = get_config();
    assert_int_equal(response->config->config->epoch, 5);
    assert_int_equal(response->config->config->services[1]->port, 53);
    release(response);
    message.config.epoch = 5; /* the same again is fine */
    apply_well();
}

static void nonsense_is_answered(void **state) {
    static const uint8_t not_a_message[] = { 0, 0, 0, 3, 0xff, 0xff, 0xff };
    static const uint8_t too_long[] = { 0x7f, 0, 0, 0 };
    Request empty = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Response *response;
    char byte;

    (void)state;
    send_bytes(fd, not_a_message, sizeof(not_a_message));
    response = receive_response(fd);
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    release(response);
    response = call(&empty);
    assert_int_equal(response->code, STATUS_UNIMPLEMENTED);
    release(response);
    send_bytes(fd, too_long, sizeof(too_long));
    response = receive_response(fd);
    assert_int_equal(response->code, STATUS_INVALID_ARGUMENT);
    release(response);
    assert_false(receive_bytes(fd, &byte, 1)); /* closed */
}

static void requests_are_served_in_order(void **state) {
    Request status = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneGetStatus body = SLUICE__LD__V1__DATAPLANE_GET_STATUS__INIT;
    Response *response;

    (void)state;
    apply_well();
    open_sessions(FRAME_UDP, 100);
    status.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_STATUS;
    status.get_status = &body;
    ask_for_sessions(fd, "", 0);
    send_request(fd, &status);
    assert_int_equal(take_sessions(fd), 100);
    response = receive_response(fd);
    assert_int_equal(response->response_case, SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_STATUS);
    assert_int_equal(response->status->worker_cores, 2);
    assert_true(strlen(response->status->version) > 0);
    assert_true(response->status->state->configured);
    assert_true(response->status->state->online);
    assert_int_equal(response->status->state->epoch, 1);
    assert_int_equal(response->status->state->sessions_active, 100);
    assert_int_equal(response->status->state->sessions_capacity, 2 * 2048);
    assert_int_equal(response->status->state->n_workers, 2);
    assert_int_equal(response->status->state->workers[1]->core, 2);
    release(response);
}

static void socket_is_taken_over_only_when_dead(void **state) {
    char error[CONTROL_ERROR_BYTES];
    struct stat status;
    FILE *file;

    (void)state;
    assert_null(control_create(path, &harness.dataplane, 0, error));
    assert_non_null(strstr(error, "another process"));
    control_destroy(control);
    assert_int_not_equal(stat(path, &status), 0);
    file = fopen(path, "w");
    fclose(file);
    assert_null(control_create(path, &harness.dataplane, 0, error));
    assert_non_null(strstr(error, "not a socket"));
    unlink(path);
    assert_null(control_create("/nonexistent/ld.sock", &harness.dataplane, 0, error));
    assert_non_null(strstr(error, "/nonexistent/ld.sock"));
    control = control_create(path, &harness.dataplane, 0, error);
    assert_non_null(control);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(config_is_held_as_given),
        CASE(refusals_change_nothing),
        CASE(nonsense_is_answered),
        CASE(requests_are_served_in_order),
        CASE(socket_is_taken_over_only_when_dead),
    };

    return run_control_tests(tests);
}
