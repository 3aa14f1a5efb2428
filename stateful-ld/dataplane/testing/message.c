#include "testing/message.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include "testing/test.h"

static uint8_t *keep(struct message *message, const void *data, size_t bytes) {
    uint8_t *at = message->bytes + message->used;

    assert_true(message->used + bytes <= sizeof(message->bytes));
    memcpy(at, data, bytes);
    message->used += (uint32_t)bytes;
    return at;
}

static char *keep_text(struct message *message, const char *text) {
    return (char *)keep(message, text, strlen(text) + 1);
}

ProtobufCBinaryData message_address(struct message *message, const char *text) {
    bool v6 = strchr(text, ':') != NULL;
    size_t bytes = v6 ? 16 : 4;
    uint8_t address[16];

    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text, address), 1);
    return (ProtobufCBinaryData){ .len = bytes, .data = keep(message, address, bytes) };
}

void message_begin(struct message *message) {
    memset(message, 0, sizeof(*message));
    sluice__ld__v1__ld_config__init(&message->config);
    message->config.vtep = message_address(message, "10.0.0.11");
    message->config.prefix_len = 24;
    message->config.gateway = message_address(message, "10.0.0.1");
    message->config.gateway_vtep = message_address(message, "10.0.0.2");
    message->config.epoch = 1;
    message->config.local_ips = message->local_ips;
    message->config.owned_buckets = message->bucket_pointers;
    message->config.services = message->service_pointers;
    message_local_ip(message, "198.18.1.1");
    message_buckets(message, 0, 1023);
}

void message_local_ip(struct message *message, const char *text) {
    message->local_ips[message->config.n_local_ips++] = message_address(message, text);
}

void message_buckets(struct message *message, uint32_t first, uint32_t last) {
    size_t number = message->config.n_owned_buckets++;
    Sluice__Ld__V1__BucketRange *range = &message->buckets[number];

    sluice__ld__v1__bucket_range__init(range);
    range->first = first;
    range->last = last;
    message->bucket_pointers[number] = range;
}

Sluice__Ld__V1__Limit *message_limit(struct message *message) {
    sluice__ld__v1__limit__init(&message->limit);
    message->limit.name = (char *)(uintptr_t) "gold";
    message->limit_pointer = &message->limit;
    message->config.limits = &message->limit_pointer;
    message->config.n_limits = 1;
    return &message->limit;
}

void message_priority_port(struct message *message, int protocol, uint32_t port) {
    sluice__ld__v1__priority_port__init(&message->priority_port);
    message->priority_port.protocol = (Sluice__Ld__V1__IpProtocol)protocol;
    message->priority_port.port = port;
    message->priority_port_pointer = &message->priority_port;
    message->config.priority_ports = &message->priority_port_pointer;
    message->config.n_priority_ports = 1;
}

void message_prefix(struct message *message, struct message_service *service, bool allow,
                    const char *address, uint32_t len) {
    size_t number = allow ? service->message.n_allow++ : service->message.n_block++;
    Sluice__Ld__V1__Prefix *prefix = &service->prefixes[allow][number];

    sluice__ld__v1__prefix__init(prefix);
    prefix->address = message_address(message, address);
    prefix->len = len;
    service->prefix_pointers[allow][number] = prefix;
    if (allow)
        service->message.allow = service->prefix_pointers[allow];
    else
        service->message.block = service->prefix_pointers[allow];
}

void message_ipv6(struct message *message, const char *address, uint32_t prefix_len,
                  const char *gateway) {
    sluice__ld__v1__ipv6_fabric__init(&message->ipv6);
    message->ipv6.address = message_address(message, address);
    message->ipv6.prefix_len = prefix_len;
    message->ipv6.gateway = message_address(message, gateway);
    message->config.ipv6 = &message->ipv6;
}

void message_heartbeat(struct message *message, uint32_t ld_id, uint32_t key,
                       uint32_t interval_ms) {
    sluice__ld__v1__heartbeat__init(&message->heartbeat);
    message->heartbeat.ld_id = ld_id;
    message->heartbeat.key = key;
    message->heartbeat.interval_ms = interval_ms;
    message->heartbeat.switches = message->switches;
    message->config.heartbeat = &message->heartbeat;
}

void message_switch(struct message *message, const char *text) {
    message->switches[message->heartbeat.n_switches++] = message_address(message, text);
}

static void add_ld(struct message *message, uint32_t ld_id, ProtobufCBinaryData vtep) {
    size_t number = message->cluster.n_lds++;
    Sluice__Ld__V1__Peer *ld = &message->lds[number];

    sluice__ld__v1__peer__init(ld);
    ld->ld_id = ld_id;
    ld->vtep = vtep;
    message->ld_pointers[number] = ld;
}

void message_cluster(struct message *message, uint32_t ld_id) {
    sluice__ld__v1__cluster__init(&message->cluster);
    message->cluster.ld_id = ld_id;
    message->cluster.lds = message->ld_pointers;
    message->cluster.buckets = message->assignment_pointers;
    message->config.cluster = &message->cluster;
    add_ld(message, ld_id, message->config.vtep);
}

