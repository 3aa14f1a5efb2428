/* An LD whose tunnels go over IPv6, and that has no IPv4 on the fabric: what it takes, and what it
 * sends to hosts, the gateway, region entries, other LDs and switches. */
#include <rte_arp.h>

#include "forward/fullnat_test.h"
#include "forward/heartbeat.h"
#include "packet/heartbeat.h"

#define HOST      "fd00:20::41"
#define GATEWAY   "fd00:10::1"
#define SWITCHES  "fd00:10::2" /* where their tunnels end */
#define ENTRY     "fd00:99::9"
#define OTHER_LD  "fd00:10::12"
#define OTHER_VIP "203.0.113.11"

enum {
    OF_THE_OTHER = 700, /* a bucket */
    TUNNEL_BYTES = 70,
    MTU = 1600,
};

static ProtobufCBinaryData entry;

/* LD 1 has the lower half of the buckets, LD 2 the upper one. */
static void configure(struct message *to, uint32_t ld_id) {
    struct message_service *service;

    message_begin(to);
    to->config.vtep = message_address(to, ld_id == 1 ? frame_vtep_v6 : OTHER_LD);
    to->config.prefix_len = 64;
    to->config.gateway = message_address(to, GATEWAY);
    to->config.gateway_vtep = message_address(to, SWITCHES);
    entry = message_address(to, ENTRY);
    to->config.return_tunnels = &entry;
    to->config.n_return_tunnels = 1;
    to->config.n_owned_buckets = 0;
    message_buckets(to, ld_id == 1 ? 0 : 512, ld_id == 1 ? 511 : 1023);
    message_cluster(to, ld_id);
    message_ld(to, 3 - ld_id, ld_id == 1 ? OTHER_LD : frame_vtep_v6);
    message_assign(to, 0, 511, 1, 2);
    message_assign(to, 512, 1023, 2, 1);
    message_heartbeat(to, ld_id, 0x01020304, 10);
    message_switch(to, SWITCHES);
    service = message_service(to, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(to, service, "rs1", RS1, 8080, 1);
    service = message_service(to, "hosted", 0, OTHER_VIP, FRAME_TCP, 80);
    message_rs(to, service, "vm", VPC_RS, 8080, 1);
    message_vpc(to, service, VPC, HOST);
    service = message_service(to, "inner", VPC, VPC_VIP, FRAME_TCP, 443);
    message_rs(to, service, "vm", VPC_RS, 8443, 1);
    message_vpc(to, service, VPC, HOST);
}

static int set_up_v6(void **state) {
    (void)state;
    harness_start(&harness, 1, 64);
    configure(&message, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static struct frame_view receive_by(const struct flow_spec *flow, struct tunnel_spec by) {
    struct frame frame;

    by.dst = frame_vtep_v6;
    frame = frame_tunnelled(flow, &by);
    return receive(&frame);
}

static void assert_next_hop(const struct frame_view *view, const char *address) {
    struct rte_ether_addr mac = harness_mac_of(address);

    assert_memory_equal(&view->ether->dst_addr, &mac, sizeof(mac));
    assert_memory_equal(&view->ether->src_addr, &frame_ld_mac, sizeof(mac));
}

/* All of the outer headers, by what the switch does with its own (p4src/controls/tunnel.p4). */
static void assert_tunnel(const struct frame_view *view, const char *to, uint16_t bucket,
                          uint32_t vni) {
    struct ip_address src = ip_of(frame_vtep_v6), dst = ip_of(to);

    assert_null(view->outer);
    assert_non_null(view->outer_v6);
    assert_memory_equal(view->outer_v6->src_addr, &src, sizeof(src));
    assert_memory_equal(view->outer_v6->dst_addr, &dst, sizeof(dst));
    assert_int_equal(ntohl(view->outer_v6->vtc_flow), 6u << 28 | (0xC000u | bucket << 4));
    assert_int_equal(view->outer_v6->hop_limits, 64);
    assert_int_equal(view->outer_v6->proto, FRAME_UDP);
    assert_int_equal(ntohs(view->outer_udp->src_port), 0xC000 | bucket << 4);
    assert_int_equal(view->outer_udp->dgram_cksum, 0);
    assert_int_equal(ntohl(view->vxlan->vx_flags), 0x08000000);
    assert_int_equal(ntohl(view->vxlan->vx_vni), vni << 8);
}

/* IPv4 leaves by the MAC of the gateway, which is known by its IPv6 address (RFC 8950 does so). */
static void ipv4_leaves_by_the_gateway_of_ipv6(void **state) {
    const struct flow_spec syn = tcp(TCP_SYN);
    struct frame_view view = receive_by(&syn, tunnel);
    struct flow_spec answer;

    (void)state;
    assert_null(view.outer_v6);
    assert_next_hop(&view, GATEWAY);
    assert_string_equal(text(view.ip->dst_addr), RS1);
    assert_string_equal(text(view.ip->src_addr), LOCAL_IP);
    assert_int_equal(only_session()->bucket, BUCKET);
    answer = answer_to(&view, TCP_SYN | TCP_ACK);
    view = receive_by(&answer, tunnel);
    assert_null(view.outer_v6);
    assert_next_hop(&view, GATEWAY);
    assert_string_equal(text(view.ip->src_addr), VIP);
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
}

static void a_host_is_reached_over_ipv6(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame_view view;

    (void)state;
    flow.dst = OTHER_VIP;
    view = receive_by(&flow, tunnel);
    assert_tunnel(&view, HOST, BUCKET, VPC);
    assert_next_hop(&view, GATEWAY); /* the host is in another subnet */
    assert_string_equal(text(view.ip->dst_addr), VPC_RS);
}

static void a_client_in_a_vpc_is_answered_by_the_switches(void **state) {
    const struct tunnel_spec in_vpc = { .bucket = BUCKET, .vni = VPC };
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame_view view;

    (void)state;
    flow.dst = VPC_VIP;
    flow.dst_port = 443;
    view = receive_by(&flow, in_vpc);
    assert_tunnel(&view, HOST, BUCKET, VPC);
    flow = answer_to(&view, TCP_SYN | TCP_ACK);
    view = receive_by(&flow, in_vpc);
    assert_tunnel(&view, SWITCHES, BUCKET, VPC);
    assert_next_hop(&view, SWITCHES);
}

static void a_client_of_a_region_entry_is_answered_by_it(void **state) {
    const struct tunnel_spec by_entry = { .bucket = BUCKET, .src = ENTRY };
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame_view view;

    (void)state;
    view = receive_by(&flow, by_entry);
    flow = answer_to(&view, TCP_SYN | TCP_ACK);
    view = receive_by(&flow, tunnel);
    assert_tunnel(&view, ENTRY, BUCKET, 0);
}

static uint16_t bucket_of(const struct flow_spec *flow) {
    struct flow_key key = { .vni_protocol = flow_vni_protocol(0, flow->protocol) };

    flow_set_ip4(&key, (rte_be32_t[2]){ ip4(flow->src), ip4(flow->dst) });
    key.src_port = htons(flow->src_port);
    key.dst_port = htons(flow->dst_port);
    return bucket_of_flow(&key);
}

/* What comes with another bucket than its own goes to the owner of that, once. */
static void another_ld_gets_what_is_its_own(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct tunnel_spec strange = { .bucket = BUCKET_NONE };
    struct frame_view view;
    struct frame frame;

    (void)state;
    while (bucket_of(&flow) < 512)
        flow.src_port++;
    view = receive_by(&flow, strange);
    assert_tunnel(&view, OTHER_LD, bucket_of(&flow), 0);
    assert_int_equal(harness_worker(&harness)->stats.passed_on, 1);
    /* And from there with its bucket it goes no further. */
    strange = (struct tunnel_spec){ .bucket = OF_THE_OTHER, .src = OTHER_LD, .dst = frame_vtep_v6 };
    frame = frame_tunnelled(&flow, &strange);
    harness_expect_drop(&harness, &frame, DROP_BUCKET_NOT_OWNED);
}

/* 20 bytes less than in a tunnel over IPv4. */
static void the_tunnel_is_counted_against_the_mtu(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame_view view;
    uint16_t mss;

    (void)state;
    flow.dst = OTHER_VIP;
    memcpy(flow.tcp_options, (uint8_t[4]){ 2, 4, 0xff, 0xff }, 4);
    flow.tcp_option_bytes = 4;
    view = receive_by(&flow, tunnel);
    memcpy(&mss, (const uint8_t *)(view.tcp + 1) + 2, sizeof(mss));
    assert_int_equal(ntohs(mss), MTU - TUNNEL_BYTES - 40);
    flow.tcp_flags = TCP_ACK;
    flow.tcp_option_bytes = 0;
    flow.fragment = 0x4000;
    flow.payload = MTU - TUNNEL_BYTES - 40;
    view = receive_by(&flow, tunnel);
    assert_int_equal(harness.sent[0].length, 14 + MTU);
    flow.payload++;
    view = receive_by(&flow, tunnel);
    assert_int_equal(view.icmp->icmp_type, 3);
    assert_int_equal(view.icmp->icmp_code, 4);
    assert_int_equal(ntohs(view.icmp->icmp_seq_nb), MTU - TUNNEL_BYTES);
}

static void arp_is_nobodys(void **state) {
    struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, &frame_gateway_mac, "0.0.0.0", "0.0.0.0");

    (void)state;
    assert_int_equal(harness_receive(&harness, &frame), 0);
    frame = frame_arp(RTE_ARP_OP_REQUEST, &frame_gateway_mac, "10.0.0.1", frame_vtep);
    assert_int_equal(harness_receive(&harness, &frame), 0);
    assert_int_equal(harness_worker(&harness)->stats.arp_answered, 0);
}

/* A tunnel over IPv4 is none of ours, whatever its destination: just a packet like another. */
static void no_tunnel_ends_in_ipv4(void **state) {
    const char *const to[] = { frame_vtep, "0.0.0.0", "0.0.0.1" };
    const struct flow_spec syn = tcp(TCP_SYN);

    (void)state;
    for (size_t i = 0; i < RTE_DIM(to); i++) {
        const struct tunnel_spec over_v4 = { .bucket = BUCKET, .dst = to[i] };
        struct frame frame = frame_tunnelled(&syn, &over_v4);

        harness_receive(&harness, &frame);
        assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    }
}

/* A heartbeat over IPv6, whose UDP checksum must be right; it is, after the sequence has changed.
 */
static uint64_t assert_beat(const uint8_t *frame, uint32_t bytes, uint16_t flags) {
    struct ip_address src = ip_of(frame_vtep_v6), dst = ip_of(SWITCHES);
    const uint8_t *ip = frame + 14, *udp = ip + 40, *payload = udp + 8;
    uint32_t sum = 17 + 28;
    uint64_t sequence;

    assert_int_equal(bytes, 14 + 40 + 8 + 20);
    assert_int_equal(frame[12] << 8 | frame[13], RTE_ETHER_TYPE_IPV6);
    assert_int_equal(ip[0] << 8 | ip[1], 0x6c00); /* version 6, class 0xc0 */
    assert_int_equal(ip[4] << 8 | ip[5], 28);
    assert_int_equal(ip[6], FRAME_UDP);
    assert_int_equal(ip[7], 64);
    assert_memory_equal(ip + 8, &src, 16);
    assert_memory_equal(ip + 24, &dst, 16);
    assert_int_equal(udp[2] << 8 | udp[3], 53793);
    assert_memory_equal(payload, ((uint8_t[8]){ 1, 2, 3, 4, 0, 1, 0, (uint8_t)flags }), 8);
    for (const uint8_t *at = ip + 8; at < payload + 20; at += 2)
        sum += (uint32_t)(at[0] << 8 | at[1]);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
    memcpy(&sequence, payload + 12, sizeof(sequence));
    return rte_be_to_cpu_64(sequence);
}

static void switches_hear_heartbeats(void **state) {
    struct worker *worker = harness_worker(&harness);
    static struct heartbeat heartbeat;
    struct rte_mbuf *mbuf;

    (void)state;
    heartbeat_init(&heartbeat, &harness.dataplane);
    rte_rcu_qsbr_thread_register(harness.dataplane.rcu, READER_HEARTBEAT);
    worker->turns++;
    heartbeat_tick(&heartbeat, harness.now_ms, 1700000000000000);
    assert_non_null(worker->beats);
    mbuf = worker->beats->mbufs[0];
    assert_int_equal(
        assert_beat(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf), 0),
        1700000000000000);
    for (uint64_t now_us = 1; now_us < UINT64_MAX / 5; now_us *= 5) {
        mbuf = heartbeat.ready->mbufs[0];
        heartbeat_set_sequence(rte_pktmbuf_mtod(mbuf, uint8_t *), rte_pktmbuf_data_len(mbuf),
                               now_us);
        assert_int_equal(
            assert_beat(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf), 1),
            now_us);
    }
    rte_rcu_qsbr_thread_unregister(harness.dataplane.rcu, READER_HEARTBEAT);
    heartbeat_free(&heartbeat);
}

