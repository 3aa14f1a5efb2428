/**
 * @file
 * Which local ports RSs hold in TIME-WAIT, and where the client's numbers ended there.
 *
 * An RS that has closed first keeps the connection's tuple for a minute or two (RFC 9293 3.3.2: 2
 * MSL), and takes a new one there only for a SYN with a higher sequence number, and with no older
 * timestamp (RFC 6191). The LD forgets the session after seconds, so under load it uses the port
 * again before. The next client knows nothing of the one before, so what the RS expects is kept
 * here.
 *
 * A cache line holds five tuples of one hash's low bits, of which the oldest makes room: what is
 * lost only costs a client a second try. Not thread safe: one worker's.
 */
#ifndef SLUICE_SESSION_TIME_WAIT_H
#define SLUICE_SESSION_TIME_WAIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /** Linux keeps 60 s, others up to two minutes. */
    TIME_WAIT_OF_RS_MS = 120 * 1000,
    TIME_WAIT_WAYS = 5,
};

struct time_wait_entry {
    uint32_t hash;
    uint32_t next;    /**< sequence number behind the client's FIN */
    uint32_t ended_s; /**< of the worker's clock: in ms it would go round within weeks */
};

struct time_wait_set {
    struct time_wait_entry way[TIME_WAIT_WAYS];
} __attribute__((aligned(64)));

struct time_wait {
    struct time_wait_set *sets;
    uint32_t mask;
    uint64_t last_ms; /**< the newest entry's; nothing is looked for without one */
};

/** @param sessions the worker's capacity. @return 0, or -ENOMEM */
int time_wait_init(struct time_wait *table, uint32_t sessions);
void time_wait_free(struct time_wait *table);

/** A session has ended that its RS closed first. @param hash of the tuple its RS answers with */
void time_wait_note(struct time_wait *table, uint32_t hash, uint32_t next, uint64_t now_ms);

/** Ask for what time_wait_find() reads. */
void time_wait_prefetch(const struct time_wait *table, uint32_t hash);

/** @return false when the RS holds nothing there, as far as is known */
bool time_wait_find(const struct time_wait *table, uint32_t hash, uint64_t now_ms, uint32_t *next);

#endif
