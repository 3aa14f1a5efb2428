/* Checks through the whole data plane: what the kernel sends, what the RS gets, and back. */
#include "probe/probe.h"

#include <netinet/in.h>
#include <stdio.h>

#include "control/apply.h"
#include "packet/bucket.h"
#include "packet/icmp6.h"
#include "probe/address.h"
#include "testing/harness.h"
#include "testing/test.h"

static struct harness harness;
static struct message message;
static struct probe probe;

enum {
    PLAIN, /* registry numbers, in the order of the configuration */
    IN_VPC,
    NAT64,
    V6,
    KERNEL_PORT = 40000,
};

static int set_up(void **state) {
    struct message_service *service;

    (void)state;
    harness_start(&harness, 1, 1024);
    assert_int_equal(probe_init(&probe, &harness.dataplane, -1, harness.now_ms), 0);
    message_begin(&message);
    message_ipv6(&message, "2001:db8:f::11", 64, "2001:db8:f::1");
    message_local_ip(&message, "2001:db8:18::1");
    service = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 80);
    message_rs(&message, service, "plain", "10.0.0.31", 8080, 1);
    message_rs(&message, service, "vpc", "192.168.0.2", 80, 1);
    message_vpc(&message, service, 100, "10.0.0.41");
    service = message_service(&message, "web6", 0, "2001:db8::10", FRAME_TCP, 80);
    message_rs(&message, service, "nat64", "10.0.0.31", 8080, 1);
    message_rs(&message, service, "v6", "2001:db8:f::31", 8080, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    probe_free(&probe);
    harness_stop(&harness);
    return 0;
}

static struct rte_mbuf *mbuf_of(const void *bytes, uint32_t length) {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(harness.dataplane.mbufs);

    assert_non_null(mbuf);
    memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), bytes, length);
    return mbuf;
}

/* What the kernel sends, without Ethernet. @return true: it has left, as harness.sent[0] */
static bool from_kernel(const struct frame *frame) {
    struct worker *worker = probe.worker;

    probe_refresh(&probe, harness.now_ms);
    probe_from_kernel(&probe,
                      mbuf_of(frame->bytes + RTE_ETHER_HDR_LEN, frame->length - RTE_ETHER_HDR_LEN));
    if (worker->tx_count == 0)
        return false;
    assert_int_equal(worker->tx_count, 1);
    harness.sent[0].length = worker->tx[0]->data_len;
    memcpy(harness.sent[0].bytes, rte_pktmbuf_mtod(worker->tx[0], void *), harness.sent[0].length);
    rte_pktmbuf_free(worker->tx[0]);
    worker->tx_count = 0;
    return true;
}

/* A worker receives a frame, and sends nothing; what control makes of it, with Ethernet in front so
 * that it can be looked at. @return false: it is no answer to a check */
static bool answered(const struct frame *frame, struct frame *to_kernel) {
    enum drop_reason reason;
    void *mbuf;

    assert_int_equal(harness_receive(&harness, frame), 0);
    if (rte_ring_dequeue(harness.dataplane.probe_answers, &mbuf) != 0)
        return false;
    reason = probe_from_rs(&probe, mbuf);
    if (reason != DROP_NONE)
        fail_msg("%s", drop_reason_name(reason));
    memset(to_kernel, 0, sizeof(*to_kernel));
    to_kernel->length = RTE_ETHER_HDR_LEN + rte_pktmbuf_data_len((struct rte_mbuf *)mbuf);
    memcpy(to_kernel->bytes + RTE_ETHER_HDR_LEN, rte_pktmbuf_mtod((struct rte_mbuf *)mbuf, void *),
           to_kernel->length - RTE_ETHER_HDR_LEN);
    memcpy(to_kernel->bytes + 12, &(rte_be16_t){ RTE_BE16(RTE_ETHER_TYPE_IPV4) }, 2);
    rte_pktmbuf_free(mbuf);
    return true;
}

static const char *text_of(uint32_t target) {
    static char text[4][32];

    snprintf(text[target % 4], sizeof(text[0]), "198.19.%u.%u", (PROBE_FIRST + target) >> 8,
             (PROBE_FIRST + target) & 0xff);
    return text[target % 4];
}

