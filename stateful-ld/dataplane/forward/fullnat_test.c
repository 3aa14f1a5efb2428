/* The whole receive path, frame in to frame out. */
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

static int set_up(void **state) {
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

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

static const struct tunnel_spec tunnel = { .bucket = BUCKET };

static struct flow_spec tcp(uint8_t flags) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 40000,
                               .dst_port = 80,
                               .protocol = FRAME_TCP,
                               .tcp_flags = flags,
                               .payload = flags & TCP_SYN ? 0 : 101 };
}

static struct flow_spec udp(void) {
    return (struct flow_spec){ .src = CLIENT,
                               .dst = VIP,
                               .src_port = 5000,
                               .dst_port = 53,
                               .protocol = FRAME_UDP,
                               .payload = 33 };
}

/* Address as text, in one of a few rotating buffers. */
static const char *text(rte_be32_t address) {
    static char buffers[8][INET_ADDRSTRLEN];
    static int next;
    char *buffer = buffers[next++ % 8];

    inet_ntop(AF_INET, &address, buffer, INET_ADDRSTRLEN);
    return buffer;
}

/* The tuple an RS answers with to what it has got. */
static struct flow_spec answer_to(const struct frame_view *got, uint8_t flags) {
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

static struct frame_view receive(const struct frame *frame) {
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

static struct frame_view receive_flow(struct flow_spec flow) {
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    return receive(&frame);
}

static void assert_mac(const struct rte_ether_addr *mac, const char *address) {
    struct rte_ether_addr wanted = harness_mac_of(address);

    assert_memory_equal(mac, &wanted, sizeof(wanted));
}

static void assert_payload(const struct frame_view *view, uint16_t bytes) {
    assert_int_equal(view->payload_bytes, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(view->payload[i], (uint8_t)(i * 7));
}

static struct session *only_session(void) {
    struct session_table *table = &harness_worker(&harness)->sessions;

    assert_int_equal(table->active, 1);
    for (uint32_t number = 1; number <= table->used_up_to; number++)
        if (session_is_open(table, number))
            return &table->sessions[number];
    return NULL;
}

static void assert_to_rs(const struct frame_view *view) {
    assert_null(view->outer);
    assert_mac(&view->ether->dst_addr, RS1);
    assert_memory_equal(&view->ether->src_addr, &frame_ld_mac, 6);
    assert_string_equal(text(view->ip->src_addr), LOCAL_IP);
    assert_string_equal(text(view->ip->dst_addr), RS1);
    assert_int_equal(view->ip->time_to_live, 63);
    assert_int_equal(ntohs(view->tcp->dst_port), 8080);
    assert_int_equal(ntohs(view->tcp->src_port) & 1023, BUCKET);
    assert_true(ntohs(view->tcp->src_port) >= 1024);
}

static void syn_reaches_the_rs_on_the_fabric(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));

    (void)state;
    assert_to_rs(&view);
    assert_int_equal(only_session()->state, STATE_SYN_SENT);
}

static void answer_reaches_the_client_through_the_gateway(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));

    (void)state;
    view = receive_flow(answer_to(&view, TCP_SYN | TCP_ACK));
    assert_null(view.outer);
    assert_mac(&view.ether->dst_addr, "10.0.0.1");
    assert_string_equal(text(view.ip->src_addr), VIP);
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
    assert_int_equal(ntohs(view.tcp->src_port), 80);
    assert_int_equal(ntohs(view.tcp->dst_port), 40000);
    assert_int_equal(view.ip->time_to_live, 63);
    assert_payload(&view, 57);
    assert_int_equal(only_session()->state, STATE_SYN_RECV);
    assert_int_equal(only_session()->packets[FROM_CLIENT], 1);
    assert_int_equal(only_session()->packets[FROM_RS], 1);
}

