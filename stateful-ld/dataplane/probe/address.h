/**
 * @file
 * The address by which the agent reaches one RS, and no other: the number that the RS has in the
 * registry, in a prefix that is on no wire. Packets to it are translated before they leave, and
 * answers before the kernel gets them.
 */
#ifndef SLUICE_PROBE_ADDRESS_H
#define SLUICE_PROBE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/registry.h"
#include "packet/address.h"

/** 198.19.0.0/16: of the range for tests of devices (RFC 2544, RFC 6890), which nobody routes. */
#define PROBE_PREFIX_V4 0xc6130000u
#define PROBE_MASK_V4   0xffff0000u
#define PROBE_SOURCE_V4 (PROBE_PREFIX_V4 | PROBE_SOURCE)

enum {
    PROBE_SOURCE = 1,          /**< host part of the kernel's own address */
    PROBE_FIRST = 256,         /**< host part of target 0 */
    PROBE_PREFIX_LEN_V6 = 112, /**< so that the host part has 16 bits here as well */
};

_Static_assert(PROBE_FIRST + TARGETS_MAX < 65535, "every target has an address");

/** @param host part, as above. The IPv6 prefix is a unique local one (RFC 4193):
 * fd53:6c75:6963::/112. */
static inline struct ip_address probe_address(enum ip_family family, uint16_t host) {
    if (family == FAMILY_IPV4)
        return ip_from_v4(rte_cpu_to_be_32(PROBE_PREFIX_V4 | host));
    return (struct ip_address){ .word = { RTE_BE32(0xfd536c75), RTE_BE32(0x69630000), 0,
                                          rte_cpu_to_be_32(host) } };
}

static inline struct ip_address probe_address_of_target(enum ip_family family, uint32_t target) {
    return probe_address(family, (uint16_t)(PROBE_FIRST + target));
}

/** @return the target, or -1: @p address is none's */
static inline int probe_target(const struct ip_address *address) {
    const struct ip_address first = probe_address_of_target(ip_family(address), 0);
    uint32_t host = rte_be_to_cpu_32(address->word[3]) & 0xffff;

    if (!ip_same_subnet(address, &first, PROBE_PREFIX_LEN_V6) || host < PROBE_FIRST ||
        host >= PROBE_FIRST + TARGETS_MAX)
        return -1;
    return (int)(host - PROBE_FIRST);
}

#endif