static struct flow_spec to_target(uint32_t target, uint8_t protocol, uint8_t tcp_flags) {
    return (struct flow_spec){
        .src = "198.19.0.1",
        .dst = text_of(target),
        .src_port = KERNEL_PORT,
        .dst_port = 8080,
        .protocol = protocol,
        .tcp_flags = tcp_flags,
    };
}

static bool send_to(uint32_t target, uint8_t protocol, uint8_t tcp_flags) {
    const struct flow_spec flow = to_target(target, protocol, tcp_flags);
    const struct frame frame = frame_plain(&flow);

    return from_kernel(&frame);
}

static uint16_t local_port(const struct frame_view *sent) {
    return rte_be_to_cpu_16(sent->tcp->src_port);
}

/* What the switch brings: the RS's SYN-ACK. */
static struct frame syn_ack(const char *rs, uint16_t to_port, uint32_t vni) {
    const struct flow_spec flow = {
        .src = rs,
        .dst = "198.18.1.1",
        .src_port = 8080,
        .dst_port = to_port,
        .protocol = FRAME_TCP,
        .tcp_flags = TCP_SYN | TCP_ACK,
    };
    const struct tunnel_spec tunnel = { .bucket = bucket_of_local_port(to_port), .vni = vni };

    return frame_tunnelled(&flow, &tunnel);
}

static void a_routed_rs(void **state) {
    struct frame frame, to_kernel;
    struct frame_view view;
    uint16_t port;

    (void)state;
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN));
    view = frame_view(&harness.sent[0]);
    assert_null(view.outer);
    assert_int_equal(view.ip->src_addr, ip4("198.18.1.1"));
    assert_int_equal(view.ip->dst_addr, ip4("10.0.0.31"));
    assert_int_equal(view.tcp->dst_port, rte_cpu_to_be_16(8080));
    port = local_port(&view);
    assert_in_range(port, 1, LOCAL_PORT_FIRST - 1);
    frame = syn_ack("10.0.0.31", port, 0);
    assert_true(answered(&frame, &to_kernel));
    view = frame_view(&to_kernel);
    assert_int_equal(view.ip->src_addr, ip4(text_of(PLAIN)));
    assert_int_equal(view.ip->dst_addr, ip4("198.19.0.1"));
    assert_int_equal(view.tcp->src_port, rte_cpu_to_be_16(8080));
    assert_int_equal(view.tcp->dst_port, rte_cpu_to_be_16(KERNEL_PORT));
    assert_int_equal(harness_drops(&harness), 0);
}

static void an_rs_in_a_vpc(void **state) {
    struct frame frame, to_kernel;
    struct frame_view view;
    uint16_t port;

    (void)state;
    assert_true(send_to(IN_VPC, FRAME_TCP, TCP_SYN));
    view = frame_view(&harness.sent[0]);
    assert_non_null(view.vxlan);
    assert_int_equal(view.outer->dst_addr, ip4("10.0.0.41"));
    assert_int_equal(view.vxlan->vx_vni, rte_cpu_to_be_32(100 << 8));
    assert_int_equal(view.ip->dst_addr, ip4("192.168.0.2"));
    port = local_port(&view);
    assert_int_equal(view.outer_udp->src_port, rte_cpu_to_be_16(bucket_to_udp_port(port)));
    frame = syn_ack("192.168.0.2", port, 100);
    assert_true(answered(&frame, &to_kernel));
    view = frame_view(&to_kernel);
    assert_int_equal(view.ip->src_addr, ip4(text_of(IN_VPC)));
    /* The same answer from outside the VPC is somebody else's. */
    frame = syn_ack("192.168.0.2", port, 0);
    assert_int_equal(harness_receive(&harness, &frame), 0);
    {
        void *mbuf = NULL;

        assert_int_equal(rte_ring_dequeue(harness.dataplane.probe_answers, &mbuf), 0);
        assert_int_equal(probe_from_rs(&probe, mbuf), DROP_NO_SESSION);
        rte_pktmbuf_free(mbuf);
    }
}

