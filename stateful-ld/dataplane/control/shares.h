/**
 * @file
 * What the agent's checks have found, for the schedulers.
 */
#ifndef SLUICE_CONTROL_SHARES_H
#define SLUICE_CONTROL_SHARES_H

#include "control/apply.h"
#include "sluice/ld/v1/dataplane.pb-c.h"

/**
 * Let workers count on these shares of RSs' weights from now on. RSs that are not configured any
 * more are left alone.
 *
 * @param[out] reason one line when it is refused, and nothing has changed
 */
enum status_code set_shares(struct dataplane *dataplane,
                            const Sluice__Ld__V1__DataplaneSetShares *shares,
                            char reason[CONFIG_REASON_BYTES]);

#endif
