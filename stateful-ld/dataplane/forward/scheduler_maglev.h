/**
 * @file
 * Maglev (Eisenbud et al., NSDI'16, section 3.4): a table that gives the same client the same RS on
 * every core of every LD, because it depends on nothing but who the RSs are and what they weigh,
 * not on the order they came in. When one changes, its own clients move and few others.
 */
#ifndef SLUICE_FORWARD_SCHEDULER_MAGLEV_H
#define SLUICE_FORWARD_SCHEDULER_MAGLEV_H

#include <stdint.h>

#include "forward/scheduler_wrr.h"

enum {
    /**
     * A prime, as the permutations need, and the same for any number of RSs: a table that grew with
     * them would move everybody whenever it did. The paper's smaller size: with 100 RSs of which
     * one leaves, 0.6 % of the others' clients move, and the fullest RS has 1 % more than its
     * share. With unequal weights an RS has its weight's part of what the heaviest has, within two
     * slots; so one that weighs less than a slot of all may have none.
     */
    MAGLEV_SLOTS = 65537,
    /** What building a table takes at most, whatever the RSs weigh; only addresses that somebody
     * has chosen to have one permutation would make it more. */
    MAGLEV_STEPS_MAX = 3 * 1000 * 1000,
};

/** Who an RS is, by what all LDs know of it alike. Compared and hashed as bytes. */
struct maglev_identity {
    uint8_t address[16];
    uint32_t vni;
    uint32_t port;
};

/** Immutable once built; shared by the snapshots in which the service has the same RSs. */
struct maglev_table {
    uint32_t references; /**< control's */
    uint32_t count;
    struct maglev_identity *identities; /**< [count], and */
    uint32_t *weights;                  /**< what it was built of */
    uint64_t steps;                     /**< slots and turns looked at while it was built */
    uint16_t slot[MAGLEV_SLOTS];        /**< index of the choice */
};

/**
 * A table for these RSs, in about 5 ms (MAGLEV_STEPS_MAX); @p old itself when it is one, which
 * costs nothing.
 *
 * @param choices    their weights; those with 0 are in no slot
 * @param identities one for each choice
 * @param old        or NULL
 * @return with one more reference; NULL when out of memory. Control only.
 */
struct maglev_table *maglev_get(const struct choice *choices,
                                const struct maglev_identity *identities, uint32_t count,
                                struct maglev_table *old);

/** Give up a reference. NULL is ignored. Control only. */
void maglev_put(struct maglev_table *table);

/** @return index of the choice for @p hash, or -1 when every weight is 0 */
static inline int maglev_choose(const struct maglev_table *table, uint32_t hash) {
    uint16_t choice = table->slot[(uint64_t)hash * MAGLEV_SLOTS >> 32];

    return choice == UINT16_MAX ? -1 : choice;
}

#endif