static void the_mss_is_clamped_as_for_clients(void **state) {
    struct flow_spec flow = to_target(PLAIN, FRAME_TCP, TCP_SYN);
    struct frame frame;
    struct frame_view view;

    (void)state;
    flow.tcp_option_bytes = 4;
    memcpy(flow.tcp_options, (const uint8_t[]){ 2, 4, 0x23, 0x00 }, 4); /* 8960 */
    frame = frame_plain(&flow);
    assert_true(from_kernel(&frame));
    view = frame_view(&harness.sent[0]);
    assert_memory_equal((const uint8_t *)(view.tcp + 1) + 2,
                        &(rte_be16_t){ RTE_BE16(1600 - 50 - 40) }, 2);
}

/* Only buckets that the switch brings here are of use. */
static void ports_are_of_buckets_it_owns(void **state) {
    (void)state;
    message.config.n_owned_buckets = 0;
    message_buckets(&message, 300, 301);
    harness_apply(&harness, &message);
    for (uint16_t i = 0; i < 2; i++) {
        struct flow_spec flow = to_target(PLAIN, FRAME_TCP, TCP_SYN);
        struct frame frame;
        struct frame_view view;

        flow.src_port = (uint16_t)(KERNEL_PORT + i);
        frame = frame_plain(&flow);
        assert_true(from_kernel(&frame));
        view = frame_view(&harness.sent[0]);
        assert_int_equal(local_port(&view), 301 - i);
    }
    /* Both are taken towards this RS, but not towards another one. */
    assert_true(send_to(IN_VPC, FRAME_TCP, TCP_SYN));
    assert_true(probe_possible(&harness.dataplane));
    message.config.n_owned_buckets = 0;
    harness_apply(&harness, &message);
    assert_false(probe_possible(&harness.dataplane));
    assert_false(send_to(NAT64, FRAME_TCP, TCP_SYN));
}

static void it_is_no_session_of_the_workers(void **state) {
    struct frame frame, to_kernel;
    struct frame_view view;
    struct rs_counters totals;

    (void)state;
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN));
    view = frame_view(&harness.sent[0]);
    frame = syn_ack("10.0.0.31", local_port(&view), 0);
    assert_true(answered(&frame, &to_kernel));
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    assert_int_equal(harness_worker(&harness)->stats.sessions_opened, 0);
    totals = apply_rs_totals(&harness.dataplane, PLAIN);
    assert_int_equal(totals.sessions_total + totals.packets[0] + totals.packets[1], 0);
    assert_int_equal(harness_worker(&harness)->rs_answers[PLAIN].answered, 0);
}

/* A connection ends, and the kernel takes its port again at once. */
static void a_new_connection_gets_a_new_port(void **state) {
    struct frame_view view;
    uint16_t first;

    (void)state;
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN));
    view = frame_view(&harness.sent[0]);
    first = local_port(&view);
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN)); /* once more: the same */
    view = frame_view(&harness.sent[0]);
    assert_int_equal(local_port(&view), first);
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_RST));
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN));
    view = frame_view(&harness.sent[0]);
    assert_int_not_equal(local_port(&view), first);
    assert_int_equal(probe.worker->sessions.active, 1);
}

static void what_is_over_is_forgotten(void **state) {
    (void)state;
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_SYN));
    assert_true(send_to(PLAIN, FRAME_TCP, TCP_RST));
    assert_true(send_to(IN_VPC, FRAME_UDP, 0));
    assert_int_equal(probe.worker->sessions.active, 2);
    for (int second = 0; second < 3; second++) {
        harness.now_ms += 1000;
        probe_refresh(&probe, harness.now_ms);
        probe_expire(&probe);
    }
    assert_int_equal(probe.worker->sessions.active, 1);
    for (int second = 0; second < PROBE_IDLE_MS / 1000; second++) {
        harness.now_ms += 1000;
        probe_refresh(&probe, harness.now_ms);
        probe_expire(&probe);
    }
    assert_int_equal(probe.worker->sessions.active, 0);
}

