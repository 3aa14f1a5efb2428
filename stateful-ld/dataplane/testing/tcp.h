/**
 * @file
 * One TCP connection through a service on VIP:80 with one RS, as its two ends send it, and an LD
 * of one worker that it goes through.
 */
#ifndef SLUICE_TESTING_TCP_H
#define SLUICE_TESTING_TCP_H

#include "packet/tcp_segment.h"
#include "testing/harness.h"

#define TCP_CLIENT "192.0.2.77"
#define TCP_VIP    "203.0.113.10"
#define TCP_RS     "10.0.0.31"

#define TCP_CLIENT_V6   "2001:db8:c::77"
#define TCP_VIP_V6      "2001:db8:1::10"
#define TCP_RS_V6       "fd00:10::31"
#define TCP_LOCAL_IP_V6 "fd00:198::1"

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

extern struct harness tcp_ld;
extern struct message tcp_message;
extern struct message_service *tcp_web; /**< of tcp_message, to be refined */

/** For cmocka: an LD that has the service in its message, and nothing applied yet. */
int tcp_set_up(void **state);
int tcp_tear_down(void **state);

/** Apply the message; all neighbours answer. */
void tcp_apply(void);

/** The switch sends a packet. @return how many frames come out */
uint32_t tcp_receive(struct flow_spec flow);

/** The same when @p count frames come out. @return the last one */
struct frame_view tcp_pass(struct flow_spec flow, uint32_t count);

/**
 * A router makes an error about the last packet the LD has sent: it is too long.
 *
 * @param quoted bytes of it behind its IP header; 0: all
 * @return the error as it leaves
 */
struct frame_view tcp_report(const char *router, uint16_t mtu, uint16_t quoted);

/** Let the message serve TCP_VIP_V6 as well. @return the service, to be refined */
struct message_service *tcp_serve_v6(void);

/** Ports in host order. */
struct flow_key tcp_flow_v6(const char *src, uint16_t src_port, const char *dst, uint16_t dst_port);

/** A router sends a segment over IPv6. @return TCP header of the only frame that comes out */
const struct rte_tcp_hdr *tcp_pass_v6(const struct tcp_segment *segment);

/** The TCP header that an error quotes. */
static inline const struct rte_tcp_hdr *tcp_quoted(const struct frame_view *view) {
    return (const struct rte_tcp_hdr *)view->embedded_udp;
}

#endif
