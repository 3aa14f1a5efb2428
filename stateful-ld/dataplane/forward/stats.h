/**
 * @file
 * Counters. Each worker has its own, on its own cache lines, and is the only one to write them;
 * control adds them up while traffic runs. Aligned 64-bit loads and stores do not tear, so neither
 * side needs an atomic read-modify-write.
 */
#ifndef SLUICE_FORWARD_STATS_H
#define SLUICE_FORWARD_STATS_H

#include <stdint.h>

#include "packet/drop_reason.h"

/** X(field, name as operators see it is the same) */
#define PORT_COUNTERS(X)                                                                           \
    X(rx_packets)                                                                                  \
    X(rx_bytes)                                                                                    \
    X(tx_packets)                                                                                  \
    X(tx_bytes)                                                                                    \
    X(arp_received)                                                                                \
    X(arp_answered)                                                                                \
    X(nd_received)                                                                                 \
    X(nd_answered)                                                                                 \
    X(echo_answered)                                                                               \
    X(icmp_errors_translated)                                                                      \
    X(icmp_time_exceeded_sent)                                                                     \
    X(icmp_unreachable_sent)                                                                       \
    X(toa_no_room)                                                                                 \
    X(syn_cookies_sent)                                                                            \
    X(syn_cookies_accepted)                                                                        \
    X(resets_sent)                                                                                 \
    X(icmp_frag_needed_sent)                                                                       \
    X(fragments_translated)                                                                        \
    X(handed_off)                                                                                  \
    X(misdirected)                                                                                 \
    X(passed_on)                                                                                   \
    X(sessions_opened)                                                                             \
    X(sessions_expired)                                                                            \
    X(sessions_taken_over)                                                                         \
    X(replication_streams)                                                                         \
    X(replication_packets_sent)                                                                    \
    X(replication_packets_again)                                                                   \
    X(replication_records_sent)                                                                    \
    X(replication_records_received)                                                                \
    X(replication_records_refused)                                                                 \
    X(replication_copies_short)

/** One worker's counters. */
struct worker_stats {
#define STATS_FIELD(name) uint64_t name;
    PORT_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
    uint64_t drops[DROP_REASON_COUNT];
} __attribute__((aligned(64)));

/** One worker's counters of one RS; bytes are those of the IP packets, without tunnels. */
struct rs_counters {
    uint64_t sessions_total;
    uint64_t sessions_active;
    uint64_t packets[2]; /**< by enum direction */
    uint64_t bytes[2];
    uint32_t sessions_standby; /**< of which another LD has the packets */
    uint32_t sessions_guest;   /**< of both, those with another cluster's local IP */
    uint32_t sessions_primary; /**< of both, those of this LD's buckets (replicate/counted.h) */
};

_Static_assert(sizeof(struct rs_counters) == 64, "a cache line each: workers have them in a row");

/** What a worker has seen an RS make of new TCP sessions. */
struct rs_answers {
    uint64_t answered; /**< a SYN-ACK has come */
    uint64_t unanswered;
};

/** Read a counter another core is writing. */
static inline uint64_t counter_read(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** The same of a number of sessions. */
static inline uint32_t counter_read32(const uint32_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** Add what another core has counted to @p sum. */
void rs_counters_add(struct rs_counters *sum, const struct rs_counters *counters);

/** Add what another core has counted to @p sum. */
void worker_stats_add(struct worker_stats *sum, const struct worker_stats *stats);

#endif
