/**
 * @file
 * Parts of config_validate(). Each check says in `reason` what it refuses, and why.
 */
#ifndef SLUICE_CONFIG_CHECK_H
#define SLUICE_CONFIG_CHECK_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>

#include "packet/address.h"
#include "sluice/ld/v1/ld.pb-c.h"

/** An address as people write it. */
struct text {
    char at[INET6_ADDRSTRLEN];
};

struct check {
    const Sluice__Ld__V1__LdConfig *config;
    char *reason; /**< CONFIG_REASON_BYTES */
};

/** Set the reason. @return false */
__attribute__((format(printf, 2, 3))) bool refuse(const struct check *check, const char *format,
                                                  ...);

struct text show(ProtobufCBinaryData address);

/** Of 4 or 16 bytes. */
struct ip_address address_of(ProtobufCBinaryData bytes);

/** True when two addresses are the same bytes. */
bool same(ProtobufCBinaryData a, ProtobufCBinaryData b);

/** A host's address of either family. @param what names it in the reason */
bool check_host(const struct check *check, const char *what, ProtobufCBinaryData bytes);

/** The other end of a tunnel, or of what LDs say outside of tunnels: of the vtep's family. */
bool check_tunnel_end(const struct check *check, const char *what, ProtobufCBinaryData address);

/** True when the LD has an IPv6 address on the fabric. */
bool has_ipv6(const Sluice__Ld__V1__LdConfig *config);

bool is_local_ip(const Sluice__Ld__V1__LdConfig *config, ProtobufCBinaryData address);

/** True when there is a local IP of @p bytes, which tell its family. */
bool has_local_ip(const Sluice__Ld__V1__LdConfig *config, size_t bytes);

/** True when the LD itself has the address, in IPv4 or IPv6. */
bool is_own_address(const Sluice__Ld__V1__LdConfig *config, ProtobufCBinaryData address);

/** The LD's own addresses, gateways and MTU. */
bool check_fabric(const struct check *check);
bool check_local_ips(const struct check *check);
bool check_buckets(const struct check *check);
bool check_heartbeat(const struct check *check);

/** @param what names the value in the reason */
bool check_range(const struct check *check, const char *what, uint64_t value, uint64_t least,
                 uint64_t most);

/** @param prefix of the reason, such as "service \"web\": ". @param timeouts NULL: all defaults */
bool check_timeouts(const struct check *check, const char *prefix,
                    const Sluice__Ld__V1__Timeouts *timeouts);

/** How the agent is to check a service's RSs. @param what names the service */
bool check_health(const struct check *check, const char *what,
                  const Sluice__Ld__V1__Service *service);

/** LdConfig.limits and priority_ports. */
bool check_limits(const struct check *check);

/** How a service treats its sessions: all of it but the VIP and the RSs. @param what names it */
bool check_policy(const struct check *check, const char *what,
                  const Sluice__Ld__V1__Service *service);

#endif
