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
