/**
 * @file
 * Is a configuration one that can be run? Asked about all of it before anything changes.
 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/ld/v1/ld.pb-c.h"

enum {
    CONFIG_REASON_BYTES = 512
};

/**
 * Check a whole configuration.
 *
 * @param[out] reason when refused: which thing, why, and what would be right; one line
 * @return true when it can be applied. Thread safe.
 */
bool config_validate(const Sluice__Ld__V1__LdConfig *config, char reason[CONFIG_REASON_BYTES]);

#endif