/* UDP to another LD, whose checksum must be right, brought there. */
static void deliver(const struct harness *from, struct harness *to, const char *vtep) {
    struct ip_address dst = ip_of(vtep);
    struct frame sent[TX_MAX];
    uint32_t count = from->sent_count;

    memcpy(sent, from->sent, count * sizeof(sent[0]));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *ip = sent[i].bytes + 14, *udp = ip + 40;
        uint32_t bytes = (uint32_t)(ip[4] << 8 | ip[5]), sum = FRAME_UDP + bytes;

        if (ip[0] >> 4 != 6 || ip[6] != FRAME_UDP || memcmp(ip + 24, &dst, sizeof(dst)) != 0 ||
            (udp[2] << 8 | udp[3]) != UDP_PORT_REPLICATION)
            continue;
        sent[i].bytes[sent[i].length] = 0; /* an odd last byte is padded */
        for (const uint8_t *at = ip + 8; at < udp + bytes; at += 2)
            sum += (uint32_t)(at[0] << 8 | at[1]);
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        assert_int_equal(sum, 0xffff);
        memcpy(sent[i].bytes, &frame_ld_mac, sizeof(frame_ld_mac));
        harness_receive(to, &sent[i]);
    }
}

static bool is_online(struct harness *ld) {
    return replicate_online(&ld->dataplane, ld->dataplane.snapshot, true, ld->now_ms,
                            ld->now_ms * 1000);
}