void message_replicates(struct message *message) {
    static const uint8_t key[16] = "sixteen bytes !!";

    message->cluster.replication_key =
        (ProtobufCBinaryData){ .len = sizeof(key), .data = keep(message, key, sizeof(key)) };
}

void message_ld(struct message *message, uint32_t ld_id, const char *vtep) {
    add_ld(message, ld_id, message_address(message, vtep));
}

void message_assign(struct message *message, uint32_t first, uint32_t last, uint32_t ld_id,
                    uint32_t backup_ld_id) {
    size_t number = message->cluster.n_buckets++;
    Sluice__Ld__V1__BucketAssignment *assignment = &message->assignments[number];

    sluice__ld__v1__bucket_assignment__init(assignment);
    assignment->first = first;
    assignment->last = last;
    assignment->ld_id = ld_id;
    assignment->backup_ld_id = backup_ld_id;
    message->assignment_pointers[number] = assignment;
}

void message_shares(struct message *message, uint32_t primary, uint32_t backup) {
    size_t number = message->cluster.n_buckets - 1;

    sluice__ld__v1__port_shares__init(&message->shares[number]);
    message->shares[number].primary = primary;
    message->shares[number].backup = backup;
    message->assignments[number].shares = &message->shares[number];
}

void message_former(struct message *message, uint32_t ld_id) {
    message->assignments[message->cluster.n_buckets - 1].former_ld_id = ld_id;
}

void message_migration(struct message *message, uint32_t epoch) {
    static const uint8_t key[16] = "of two clusters!";
    Sluice__Ld__V1__Migration *migration = &message->migration;

    sluice__ld__v1__migration__init(migration);
    migration->epoch = epoch;
    migration->key =
        (ProtobufCBinaryData){ .len = sizeof(key), .data = keep(message, key, sizeof(key)) };
    migration->services = message->migrating;
    migration->lds = message->other_ld_pointers;
    migration->buckets = message->other_assignment_pointers;
    for (size_t i = 0; i < message->config.n_services; i++)
        message->migrating[migration->n_services++] = message->services[i].message.name;
    message->config.migration = migration;
}

void message_migration_ld(struct message *message, uint32_t ld_id, const char *vtep) {
    size_t number = message->migration.n_lds++;

    sluice__ld__v1__peer__init(&message->other_lds[number]);
    message->other_lds[number].ld_id = ld_id;
    message->other_lds[number].vtep = message_address(message, vtep);
    message->other_ld_pointers[number] = &message->other_lds[number];
}

void message_migration_assign(struct message *message, uint32_t first, uint32_t last,
                              uint32_t ld_id) {
    size_t number = message->migration.n_buckets++;
    Sluice__Ld__V1__BucketAssignment *assignment = &message->other_assignments[number];

    sluice__ld__v1__bucket_assignment__init(assignment);
    assignment->first = first;
    assignment->last = last;
    assignment->ld_id = ld_id;
    message->other_assignment_pointers[number] = assignment;
}

struct message_service *message_service(struct message *message, const char *name, uint32_t vni,
                                        const char *vip, int protocol, uint32_t port) {
    size_t number = message->config.n_services++;
    struct message_service *service = &message->services[number];

    sluice__ld__v1__service__init(&service->message);
    service->message.name = keep_text(message, name);
    service->message.vni = vni;
    service->message.vip = message_address(message, vip);
    service->message.protocol = (Sluice__Ld__V1__IpProtocol)protocol;
    service->message.port = port;
    service->message.scheduler = SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN;
    service->message.real_servers = service->rs_pointers;
    message->service_pointers[number] = &service->message;
    return service;
}

Sluice__Ld__V1__RealServer *message_rs(struct message *message, struct message_service *service,
                                       const char *name, const char *address, uint32_t port,
                                       uint32_t weight) {
    size_t number = service->message.n_real_servers++;
    Sluice__Ld__V1__RealServer *rs = &service->rs[number];

    sluice__ld__v1__real_server__init(rs);
    rs->name = keep_text(message, name);
    rs->address = message_address(message, address);
    rs->port = port;
    rs->weight = weight;
    service->rs_pointers[number] = rs;
    return rs;
}

void message_vpc(struct message *message, struct message_service *service, uint32_t vni,
                 const char *host_vtep) {
    static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0xaa, 0x01 };
    size_t number = service->message.n_real_servers - 1;
    Sluice__Ld__V1__VpcLocation *vpc = &service->vpc[number];

    sluice__ld__v1__vpc_location__init(vpc);
    vpc->vni = vni;
    vpc->host_vtep = message_address(message, host_vtep);
    vpc->mac = (ProtobufCBinaryData){ .len = 6, .data = keep(message, mac, 6) };
    service->rs[number].vpc = vpc;
}