static void only_configured_rss_have_an_address(void **state) {
    const struct flow_spec elsewhere = {
        .src = "198.19.0.1",
        .dst = "10.0.0.31",
        .src_port = KERNEL_PORT,
        .dst_port = 8080,
        .protocol = FRAME_TCP,
        .tcp_flags = TCP_SYN,
    };
    struct frame frame = frame_plain(&elsewhere);

    (void)state;
    assert_false(from_kernel(&frame));
    assert_false(send_to(77, FRAME_TCP, TCP_SYN));
    message.config.n_services = 0;
    harness_apply(&harness, &message);
    assert_false(send_to(PLAIN, FRAME_TCP, TCP_SYN));
}

static void a_refusal_of_udp_comes_back(void **state) {
    const struct error_spec refusal = { .src = "10.0.0.31", .type = 3, .code = 3 };
    struct frame frame, to_kernel;
    struct frame_view view;

    (void)state;
    assert_true(send_to(PLAIN, FRAME_UDP, 0));
    view = frame_view(&harness.sent[0]);
    frame = frame_icmp_error(&view, &refusal);
    assert_true(answered(&frame, &to_kernel));
    view = frame_view(&to_kernel);
    assert_int_equal(view.ip->dst_addr, ip4("198.19.0.1"));
    assert_int_equal(view.embedded->dst_addr, ip4(text_of(PLAIN)));
    assert_int_equal(view.embedded_udp->src_port, rte_cpu_to_be_16(KERNEL_PORT));
}

static struct frame reply_to(const struct frame *request, const char *from) {
    struct frame reply = frame_echo(from, "198.18.1.1");
    struct frame_view sent = frame_view(request);
    struct rte_icmp_hdr *icmp =
        (struct rte_icmp_hdr *)(reply.bytes + RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr));

    icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
    icmp->icmp_ident = sent.icmp->icmp_ident;
    frame_fix_icmp_checksum(&reply, RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr));
    return reply;
}

/* The switch sees no port in a ping, and brings the answer in the tunnel of bucket 0. */
static void a_ping(void **state) {
    const struct tunnel_spec tunnel = { .bucket = 0, .vni = 100 };
    struct frame request = frame_echo("198.19.0.1", text_of(IN_VPC)), reply, to_kernel;
    rte_be16_t kernels = frame_view(&request).icmp->icmp_ident;
    struct frame_view view;

    (void)state;
    assert_true(from_kernel(&request));
    view = frame_view(&harness.sent[0]);
    assert_non_null(view.vxlan);
    assert_int_equal(view.ip->dst_addr, ip4("192.168.0.2"));
    assert_in_range(rte_be_to_cpu_16(view.icmp->icmp_ident), 1, LOCAL_PORT_FIRST - 1);
    reply = reply_to(&harness.sent[0], "192.168.0.2");
    reply = frame_wrap(&reply, &tunnel);
    assert_true(answered(&reply, &to_kernel));
    view = frame_view(&to_kernel);
    assert_int_equal(view.icmp->icmp_type, RTE_IP_ICMP_ECHO_REPLY);
    assert_int_equal(view.icmp->icmp_ident, kernels);
    assert_int_equal(view.ip->src_addr, ip4(text_of(IN_VPC)));
}

/* ---- IPv6 --------------------------------------------------------------------------------------
 */

struct tcp6 {
    struct rte_ipv6_hdr ip;
    struct rte_tcp_hdr tcp;
} __attribute__((packed));

static struct frame tcp6_frame(const struct ip_address *src, const struct ip_address *dst,
                               uint16_t src_port, uint16_t dst_port, uint8_t flags) {
    struct frame frame = { .length = RTE_ETHER_HDR_LEN + sizeof(struct tcp6) };
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame.bytes;
    struct tcp6 *packet = (struct tcp6 *)(ether + 1);

    ether->dst_addr = frame_ld_mac;
    ether->src_addr = frame_gateway_mac;
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
    packet->ip.vtc_flow = RTE_BE32(6u << 28);
    packet->ip.payload_len = RTE_BE16(sizeof(packet->tcp));
    packet->ip.proto = IPPROTO_TCP;
    packet->ip.hop_limits = 64;
    memcpy(packet->ip.src_addr, src, 16);
    memcpy(packet->ip.dst_addr, dst, 16);
    packet->tcp.src_port = rte_cpu_to_be_16(src_port);
    packet->tcp.dst_port = rte_cpu_to_be_16(dst_port);
    packet->tcp.data_off = 5 << 4;
    packet->tcp.tcp_flags = flags;
    packet->tcp.rx_win = RTE_BE16(1000);
    packet->tcp.cksum = rte_ipv6_udptcp_cksum(&packet->ip, &packet->tcp);
    return frame;
}

