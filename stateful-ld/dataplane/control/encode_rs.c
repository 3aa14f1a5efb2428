#include <stdlib.h>

#include "control/encode.h"
#include "forward/rs_share.h"
#include "forward/worker.h"
#include "probe/address.h"
#include "probe/probe.h"

typedef Sluice__Ld__V1__DataplaneResponse Response;
typedef Sluice__Ld__V1__DataplaneRsList RsList;
typedef Sluice__Ld__V1__DataplaneRs Rs;

/* A message, and the addresses it points to. */
struct line {
    Rs message;
    struct ip_address address, probe, ping;
};

/* IPv4 addresses are the last four bytes. */
static ProtobufCBinaryData bytes_of(struct ip_address *address) {
    if (ip_family(address) == FAMILY_IPV4)
        return (ProtobufCBinaryData){ .len = sizeof(rte_be32_t),
                                      .data = (uint8_t *)&address->word[3] };
    return (ProtobufCBinaryData){ .len = sizeof(*address), .data = address->bytes };
}

static void count(Rs *message, const struct dataplane *dataplane, uint32_t number) {
    const struct rs_counters totals = apply_rs_totals(dataplane, number);

    message->sessions_active = totals.sessions_active;
    message->sessions_standby = totals.sessions_standby;
    message->sessions_guest = totals.sessions_guest;
    message->sessions_primary = totals.sessions_primary;
    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        const struct rs_answers *answers = &dataplane->workers[id]->rs_answers[number];

        message->answered += counter_read(&answers->answered);
        message->unanswered += counter_read(&answers->unanswered);
    }
}

static void fill(struct line *line, const struct dataplane *dataplane,
                 const struct service *service, const struct choice *choice) {
    const struct target_identity *identity = &dataplane->registry.entries[choice->target].identity;
    Rs *message = &line->message;

    sluice__ld__v1__dataplane_rs__init(message);
    line->address = identity->address;
    line->probe = probe_address_of_target(ip_family(&service->vip), choice->target);
    line->ping = probe_address_of_target(ip_family(&identity->address), choice->target);
    message->number = choice->target;
    message->service = (char *)identity->service;
    message->rs = (char *)identity->rs;
    message->address = bytes_of(&line->address);
    message->port = rte_be_to_cpu_16(identity->port);
    message->weight = choice->weight;
    message->share_permille = rs_share_of(dataplane->rs_shares, choice->target);
    message->probe_address = bytes_of(&line->probe);
    message->ping_address = bytes_of(&line->ping);
    count(message, dataplane, choice->target);
}

static size_t fill_all(struct line *lines, Rs **pointers, const struct dataplane *dataplane) {
    const struct snapshot *snapshot = dataplane->snapshot;
    size_t used = 0;

    for (uint32_t i = 0; i < snapshot->service_count; i++) {
        const struct service *service = &snapshot->services[i];

        for (uint32_t j = 0; j < service->choices; j++, used++) {
            fill(&lines[used], dataplane, service, &snapshot->choices[service->first_choice + j]);
            pointers[used] = &lines[used].message;
        }
    }
    return used;
}

bool encode_rs_list(struct output *output, const struct dataplane *dataplane) {
    size_t count = dataplane->snapshot != NULL ? dataplane->snapshot->choice_count : 0;
    struct line *lines = calloc(count + 1, sizeof(*lines));
    Rs **pointers = calloc(count + 1, sizeof(*pointers));
    Response response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    RsList list = SLUICE__LD__V1__DATAPLANE_RS_LIST__INIT;
    bool encoded = false;

    if (lines != NULL && pointers != NULL) {
        list.counted_epoch = counted_epoch(dataplane); /* before what it is about */
        list.n_real_servers = count > 0 ? fill_all(lines, pointers, dataplane) : 0;
        list.real_servers = pointers;
        list.can_probe = probe_possible(dataplane);
        response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_RS_LIST;
        response.rs_list = &list;
        encoded = encode_response(output, &response);
    }
    free(lines);
    free(pointers);
    return encoded;
}