static void both_pass(struct harness *other, uint32_t ms) {
    for (; ms > 0; ms--) {
        harness.now_ms++;
        other->now_ms++;
        harness_poll(&harness, 0);
        deliver(&harness, other, OTHER_LD);
        harness_poll(other, 0);
        deliver(other, &harness, frame_vtep_v6);
    }
}

static void the_other_ld_is_told_of_sessions(void **state) {
    static struct message other_message;
    static struct harness other;
    const struct flow_spec syn = tcp(TCP_SYN);
    int ms = 0;

    (void)state;
    configure(&message, 1);
    message_replicates(&message);
    configure(&other_message, 2);
    message_replicates(&other_message);
    harness_start(&other, 1, 64);
    other.now_ms = harness.now_ms;
    harness_apply(&harness, &message);
    harness_apply(&other, &other_message);
    harness_resolve(&harness);
    harness_resolve(&other);
    for (bool one = false, two = false; !one || !two; ms++) {
        assert_in_range(ms, 0, 400); /* before it could think that there is no other LD */
        both_pass(&other, 1);
        one = is_online(&harness);
        two = is_online(&other);
    }
    receive_by(&syn, tunnel);
    both_pass(&other, 200);
    assert_int_equal(harness_worker(&other)->sessions.active, 1);
    assert_int_equal(harness_worker(&other)->rs[0].sessions_standby, 1);
    dataplane_free(&other.dataplane);
}