static void connection_goes_through_its_states(void **state) {
    struct frame_view to_rs = receive_flow(tcp(TCP_SYN));
    uint16_t local_port = to_rs.tcp->src_port;
    struct flow_spec answer = answer_to(&to_rs, TCP_SYN | TCP_ACK);

    (void)state;
    receive_flow(answer);
    to_rs = receive_flow(tcp(TCP_ACK));
    assert_to_rs(&to_rs);
    assert_int_equal(to_rs.tcp->src_port, local_port);
    assert_payload(&to_rs, 101);
    assert_int_equal(only_session()->state, STATE_ESTABLISHED);
    answer.tcp_flags = TCP_FIN | TCP_ACK;
    receive_flow(answer);
    assert_int_equal(only_session()->state, STATE_FIN_WAIT);
    receive_flow(tcp(TCP_FIN | TCP_ACK));
    assert_int_equal(only_session()->state, STATE_TIME_WAIT);
    harness_pass(&harness, 7000 + 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
}

static void udp_to_a_remote_rs_goes_by_the_gateway(void **state) {
    struct frame_view view = receive_flow(udp());

    (void)state;
    assert_mac(&view.ether->dst_addr, "10.0.0.1");
    assert_string_equal(text(view.ip->dst_addr), RS_REMOTE);
    assert_int_equal(ntohs(view.udp->dst_port), 5353);
    assert_int_not_equal(view.udp->dgram_cksum, 0);
    assert_payload(&view, 33);
    view = receive_flow(answer_to(&view, 0));
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
    assert_int_equal(ntohs(view.udp->src_port), 53);
    assert_int_equal(only_session()->state, STATE_UDP_ACTIVE);
}

static void udp_without_checksum_stays_without(void **state) {
    struct flow_spec flow = udp();
    struct frame_view view;

    (void)state;
    flow.no_udp_checksum = true;
    view = receive_flow(flow);
    assert_int_equal(view.udp->dgram_cksum, 0);
    flow = answer_to(&view, 0);
    flow.no_udp_checksum = true;
    view = receive_flow(flow);
    assert_int_equal(view.udp->dgram_cksum, 0);
}

/* Among 64 K different payload starts there are packets whose new checksum computes to 0. */
static void udp_checksum_is_never_sent_as_zero(void **state) {
    struct flow_spec flow = udp();
    struct frame frame;
    uint32_t all_ones = 0;

    (void)state;
    flow.payload = 2;
    for (uint32_t word = 0; word < 65536; word++) {
        struct rte_udp_hdr *header;
        uint16_t value = (uint16_t)word;
        struct frame_view view;
        uint64_t sum;

        if (word == 0)
            frame = frame_tunnelled(&flow, &tunnel);
        header = (struct rte_udp_hdr *)(frame.bytes + FRAME_INNER_IP + 20);
        sum = (uint64_t)(uint16_t)~header->dgram_cksum;
        sum += (uint16_t) ~(uint16_t)(header[1].src_port) + (uint32_t)value;
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        header[1].src_port = value; /* the payload's only word */
        header->dgram_cksum = (uint16_t)~sum != 0 ? (uint16_t)~sum : 0xffff;
        view = receive(&frame);
        assert_int_not_equal(view.udp->dgram_cksum, 0);
        all_ones += view.udp->dgram_cksum == 0xffff;
    }
    assert_true(all_ones > 0);
}

static void vpc_rs_is_reached_in_its_vni(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct tunnel_spec in_vpc = { .bucket = BUCKET, .vni = VPC };
    static const uint8_t vm_mac[6] = { 0x02, 0, 0, 0, 0xaa, 0x01 };
    struct frame_view view;
    struct frame frame;

    (void)state;
    flow.dst = VPC_VIP;
    flow.dst_port = 443;
    frame = frame_tunnelled(&flow, &in_vpc);
    view = receive(&frame);
    assert_mac(&view.ether->dst_addr, "10.0.0.41");
    assert_string_equal(text(view.outer->src_addr), frame_vtep);
    assert_string_equal(text(view.outer->dst_addr), "10.0.0.41");
    assert_int_equal(view.outer->time_to_live, 64);
    assert_int_equal(view.outer->fragment_offset, htons(0x4000));
    assert_int_equal(ntohs(view.outer_udp->src_port), 0xC000 | BUCKET << 4);
    assert_int_equal(view.outer_udp->dgram_cksum, 0);
    assert_int_equal(ntohl(view.vxlan->vx_flags), 0x08000000);
    assert_int_equal(ntohl(view.vxlan->vx_vni) >> 8, VPC);
    assert_memory_equal(&view.inner_ether->dst_addr, vm_mac, 6);
    assert_memory_equal(&view.inner_ether->src_addr, &frame_ld_mac, 6);
    assert_string_equal(text(view.ip->dst_addr), VPC_RS);
    assert_int_equal(ntohs(view.tcp->dst_port), 8443);

    flow = answer_to(&view, TCP_SYN | TCP_ACK);
    frame = frame_tunnelled(&flow, &in_vpc);
    view = receive(&frame);
    assert_mac(&view.ether->dst_addr, "10.0.0.2");
    assert_string_equal(text(view.outer->dst_addr), "10.0.0.2");
    assert_int_equal(ntohl(view.vxlan->vx_vni) >> 8, VPC);
    assert_string_equal(text(view.ip->src_addr), VPC_VIP);
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
}

static void answer_in_another_vni_is_no_answer(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));
    struct flow_spec answer = answer_to(&view, TCP_SYN | TCP_ACK);
    struct tunnel_spec elsewhere = { .bucket = BUCKET, .vni = 9 };
    struct frame frame = frame_tunnelled(&answer, &elsewhere);

    (void)state;
    harness_expect_drop(&harness, &frame, DROP_NO_SESSION);
}

