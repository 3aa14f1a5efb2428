/**
 * @file
 * One LD with a few services, their packets, and what RSs answer: for tests of the receive path.
 * Each test program has its own.
 */
#ifndef SLUICE_FORWARD_FULLNAT_TEST_H
#define SLUICE_FORWARD_FULLNAT_TEST_H

#include <arpa/inet.h>

#include "packet/bucket.h"
#include "testing/harness.h"
#include "testing/test.h"

#define CLIENT    "192.0.2.77"
#define VIP       "203.0.113.10"
#define LOCAL_IP  "198.18.1.1"
#define RS1       "10.0.0.31"
#define RS_REMOTE "172.16.9.9"
#define VPC_VIP   "192.168.1.10"
#define VPC_RS    "192.168.1.20"

enum {
    BUCKET = 0x155,
    VPC = 7001
};

static struct harness harness;
static struct message message;

static inline int set_up(void **state) {
    struct message_service *service;

    (void)state;
    harness_start(&harness, 1, 256);
    message_begin(&message);
    service = message_service(&message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(&message, service, "rs1", RS1, 8080, 1);
    service = message_service(&message, "dns", 0, VIP, FRAME_UDP, 53);
    message_rs(&message, service, "remote", RS_REMOTE, 5353, 1);
    service = message_service(&message, "inner", VPC, VPC_VIP, FRAME_TCP, 443);
    message_rs(&message, service, "vm", VPC_RS, 8443, 1);
    message_vpc(&message, service, VPC, "10.0.0.41");
    service = message_service(&message, "drained", 0, VIP, FRAME_TCP, 81);
    message_rs(&message, service, "rs1", RS1, 81, 0);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static const struct tunnel_spec tunnel = { .bucket = BUCKET };

static inline struct flow_spec tcp(uint8_t flags) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 40000,
                               .dst_port = 80,
                               .protocol = FRAME_TCP,
                               .tcp_flags = flags,
                               .payload = flags & TCP_SYN ? 0 : 101 };
}

static inline struct flow_spec udp(void) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 5000,
                               .dst_port = 53,
                               .protocol = FRAME_UDP,
                               .payload = 33 };
}

/* Address as text, in one of a few rotating buffers. */
static inline const char *text(rte_be32_t address) {
    static char buffers[8][INET_ADDRSTRLEN];
    static int next;
    char *buffer = buffers[next++ % 8];

    inet_ntop(AF_INET, &address, buffer, INET_ADDRSTRLEN);
    return buffer;
}

/* The tuple an RS answers with to what it has got. */
static inline struct flow_spec answer_to(const struct frame_view *got, uint8_t flags) {
    bool is_tcp = got->tcp != NULL;

    return (struct flow_spec){
        .src = text(got->ip->dst_addr),
        .dst = text(got->ip->src_addr),
        .src_port = ntohs(is_tcp ? got->tcp->dst_port : got->udp->dst_port),
        .dst_port = ntohs(is_tcp ? got->tcp->src_port : got->udp->src_port),
        .protocol = got->ip->next_proto_id,
        .tcp_flags = flags,
        .payload = 57,
    };
}

static inline struct frame_view receive(const struct frame *frame) {
    uint64_t drops = harness_drops(&harness);
    uint32_t sent = harness_receive(&harness, frame);

    if (sent != 1)
        for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
            if (harness_worker(&harness)->stats.drops[reason] != 0)
                print_message("%s\n", drop_reason_name((enum drop_reason)reason));
    assert_int_equal(sent, 1);
    assert_int_equal(harness_drops(&harness), drops);
    return frame_view(&harness.sent[0]);
}

static inline struct frame_view receive_flow(struct flow_spec flow) {
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    return receive(&frame);
}

static inline struct session *only_session(void) {
    struct session_table *table = &harness_worker(&harness)->sessions;

    assert_int_equal(table->active, 1);
    for (uint32_t number = 1; number <= table->used_up_to; number++)
        if (session_is_open(table, number))
            return &table->sessions[number];
    return NULL;
}

#endif
