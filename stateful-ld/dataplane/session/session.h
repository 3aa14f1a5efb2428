/**
 * @file
 * Sessions of one worker: 128 bytes each, and an index in which both directions of
 * a session point to it. 188 bytes a session all-in: 128 + 2 x 2 index entries of 8 (at most half
 * full) + 8 of the timing wheel + 4 of its local port + at most 16 of its RS's TIME-WAIT. A session
 * with a side in IPv6 has 64 bytes more, for its addresses: 252.
 *
 * Those are in an array of their own, which a session finds by its number. Sessions of IPv4 alone
 * are numbered from 1 up, those with IPv6 from the capacity down, and only when the two meet is a
 * number used by the other kind: so the array has no gaps, and costs nothing without IPv6.
 *
 * Not thread safe: a session lives and dies with the worker that owns its bucket.
 */
#ifndef SLUICE_SESSION_SESSION_H
#define SLUICE_SESSION_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "packet/flow.h"
#include "session/index.h"
#include "session/tcp_state.h"

/** What the packets of a session have changed besides addresses and ports. */
enum session_alter {
    ALTER_TOA = 1 << 0,   /**< the option, until the RS has sent data */
    ALTER_PROXY = 1 << 1, /**< the header in front of the data, until the RS has acknowledged it */
    ALTER_DATAGRAM = 1 << 2, /**< the header in front of each datagram's data */
    ALTER_SYN = 1 << 3, /**< the RS may hold the local port in TIME-WAIT: the SYN must suit it */
    ALTER_NUMBERS = 1 << 4, /**< sequence numbers, and what came with a SYN cookie */
    ALTER_COOKIE = 1 << 5,  /**< opened by a cookie; the RS has not answered the LD's SYN yet */
};

enum {
    WINDOW_NOT_SCALED = 0xff
};

/** Of a TCP session, as they are on the RS's side. */
struct session_numbers {
    uint32_t client_isn;
    uint32_t rs_isn;
    uint32_t rs_expects;   /**< its last acknowledgement; before it, what it expects of a SYN */
    uint32_t client_end;   /**< behind the client's FIN; 0: none has been seen */
    uint32_t client_delta; /**< added to the client's numbers on their way to the RS */

    /* Of sessions that a SYN cookie has opened. */
    uint32_t rs_delta;         /**< added to the RS's numbers on their way to the client */
    uint32_t timestamp_delta;  /**< the same for its timestamps; before, what the client was told */
    uint32_t cookie;           /**< what the client took for the RS's first number */
    uint32_t first;            /**< the client's own first number */
    uint32_t client_timestamp; /**< the latest */
    uint16_t syn_ms;           /**< when the LD has sent its SYN; low bits */
    uint16_t mss;
    uint8_t window_scale;    /**< the client's, or WINDOW_NOT_SCALED */
    uint8_t rs_window_scale; /**< the same */
    bool sack_permitted;
    bool timestamps;
};

/** One session. The first cache line is all that an established IPv4 flow touches. */
struct session {
    struct flow_short key[2]; /**< by enum direction: the tuple as the client, as the RS sends it */
    uint32_t last_seen_ms;    /**< low 32 bits of the worker's clock */
    uint32_t armed_tick;      /**< what wheel_arm() returned */
    uint16_t target;          /**< index into snapshot.targets */
    uint16_t bucket;
    uint8_t state;          /**< enum session_state */
    uint8_t local_slot : 6; /**< of the local IP, for the port allocator */
    uint8_t guest : 1;    /**< the local IP is another cluster's, and so is its port's allocator */
    uint8_t by_entry : 1; /**< answers go back by `return_tunnel`, not straight */
    uint8_t alter;       /**< enum session_alter: 0 where packets keep what is behind their ports */
    uint8_t replica;     /**< bits of replicate/install.h */
    uint64_t packets[2]; /**< by enum direction */

