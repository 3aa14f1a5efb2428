#include "control/encode.h"

#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

#include "forward/worker.h"

typedef Sluice__Ld__V1__DataplaneResponse Response;
typedef Sluice__Ld__V1__Session Session;

void output_free(struct output *output) {
    free(output->data);
    memset(output, 0, sizeof(*output));
}

static bool reserve(struct output *output, size_t bytes) {
    size_t pending = output_pending(output);
    size_t capacity = output->capacity != 0 ? output->capacity : 4096;
    uint8_t *data;

    if (output->begin > 0) {
        memmove(output->data, output->data + output->begin, pending);
        output->begin = 0;
        output->end = pending;
    }
    while (capacity - pending < bytes)
        capacity *= 2;
    if (capacity == output->capacity)
        return true;
    data = realloc(output->data, capacity);
    if (data == NULL)
        return false;
    output->data = data;
    output->capacity = capacity;
    return true;
}

bool encode_response(struct output *output, const Response *response) {
    size_t bytes = sluice__ld__v1__dataplane_response__get_packed_size(response);
    uint32_t header = rte_cpu_to_be_32((uint32_t)bytes);

    if (!reserve(output, FRAME_HEADER_BYTES + bytes))
        return false;
    memcpy(output->data + output->end, &header, FRAME_HEADER_BYTES);
    sluice__ld__v1__dataplane_response__pack(response,
                                             output->data + output->end + FRAME_HEADER_BYTES);
    output->end += FRAME_HEADER_BYTES + bytes;
    return true;
}

bool encode_status(struct output *output, enum status_code code, const char *reason) {
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;

    response.code = code;
    if (code != STATUS_OK)
        response.message = (char *)reason;
    return encode_response(output, &response);
}

bool encode_config(struct output *output, Sluice__Ld__V1__LdConfig *config) {
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    Sluice__Ld__V1__DataplaneConfig held = SLUICE__LD__V1__DATAPLANE_CONFIG__INIT;

    held.config = config;
    response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_CONFIG;
    response.config = &held;
    return encode_response(output, &response);
}

/* @param v4 or @p v6, whichever the key has; both are part of it and live as long */
static ProtobufCBinaryData address_bytes(const struct flow_key *key, const rte_be32_t *v4,
                                         const struct ip_address *v6) {
    return flow_is_v6(key)
               ? (ProtobufCBinaryData){ .len = sizeof(*v6), .data = (uint8_t *)(uintptr_t)v6 }
               : (ProtobufCBinaryData){ .len = sizeof(*v4), .data = (uint8_t *)(uintptr_t)v4 };
}

static ProtobufCBinaryData src_bytes(const struct flow_key *key) {
    return address_bytes(key, &key->src, &key->v6.src);
}

static ProtobufCBinaryData dst_bytes(const struct flow_key *key) {
    return address_bytes(key, &key->dst, &key->v6.dst);
}

static void fill_session(Session *session, const struct dataplane *dataplane, unsigned lcore,
                         const struct session_view *view) {
    const struct target_identity *identity = &dataplane->registry.entries[view->target].identity;

    sluice__ld__v1__session__init(session);
    /* NULL when the RS was forgotten after the session had ended. */
    session->service = identity->service != NULL ? (char *)identity->service : (char *)"";
    session->rs = identity->rs != NULL ? (char *)identity->rs : (char *)"";
    session->vni = flow_vni(&view->from_client);
    session->protocol = (Sluice__Ld__V1__IpProtocol)flow_protocol(&view->from_client);
    session->client_ip = src_bytes(&view->from_client);
    session->client_port = rte_be_to_cpu_16(view->from_client.src_port);
    session->vip = dst_bytes(&view->from_client);
    session->vip_port = rte_be_to_cpu_16(view->from_client.dst_port);
    session->local_ip = dst_bytes(&view->from_rs);
    session->local_port = rte_be_to_cpu_16(view->from_rs.dst_port);
    session->rs_ip = src_bytes(&view->from_rs);
    session->rs_port = rte_be_to_cpu_16(view->from_rs.src_port);
    session->state = (Sluice__Ld__V1__SessionState)view->state;
    session->bucket = view->bucket;
    session->core = lcore;
    session->age_ms = view->age_ms;
    session->expires_in_ms = view->expires_in_ms;
    session->packets_in = view->packets[FROM_CLIENT];
    session->packets_out = view->packets[FROM_RS];
}

static bool encode_batch(struct output *output, Session **sessions, size_t count, bool last) {
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    Sluice__Ld__V1__SessionBatch batch = SLUICE__LD__V1__SESSION_BATCH__INIT;

    batch.n_sessions = count;
    batch.sessions = sessions;
    batch.last = last;
    response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_SESSIONS;
    response.sessions = &batch;
    return encode_response(output, &response);
}

bool encode_sessions(struct output *output, const struct dataplane *dataplane, unsigned lcore,
                     const struct session_view *views, uint32_t count) {
    Session sessions[SCAN_BATCH];
    Session *pointers[SCAN_BATCH];

    for (uint32_t i = 0; i < count; i++) {
        fill_session(&sessions[i], dataplane, lcore, &views[i]);
        pointers[i] = &sessions[i];
    }
    return encode_batch(output, pointers, count, false);
}

bool encode_sessions_end(struct output *output) {
    return encode_batch(output, NULL, 0, true);
}
