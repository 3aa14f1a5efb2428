#include "session/tcp_state.h"

#include "packet/flow.h"

/* What a segment means, strongest first: RST, SYN, FIN, then everything else as ACK. */
enum event {
    EVENT_SYN,
    EVENT_FIN,
    EVENT_ACK,
    EVENT_RST,
    EVENT_COUNT
};

#define NO STATE_NONE
#define SS STATE_SYN_SENT
#define SR STATE_SYN_RECV
#define ES STATE_ESTABLISHED
#define FW STATE_FIN_WAIT
#define CW STATE_CLOSE_WAIT
#define LA STATE_LAST_ACK
#define TW STATE_TIME_WAIT
#define CL STATE_CLOSE
#define UD STATE_UDP_ACTIVE
#define SA STATE_SYN_ACK

/* A SYN in an established session is a challenge to be answered by the RS (RFC 5961 4), not a new
 * connection; a FIN before the handshake is complete belongs to no connection we know. */
static const uint8_t next_state[2][EVENT_COUNT][STATE_COUNT] = {
    /* clang-format off */
    [FROM_CLIENT] = {
        /*              NO  SS  SR  ES  FW  CW  LA  TW  CL  UD  SA */
        [EVENT_SYN] = { SS, SS, SR, ES, FW, CW, LA, TW, CL, UD, SA },
        [EVENT_FIN] = { NO, SS, CW, CW, TW, CW, LA, TW, CL, UD, SA },
        [EVENT_ACK] = { NO, SS, ES, ES, FW, CW, CL, TW, CL, UD, SA },
        [EVENT_RST] = { NO, CL, CL, CL, CL, CL, CL, TW, CL, UD, CL },
    },
    [FROM_RS] = {
        /*              NO  SS  SR  ES  FW  CW  LA  TW  CL  UD  SA */
        [EVENT_SYN] = { NO, SR, SR, ES, FW, CW, LA, TW, CL, UD, SR },
        [EVENT_FIN] = { NO, SS, FW, FW, FW, LA, LA, TW, CL, UD, SA },
        [EVENT_ACK] = { NO, SS, SR, ES, FW, CW, LA, TW, CL, UD, SA },
        [EVENT_RST] = { NO, CL, CL, CL, CL, CL, CL, CL, CL, UD, CL },
    },
    /* clang-format on */
};

static enum event event_of(uint8_t flags) {
    if (flags & TCP_RST)
        return EVENT_RST;
    if (flags & TCP_SYN)
        return EVENT_SYN;
    return flags & TCP_FIN ? EVENT_FIN : EVENT_ACK;
}

enum session_state tcp_next_state(enum session_state state, enum direction direction,
                                  uint8_t tcp_flags) {
    return next_state[direction][event_of(tcp_flags)][state];
}

const char *session_state_name(enum session_state state) {
    static const char *const names[STATE_COUNT] = {
        "NONE",     "SYN_SENT",  "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",
        "LAST_ACK", "TIME_WAIT", "CLOSE",    "UDP_ACTIVE",  "SYN_ACK",
    };

    return state < STATE_COUNT ? names[state] : "UNKNOWN";
}
