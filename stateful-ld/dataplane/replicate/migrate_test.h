/**
 * @file
 * Two clusters, and a service that moves from one to the other: LD 1 is the one, LD 2 and its
 * backup LD 3 are the other. Each test program has its own.
 */
#ifndef SLUICE_REPLICATE_MIGRATE_TEST_H
#define SLUICE_REPLICATE_MIGRATE_TEST_H

#include <arpa/inet.h>

#include "control/encode.h"
#include "forward/peer.h"
#include "packet/vxlan.h"
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "replicate/sender.h"
#include "session/timeouts.h"
#include "testing/lds.h"
#include "testing/test.h"

#define LOCAL_IP       "198.18.1.1"
#define OTHER_LOCAL_IP "198.18.2.1"
#define ENTRY          "10.0.0.77"

enum {
    CONNECTIONS = 300,
    EPOCH = 7,
};

static struct connection connections[CONNECTIONS];
static uint32_t session_limit; /* of the service, on each LD; 0: none */

/* Each LD knows the region entry by another number. */
static inline void tell_of_entry(int which) {
    static ProtobufCBinaryData entries[LDS_MAX][2];
    struct message *message = &messages[which];

    entries[which][0] = message_address(message, which == LD_2 ? "10.0.0.78" : ENTRY);
    entries[which][1] = message_address(message, ENTRY);
    message->config.return_tunnels = entries[which];
    message->config.n_return_tunnels = which == LD_2 ? 2 : 1;
}

/* The LD's configuration but for the migration. */
static inline void begin(int which) {
    struct message *message = &messages[which];

    lds_message(which, EPOCH + (uint32_t)which); /* clusters count their epochs by themselves */
    tell_of_entry(which);
    if (session_limit != 0) {
        message_limit(message)->sessions = session_limit;
        message->services[0].message.limit = (char *)(uintptr_t) "gold";
    }
    if (which == LD_1) {
        message_buckets(message, 0, BUCKET_COUNT - 1);
        message_assign(message, 0, BUCKET_COUNT - 1, 1, 0);
        return;
    }
    message->config.epoch = EPOCH + LD_2;
    message->config.n_local_ips = 0;
    message_local_ip(message, OTHER_LOCAL_IP);
    message_ld(message, which == LD_2 ? 3 : 2, vtep[which == LD_2 ? LD_3 : LD_2]);
    if (which == LD_2)
        message_buckets(message, 0, BUCKET_COUNT - 1);
    message_assign(message, 0, BUCKET_COUNT - 1, 2, 3);
}

static inline void apply(int which) {
    harness_apply(&ld[which], &messages[which]);
    harness_resolve(&ld[which]);
}

static inline void migrate(int which, uint32_t epoch) {
    struct message *message = &messages[which];

    begin(which);
    message_migration(message, epoch);
    if (which == LD_1) {
        message_migration_ld(message, 2, vtep[LD_2]);
        message_migration_ld(message, 3, vtep[LD_3]);
        message_migration_assign(message, 0, BUCKET_COUNT - 1, 2);
    } else {
        message_migration_ld(message, 1, vtep[LD_1]);
        message_migration_assign(message, 0, BUCKET_COUNT - 1, 1);
    }
    apply(which);
}

static inline void migrate_all(void) {
    for (int which = 0; which < LDS_MAX; which++)
        migrate(which, 1);
}

static inline const Sluice__Ld__V1__PeerReplication *status_of(struct replication_status *status,
                                                               int which, int peer) {
    size_t peers = encode_replication(status, &ld[which].dataplane, now_ms);

    for (size_t i = 0; i < peers; i++)
        if (status->peers[i].ld_id == (uint32_t)peer + 1)
            return &status->peers[i];
    return NULL;
}

static inline bool copied(void) {
    struct replication_status one, two;

    return status_of(&one, LD_2, LD_1)->whole && status_of(&two, LD_1, LD_2)->whole;
}

static inline void pass_until_copied(void) {
    for (int ms = 0; !copied(); ms++) {
        assert_in_range(ms, 0, 5000);
        lds_pass(1);
    }
}

static inline void open_all(void) {
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i * 7 % BUCKET_COUNT));
}

static inline void begin_and_apply(int which) {
    begin(which);
    apply(which);
}

static inline int set_up(void **state) {
    (void)state;
    lds_begin();
    session_limit = 0;
    lds_start_all(begin_and_apply);
    return 0;
}

static inline uint64_t guests(int which) {
    return harness_worker(&ld[which])->rs[0].sessions_guest;
}

static inline uint64_t passed_on(int which) {
    return harness_worker(&ld[which])->stats.passed_on;
}

#endif
