#include "control/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

#include "config/check.h"

typedef Sluice__Ld__V1__SessionFilter Message;

static bool is_address(ProtobufCBinaryData bytes) {
    return bytes.len == 4 || bytes.len == 16;
}

bool filter_validate(const Message *message, char reason[CONFIG_REASON_BYTES]) {
    const Sluice__Ld__V1__Prefix *client = message->client;

    if (client != NULL && (!is_address(client->address) || client->len > client->address.len * 8))
        snprintf(reason, CONFIG_REASON_BYTES,
                 "filter: client: %zu bytes of address and a prefix length of %u (4 or 16, and not "
                 "more bits than that)",
                 client->address.len, client->len);
    else if (message->vip.len != 0 && !is_address(message->vip))
        snprintf(reason, CONFIG_REASON_BYTES, "filter: VIP: %zu bytes (4 or 16)", message->vip.len);
    else if (message->client_port > UINT16_MAX || message->vip_port > UINT16_MAX)
        snprintf(reason, CONFIG_REASON_BYTES, "filter: port %u (at most %d)",
                 RTE_MAX(message->client_port, message->vip_port), UINT16_MAX);
    else if ((uint32_t)message->state >= STATE_COUNT)
        snprintf(reason, CONFIG_REASON_BYTES, "filter: state %d (at most %d)", (int)message->state,
                 STATE_COUNT - 1);
    else
        return true;
    return false;
}

bool filter_is_empty(const Message *message) {
    return message->service[0] == '\0' && message->rs[0] == '\0' && message->client == NULL &&
           message->client_port == 0 && message->vip.len == 0 && message->vip_port == 0 &&
           message->state == SLUICE__LD__V1__SESSION_STATE__SESSION_STATE_UNSPECIFIED;
}

static bool has_name(const char *wanted, const char *name) {
    return wanted[0] == '\0' || strcmp(wanted, name) == 0;
}

static bool *wanted_targets(const struct registry *registry, const Message *message) {
    bool *wanted = calloc(registry->used_up_to + 1, sizeof(*wanted));

    for (uint32_t number = 0; wanted != NULL && number < registry->used_up_to; number++) {
        const struct target_identity *identity = &registry->entries[number].identity;

        wanted[number] = registry_used(registry, number) &&
                         has_name(message->service, identity->service) &&
                         has_name(message->rs, identity->rs);
    }
    return wanted;
}

bool filter_build(struct session_filter *filter, const struct registry *registry,
                  const Message *message) {
    *filter = (struct session_filter){
        .client_port = rte_cpu_to_be_16((uint16_t)message->client_port),
        .vip_port = rte_cpu_to_be_16((uint16_t)message->vip_port),
        .state = (uint8_t)message->state,
    };
    if (message->client != NULL) {
        filter->client = address_of(message->client->address);
        filter->client_prefix_len =
            message->client->len + (message->client->address.len == 4 ? 96 : 0);
    }
    if (message->vip.len != 0)
        filter->vip = address_of(message->vip);
    if (message->service[0] == '\0' && message->rs[0] == '\0')
        return true;
    filter->target_count = registry->used_up_to;
    filter->targets = wanted_targets(registry, message);
    return filter->targets != NULL;
}

void filter_free(struct session_filter *filter) {
    free((void *)(uintptr_t)filter->targets);
    filter->targets = NULL;
}
