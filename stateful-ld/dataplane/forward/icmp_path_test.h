/**
 * @file
 * One LD with services inside and outside of a VPC, and ICMP about their packets. Each test program
 * has its own.
 */
#ifndef SLUICE_FORWARD_ICMP_PATH_TEST_H
#define SLUICE_FORWARD_ICMP_PATH_TEST_H

#include <arpa/inet.h>

#include "packet/icmp.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT   "192.0.2.77"
#define ROUTER   "192.0.2.1"
#define VIP      "203.0.113.10"
#define LOCAL_IP "198.18.1.1"
#define RS       "10.0.0.31"
#define VPC_VIP  "192.168.1.10"
#define VPC_RS   "192.168.1.20"
#define VPC_HOST "10.0.0.41"

enum {
    BUCKET = 0x155,
    VPC = 7001,
    MTU = 1600,
    TUNNEL_MTU = MTU - 50,
    DF = 0x4000,
};

static struct harness harness;
static struct message message;

static inline int start(uint32_t workers) {
    struct message_service *service;

    harness_start(&harness, workers, 256);
    message_begin(&message);
    service = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, service, "rs", RS, 8080, 1);
    service = message_service(&message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(&message, service, "rs", RS, 5353, 1);
    service = message_service(&message, "inner", VPC, VPC_VIP, FRAME_TCP, 80);
    message_rs(&message, service, "vm", VPC_RS, 8080, 1);
    message_vpc(&message, service, VPC, VPC_HOST);
    service = message_service(&message, "to-vpc", 0, VIP, FRAME_UDP, 54);
    message_rs(&message, service, "vm", VPC_RS, 54, 1);
    message_vpc(&message, service, VPC, VPC_HOST);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static inline int set_up(void **state) {
    (void)state;
    return start(1);
}

static inline int set_up_two(void **state) {
    (void)state;
    return start(2);
}

static inline int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static const struct tunnel_spec tunnel = { .bucket = BUCKET };
static const struct tunnel_spec in_vpc = { .bucket = BUCKET, .vni = VPC };

static inline struct flow_spec client_flow(uint8_t protocol) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 40000,
                               .dst_port = protocol == FRAME_TCP ? 80 : 53,
                               .protocol = protocol,
                               .tcp_flags = TCP_SYN,
                               .payload = protocol == FRAME_TCP ? 0 : 31 };
}

static inline struct flow_spec vpc_flow(void) {
    struct flow_spec flow = client_flow(FRAME_TCP);

    flow.dst = VPC_VIP;
    return flow;
}

static inline struct frame_view receive(const struct frame *frame) {
    uint64_t drops = harness_drops(&harness);

    assert_int_equal(harness_receive(&harness, frame), 1);
    assert_int_equal(harness_drops(&harness), drops);
    return frame_view(&harness.sent[0]);
}

static inline struct frame_view receive_in(struct frame frame, const struct tunnel_spec *spec) {
    struct frame wrapped = frame_wrap(&frame, spec);

    return receive(&wrapped);
}

/* The RS's answer to what it has got, as it reaches the client. */
static inline struct frame_view answer(const struct frame_view *got,
                                       const struct tunnel_spec *spec) {
    char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
    bool is_tcp = got->ip->next_proto_id == FRAME_TCP;
    struct flow_spec flow = {
        .src = inet_ntop(AF_INET, &got->ip->dst_addr, src, sizeof(src)),
        .dst = inet_ntop(AF_INET, &got->ip->src_addr, dst, sizeof(dst)),
        .src_port = ntohs(is_tcp ? got->tcp->dst_port : got->udp->dst_port),
        .dst_port = ntohs(is_tcp ? got->tcp->src_port : got->udp->src_port),
        .protocol = got->ip->next_proto_id,
        .tcp_flags = TCP_SYN | TCP_ACK,
        .payload = 45,
    };

    return receive_in(frame_plain(&flow), spec);
}

static inline void assert_address(rte_be32_t address, const char *wanted) {
    char text[INET_ADDRSTRLEN];

    assert_string_equal(inet_ntop(AF_INET, &address, text, sizeof(text)), wanted);
}

static inline void assert_ends(const struct rte_ipv4_hdr *ip, const char *src, const char *dst) {
    assert_address(ip->src_addr, src);
    assert_address(ip->dst_addr, dst);
}

static inline void assert_embedded(const struct frame_view *view, const char *src,
                                   uint16_t src_port, const char *dst, uint16_t dst_port) {
    assert_non_null(view->embedded);
    assert_ends(view->embedded, src, dst);
    assert_int_equal(ntohs(view->embedded_udp->src_port), src_port);
    assert_int_equal(ntohs(view->embedded_udp->dst_port), dst_port);
}

static inline void assert_mac(const struct rte_ether_addr *mac, const char *address) {
    struct rte_ether_addr wanted = harness_mac_of(address);

    assert_memory_equal(mac, &wanted, sizeof(wanted));
}

#endif
