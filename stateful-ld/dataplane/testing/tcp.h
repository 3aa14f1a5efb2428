/**
 * @file
 * One TCP connection through a service on VIP:80 with one RS, as its two ends send it.
 */
#ifndef SLUICE_TESTING_TCP_H
#define SLUICE_TESTING_TCP_H

#include "testing/frame.h"

#define TCP_CLIENT "192.0.2.77"
#define TCP_VIP    "203.0.113.10"
#define TCP_RS     "10.0.0.31"

/** @param payload bytes of it */
static inline struct flow_spec tcp_from_client(uint8_t flags, uint32_t sequence, uint32_t ack,
                                               uint16_t payload) {
    return (struct flow_spec){ .src = TCP_CLIENT,
                               .dst = TCP_VIP,
                               .src_port = 40000,
                               .dst_port = 80,
                               .protocol = FRAME_TCP,
                               .tcp_flags = flags,
                               .sequence = sequence,
                               .ack = ack,
                               .payload = payload };
}

/** The RS answers from port 8080 to the first local IP of message_begin(). */
static inline struct flow_spec tcp_from_rs(uint16_t local_port, uint8_t flags, uint32_t sequence,
                                           uint32_t ack, uint16_t payload) {
    struct flow_spec flow = tcp_from_client(flags, sequence, ack, payload);

    flow.src = TCP_RS;
    flow.dst = "198.18.1.1";
    flow.src_port = 8080;
    flow.dst_port = local_port;
    return flow;
}

#endif
