#include "config/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "config/check.h"
#include "config/cluster.h"
#include "config/migration.h"
#include "config/registry.h"

typedef Sluice__Ld__V1__LdConfig LdConfig;
typedef Sluice__Ld__V1__Service Service;
typedef Sluice__Ld__V1__RealServer RealServer;

enum {
    VNI_MAX = (1 << 24) - 1,
    PORT_MAX = 65535,
    WEIGHT_MAX = 65535,
    NAME_BYTES_MAX = 255,
};

static bool check_name(const struct check *check, const char *what, const char *name) {
    if (name == NULL || *name == '\0')
        return refuse(check, "%s: has no name", what);
    if (strlen(name) > NAME_BYTES_MAX)
        return refuse(check, "%s: name is longer than %d bytes", what, NAME_BYTES_MAX);
    return true;
}

static bool check_vpc(const struct check *check, const char *what, const RealServer *rs) {
    struct rte_ether_addr mac;

    if (rs->vpc->vni == 0 || rs->vpc->vni > VNI_MAX)
        return refuse(check, "%s: vpc: vni %u is out of range (1..%d)", what, rs->vpc->vni,
                      VNI_MAX);
    if (!check_tunnel_end(check, what, rs->vpc->host_vtep))
        return false;
    if (same(rs->vpc->host_vtep, check->config->vtep))
        return refuse(check, "%s: vpc: host_vtep %s is the LD's own vtep", what,
                      show(rs->vpc->host_vtep).at);
    if (rs->vpc->mac.len != sizeof(mac))
        return refuse(check, "%s: vpc: a MAC of %zu bytes (it has 6)", what, rs->vpc->mac.len);
    memcpy(&mac, rs->vpc->mac.data, sizeof(mac));
    if (!rte_is_valid_assigned_ether_addr(&mac))
        return refuse(check, "%s: vpc: the MAC is zero or a multicast address", what);
    return true;
}

/* An RS of IPv6 cannot serve clients of IPv4; of either family it needs a local IP. */
static bool check_families(const struct check *check, const char *what, const Service *service,
                           const RealServer *rs) {
    const LdConfig *config = check->config;

    if (rs->address.len > service->vip.len)
        return refuse(check,
                      "%s: %s is IPv6, but VIP %s is IPv4 (clients of IPv6 can have "
                      "servers of IPv4, not the other way round)",
                      what, show(rs->address).at, show(service->vip).at);
    if (rs->address.len == 16 && rs->vpc == NULL && !has_ipv6(config))
        return refuse(check, "%s: %s is IPv6, but the LD has no IPv6 on the fabric (give ipv6)",
                      what, show(rs->address).at);
    if (!has_local_ip(config, rs->address.len))
        return refuse(check, "%s: %s: there is no local IP of its family to send from (local_ips)",
                      what, show(rs->address).at);
    return true;
}

static bool check_rs(const struct check *check, const Service *service, const RealServer *rs) {
    const LdConfig *config = check->config;
    char what[2 * NAME_BYTES_MAX + 64];

    snprintf(what, sizeof(what), "service \"%s\": real server", service->name);
    if (!check_name(check, what, rs->name))
        return false;
    snprintf(what, sizeof(what), "service \"%s\": real server \"%s\"", service->name, rs->name);
    if (!check_host(check, what, rs->address) || !check_families(check, what, service, rs))
        return false;
    if (rs->port == 0 || rs->port > PORT_MAX)
        return refuse(check, "%s: port %u is out of range (1..%d)", what, rs->port, PORT_MAX);
    if (rs->weight > WEIGHT_MAX)
        return refuse(check, "%s: weight %u is out of range (0..%d)", what, rs->weight, WEIGHT_MAX);
    if (is_local_ip(config, rs->address) || same(rs->address, service->vip) ||
        (rs->vpc == NULL && is_own_address(config, rs->address)))
        return refuse(check,
                      "%s: address %s is a local IP, the VIP or the LD's own: packets would loop",
                      what, show(rs->address).at);
    return rs->vpc == NULL || check_vpc(check, what, rs);
}

/* Sorted neighbours are equal where there are duplicates: O(n log n) for thousands of services. */
static int by_rs_name(const void *a, const void *b) {
    return strcmp((*(const RealServer *const *)a)->name, (*(const RealServer *const *)b)->name);
}

static int compare_uint(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_address(ProtobufCBinaryData a, ProtobufCBinaryData b) {
    struct ip_address x = address_of(a), y = address_of(b);

    return ip_compare(&x, &y);
}

static int by_rs_address(const void *a, const void *b) {
    const RealServer *x = *(const RealServer *const *)a, *y = *(const RealServer *const *)b;
    int order = compare_uint(x->vpc != NULL ? x->vpc->vni : 0, y->vpc != NULL ? y->vpc->vni : 0);

    if (order == 0)
        order = compare_address(x->address, y->address);
    return order != 0 ? order : compare_uint(x->port, y->port);
}

static int by_service_name(const void *a, const void *b) {
    return strcmp((*(const Service *const *)a)->name, (*(const Service *const *)b)->name);
}

static int by_service_address(const void *a, const void *b) {
    const Service *x = *(const Service *const *)a, *y = *(const Service *const *)b;
    int order =
        compare_uint((uint64_t)x->vni << 8 | x->protocol, (uint64_t)y->vni << 8 | y->protocol);

    if (order == 0)
        order = compare_address(x->vip, y->vip);
    return order != 0 ? order : compare_uint(x->port, y->port);
}

/* Index of an item of @p items that equals another, or -1. */
static int find_duplicate(void *const *items, size_t count,
                          int (*order)(const void *, const void *), void **duplicate) {
    void **sorted;
    int found = 0;

    if (count < 2)
        return 0;
    sorted = malloc(count * sizeof(*sorted));
    if (sorted == NULL)
        abort(); /* a few KB, on the control core, before anything has changed */
    memcpy(sorted, items, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), order);
    for (size_t i = 1; i < count && !found; i++) {
        found = order(&sorted[i - 1], &sorted[i]) == 0;
        *duplicate = sorted[i];
    }
    free(sorted);
    return found;
}

