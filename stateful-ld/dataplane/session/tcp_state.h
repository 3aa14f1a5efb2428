/**
 * @file
 * What a TCP connection looks like from between its ends: the states of IPVS and DPVS, except for
 * LISTEN, which their tables have but nothing leads to.
 */
#ifndef SLUICE_SESSION_TCP_STATE_H
#define SLUICE_SESSION_TCP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/flow.h"

/** Numbers as in ld.proto's SessionState. */
enum session_state {
    STATE_NONE = 0,
    STATE_SYN_SENT = 1,    /**< the client's SYN has gone to the RS */
    STATE_SYN_RECV = 2,    /**< the RS has answered with SYN and ACK */
    STATE_ESTABLISHED = 3, /**< the client has acknowledged */
    STATE_FIN_WAIT = 4,    /**< the RS has sent its FIN, the client has not */
    STATE_CLOSE_WAIT = 5,  /**< the client has sent its FIN, the RS has not */
    STATE_LAST_ACK = 6,    /**< both, the client first: only the client's ACK is missing */
    STATE_TIME_WAIT = 7,   /**< both, the RS first: it holds the local port for 2 MSL */
    STATE_CLOSE = 8,       /**< reset, or closed without a TIME-WAIT at the RS */
    STATE_UDP_ACTIVE = 9,
    /** The client has answered the LD's SYN cookie, the LD's SYN has gone to the RS. */
    STATE_SYN_ACK = 10,
    STATE_COUNT = 11,
};

/** Who sent the packet; also the index of a session's keys. */
enum direction {
    FROM_CLIENT = 0,
    FROM_RS = 1,
};

/**
 * State after a packet with these TCP flags; the same state when the packet changes nothing.
 * Pure.
 */
enum session_state tcp_next_state(enum session_state state, enum direction direction,
                                  uint8_t tcp_flags);

/** True when a client's fresh SYN may replace a session in @p state (RFC 9293 3.6.1). */
static inline bool tcp_state_over(enum session_state state) {
    return state == STATE_LAST_ACK || state == STATE_TIME_WAIT || state == STATE_CLOSE;
}

/**
 * True when packets keep a session in @p state alive. A connection that is over ends on time
 * whatever still arrives for it.
 */
static inline bool tcp_state_refreshed(enum session_state state) {
    return !tcp_state_over(state);
}

/**
 * The state of a session of which one has heard only now and then, when one of its packets comes:
 * who sends anything but a SYN or RST has seen the other side's SYN.
 */
static inline enum session_state tcp_state_at_least(enum session_state state, uint8_t tcp_flags) {
    bool answered = (tcp_flags & (TCP_SYN | TCP_RST)) == 0;

    return state == STATE_SYN_SENT && answered ? STATE_SYN_RECV : state;
}

/** Name as in ld.proto. */
const char *session_state_name(enum session_state state);

#endif
