#include "forward/session_filter.h"

static bool has_port(rte_be16_t wanted, rte_be16_t port) {
    return wanted == 0 || wanted == port;
}

bool session_filter_has_client(const struct session_filter *filter,
                               const struct flow_key *from_client) {
    const struct ip_address client = flow_src(from_client), vip = flow_dst(from_client);

    return has_port(filter->client_port, from_client->src_port) &&
           has_port(filter->vip_port, from_client->dst_port) &&
           ip_same_subnet(&filter->client, &client, filter->client_prefix_len) &&
           (ip_is_none(&filter->vip) || ip_equal(&filter->vip, &vip));
}

bool session_filter_has(const struct session_filter *filter, const struct session_table *table,
                        uint32_t number) {
    const struct session *session = &table->sessions[number];
    struct flow_key from_client;

    if (filter->targets != NULL &&
        (session->target >= filter->target_count || !filter->targets[session->target]))
        return false;
    if (filter->state != STATE_NONE && filter->state != session->state)
        return false;
    from_client = session_flow(table, number << 1 | FROM_CLIENT);
    return session_filter_has_client(filter, &from_client);
}