static bool check_rs_duplicates(const struct check *check, const Service *service) {
    void *duplicate;

    if (find_duplicate((void *const *)service->real_servers, service->n_real_servers, by_rs_name,
                       &duplicate))
        return refuse(check, "service \"%s\": real server \"%s\" is listed twice", service->name,
                      ((const RealServer *)duplicate)->name);
    if (find_duplicate((void *const *)service->real_servers, service->n_real_servers, by_rs_address,
                       &duplicate))
        return refuse(check, "service \"%s\": real server \"%s\": another one has %s:%u too",
                      service->name, ((const RealServer *)duplicate)->name,
                      show(((const RealServer *)duplicate)->address).at,
                      ((const RealServer *)duplicate)->port);
    return true;
}

static bool check_vip(const struct check *check, const char *what, const Service *service) {
    const LdConfig *config = check->config;

    if (!check_host(check, what, service->vip))
        return false;
    if (is_local_ip(config, service->vip))
        return refuse(check, "%s: VIP %s is one of the local_ips", what, show(service->vip).at);
    if (service->vni == 0 && is_own_address(config, service->vip))
        return refuse(check, "%s: VIP %s is the LD's own address", what, show(service->vip).at);
    if (service->vni == 0 && service->vip.len == 16 && !has_ipv6(config))
        return refuse(check, "%s: VIP %s is IPv6, but the LD has no IPv6 on the fabric (give ipv6)",
                      what, show(service->vip).at);
    if (service->vni > VNI_MAX)
        return refuse(check, "%s: vni %u is out of range (0..%d)", what, service->vni, VNI_MAX);
    if (service->vni != 0 && config->gateway_vtep.len == 0)
        return refuse(check, "%s: is in VPC %u, but no gateway_vtep is given to answer through",
                      what, service->vni);
    return true;
}

static bool check_service(const struct check *check, const Service *service) {
    char what[NAME_BYTES_MAX + 16];

    if (!check_name(check, "service", service->name))
        return false;
    snprintf(what, sizeof(what), "service \"%s\"", service->name);
    if (!check_vip(check, what, service))
        return false;
    if (service->protocol != SLUICE__LD__V1__IP_PROTOCOL__TCP &&
        service->protocol != SLUICE__LD__V1__IP_PROTOCOL__UDP)
        return refuse(check, "%s: protocol %d is not known (TCP 6 or UDP 17)", what,
                      (int)service->protocol);
    if (service->port == 0 || service->port > PORT_MAX)
        return refuse(check, "%s: port %u is out of range (1..%d)", what, service->port, PORT_MAX);
    if (!check_policy(check, what, service))
        return false;
    for (size_t i = 0; i < service->n_real_servers; i++)
        if (!check_rs(check, service, service->real_servers[i]))
            return false;
    return check_rs_duplicates(check, service);
}

static bool check_services(const struct check *check) {
    const LdConfig *config = check->config;
    size_t real_servers = 0;
    void *duplicate;

    for (size_t i = 0; i < config->n_services; i++) {
        if (!check_service(check, config->services[i]))
            return false;
        real_servers += config->services[i]->n_real_servers;
    }
    if (config->n_services > 0 && config->n_local_ips == 0)
        return refuse(check, "local_ips: there are services, but no local IP to send from");
    if (real_servers > TARGETS_MAX)
        return refuse(check, "services: %zu real servers in all (at most %d)", real_servers,
                      TARGETS_MAX);
    if (find_duplicate((void *const *)config->services, config->n_services, by_service_name,
                       &duplicate))
        return refuse(check, "service \"%s\": another service has this name",
                      ((const Service *)duplicate)->name);
    if (find_duplicate((void *const *)config->services, config->n_services, by_service_address,
                       &duplicate))
        return refuse(check, "service \"%s\": another service has %s:%u in VNI %u too",
                      ((const Service *)duplicate)->name,
                      show(((const Service *)duplicate)->vip).at,
                      ((const Service *)duplicate)->port, ((const Service *)duplicate)->vni);
    return true;
}

bool config_validate(const LdConfig *config, char reason[CONFIG_REASON_BYTES]) {
    const struct check check = { .config = config, .reason = reason };

    return check_fabric(&check) && check_local_ips(&check) && check_buckets(&check) &&
           check_limits(&check) && check_services(&check) &&
           check_timeouts(&check, "", config->timeouts) && check_heartbeat(&check) &&
           cluster_validate(config, reason, CONFIG_REASON_BYTES) && check_migration(&check);
}
