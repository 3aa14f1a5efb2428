#include "testing/tcp.h"

#include "testing/test.h"

struct harness tcp_ld;
struct message tcp_message;
struct message_service *tcp_web;

static const struct tunnel_spec tunnel = { .bucket = 5 };

int tcp_set_up(void **state) {
    (void)state;
    harness_start(&tcp_ld, 1, 256);
    message_begin(&tcp_message);
    tcp_web = message_service(&tcp_message, "web", 0, TCP_VIP, FRAME_TCP, 80);
    message_rs(&tcp_message, tcp_web, "rs1", TCP_RS, 8080, 1);
    return 0;
}

int tcp_tear_down(void **state) {
    (void)state;
    harness_stop(&tcp_ld);
    return 0;
}

void tcp_apply(void) {
    harness_apply(&tcp_ld, &tcp_message);
    harness_resolve(&tcp_ld);
}

uint32_t tcp_receive(struct flow_spec flow) {
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    return harness_receive(&tcp_ld, &frame);
}

struct frame_view tcp_pass(struct flow_spec flow, uint32_t count) {
    assert_int_equal(tcp_receive(flow), count);
    return frame_view(&tcp_ld.sent[count - 1]);
}

struct frame_view tcp_report(const char *router, uint16_t mtu, uint16_t quoted) {
    const struct error_spec error = {
        .src = router, .type = 3, .code = 4, .mtu = mtu, .quoted = quoted
    };
    struct frame_view about = frame_view(&tcp_ld.sent[tcp_ld.sent_count - 1]);
    struct frame frame = frame_icmp_error(&about, &error);

    frame = frame_wrap(&frame, &tunnel);
    assert_int_equal(harness_receive(&tcp_ld, &frame), 1);
    return frame_view(&tcp_ld.sent[0]);
}

struct message_service *tcp_serve_v6(void) {
    struct message_service *service;

    message_ipv6(&tcp_message, "fd00:10::11", 64, "fd00:10::1");
    message_local_ip(&tcp_message, TCP_LOCAL_IP_V6);
    service = message_service(&tcp_message, "web6", 0, TCP_VIP_V6, FRAME_TCP, 80);
    message_rs(&tcp_message, service, "rs6", TCP_RS_V6, 8080, 1);
    return service;
}

struct flow_key tcp_flow_v6(const char *src, uint16_t src_port, const char *dst,
                            uint16_t dst_port) {
    struct flow_key flow = { .vni_protocol = flow_vni_protocol(0, FRAME_TCP) };
    struct ip_address from = ip_of(src), to = ip_of(dst);

    flow_set_addresses(&flow, &from, &to);
    flow.src_port = rte_cpu_to_be_16(src_port);
    flow.dst_port = rte_cpu_to_be_16(dst_port);
    return flow;
}

const struct rte_tcp_hdr *tcp_pass_v6(const struct tcp_segment *segment) {
    struct frame frame = { .length = RTE_ETHER_HDR_LEN };
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame.bytes;

    ether->dst_addr = frame_ld_mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
    frame.length += tcp_segment_write(frame.bytes + RTE_ETHER_HDR_LEN, segment);
    assert_int_equal(harness_receive(&tcp_ld, &frame), 1);
    return (const struct rte_tcp_hdr *)(tcp_ld.sent[0].bytes + RTE_ETHER_HDR_LEN +
                                        sizeof(struct rte_ipv6_hdr));
}