static void plain_packets_work_like_tunnelled_ones(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_plain(&flow);
    struct flow_key key = {
        .src = ip4(CLIENT),
        .dst = ip4(VIP),
        .src_port = htons(40000),
        .dst_port = htons(80),
        .vni_protocol = flow_vni_protocol(0, FRAME_TCP),
    };
    struct frame_view view = receive(&frame);

    (void)state;
    assert_int_equal(ntohs(view.tcp->src_port) & 1023, bucket_of_flow(&key));
    flow = answer_to(&view, TCP_SYN | TCP_ACK);
    frame = frame_plain(&flow);
    view = receive(&frame);
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
    assert_int_equal(only_session()->bucket, bucket_of_flow(&key));
}

static void tunnel_without_bucket_gets_one_computed(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct tunnel_spec bare = { .bucket = BUCKET_NONE };
    struct frame frame = frame_tunnelled(&flow, &bare);
    struct frame_view view = receive(&frame);
    struct flow_key key = { .vni_protocol = 0 };

    (void)state;
    memcpy(&key, &only_session()->key[FROM_CLIENT], sizeof(struct flow_short));
    assert_int_equal(ntohs(view.tcp->src_port) & 1023, only_session()->bucket);
    assert_int_equal(only_session()->bucket, bucket_of_flow(&key));
}

static void plain_packet_into_a_vpc_gets_room_for_the_tunnel(void **state) {
    struct message_service *service;
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;
    struct frame_view view;

    (void)state;
    service = message_service(&message, "to-vpc", 0, VIP, FRAME_TCP, 82);
    message_rs(&message, service, "vm", VPC_RS, 82, 1);
    message_vpc(&message, service, VPC, "10.0.0.41");
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    flow.dst_port = 82;
    frame = frame_plain(&flow);
    view = receive(&frame);
    assert_non_null(view.outer);
    assert_string_equal(text(view.ip->dst_addr), VPC_RS);
}

static void options_and_padding_are_carried_right(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;
    struct frame_view view;

    (void)state;
    flow.ip_options = 8;
    frame = frame_tunnelled(&flow, &tunnel);
    frame.length += 12; /* padding behind the outer packet must not travel on */
    view = receive(&frame);
    assert_int_equal(view.ip->version_ihl, 0x47);
    assert_string_equal(text(view.ip->dst_addr), RS1);
}

static void tagged_frames_are_understood(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);
    struct frame_view view;

    (void)state;
    frame_tag(&frame, 100);
    view = receive(&frame);
    assert_to_rs(&view);
}

static void mss_is_clamped_both_ways(void **state) {
    static const uint8_t mss_9000[4] = { 2, 4, 0x23, 0x28 };
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame_view view;

    (void)state;
    memcpy(flow.tcp_options, mss_9000, 4);
    flow.tcp_option_bytes = 4;
    view = receive_flow(flow);
    assert_int_equal(((const uint8_t *)(view.tcp + 1))[2] << 8 |
                         ((const uint8_t *)(view.tcp + 1))[3],
                     1600 - 50 - 40);
    flow = answer_to(&view, TCP_SYN | TCP_ACK);
    memcpy(flow.tcp_options, mss_9000, 4);
    flow.tcp_option_bytes = 4;
    view = receive_flow(flow);
    assert_int_equal(((const uint8_t *)(view.tcp + 1))[2] << 8 |
                         ((const uint8_t *)(view.tcp + 1))[3],
                     1600 - 50 - 40);
}

