/**
 * @file
 * Health checks of RSs on the way their packets take. The agent speaks TCP, UDP and ICMP to the
 * address of one RS (probe/address.h), with the kernel's own stack; what comes out of it is
 * translated here as a client's packets are, and leaves by the same way:
 *
 *     agent ─► kernel ─► TUN ─► probe ─► translation ─► VXLAN, or plain ─► RS
 *     agent ◄─ kernel ◄─ TUN ◄─ probe ◄─ a worker ◄─ tunnel ◄─ gateway switch ◄─┘
 *
 * The source is a local IP, with a port below those of sessions (LOCAL_PORT_FIRST): it is its
 * bucket's number, and the bucket is one that this LD has, so the switch brings the answers here.
 * No session of a worker has such a port: answers are what a worker finds no session for, and
 * ordinary packets pay nothing.
 *
 * The connections are in a session table of control's own. They are counted nowhere, limited by
 * nothing and replicated to nobody.
 */
#ifndef SLUICE_PROBE_PROBE_H
#define SLUICE_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/drop_reason.h"
#include "packet/parse.h"
#include "session/session.h"

struct dataplane;
struct worker;

enum {
    /** Connections at once, with those that have ended in the last second. */
    PROBE_SESSIONS = 16384,
    /** Longer than any check may take. */
    PROBE_IDLE_MS = 65 * 1000,
};

struct probe {
    struct dataplane *dataplane;
    struct worker *worker; /**< not one of the data plane's: it runs in control, and has no queue */
    int device;            /**< the TUN device, or -1: nothing is checked */
    uint32_t next_place;   /**< where the search for a local IP and port goes on */
    uint64_t sent_ms;      /**< when the kernel last sent something */
};

/**
 * @param device of device_open(), taken over
 * @return 0 or -ENOMEM. Control only, as everything here but probe_answer().
 */
int probe_init(struct probe *probe, struct dataplane *dataplane, int device, uint64_t now_ms);
void probe_free(struct probe *probe);

/** Take in what the kernel and the workers have. Once a turn of control's loop. */
void probe_poll(struct probe *probe, uint64_t now_ms);

/** Begin a turn: look at the clock and at the configuration. Part of probe_poll(). */
void probe_refresh(struct probe *probe, uint64_t now_ms);

/** Forget connections that are over, or have been idle for too long. Part of probe_poll(). */
void probe_expire(struct probe *probe);

/** How long control may wait for @p probe.device while answers may come that do not wake it. */
int probe_wait_ms(const struct probe *probe, uint64_t now_ms);

/** A packet that the kernel has sent, with room for Ethernet in front. Takes over the mbuf. */
void probe_from_kernel(struct probe *probe, struct rte_mbuf *mbuf);

/**
 * A packet that a worker has taken for an answer.
 *
 * @return DROP_NONE: the mbuf's data is the IP packet for the kernel now; or why it is none
 */
enum drop_reason probe_from_rs(struct probe *probe, struct rte_mbuf *mbuf);

/** True when the LD has a bucket to check RSs with. */
bool probe_possible(const struct dataplane *dataplane);

/**
 * A worker has a packet that is of no session: give it to control when it answers a check.
 *
 * @return true: the mbuf has been taken over
 */
bool probe_answer(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet);

#endif
