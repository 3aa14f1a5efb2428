/**
 * @file
 * Three LDs, two switches and the maps by which buckets go from LD 1 to LD 3, under traffic. Each
 * test program has its own.
 */
#ifndef SLUICE_REPLICATE_MOVE_TEST_H
#define SLUICE_REPLICATE_MOVE_TEST_H

#include <arpa/inet.h>

#include "control/encode.h"
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

enum {
    CONNECTIONS_MAX = 1000,
    BUCKETS_MOVED = 512, /* 0..511; LD 2 has the others, and LD 1 is their backup */
    SWITCHES = 2,
    OLD_MS = 300,
    NOBODY = -1,
};

/* Who has the buckets that move. */
struct holders {
    int primary;
    int backup;
    uint32_t primary_shares;
    uint32_t backup_shares;
};

static const struct holders at_first = { LD_1, LD_2, 0x7, 0x8 };
static const struct holders joined = { LD_1, LD_3, 0x7, 0x8 };
static const struct holders swapped = { LD_3, LD_1, 0x8, 0x7 };
static const struct holders left = { LD_3, LD_2, 0xe, 0x1 };

/* Who stands in for LD 2 in the buckets that do not move. */
static int others_backup;

/* The map that the switches have learnt last. */
static struct holders learnt;

static struct {
    struct connection connections[CONNECTIONS_MAX];
    uint64_t opened_ms[CONNECTIONS_MAX];
    uint32_t count;
    bool silent;
    bool port_used[65536];
    /* Whom each switch knows as primary and as backup. */
    int knows[SWITCHES][2];
} traffic;

/* Who is in the map that the switches know, and not in this one. */
static inline int former_of(struct holders holders) {
    if (learnt.primary != holders.primary && learnt.primary != holders.backup)
        return learnt.primary;
    return learnt.backup != holders.primary && learnt.backup != holders.backup ? learnt.backup
                                                                               : NOBODY;
}

static inline void give(int which, uint32_t epoch, uint32_t previous_epoch,
                        struct holders holders) {
    struct message *message = &messages[which];

    lds_message(which, epoch);
    message->heartbeat.previous_epoch = previous_epoch;
    if (which == holders.primary)
        message_buckets(message, 0, BUCKETS_MOVED - 1);
    if (which == LD_2)
        message_buckets(message, BUCKETS_MOVED, BUCKET_COUNT - 1);
    for (int other = 0; other < LDS_MAX; other++)
        if (other != which)
            message_ld(message, (uint32_t)other + 1, vtep[other]);
    message_assign(message, 0, BUCKETS_MOVED - 1, (uint32_t)holders.primary + 1,
                   (uint32_t)(holders.backup + 1));
    message_shares(message, holders.primary_shares, holders.backup_shares);
    if (previous_epoch != 0)
        message_former(message, (uint32_t)(former_of(holders) + 1));
    message_assign(message, BUCKETS_MOVED, BUCKET_COUNT - 1, 2, (uint32_t)others_backup + 1);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

static inline bool is_whole(int which) {
    struct replication_status status;
    size_t peers = encode_replication(&status, &ld[which].dataplane, now_ms);

    for (size_t i = 0; i < peers; i++)
        if (!status.peers[i].whole)
            return false;
    return lds_online(which);
}

static inline void open_connection(int to) {
    struct connection connection = { traffic.count, (uint16_t)(traffic.count * 7 % BUCKETS_MOVED),
                                     0 };

    connection.local_port = lds_send_client(to, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_false(traffic.port_used[connection.local_port]);
    traffic.port_used[connection.local_port] = true;
    traffic.opened_ms[traffic.count] = now_ms;
    traffic.connections[traffic.count++] = connection;
}

/* Any switch sends to whom it knows as the primary; and now and then, when it has not heard that
 * one in time, to the backup. A failover may find that the youngest sessions have not been told
 * yet, so there is none for them. */
static inline int whom(uint32_t number) {
    const int *knows = traffic.knows[lds_roll(SWITCHES)];
    bool old = number < traffic.count && now_ms - traffic.opened_ms[number] > OLD_MS;

    return knows[old && lds_roll(10) == 0 && knows[1] != NOBODY];
}

static inline void expect_answers(uint32_t number) {
    const struct connection *connection = &traffic.connections[number];

    assert_true(lds_send_rs(whom(number), connection, TCP_ACK));
    assert_int_equal(lds_send_client(whom(number), connection, TCP_ACK), connection->local_port);
}

static inline void carry_traffic(uint32_t ms) {
    for (; ms > 0; ms--) {
        if (!traffic.silent && traffic.count < CONNECTIONS_MAX && lds_roll(3) == 0) {
            open_connection(whom(traffic.count));
            assert_true(lds_send_rs(whom(traffic.count - 1),
                                    &traffic.connections[traffic.count - 1], TCP_SYN | TCP_ACK));
            expect_answers(traffic.count - 1);
        }
        if (!traffic.silent && traffic.count > 0)
            expect_answers(lds_roll(traffic.count));
        lds_pass(1);
        for (int which = 0; which < LDS_MAX; which++)
            if (lds_online(which))
                replicate_beaten(&ld[which].dataplane, now_ms);
    }
}

static inline void wait_until_whole(void) {
    for (int ms = 0; !is_whole(LD_1) || !is_whole(LD_2) || !is_whole(LD_3); ms++) {
        assert_in_range(ms, 0, 5000);
        carry_traffic(1);
    }
}

/* All LDs take a map one after the other, the switches learn it one after the other when all have
 * what they need. */
static inline void change(uint32_t epoch, struct holders before, struct holders after) {
    struct holders released = after;

    released.primary_shares &= after.primary == before.primary  ? before.primary_shares
                               : after.primary == before.backup ? before.backup_shares
                                                                : 0;
    released.backup_shares &= after.backup == before.backup    ? before.backup_shares
                              : after.backup == before.primary ? before.primary_shares
                                                               : 0;
    for (int which = 0; which < LDS_MAX; which++) {
        give(which, epoch, epoch - 1, released);
        carry_traffic(5);
    }
    for (int which = LDS_MAX - 1; which >= 0; which--) {
        give(which, epoch, epoch - 1, after);
        carry_traffic(5);
    }
    wait_until_whole();
    for (int i = 0; i < SWITCHES; i++) {
        traffic.knows[i][0] = after.primary;
        traffic.knows[i][1] = after.backup;
        carry_traffic(20);
    }
    for (int which = 0; which < LDS_MAX; which++) {
        give(which, epoch, 0, after);
        carry_traffic(5);
    }
    learnt = after;
}

static inline void give_first(int which) {
    give(which, 1, 0, at_first);
}

static inline int set_up(void **state) {
    (void)state;
    lds_begin();
    memset(&traffic, 0, sizeof(traffic));
    learnt = at_first;
    others_backup = LD_1;
    for (int i = 0; i < SWITCHES; i++)
        traffic.knows[i][1] = LD_2;
    lds_start_all(give_first);
    return 0;
}

static inline void make_the_network_bad(void) {
    network.loss_percent = 20;
    network.repeat_percent = 20;
    network.delay_max_ms = 4;
}

#endif