static void new_session_needs_a_fresh_syn(void **state) {
    static const uint8_t flags[] = { TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK, 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(flags); i++) {
        struct flow_spec flow = tcp(flags[i]);
        struct frame frame = frame_tunnelled(&flow, &tunnel);

        harness_expect_drop(&harness, &frame, DROP_NOT_SYN);
    }
}

static void each_miss_has_its_name(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    flow.dst_port = 9999;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
    flow = tcp(TCP_SYN);
    flow.dst = LOCAL_IP;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SESSION);
    flow = tcp(TCP_SYN);
    flow.dst_port = 81;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_RS_AVAILABLE);
    flow = tcp(TCP_SYN);
    flow.src = "127.0.0.1";
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_BAD_IP_SOURCE);
}

static void service_in_another_vni_is_another_service(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct tunnel_spec elsewhere = { .bucket = BUCKET, .vni = VPC + 1 };
    struct frame frame;

    (void)state;
    flow.dst = VPC_VIP;
    flow.dst_port = 443;
    frame = frame_tunnelled(&flow, &elsewhere);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
}

static void only_owned_buckets_open_sessions(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);
    struct frame_view view = receive(&frame);

    (void)state;
    message.config.n_owned_buckets = 0;
    message_buckets(&message, 0, BUCKET - 1);
    message_buckets(&message, BUCKET + 1, 1023);
    harness_apply(&harness, &message);
    view = receive_flow(answer_to(&view, TCP_SYN | TCP_ACK)); /* the session it has goes on */
    assert_string_equal(text(view.ip->dst_addr), CLIENT);
    flow.src_port++;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_BUCKET_NOT_OWNED);
}

static void unresolved_neighbour_is_counted(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    (void)state;
    harness_neighbour(&harness, RS1)->mac = 0;
    harness_expect_drop(&harness, &frame, DROP_NEIGHBOUR_UNRESOLVED);
    harness_resolve(&harness);
    receive(&frame); /* the retransmission finds the session */
    assert_int_equal(only_session()->packets[FROM_CLIENT], 2);
}

static void too_large_for_the_fabric_is_counted(void **state) {
    struct flow_spec flow = udp();
    struct frame frame;

    (void)state;
    flow.payload = 1600 - 28 + 1;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_MTU_EXCEEDED);
}

static void rst_closes_and_a_new_syn_opens_another_session(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));
    uint16_t first_port = view.tcp->src_port;
    struct flow_spec rst = answer_to(&view, TCP_RST | TCP_ACK);

    (void)state;
    receive_flow(rst);
    assert_int_equal(only_session()->state, STATE_CLOSE);
    view = receive_flow(tcp(TCP_SYN));
    assert_int_equal(only_session()->state, STATE_SYN_SENT);
    assert_int_not_equal(view.tcp->src_port, first_port);
}

static void local_ports_run_out_and_come_back(void **state) {
    bool seen[64] = { false };
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    for (uint16_t i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        struct frame_view view;
        uint16_t k;

        flow.src_port = (uint16_t)(20000 + i);
        view = receive_flow(flow);
        k = ntohs(view.tcp->src_port) / 1024;
        assert_int_equal(ntohs(view.tcp->src_port) & 1023, BUCKET);
        assert_in_range(k, 1, 63);
        assert_false(seen[k]);
        seen[k] = true;
    }
    flow.src_port = 30000;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_LOCAL_PORT);
    harness_pass(&harness, 3000 + 2 * WHEEL_TICK_MS);
    assert_int_equal(harness_worker(&harness)->sessions.active, 0);
    receive(&frame);
}

static void full_session_table_is_counted(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    for (uint16_t i = 0; i < 256; i++) {
        struct tunnel_spec spread = { .bucket = i };

        flow.src_port = (uint16_t)(20000 + i);
        frame = frame_tunnelled(&flow, &spread);
        receive(&frame);
    }
    flow.src_port++;
    frame = frame_tunnelled(&flow, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_SESSION_TABLE_FULL);
}

