/**
 * @file
 * How long a session may be idle, by state, when the configuration does not say.
 *
 * DPVS tunes for a farm of short connections behind FULLNAT (ip_vs_proto_tcp.c, tcp_timeouts);
 * IPVS for anything (net/netfilter/ipvs/ip_vs_proto_tcp.c). We take DPVS's where a local port is
 * what is held, and IPVS's where a shorter one would cut living connections.
 */
#ifndef SLUICE_SESSION_TIMEOUTS_H
#define SLUICE_SESSION_TIMEOUTS_H

enum {
    /** The RS has not answered. DPVS 3 s: covers one retransmission (RFC 6298: 1 s, then 2 s). */
    TIMEOUT_SYN_SENT_MS = 3 * 1000,
    /** The same of the LD's own SYN, behind a SYN cookie; the client has been told to wait. IPVS
     * and DPVS have no such wait here, their SYNACK is the client's. */
    TIMEOUT_SYN_ACK_MS = 3 * 1000,
    /** The client has not acknowledged; under a SYN flood these are what fills the table. DPVS. */
    TIMEOUT_SYN_RECV_MS = 30 * 1000,
    /** IPVS 15 min. DPVS's 90 s is below the usual keep-alive interval of HTTP clients. */
    TIMEOUT_ESTABLISHED_MS = 900 * 1000,
    /** The RS has closed, the client has not. DPVS: 7 s is enough for an ordinary close. */
    TIMEOUT_FIN_WAIT_MS = 7 * 1000,
    /** The client has closed, the RS may still be sending (HTTP clients half-close): IPVS 60 s. */
    TIMEOUT_CLOSE_WAIT_MS = 60 * 1000,
    /** Both have closed, the client's last acknowledgement is missing. DPVS. */
    TIMEOUT_LAST_ACK_MS = 7 * 1000,
    /**
     * Both have closed, the RS first, so it holds our local port in TIME-WAIT (RFC 9293 3.3.2: 2
     * MSL). DPVS 7 s: ports are reused least recently used first, which keeps them apart longer.
     */
    TIMEOUT_TIME_WAIT_MS = 7 * 1000,
    /** After a reset, or an orderly close that leaves no TIME-WAIT at the RS. DPVS 3 s. */
    TIMEOUT_CLOSE_MS = 3 * 1000,
    /** DPVS and IPVS 300 s; RFC 4787 REQ-5 asks for at least 2 min. */
    TIMEOUT_UDP_MS = 300 * 1000,

    /** Longest a configuration may ask for; half the 32-bit millisecond clock would be the limit.
     */
    TIMEOUT_MAX_MS = 7 * 24 * 3600 * 1000,
};

#endif
