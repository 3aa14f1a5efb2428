/**
 * @file
 * The LDs of a cluster in the test's own process, and a network between them that loses, repeats
 * and mixes up what they tell each other.
 */
#ifndef SLUICE_TESTING_LDS_H
#define SLUICE_TESTING_LDS_H

#include <stdbool.h>
#include <stdint.h>

#include "testing/harness.h"

#define VIP "203.0.113.10"
#define RS  "10.0.0.31"

enum {
    LD_1 = 0, /**< its id is 1 */
    LD_2 = 1,
    LD_3 = 2,
    LDS_MAX = 3,
    LDS_SESSIONS = 2000,
    /* Of lds_pair_set_up(): */
    LDS_BUCKET_1 = 5,   /**< LD 1 has it, LD 2 is its backup */
    LDS_BUCKET_2 = 700, /**< the other way round */
    LDS_HOLD_MS = 50,
};

extern const char *const vtep[LDS_MAX];
extern struct harness ld[LDS_MAX];
extern struct message messages[LDS_MAX];
extern uint64_t now_ms;

/** How bad the network is. */
struct lds_network {
    uint32_t loss_percent;
    uint32_t repeat_percent;
    uint32_t delay_max_ms;
    bool cut;
    uint32_t mute; /**< bit per LD: what it sends is lost */
    uint32_t random;
};

extern struct lds_network network;

/** A client's connection, of the service that lds_message() has. */
struct connection {
    uint32_t client; /**< its address and port */
    uint16_t bucket;
    uint16_t local_port;
};

/** A good network, no LD. */
void lds_begin(void);
void lds_end(void);
/** The same for cmocka. */
int lds_tear_down(void **state);

/** A process that knows nothing. */
void lds_start(int which, uint32_t workers);

/** kill -9 */
void lds_kill(int which);

/**
 * Begin the LD's configuration in `messages`: one service, replication, heartbeats every 10 ms; no
 * bucket, no other LD.
 */
void lds_message(int which, uint32_t epoch);

/** Time passes, with all that is sent and arrives in it. */
void lds_pass(uint32_t ms);

bool lds_online(int which);
void lds_pass_until_online(int which);

/** All LDs start with one worker, each takes what @p configure gives it, and all are online. */
void lds_start_all(void (*configure)(int which));

/** A number below @p sides. */
uint32_t lds_roll(uint32_t sides);

/** The switch sends a packet of the client to an LD, and that perhaps to another one. @return the
 * local port it leaves with, 0 when it does not leave. */
uint16_t lds_send_client(int which, const struct connection *connection, uint8_t flags);

/** The same with a packet of the RS. @return whether it leaves */
bool lds_send_rs(int which, const struct connection *connection, uint8_t flags);

/** The same to another local IP than 198.18.1.1, which lds_message() has. */
bool lds_send_rs_to(int which, const struct connection *connection, const char *local_ip,
                    uint8_t flags);

/** A handshake. */
struct connection lds_establish(int which, uint32_t client, uint16_t bucket);

/** As lds_send_client(), by a switch that names the LD which had the bucket before. */
uint16_t lds_send_hinted(int which, const struct connection *connection, uint8_t flags,
                         uint32_t previous_ld_id);

/** The packet that the switch sends to an LD. */
struct frame lds_from_client(int which, const struct connection *connection, uint8_t flags);

/** The same of a packet of the RS to a local IP. */
struct frame lds_from_rs(int which, const struct connection *connection, const char *local_ip,
                         uint8_t flags);

/** What leaves the cluster for such a packet, which may be passed on once; length 0: nothing. */
struct frame lds_through(int which, const struct frame *frame);

/** NULL: the LD does not know it. */
const struct session *lds_session_of(int which, const struct connection *connection);

/** Two LDs that have half of the buckets each, and back each other up. For cmocka: both online. */
int lds_pair_set_up(void **state);
void lds_pair_configure(int which, uint32_t epoch);
void lds_pair_start(int which, uint32_t workers);
/** kill -9 and a new process: all it knew is gone. */
void lds_pair_restart(int which, uint32_t workers);

/** Sessions on standby. */
uint64_t lds_standby(int which);

#endif