static void one_burst_may_open_use_and_replace_a_session(void **state) {
    struct flow_spec flows[4] = { tcp(TCP_SYN), tcp(TCP_SYN), tcp(TCP_RST), tcp(TCP_SYN) };
    struct frame frames[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        frames[i] = frame_tunnelled(&flows[i], &tunnel);
    assert_int_equal(harness_receive_burst(&harness, 0, frames, 4), 4);
    for (int i = 0; i < 4; i++)
        (void)frame_view(&harness.sent[i]);
    assert_int_equal(harness_drops(&harness), 0);
    assert_int_equal(only_session()->packets[FROM_CLIENT], 1);
    assert_int_equal(harness_worker(&harness)->stats.sessions_opened, 2);
}

static void removed_rs_and_service_keep_their_sessions(void **state) {
    struct frame_view view = receive_flow(tcp(TCP_SYN));
    struct flow_spec answer = answer_to(&view, TCP_SYN | TCP_ACK);
    struct flow_spec another = tcp(TCP_SYN);
    struct frame frame;

    (void)state;
    message_begin(&message);
    message_service(&message, "other", 0, VIP, FRAME_TCP, 8000);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    receive_flow(answer);
    view = receive_flow(tcp(TCP_ACK));
    assert_to_rs(&view);
    another.src_port++;
    frame = frame_tunnelled(&another, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
}

static void on_link_client_is_resolved_when_it_appears(void **state) {
    struct flow_spec flow = tcp(TCP_SYN), answer;
    struct frame_view view;
    struct frame frame;

    (void)state;
    flow.src = "10.0.0.200";
    view = receive_flow(flow);
    answer = answer_to(&view, TCP_SYN | TCP_ACK);
    frame = frame_tunnelled(&answer, &tunnel);
    harness_expect_drop(&harness, &frame, DROP_NEIGHBOUR_UNRESOLVED);
    dataplane_neighbours(&harness.dataplane, harness.now_ms);
    harness_resolve(&harness);
    view = receive(&frame);
    assert_mac(&view.ether->dst_addr, "10.0.0.200");
}

static void nothing_is_forwarded_before_a_configuration(void **state) {
    struct flow_spec flow = tcp(TCP_SYN);
    struct frame frame = frame_tunnelled(&flow, &tunnel);

    (void)state;
    harness_stop(&harness);
    harness_start(&harness, 1, 16);
    harness_expect_drop(&harness, &frame, DROP_NOT_CONFIGURED);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(syn_reaches_the_rs_on_the_fabric),
        CASE(answer_reaches_the_client_through_the_gateway),
        CASE(connection_goes_through_its_states),
        CASE(udp_to_a_remote_rs_goes_by_the_gateway),
        CASE(udp_without_checksum_stays_without),
        CASE(udp_checksum_is_never_sent_as_zero),
        CASE(vpc_rs_is_reached_in_its_vni),
        CASE(answer_in_another_vni_is_no_answer),
        CASE(plain_packets_work_like_tunnelled_ones),
        CASE(tunnel_without_bucket_gets_one_computed),
        CASE(plain_packet_into_a_vpc_gets_room_for_the_tunnel),
        CASE(options_and_padding_are_carried_right),
        CASE(tagged_frames_are_understood),
        CASE(mss_is_clamped_both_ways),
        CASE(new_session_needs_a_fresh_syn),
        CASE(each_miss_has_its_name),
        CASE(service_in_another_vni_is_another_service),
        CASE(only_owned_buckets_open_sessions),
        CASE(unresolved_neighbour_is_counted),
        CASE(too_large_for_the_fabric_is_counted),
        CASE(rst_closes_and_a_new_syn_opens_another_session),
        CASE(local_ports_run_out_and_come_back),
        CASE(full_session_table_is_counted),
        CASE(one_burst_may_open_use_and_replace_a_session),
        CASE(removed_rs_and_service_keep_their_sessions),
        CASE(on_link_client_is_resolved_when_it_appears),
        CASE(nothing_is_forwarded_before_a_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
