/* The control socket, through a real socket, with the data plane in the same process. */
#include "control/control.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/encode.h"
#include "testing/harness.h"
#include "testing/test.h"

typedef Sluice__Ld__V1__DataplaneRequest Request;
typedef Sluice__Ld__V1__DataplaneResponse Response;

static struct harness harness;
static struct message message;
static struct control *control;
static char folder[] = P_tmpdir "/sluice-ld-test-XXXXXX";
static char path[64];
static int fd;

static int open_client(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int client = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    return client;
}

static int set_up(void **state) {
    struct message_service *service;
    char error[CONTROL_ERROR_BYTES];

    (void)state;
    harness_start(&harness, 2, 2048);
    control = control_create(path, &harness.dataplane, harness.now_ms, error);
    assert_non_null(control);
    fd = open_client();
    message_begin(&message);
    service = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 80);
    message_rs(&message, service, "a", "10.0.0.31", 80, 1);
    message_rs(&message, service, "b", "10.0.0.32", 80, 1);
    service = message_service(&message, "dns", 0, "203.0.113.10", FRAME_UDP, 53);
    message_rs(&message, service, "a", "10.0.0.31", 53, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    close(fd);
    control_destroy(control);
    harness_stop(&harness);
    return 0;
}

/* Control's loop and the workers' housekeeping, in turns. */
static void turn(void) {
    control_poll(control, harness.now_ms, 0);
    for (uint32_t id = 0; id < harness.dataplane.worker_count; id++) {
        worker_refresh(harness.dataplane.workers[id], harness.now_ms);
        worker_housekeeping(harness.dataplane.workers[id]);
    }
}

static void send_bytes(int client, const void *data, size_t bytes) {
    for (size_t done = 0; done < bytes; turn()) {
        ssize_t sent = send(client, (const uint8_t *)data + done, bytes - done, 0);

        if (sent > 0)
            done += (size_t)sent;
    }
}

static void send_request(int client, const Request *request) {
    size_t bytes = sluice__ld__v1__dataplane_request__get_packed_size(request);
    uint8_t *frame = malloc(bytes + 4);
    uint32_t header = htonl((uint32_t)bytes);

    assert_non_null(frame);
    memcpy(frame, &header, 4);
    sluice__ld__v1__dataplane_request__pack(request, frame + 4);
    send_bytes(client, frame, bytes + 4);
    free(frame);
}

static bool receive_bytes(int client, void *data, size_t bytes) {
    size_t done = 0;

    for (int turns = 0; done < bytes; turns++) {
        ssize_t got = recv(client, (uint8_t *)data + done, bytes - done, 0);

        if (got == 0)
            return false;
        if (got > 0)
            done += (size_t)got;
        turn();
        assert_true(turns < 100000);
    }
    return true;
}

static Response *receive_response(int client) {
    Response *response;
    uint32_t header;
    uint8_t *body;

    assert_true(receive_bytes(client, &header, 4));
    body = malloc(ntohl(header) + 1);
    assert_non_null(body);
    assert_true(receive_bytes(client, body, ntohl(header)));
    response = sluice__ld__v1__dataplane_response__unpack(NULL, ntohl(header), body);
    free(body);
    assert_non_null(response);
    return response;
}

static void release(Response *response) {
    sluice__ld__v1__dataplane_response__free_unpacked(response, NULL);
}

static Response *call(const Request *request) {
    send_request(fd, request);
    return receive_response(fd);
}

static Response *apply(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_APPLY_CONFIG;
    request.apply_config = &message.config;
    return call(&request);
}

static void apply_well(void) {
    Response *response = apply();

    assert_int_equal(response->code, 0);
    assert_string_equal(response->message, "");
    release(response);
    harness_resolve(&harness);
}

static Response *get_config(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneGetConfig body = SLUICE__LD__V1__DATAPLANE_GET_CONFIG__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_CONFIG;
    request.get_config = &body;
    return call(&request);
}

static Response *get_counters(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneGetCounters body = SLUICE__LD__V1__DATAPLANE_GET_COUNTERS__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_COUNTERS;
    request.get_counters = &body;
    return call(&request);
}

static void send_filter(int client, Sluice__Ld__V1__SessionFilter *filter) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_LIST_SESSIONS;
    request.list_sessions = filter;
    send_request(client, &request);
}

static void ask_for_sessions(int client, const char *service, uint32_t limit) {
    Sluice__Ld__V1__SessionFilter filter = SLUICE__LD__V1__SESSION_FILTER__INIT;

    filter.service = (char *)service;
    filter.limit = limit;
    send_filter(client, &filter);
}

static uint32_t take_sessions(int client) {
    uint32_t count = 0;

    for (bool last = false; !last;) {
        Response *response = receive_response(client);

        assert_int_equal(response->response_case,
                         SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_SESSIONS);
        count += (uint32_t)response->sessions->n_sessions;
        last = response->sessions->last;
        release(response);
    }
    return count;
}

static uint32_t list(const char *service, uint32_t limit) {
    ask_for_sessions(fd, service, limit);
    return take_sessions(fd);
}

/* The number-th of a worker's buckets, beginning again after the last. */
static uint16_t bucket_for(uint32_t worker, uint32_t number) {
    uint16_t bucket = 0;

    for (;; bucket = (bucket + 1) % BUCKET_COUNT)
        if (harness.dataplane.owner_of_bucket[bucket] == worker && number-- == 0)
            return bucket;
}

/* As worker 0's and worker 1's sessions in turn. */
static void open_sessions(uint8_t protocol, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) {
        struct flow_spec flow = {
            .src = "192.0.2.77",
            .dst = "203.0.113.10",
            .src_port = (uint16_t)(10000 + i),
            .dst_port = protocol == FRAME_TCP ? 80 : 53,
            .protocol = protocol,
            .tcp_flags = TCP_SYN,
        };
        struct tunnel_spec tunnel = { .bucket = bucket_for(i % 2, i / 2) };
        struct frame frame = frame_tunnelled(&flow, &tunnel);

        assert_int_equal(harness_receive_burst(&harness, i % 2, &frame, 1), 1);
    }
}

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

static uint32_t count_of(Sluice__Ld__V1__SessionFilter *filter) {
    send_filter(fd, filter);
    return take_sessions(fd);
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
        CASE(sessions_are_filtered_and_limited),
        CASE(sessions_are_filtered_by_who_they_are_between),
        CASE(a_session_shows_all_it_is),
        CASE(two_listings_wait_for_each_other),
        CASE(counters_sum_over_the_workers),
        CASE(counters_follow_the_rs),
        CASE(shares_are_set_and_stay),
        CASE(a_new_rs_has_its_whole_share),
        CASE(socket_is_taken_over_only_when_dead),
    };
    int failed;

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/ld.sock", folder);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
