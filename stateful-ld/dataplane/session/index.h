/**
 * @file
 * Hash to session_ref: lines of eight entries, one cache line each. An entry lies in its hash's
 * home line or, when that is full, in the next one that is not: nine of a thousand do when a
 * session table is as full as it gets. So a search is one access to memory, wherever in the line
 * an entry lies, and the comparison of a line has no branch that a CPU could predict wrongly.
 *
 * What a hash stands for is the caller's to confirm. Not thread safe.
 */
#ifndef SLUICE_SESSION_INDEX_H
#define SLUICE_SESSION_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

/** Session number and direction: number << 1 | direction. 0: none. */
typedef uint32_t session_ref;

enum {
    INDEX_LINE_ENTRIES = 8
};

struct index_line {
    uint32_t hash[INDEX_LINE_ENTRIES];
    session_ref ref[INDEX_LINE_ENTRIES]; /**< 0: empty, and so is its hash */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct index_line) == 64, "a cache line");

struct session_index {
    struct index_line *lines;
    uint32_t line_count;
};

/** @param entries room for, at least twice as many as will be in it. @return 0, or -ENOMEM. */
int session_index_init(struct session_index *index, size_t entries);
void session_index_free(struct session_index *index);

/** Add an entry; the same pair must not be there yet. */
void session_index_insert(struct session_index *index, uint32_t hash, session_ref ref);

/** Take out an entry, which must be there; no other one has its @p ref. */
void session_index_remove(struct session_index *index, uint32_t hash, session_ref ref);

/* Multiplication instead of a mask: any number of lines will do. */
static inline uint32_t session_index_home(const struct session_index *index, uint32_t hash) {
    return (uint32_t)((uint64_t)hash * index->line_count >> 32);
}

static inline uint32_t session_index_next(const struct session_index *index, uint32_t line) {
    return likely(line + 1 < index->line_count) ? line + 1 : 0;
}

static inline void session_index_prefetch(const struct session_index *index, uint32_t hash) {
    rte_prefetch0(&index->lines[session_index_home(index, hash)]);
}

static inline bool index_line_full(const struct index_line *line) {
    bool full = true;

    for (int i = 0; i < INDEX_LINE_ENTRIES; i++)
        full &= line->ref[i] != 0;
    return full;
}

/** One of the entries of @p hash that are in @p line, or 0. */
static inline session_ref index_line_match(const struct index_line *line, uint32_t hash) {
    session_ref match = 0;

    for (int i = 0; i < INDEX_LINE_ENTRIES; i++)
        match = RTE_MAX(match, line->hash[i] == hash ? line->ref[i] : 0);
    return match;
}

/** One of the entries of @p hash, or 0 when there is none. */
static inline session_ref session_index_guess(const struct session_index *index, uint32_t hash) {
    uint32_t number = session_index_home(index, hash);
    session_ref match;

    while (unlikely((match = index_line_match(&index->lines[number], hash)) == 0) &&
           unlikely(index_line_full(&index->lines[number])))
        number = session_index_next(index, number);
    return match;
}

#endif
