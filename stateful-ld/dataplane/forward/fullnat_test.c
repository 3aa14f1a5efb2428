/* The whole receive path, frame in to frame out. */
#include "forward/fullnat_test.h"

static void assert_mac(const struct rte_ether_addr *mac, const char *address) {
    struct rte_ether_addr wanted = harness_mac_of(address);

    assert_memory_equal(mac, &wanted, sizeof(wanted));
}

static void assert_payload(const struct frame_view *view, uint16_t bytes) {
    assert_int_equal(view->payload_bytes, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(view->payload[i], (uint8_t)(i * 7));
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
        CASE(unresolved_neighbour_is_counted),
        CASE(too_large_for_the_fabric_is_counted),
        CASE(on_link_client_is_resolved_when_it_appears),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
