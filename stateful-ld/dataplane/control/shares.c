#include "control/shares.h"

#include <stdio.h>
#include <string.h>

#include "forward/dataplane.h"
#include "forward/rs_share.h"

typedef Sluice__Ld__V1__DataplaneSetShares SetShares;
typedef Sluice__Ld__V1__RsShare RsShare;

static bool names(const struct registry *registry, const RsShare *share) {
    const struct registry_entry *entry;

    if (share->number >= TARGETS_MAX || !registry_used(registry, share->number))
        return false;
    entry = &registry->entries[share->number];
    return entry->configured && strcmp(entry->identity.service, share->service) == 0 &&
           strcmp(entry->identity.rs, share->rs) == 0;
}

enum status_code set_shares(struct dataplane *dataplane, const SetShares *shares,
                            char reason[CONFIG_REASON_BYTES]) {
    for (size_t i = 0; i < shares->n_shares; i++) {
        const RsShare *share = shares->shares[i];

        if (share->share_permille > RS_SHARE_FULL) {
            snprintf(reason, CONFIG_REASON_BYTES,
                     "RS \"%s\" of service \"%s\": share_permille: %u is more than %d", share->rs,
                     share->service, share->share_permille, RS_SHARE_FULL);
            return STATUS_INVALID_ARGUMENT;
        }
    }
    for (size_t i = 0; i < shares->n_shares; i++)
        if (names(&dataplane->registry, shares->shares[i]))
            rs_share_set(dataplane->rs_shares, shares->shares[i]->number,
                         (uint16_t)shares->shares[i]->share_permille);
    return STATUS_OK;
}
