/**
 * @file
 * Whom a service lets in: prefixes that are allowed and prefixes that are blocked, of which the
 * longest that holds the client decides. Looked up once a session, in O(log prefixes).
 */
#ifndef SLUICE_CONFIG_ACCESS_LIST_H
#define SLUICE_CONFIG_ACCESS_LIST_H

#include <stdbool.h>
#include <stdint.h>

/** An address as a number, IPv4 as ::ffff:a.b.c.d. */
struct access_address {
    uint64_t high;
    uint64_t low;
};

struct access_prefix {
    struct access_address address; /**< bits behind the prefix are 0 */
    uint8_t bits;                  /**< of 128 */
    bool allow;
};

struct access_list;

/**
 * Clients that no prefix holds may come in when @p prefixes blocks only, and may not when one of
 * them allows.
 *
 * @param prefixes no two the same; sorted by the call
 * @return NULL when out of memory
 */
struct access_list *access_list_build(struct access_prefix *prefixes, uint32_t count);

/** NULL is ignored. */
void access_list_free(struct access_list *list);

/** @param list NULL: everybody may come in. Thread safe. */
bool access_list_allows(const struct access_list *list, struct access_address client);

#endif
