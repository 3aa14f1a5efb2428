#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/capturing.h"
#include "control/filter.h"
#include "control/listing.h"
#include "control/shares.h"
#include "log.h"

typedef Sluice__Ld__V1__DataplaneRequest Request;

enum {
    READ_BYTES = 64 << 10
};

struct client {
    int fd;
    struct control_state *state;
    uint8_t *input;
    size_t input_bytes;
    size_t input_capacity;
    struct output output;
    struct listing *listing;                /* of the request being served */
    Sluice__Ld__V1__SessionFilter *waiting; /* a listing that waits for another client's */
    struct capturing *capturing;            /* of the request being served */
    bool input_over;                        /* no more requests: end of stream, or nonsense */
};

struct client *client_create(int fd, struct control_state *state) {
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        close(fd);
        return NULL;
    }
    client->fd = fd;
    client->state = state;
    return client;
}

static void listing_over(struct client *client) {
    listing_end(client->listing);
    client->listing = NULL;
    if (client->state->lister == client)
        client->state->lister = NULL;
}

static void capturing_over(struct client *client) {
    capturing_end(client->capturing);
    client->capturing = NULL;
    if (client->state->capturer == client)
        client->state->capturer = NULL;
}

void client_destroy(struct client *client) {
    listing_over(client);
    capturing_over(client);
    if (client->waiting != NULL)
        sluice__ld__v1__session_filter__free_unpacked(client->waiting, NULL);
    close(client->fd);
    free(client->input);
    output_free(&client->output);
    free(client);
}

int client_fd(const struct client *client) {
    return client->fd;
}

bool client_busy(const struct client *client) {
    return client->listing != NULL || client->waiting != NULL || client->capturing != NULL;
}

short client_events(const struct client *client) {
    short events = 0;

    if (!client->input_over && !client_busy(client) && output_pending(&client->output) == 0)
        events |= POLLIN;
    if (output_pending(&client->output) > 0)
        events |= POLLOUT;
    return events;
}

static bool reserve_input(struct client *client) {
    size_t capacity = client->input_capacity;
    uint8_t *input;

    if (capacity - client->input_bytes >= READ_BYTES)
        return true;
    capacity = capacity * 2 + READ_BYTES;
    input = realloc(client->input, capacity);
    if (input == NULL)
        return false;
    client->input = input;
    client->input_capacity = capacity;
    return true;
}

static bool read_input(struct client *client) {
    ssize_t got;

    if (!reserve_input(client))
        return false;
    got = recv(client->fd, client->input + client->input_bytes, READ_BYTES, MSG_DONTWAIT);
    if (got > 0)
        client->input_bytes += (size_t)got;
    else if (got == 0)
        client->input_over = true;
    else if (errno != EAGAIN && errno != EINTR)
        return false;
    return true;
}