static struct frame syn6_to(uint32_t target) {
    const struct ip_address source = probe_address(FAMILY_IPV6, PROBE_SOURCE);
    const struct ip_address destination = probe_address_of_target(FAMILY_IPV6, target);

    return tcp6_frame(&source, &destination, KERNEL_PORT, 8080, TCP_SYN);
}

static const struct tcp6 *tcp6_of(const struct frame *frame) {
    const struct tcp6 *packet = (const struct tcp6 *)(frame->bytes + RTE_ETHER_HDR_LEN);
    struct tcp6 copy;

    assert_int_equal(frame->length, RTE_ETHER_HDR_LEN + sizeof(*packet));
    copy = *packet;
    copy.tcp.cksum = 0;
    assert_int_equal(packet->tcp.cksum, rte_ipv6_udptcp_cksum(&copy.ip, &copy.tcp));
    return packet;
}

static void an_rs_of_ipv6(void **state) {
    const struct ip_address rs = ip_of("2001:db8:f::31"), local = ip_of("2001:db8:18::1");
    const struct ip_address kernel = probe_address(FAMILY_IPV6, PROBE_SOURCE);
    const struct ip_address probed = probe_address_of_target(FAMILY_IPV6, V6);
    struct frame frame = syn6_to(V6), to_kernel;
    const struct tcp6 *packet;

    (void)state;
    assert_true(from_kernel(&frame));
    packet = tcp6_of(&harness.sent[0]);
    assert_memory_equal(packet->ip.src_addr, &local, 16);
    assert_memory_equal(packet->ip.dst_addr, &rs, 16);
    frame =
        tcp6_frame(&rs, &local, 8080, rte_be_to_cpu_16(packet->tcp.src_port), TCP_SYN | TCP_ACK);
    assert_true(answered(&frame, &to_kernel));
    packet = tcp6_of(&to_kernel);
    assert_memory_equal(packet->ip.src_addr, &probed, 16);
    assert_memory_equal(packet->ip.dst_addr, &kernel, 16);
    assert_int_equal(packet->tcp.dst_port, rte_cpu_to_be_16(KERNEL_PORT));
}

static void a_service_with_nat64(void **state) {
    const struct ip_address probed = probe_address_of_target(FAMILY_IPV6, NAT64);
    struct frame frame = syn6_to(NAT64), to_kernel;
    struct frame_view view;

    (void)state;
    assert_true(from_kernel(&frame));
    view = frame_view(&harness.sent[0]);
    assert_int_equal(view.ip->dst_addr, ip4("10.0.0.31"));
    frame = syn_ack("10.0.0.31", local_port(&view), 0);
    assert_true(answered(&frame, &to_kernel));
    assert_memory_equal(tcp6_of(&to_kernel)->ip.src_addr, &probed, 16);
}

static void there_is_no_way_from_ipv4_to_ipv6(void **state) {
    (void)state;
    assert_false(send_to(V6, FRAME_TCP, TCP_SYN));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_routed_rs),
        CASE(an_rs_in_a_vpc),
        CASE(the_mss_is_clamped_as_for_clients),
        CASE(ports_are_of_buckets_it_owns),
        CASE(it_is_no_session_of_the_workers),
        CASE(a_new_connection_gets_a_new_port),
        CASE(what_is_over_is_forgotten),
        CASE(only_configured_rss_have_an_address),
        CASE(a_refusal_of_udp_comes_back),
        CASE(a_ping),
        CASE(an_rs_of_ipv6),
        CASE(a_service_with_nat64),
        CASE(there_is_no_way_from_ipv4_to_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
