#include <stdio.h>
#include <string.h>

#include "config/check.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "packet/bucket.h"
#include "packet/icmp6.h"
#include "port.h"
#include "session/local_port.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Ipv6Fabric Ipv6Fabric;
typedef Sluice__Ld__V1__Heartbeat Heartbeat;

enum {
    MTU_MIN_BYTES = 576, /* RFC 791: every host accepts so much */
    LD_ID_MAX = 65535,
    HEARTBEAT_INTERVAL_MAX_MS = 10 * 1000,
    HEARTBEAT_HOLD_MAX_MS = 60 * 1000,
};

struct text show(ProtobufCBinaryData address) {
    struct text text;

    inet_ntop(address.len == 16 ? AF_INET6 : AF_INET, address.data, text.at, sizeof(text.at));
    return text;
}

struct ip_address address_of(ProtobufCBinaryData bytes) {
    return ip_from_bytes(bytes.data, bytes.len);
}

bool same(ProtobufCBinaryData a, ProtobufCBinaryData b) {
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

bool check_host(const struct check *check, const char *what, ProtobufCBinaryData bytes) {
    struct ip_address address = address_of(bytes);

    if (bytes.len != 4 && bytes.len != 16)
        return refuse(check, "%s: an address of %zu bytes (IPv4 has 4, IPv6 16)", what, bytes.len);
    if (bytes.len == 16 && ip_family(&address) == FAMILY_IPV4)
        return refuse(check, "%s: %s is an IPv4 address (give its 4 bytes)", what, show(bytes).at);
    if (!ip_is_unicast(&address) || (bytes.len == 16 && ip6_is_link_local(&address)))
        return refuse(check, "%s: %s is not a unicast host address", what, show(bytes).at);
    return true;
}

bool has_ipv6(const LdConfig *config) {
    return config->ipv6 != NULL || config->vtep.len == 16;
}

bool check_tunnel_end(const struct check *check, const char *what, ProtobufCBinaryData address) {
    if (!check_host(check, what, address))
        return false;
    if (address.len != check->config->vtep.len)
        return refuse(check,
                      "%s: %s is %s, but the vtep %s is not (the tunnels of a fabric are of one "
                      "family)",
                      what, show(address).at, address.len == 16 ? "IPv6" : "IPv4",
                      show(check->config->vtep).at);
    return true;
}

/* RFC 4861 6.1.2 has routers speak from their link-local address, so that is a next hop too. */
static bool check_gateway(const struct check *check, const char *prefix, ProtobufCBinaryData own,
                          ProtobufCBinaryData gateway, uint32_t prefix_len) {
    struct ip_address address = address_of(own), next = address_of(gateway);
    char what[32];

    snprintf(what, sizeof(what), "%sgateway", prefix);
    if (gateway.len != own.len)
        return refuse(check, "%s: an address of %zu bytes (%s has %zu)", what, gateway.len,
                      own.len == 16 ? "IPv6" : "IPv4", own.len);
    if (gateway.len == 16 && ip6_is_link_local(&next))
        return true;
    if (!check_host(check, what, gateway))
        return false;
    if (!ip_same_subnet(&address, &next, own.len == 16 ? prefix_len : 96 + prefix_len))
        return refuse(check, "%s: %s is not in the fabric subnet %s/%u", what, show(gateway).at,
                      show(own).at, prefix_len);
    if (same(own, gateway))
        return refuse(check, "%s: %s is the LD's own address", what, show(gateway).at);
    return true;
}

static bool check_mtu(const struct check *check) {
    uint32_t mtu_bytes = check->config->mtu_bytes;

    if (mtu_bytes == 0)
        return true;
    if (!check_range(check, "mtu_bytes", mtu_bytes, MTU_MIN_BYTES, PORT_MTU_BYTES))
        return false;
    if (has_ipv6(check->config) && mtu_bytes < IPV6_MTU_MIN_BYTES)
        return refuse(check, "mtu_bytes: %u is less than IPv6 needs (%d, RFC 8200)", mtu_bytes,
                      IPV6_MTU_MIN_BYTES);
    return true;
}

static bool check_ipv6(const struct check *check) {
    const Ipv6Fabric *ipv6 = check->config->ipv6;

    if (ipv6 == NULL)
        return true;
    if (check->config->vtep.len == 16)
        return refuse(check, "ipv6: the vtep %s is the LD's IPv6 address already (leave ipv6 out)",
                      show(check->config->vtep).at);
    if (ipv6->address.len != 16)
        return refuse(check, "ipv6: address: an address of %zu bytes (IPv6 has 16)",
                      ipv6->address.len);
    return check_host(check, "ipv6: address", ipv6->address) &&
           check_range(check, "ipv6: prefix_len", ipv6->prefix_len, 1, 127) &&
           check_gateway(check, "ipv6: ", ipv6->address, ipv6->gateway, ipv6->prefix_len);
}

static bool check_return_tunnels(const struct check *check) {
    const LdConfig *config = check->config;

    if (!check_range(check, "return_tunnels", config->n_return_tunnels, 0, RETURN_TUNNELS_MAX))
        return false;
    for (size_t i = 0; i < config->n_return_tunnels; i++) {
        ProtobufCBinaryData vtep = config->return_tunnels[i];

        if (!check_tunnel_end(check, "return_tunnels", vtep))
            return false;
        if (same(vtep, config->vtep))
            return refuse(check, "return_tunnels: %s is the LD's own vtep", show(vtep).at);
        for (size_t j = 0; j < i; j++)
            if (same(vtep, config->return_tunnels[j]))
                return refuse(check, "return_tunnels: %s is listed twice", show(vtep).at);
    }
    return true;
}

bool check_fabric(const struct check *check) {
    const LdConfig *config = check->config;

    if (!check_host(check, "vtep", config->vtep) ||
        !check_range(check, "prefix_len", config->prefix_len, 1,
                     config->vtep.len == 16 ? 127 : 31) ||
        !check_gateway(check, "", config->vtep, config->gateway, config->prefix_len) ||
        !check_mtu(check))
        return false;
    if (config->gateway_vtep.len != 0 &&
        !check_tunnel_end(check, "gateway_vtep", config->gateway_vtep))
        return false;
    if (same(config->gateway_vtep, config->vtep))
        return refuse(check, "gateway_vtep: %s is the LD's own vtep", show(config->vtep).at);
    return check_ipv6(check) && check_return_tunnels(check);
}

bool is_local_ip(const LdConfig *config, ProtobufCBinaryData address) {
    for (size_t i = 0; i < config->n_local_ips; i++)
        if (same(config->local_ips[i], address))
            return true;
    return false;
}

bool has_local_ip(const LdConfig *config, size_t bytes) {
    for (size_t i = 0; i < config->n_local_ips; i++)
        if (config->local_ips[i].len == bytes)
            return true;
    return false;
}

bool is_own_address(const LdConfig *config, ProtobufCBinaryData address) {
    return same(address, config->vtep) ||
           (config->ipv6 != NULL && same(address, config->ipv6->address));
}

static bool is_fabric_address(const LdConfig *config, ProtobufCBinaryData address) {
    return is_own_address(config, address) || same(address, config->gateway) ||
           same(address, config->gateway_vtep) ||
           (config->ipv6 != NULL && same(address, config->ipv6->gateway));
}

bool check_local_ips(const struct check *check) {
    const LdConfig *config = check->config;
    size_t of_family[FAMILY_COUNT] = { 0 };

    for (size_t i = 0; i < config->n_local_ips; i++) {
        ProtobufCBinaryData address = config->local_ips[i];

        if (!check_host(check, "local_ips", address))
            return false;
        if (is_fabric_address(config, address))
            return refuse(check, "local_ips: %s is also the LD's own, a gateway's or gateway_vtep",
                          show(address).at);
        if (++of_family[address.len == 16] > LOCAL_IPS_MAX)
            return refuse(check, "local_ips: more than %d of %s", LOCAL_IPS_MAX,
                          address.len == 16 ? "IPv6" : "IPv4");
        for (size_t j = 0; j < i; j++)
            if (same(address, config->local_ips[j]))
                return refuse(check, "local_ips: %s is listed twice", show(address).at);
    }
    return true;
}

bool check_buckets(const struct check *check) {
    const LdConfig *config = check->config;
    int64_t previous_last = -1;

    for (size_t i = 0; i < config->n_owned_buckets; i++) {
        uint32_t first = config->owned_buckets[i]->first;
        uint32_t last = config->owned_buckets[i]->last;

        if (!check_range(check, "owned_buckets: last", last, 0, BUCKET_COUNT - 1))
            return false;
        if (first > last)
            return refuse(check, "owned_buckets: %u..%u ends before it begins", first, last);
        if (first <= previous_last)
            return refuse(check,
                          "owned_buckets: %u..%u overlaps or precedes the range before it "
                          "(list them ascending)",
                          first, last);
        previous_last = last;
    }
    return true;
}

bool check_heartbeat(const struct check *check) {
    const LdConfig *config = check->config;
    const Heartbeat *heartbeat = config->heartbeat;

    if (heartbeat == NULL)
        return true;
    if (!check_range(check, "heartbeat: ld_id", heartbeat->ld_id, 1, LD_ID_MAX) ||
        !check_range(check, "heartbeat: interval_ms", heartbeat->interval_ms, 0,
                     HEARTBEAT_INTERVAL_MAX_MS) ||
        !check_range(check, "heartbeat: switches", heartbeat->n_switches, 0,
                     HEARTBEAT_SWITCHES_MAX) ||
        !check_range(check, "heartbeat: hold_ms", heartbeat->hold_ms, 0, HEARTBEAT_HOLD_MAX_MS) ||
        !check_range(check, "heartbeat: epoch", config->epoch, 0, UINT32_MAX))
        return false;
    for (size_t i = 0; i < heartbeat->n_switches; i++) {
        if (!check_tunnel_end(check, "heartbeat: switches", heartbeat->switches[i]))
            return false;
        if (same(heartbeat->switches[i], config->vtep))
            return refuse(check, "heartbeat: switches: %s is the LD's own vtep",
                          show(config->vtep).at);
        for (size_t j = 0; j < i; j++)
            if (same(heartbeat->switches[i], heartbeat->switches[j]))
                return refuse(check, "heartbeat: switches: %s is listed twice",
                              show(heartbeat->switches[i]).at);
    }
    return true;
}