static bool write_output(struct client *client) {
    struct output *output = &client->output;
    ssize_t sent;

    if (output_pending(output) == 0)
        return true;
    sent = send(client->fd, output->data + output->begin, output_pending(output),
                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    output->begin += (size_t)sent;
    return true;
}

static bool serve_apply(struct client *client, Request *request) {
    struct control_state *state = client->state;
    char reason[CONFIG_REASON_BYTES];
    enum status_code code = apply_config(state->dataplane, request->apply_config, reason);

    if (code != STATUS_OK) {
        log_warning("configuration refused: %s", reason);
        return encode_status(&client->output, code, reason);
    }
    log_info("configuration in force: epoch %llu, %zu services, %zu local IPs",
             (unsigned long long)request->apply_config->epoch, request->apply_config->n_services,
             request->apply_config->n_local_ips);
    if (state->held != NULL)
        sluice__ld__v1__ld_config__free_unpacked(state->held, NULL);
    /* The message is kept as the answer to get_config, so the request must not free it. */
    state->held = request->apply_config;
    request->apply_config = NULL;
    request->request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST__NOT_SET;
    return encode_status(&client->output, STATUS_OK, NULL);
}

static bool serve_shares(struct client *client, const Sluice__Ld__V1__DataplaneSetShares *shares) {
    char reason[CONFIG_REASON_BYTES];
    enum status_code code = set_shares(client->state->dataplane, shares, reason);

    return encode_status(&client->output, code, reason);
}

static bool serve_listing(struct client *client, Request *request) {
    char reason[CONFIG_REASON_BYTES];

    if (!filter_validate(request->list_sessions, reason))
        return encode_status(&client->output, STATUS_INVALID_ARGUMENT, reason);
    client->waiting = request->list_sessions;
    request->list_sessions = NULL;
    request->request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST__NOT_SET;
    return true;
}

static bool serve_capture(struct client *client, const Request *request) {
    struct control_state *state = client->state;
    char reason[CONFIG_REASON_BYTES];
    enum status_code code;

    if (state->capturer != NULL)
        return encode_status(&client->output, STATUS_FAILED_PRECONDITION,
                             "capture: another one runs on this LD (wait until it has ended)");
    code = capturing_begin(&client->capturing, state->dataplane, request->capture, state->now_ms,
                           reason);
    if (code != STATUS_OK)
        return encode_status(&client->output, code, reason);
    state->capturer = client;
    return true;
}

static bool serve(struct client *client, Request *request) {
    switch (request->request_case) {
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_CONFIG:
        return encode_config(&client->output, client->state->held);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_APPLY_CONFIG:
        return serve_apply(client, request);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_LIST_SESSIONS:
        return serve_listing(client, request);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_COUNTERS:
        return encode_counters(&client->output, client->state->dataplane);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_GET_STATUS:
        return encode_state(&client->output, client->state->dataplane, client->state->started_ms,
                            client->state->now_ms);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_LIST_RS:
        return encode_rs_list(&client->output, client->state->dataplane);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_SET_SHARES:
        return serve_shares(client, request->set_shares);
    case SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_CAPTURE:
        return serve_capture(client, request);
    default:
        return encode_status(&client->output, STATUS_UNIMPLEMENTED,
                             "request: none that this sluice-ld knows (is the agent newer?)");
    }
}

static bool serve_body(struct client *client, const uint8_t *body, size_t bytes) {
    Request *request = sluice__ld__v1__dataplane_request__unpack(NULL, bytes, body);
    bool served;

    if (request == NULL)
        return encode_status(&client->output, STATUS_INVALID_ARGUMENT,
                             "request: not a DataplaneRequest message");
    served = serve(client, request);
    sluice__ld__v1__dataplane_request__free_unpacked(request, NULL);
    return served;
}

/* Serve the first complete request in the input, if there is one. */
static bool serve_next(struct client *client, bool *progress) {
    uint32_t header, bytes;
    bool served;

    *progress = false;
    if (client->input_bytes < FRAME_HEADER_BYTES)
        return true;
    memcpy(&header, client->input, sizeof(header));
    bytes = rte_be_to_cpu_32(header);
    if (bytes > FRAME_BODY_BYTES_MAX) {
        char reason[CONFIG_REASON_BYTES];

        /* Nothing behind this length can be made sense of: answer, and close. */
        snprintf(reason, sizeof(reason), "request: %u bytes (at most %d)", bytes,
                 FRAME_BODY_BYTES_MAX);
        client->input_bytes = 0;
        client->input_over = true;
        return encode_status(&client->output, STATUS_INVALID_ARGUMENT, reason);
    }
    if (client->input_bytes < FRAME_HEADER_BYTES + bytes)
        return true;
    *progress = true;
    served = serve_body(client, client->input + FRAME_HEADER_BYTES, bytes);
    client->input_bytes -= FRAME_HEADER_BYTES + bytes;
    memmove(client->input, client->input + FRAME_HEADER_BYTES + bytes, client->input_bytes);
    return served;
}

static bool begin_listing(struct client *client) {
    client->listing = listing_begin(client->state->dataplane, client->waiting);
    sluice__ld__v1__session_filter__free_unpacked(client->waiting, NULL);
    client->waiting = NULL;
    return client->listing != NULL;
}

/* Whose reader is slow lets the workers go to the next listing that waits for them. */
static bool list(struct client *client) {
    struct control_state *state = client->state;
    enum listing_status status;

    if (!(client->waiting != NULL || client->listing != NULL) ||
        (state->lister != NULL && state->lister != client))
        return true;
    if (client->waiting != NULL && !begin_listing(client))
        return false;
    state->lister = client;
    status = listing_step(client->listing, &client->output);
    if (status == LISTING_RESTS)
        state->lister = NULL;
    else if (status != LISTING_WAITS)
        listing_over(client);
    return status != LISTING_FAILED;
}

static bool capture(struct client *client) {
    enum capturing_status status;

    if (client->capturing == NULL)
        return true;
    if (client->input_over) /* whoever reads no more needs no more either */
        return false;
    status = capturing_step(client->capturing, &client->output, client->state->now_ms);
    if (status != CAPTURING_GOES_ON)
        capturing_over(client);
    return status != CAPTURING_FAILED;
}

bool client_step(struct client *client, bool readable) {
    bool progress = true;

    if (readable && !client->input_over && !read_input(client))
        return false;
    if (!list(client) || !capture(client))
        return false;
    while (progress && !client_busy(client)) {
        if (!serve_next(client, &progress) || !list(client))
            return false;
    }
    if (!write_output(client))
        return false;
    return !client->input_over || client_busy(client) || output_pending(&client->output) > 0;
}
