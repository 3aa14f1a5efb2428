/**
 * @file
 * Configurations for tests, as protobuf messages in memory of their own.
 */
#ifndef SLUICE_TESTING_MESSAGE_H
#define SLUICE_TESTING_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/ld/v1/ld.pb-c.h"

enum {
    MESSAGE_SERVICES_MAX = 16,
    MESSAGE_RS_MAX = 16,
    MESSAGE_PREFIXES_MAX = 8,
    MESSAGE_ADDRESSES_MAX = 96
};

struct message_service {
    Sluice__Ld__V1__Service message;
    Sluice__Ld__V1__Prefix prefixes[2][MESSAGE_PREFIXES_MAX];
    Sluice__Ld__V1__Prefix *prefix_pointers[2][MESSAGE_PREFIXES_MAX];
    Sluice__Ld__V1__RealServer rs[MESSAGE_RS_MAX];
    Sluice__Ld__V1__VpcLocation vpc[MESSAGE_RS_MAX];
    Sluice__Ld__V1__RealServer *rs_pointers[MESSAGE_RS_MAX];
};

/** A configuration and all it points to. Not to be moved: it points into itself. */
struct message {
    Sluice__Ld__V1__LdConfig config;
    ProtobufCBinaryData local_ips[MESSAGE_ADDRESSES_MAX];
    Sluice__Ld__V1__BucketRange buckets[8];
    Sluice__Ld__V1__BucketRange *bucket_pointers[8];
    Sluice__Ld__V1__Timeouts timeouts;
    Sluice__Ld__V1__Heartbeat heartbeat;
    Sluice__Ld__V1__Ipv6Fabric ipv6;
    ProtobufCBinaryData switches[MESSAGE_ADDRESSES_MAX];
    Sluice__Ld__V1__Cluster cluster;
    Sluice__Ld__V1__Peer lds[8];
    Sluice__Ld__V1__Peer *ld_pointers[8];
    Sluice__Ld__V1__BucketAssignment assignments[8];
    Sluice__Ld__V1__BucketAssignment *assignment_pointers[8];
    Sluice__Ld__V1__PortShares shares[8];
    Sluice__Ld__V1__Migration migration;
    char *migrating[MESSAGE_SERVICES_MAX];
    Sluice__Ld__V1__Peer other_lds[8];
    Sluice__Ld__V1__Peer *other_ld_pointers[8];
    Sluice__Ld__V1__BucketAssignment other_assignments[8];
    Sluice__Ld__V1__BucketAssignment *other_assignment_pointers[8];
    Sluice__Ld__V1__Limit limit;
    Sluice__Ld__V1__Limit *limit_pointer;
    Sluice__Ld__V1__PriorityPort priority_port;
    Sluice__Ld__V1__PriorityPort *priority_port_pointer;
    struct message_service services[MESSAGE_SERVICES_MAX];
    Sluice__Ld__V1__Service *service_pointers[MESSAGE_SERVICES_MAX];
    uint8_t bytes[8192]; /**< addresses, MACs and names */
    uint32_t used;
};

/**
 * Begin with vtep 10.0.0.11/24, gateway 10.0.0.1, gateway VTEP 10.0.0.2, local IP 198.18.1.1, all
 * buckets, epoch 1, no service.
 */
void message_begin(struct message *message);

ProtobufCBinaryData message_address(struct message *message, const char *text);
void message_local_ip(struct message *message, const char *text);
void message_buckets(struct message *message, uint32_t first, uint32_t last);

/** Give the configuration its only limit, to be refined: "gold". */
Sluice__Ld__V1__Limit *message_limit(struct message *message);

/** Give it its only priority port. */
void message_priority_port(struct message *message, int protocol, uint32_t port);

/** Allow or block a prefix of IPv4. */
void message_prefix(struct message *message, struct message_service *service, bool allow,
                    const char *address, uint32_t len);

/** Give the LD IPv6 on the fabric. */
void message_ipv6(struct message *message, const char *address, uint32_t prefix_len,
                  const char *gateway);

/** Ask for heartbeats, to nobody yet. */
void message_heartbeat(struct message *message, uint32_t ld_id, uint32_t key, uint32_t interval_ms);
void message_switch(struct message *message, const char *text);

/** Let the services that are there move from or to another cluster, with no LD yet. */
void message_migration(struct message *message, uint32_t epoch);
void message_migration_ld(struct message *message, uint32_t ld_id, const char *vtep);
void message_migration_assign(struct message *message, uint32_t first, uint32_t last,
                              uint32_t ld_id);

/** Make the LD one of a cluster: LD @p ld_id with the message's own vtep. Nobody has a bucket. */
void message_cluster(struct message *message, uint32_t ld_id);
/** Its sessions are replicated. */
void message_replicates(struct message *message);
void message_ld(struct message *message, uint32_t ld_id, const char *vtep);
void message_assign(struct message *message, uint32_t first, uint32_t last, uint32_t ld_id,
                    uint32_t backup_ld_id);
/** Of the last assignment. */
void message_shares(struct message *message, uint32_t primary, uint32_t backup);
/** Who was one of the last assignment's LDs in the map before. */
void message_former(struct message *message, uint32_t ld_id);

/** @return the service, to be refined. */
struct message_service *message_service(struct message *message, const char *name, uint32_t vni,
                                        const char *vip, int protocol, uint32_t port);

/** @return the RS, to be refined; vpc is NULL. */
Sluice__Ld__V1__RealServer *message_rs(struct message *message, struct message_service *service,
                                       const char *name, const char *address, uint32_t port,
                                       uint32_t weight);

/** Put the service's last RS into a VPC; its MAC is 02:00:00:00:aa:01. */
void message_vpc(struct message *message, struct message_service *service, uint32_t vni,
                 const char *host_vtep);

#endif