/* The underlay changes under a running LD: RSs whose hosts nothing reaches any more drain. */
static void an_underlay_can_be_changed(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    const struct tunnel_spec over_v4 = { .bucket = BUCKET };
    struct frame_view view;
    struct frame frame;

    (void)state;
    flow.dst = OTHER_VIP;
    receive_by(&flow, tunnel);
    message_begin(&message);
    message_service(&message, "hosted", 0, OTHER_VIP, FRAME_TCP, 80);
    message_rs(&message, &message.services[0], "vm", VPC_RS, 8080, 1);
    message_vpc(&message, &message.services[0], VPC, "10.0.0.41");
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    frame = frame_tunnelled(&flow, &over_v4);
    view = receive(&frame); /* the same RS, now by its host's other address */
    assert_null(view.outer_v6);
    assert_string_equal(text(view.outer->dst_addr), "10.0.0.41");
    assert_int_equal(only_session()->bucket, BUCKET);
}

static void an_rs_without_a_way_is_kept_and_not_reached(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    const struct tunnel_spec over_v4 = { .bucket = BUCKET };
    struct frame frame;

    (void)state;
    flow.dst = OTHER_VIP;
    receive_by(&flow, tunnel);
    message_begin(&message);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    flow.tcp_flags = TCP_ACK;
    frame = frame_tunnelled(&flow, &over_v4);
    harness_expect_drop(&harness, &frame, DROP_NEIGHBOUR_UNRESOLVED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_v6, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(ipv4_leaves_by_the_gateway_of_ipv6),
        CASE(a_host_is_reached_over_ipv6),
        CASE(a_client_in_a_vpc_is_answered_by_the_switches),
        CASE(a_client_of_a_region_entry_is_answered_by_it),
        CASE(another_ld_gets_what_is_its_own),
        CASE(the_tunnel_is_counted_against_the_mtu),
        CASE(arp_is_nobodys),
        CASE(no_tunnel_ends_in_ipv4),
        CASE(switches_hear_heartbeats),
        CASE(the_other_ld_is_told_of_sessions),
        CASE(an_underlay_can_be_changed),
        CASE(an_rs_without_a_way_is_kept_and_not_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
