/**
 * @file
 * The control socket, through a real socket, with the data plane in the same process; and what its
 * tests ask for by it. Each test program has its own.
 */
#ifndef SLUICE_CONTROL_CONTROL_TEST_H
#define SLUICE_CONTROL_CONTROL_TEST_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"
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

static inline int open_client(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int client = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    return client;
}

static inline int set_up(void **state) {
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

static inline int tear_down(void **state) {
    (void)state;
    close(fd);
    control_destroy(control);
    harness_stop(&harness);
    return 0;
}

/* Control's loop and the workers' housekeeping, in turns. */
static inline void turn(void) {
    control_poll(control, harness.now_ms, 0);
    for (uint32_t id = 0; id < harness.dataplane.worker_count; id++) {
        worker_refresh(harness.dataplane.workers[id], harness.now_ms);
        worker_housekeeping(harness.dataplane.workers[id]);
    }
}

static inline void send_bytes(int client, const void *data, size_t bytes) {
    for (size_t done = 0; done < bytes; turn()) {
        ssize_t sent = send(client, (const uint8_t *)data + done, bytes - done, 0);

        if (sent > 0)
            done += (size_t)sent;
    }
}

static inline void send_request(int client, const Request *request) {
    size_t bytes = sluice__ld__v1__dataplane_request__get_packed_size(request);
    uint8_t *frame = malloc(bytes + 4);
    uint32_t header = htonl((uint32_t)bytes);

    assert_non_null(frame);
    memcpy(frame, &header, 4);
    sluice__ld__v1__dataplane_request__pack(request, frame + 4);
    send_bytes(client, frame, bytes + 4);
    free(frame);
}

static inline bool receive_bytes(int client, void *data, size_t bytes) {
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

static inline Response *receive_response(int client) {
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

static inline void release(Response *response) {
    sluice__ld__v1__dataplane_response__free_unpacked(response, NULL);
}

static inline Response *call(const Request *request) {
    send_request(fd, request);
    return receive_response(fd);
}

static inline Response *apply(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_APPLY_CONFIG;
    request.apply_config = &message.config;
    return call(&request);
}

static inline void apply_well(void) {
    Response *response = apply();

    assert_int_equal(response->code, 0);
    assert_string_equal(response->message, "");
    release(response);
    harness_resolve(&harness);
}

static inline Response *get_config(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneGetConfig body = SLUICE__LD__V1__DATAPLANE_GET_CONFIG__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_CONFIG;
    request.get_config = &body;
    return call(&request);
}

static inline Response *get_counters(void) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__DataplaneGetCounters body = SLUICE__LD__V1__DATAPLANE_GET_COUNTERS__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_COUNTERS;
    request.get_counters = &body;
    return call(&request);
}

static inline void send_filter(int client, Sluice__Ld__V1__SessionFilter *filter) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;

    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_LIST_SESSIONS;
    request.list_sessions = filter;
    send_request(client, &request);
}

static inline void ask_for_sessions(int client, const char *service, uint32_t limit) {
    Sluice__Ld__V1__SessionFilter filter = SLUICE__LD__V1__SESSION_FILTER__INIT;

    filter.service = (char *)service;
    filter.limit = limit;
    send_filter(client, &filter);
}

static inline uint32_t take_sessions(int client) {
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

static inline uint32_t list(const char *service, uint32_t limit) {
    ask_for_sessions(fd, service, limit);
    return take_sessions(fd);
}

/* The number-th of a worker's buckets, beginning again after the last. */
static inline uint16_t bucket_for(uint32_t worker, uint32_t number) {
    uint16_t bucket = 0;

    for (;; bucket = (bucket + 1) % BUCKET_COUNT)
        if (harness.dataplane.owner_of_bucket[bucket] == worker && number-- == 0)
            return bucket;
}

/* As worker 0's and worker 1's sessions in turn. */
static inline void open_sessions(uint8_t protocol, uint16_t count) {
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

/* Runs the tests with a socket in a folder of their own. */
#define run_control_tests(tests)                                                                   \
    ({                                                                                             \
        int failed = 1;                                                                            \
                                                                                                   \
        if (mkdtemp(folder) != NULL) {                                                             \
            snprintf(path, sizeof(path), "%s/ld.sock", folder);                                    \
            failed = cmocka_run_group_tests(tests, NULL, NULL);                                    \
            rmdir(folder);                                                                         \
        }                                                                                          \
        failed;                                                                                    \
    })

#endif