    uint64_t created_ms __attribute__((aligned(64)));
    uint32_t next_free;             /**< while unused */
    struct session_numbers numbers; /**< where `alter` asks for them */
    uint8_t return_tunnel;          /**< slot in snapshot.return_tunnels */
};

_Static_assert(sizeof(struct session) == 128, "two cache lines");
_Static_assert(offsetof(struct session, created_ms) == 64, "hot fields on the first");

/** Addresses of a session with a side in IPv6, by enum direction; the IPv4 side's are not set. */
struct session_addresses {
    struct ip6_pair v6[2];
};

struct session_table {
    struct session *sessions;            /**< [0] is never used */
    struct session_addresses *addresses; /**< of session number n: [capacity - n] */
    struct session_index index;          /**< of both directions' keys */
    uint32_t capacity;
    uint32_t active;
    uint32_t free_head[FAMILY_COUNT]; /**< last closed, first reused: still in the cache */
    uint32_t used_up_to;              /**< sessions between this */
    uint32_t used_from;               /**< and this have never been used */
    uint64_t seed;
};

/** @param capacity sessions, up to 2^28. @return 0, or -ENOMEM. */
int session_table_init(struct session_table *table, uint32_t capacity, uint64_t seed);
void session_table_free(struct session_table *table);

static inline uint32_t session_hash(const struct session_table *table, const struct flow_key *key) {
    return flow_hash(key, table->seed);
}

static inline struct session *session_at(const struct session_table *table, session_ref ref) {
    return &table->sessions[ref >> 1];
}

static inline enum direction session_direction(session_ref ref) {
    return (enum direction)(ref & 1);
}

/** Where a session with a side in IPv6 has its addresses. */
static inline struct session_addresses *session_addresses(const struct session_table *table,
                                                          session_ref ref) {
    return &table->addresses[table->capacity - (ref >> 1)];
}

/** True when @p ref (any, also one that is out of date) is the session and direction of @p key. */
static inline bool session_is(const struct session_table *table, session_ref ref,
                              const struct flow_key *key) {
    enum direction direction = session_direction(ref);

    return flow_short_equal(&session_at(table, ref)->key[direction], key) &&
           (likely(!flow_is_v6(key)) ||
            ip6_pair_equal(&session_addresses(table, ref)->v6[direction], &key->v6));
}

static inline bool session_has_v6_side(const struct session *session) {
    return ((session->key[FROM_CLIENT].vni_protocol | session->key[FROM_RS].vni_protocol) &
            FLOW_V6) != 0;
}

/** session_hash() of an open session's tuple. */
static inline uint32_t session_hash_of(const struct session_table *table, session_ref ref) {
    enum direction direction = session_direction(ref);

    return flow_hash_parts(&session_at(table, ref)->key[direction],
                           &session_addresses(table, ref)->v6[direction], table->seed);
}

/** The whole tuple of packets of an open session. */
struct flow_key session_flow(const struct session_table *table, session_ref ref);

/** The session and direction of @p key, or 0. */
session_ref session_find(const struct session_table *table, const struct flow_key *key,
                         uint32_t hash);

/**
 * Open a session under both keys. The caller has made sure that neither is in the table, and
 * fills in the rest (keys and `packets` are set, everything else is 0).
 *
 * @return its number, or 0 when the table is full
 */
uint32_t session_open(struct session_table *table, const struct flow_key *from_client,
                      const struct flow_key *from_rs);

/** Take session @p number out of the table; the number will be used again. */
void session_close(struct session_table *table, uint32_t number);

/**
 * The number after @p number (0: the first) that has ever been used, open or not.
 *
 * @return 0 when there is none
 */
uint32_t session_next(const struct session_table *table, uint32_t number);

/** True when @p number is an open session. */
static inline bool session_is_open(const struct session_table *table, uint32_t number) {
    return table->sessions[number].key[FROM_CLIENT].vni_protocol != 0;
}

#endif
