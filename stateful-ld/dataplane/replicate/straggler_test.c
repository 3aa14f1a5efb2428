/* While a service moves to another cluster: packets that come to the one LD and are of a session of
 * the other, whole and in fragments, and answers that leave by a region entry. */
#include "replicate/migrate_test.h"

/* A packet that overtakes its session finds it by the hint of the switch. */
static void a_straggler_goes_to_the_ld_before(void **state) {
    (void)state;
    migrate_all();
    pass_until_copied();
    network.cut = true;
    connections[0] = lds_establish(LD_1, 0, 5);
    assert_int_equal(lds_send_client(LD_2, &connections[0], TCP_ACK), 0);
    assert_int_equal(lds_send_hinted(LD_2, &connections[0], TCP_ACK, 1), connections[0].local_port);
    assert_int_equal(lds_send_hinted(LD_2, &connections[0], TCP_ACK, 99), 0);
    /* Nothing goes round: the LD before does not ask in turn. */
    assert_int_equal(lds_send_hinted(LD_2, &(struct connection){ 77, 5, 0 }, TCP_ACK, 1), 0);
}

/* An 802.1Q tag in front of the packet in the tunnel. */
static void tag_inside(struct frame *frame) {
    const uint8_t tag[4] = { 0x81, 0x00, 0x00, 0x07 };
    uint8_t *type = frame->bytes + VXLAN_OUTER_BYTES + 2 * RTE_ETHER_ADDR_LEN;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

    memmove(type + sizeof(tag), type, frame->length - (size_t)(type - frame->bytes));
    memcpy(type, tag, sizeof(tag));
    frame->length += sizeof(tag);
    ip->total_length = htons((uint16_t)(ntohs(ip->total_length) + sizeof(tag)));
    udp->dgram_len = htons((uint16_t)(ntohs(udp->dgram_len) + sizeof(tag)));
    frame_fix_ip_checksum(frame, RTE_ETHER_HDR_LEN);
}

/* Wherever the VXLAN header is: behind tags outside, and with one inside. */
static void the_hint_is_read_where_it_stands(void **state) {
    (void)state;
    migrate_all();
    pass_until_copied();
    network.cut = true;
    connections[0] = lds_establish(LD_1, 0, 5);
    for (int tags = 0; tags < 4; tags++) {
        struct frame frame = lds_from_client(LD_2, &connections[0], TCP_ACK), out;
        struct rte_vxlan_hdr *vxlan =
            (struct rte_vxlan_hdr *)(frame.bytes + VXLAN_OUTER_BYTES - sizeof(*vxlan));

        vxlan->vx_flags |= htonl(1);
        if (tags & 1)
            tag_inside(&frame);
        if (tags & 2)
            frame_tag(&frame, 9);
        out = lds_through(LD_2, &frame);
        assert_int_not_equal(out.length, 0);
        assert_int_equal(ntohs(frame_view(&out).tcp->src_port), connections[0].local_port);
    }
}

static struct frame from_entry(int which, const struct connection *connection, uint8_t flags) {
    struct frame frame = lds_from_client(which, connection, flags);
    rte_be32_t entry = ip4(ENTRY);

    memcpy(frame.bytes + RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, src_addr), &entry,
           sizeof(entry));
    frame_fix_ip_checksum(&frame, RTE_ETHER_HDR_LEN);
    return frame;
}

static void expect_answer_by_entry(const struct connection *connection, uint8_t flags) {
    struct frame frame = lds_from_rs(LD_1, connection, LOCAL_IP, flags);
    struct frame out = lds_through(LD_1, &frame);
    struct frame_view view = frame_view(&out);

    assert_int_not_equal(out.length, 0);
    assert_non_null(view.outer);
    assert_int_equal(view.outer->dst_addr, ip4(ENTRY));
    assert_int_equal(view.ip->src_addr, ip4(VIP));
}

/* The way that the client's first packet has shown, for as long as the session lives. */
static void answers_go_back_by_the_entry_wherever_the_session_is(void **state) {
    struct connection connection = { 1, 5, 0 };
    struct frame frame, out;

    (void)state;
    migrate_all();
    pass_until_copied();
    frame = from_entry(LD_1, &connection, TCP_SYN);
    out = lds_through(LD_1, &frame);
    connection.local_port = ntohs(frame_view(&out).tcp->src_port);
    expect_answer_by_entry(&connection, TCP_SYN | TCP_ACK);
    lds_pass(50);
    frame = from_entry(LD_2, &connection, TCP_ACK);
    out = lds_through(LD_2, &frame);
    assert_int_equal(ntohs(frame_view(&out).tcp->src_port), connection.local_port);
    lds_pass(50);
    assert_true(passed_on(LD_1) == 0);
    expect_answer_by_entry(&connection, TCP_ACK);
    assert_int_equal(passed_on(LD_1), 1);
    assert_true(lds_session_of(LD_3, &connection)->by_entry);
}

/* One of two pieces of a packet; in a tunnel with the bucket of the addresses alone. */
static uint32_t receive_piece(int which, const struct frame *packet, uint32_t piece,
                              uint32_t previous_ld_id) {
    const struct tunnel_spec tunnel = { .bucket = 77, .dst = vtep[which] };
    struct frame frame = frame_fragment(packet, piece * 32, 32);
    struct rte_vxlan_hdr *vxlan;

    frame = frame_wrap(&frame, &tunnel);
    vxlan = (struct rte_vxlan_hdr *)(frame.bytes + VXLAN_OUTER_BYTES - sizeof(*vxlan));
    vxlan->vx_flags |= htonl(previous_ld_id);
    return harness_receive(&ld[which], &frame);
}

/* What an LD has sent is for another one. @return how many of them that one sends on */
static uint32_t pass_to(int from, int to, struct frame *out) {
    struct frame passed[2];
    uint32_t count = ld[from].sent_count, sent = 0;

    assert_in_range(count, 0, 2);
    for (uint32_t i = 0; i < count; i++) {
        passed[i] = ld[from].sent[i];
        assert_int_equal(frame_view(&passed[i]).outer->dst_addr, ip4(vtep[to]));
        memcpy(passed[i].bytes, &frame_ld_mac, sizeof(frame_ld_mac));
    }
    for (uint32_t i = 0; i < count; i++) {
        harness_receive(&ld[to], &passed[i]);
        for (uint32_t k = 0; k < ld[to].sent_count; k++)
            out[sent++] = ld[to].sent[k];
    }
    return sent;
}

static struct flow_spec big_segment(const char *src, uint16_t src_port, const char *dst,
                                    uint16_t dst_port) {
    return (struct flow_spec){ .src = src,
                               .dst = dst,
                               .src_port = src_port,
                               .dst_port = dst_port,
                               .protocol = FRAME_TCP,
                               .tcp_flags = TCP_ACK,
                               .payload = 44 };
}

static void a_straggler_in_fragments_goes_to_the_ld_before(void **state) {
    const struct flow_spec flow = big_segment("192.0.2.0", 2000, VIP, 80); /* of client 0 */
    const struct frame packet = frame_plain(&flow);
    struct frame out[2], whole;

    (void)state;
    migrate_all();
    pass_until_copied();
    network.cut = true;
    connections[0] = lds_establish(LD_1, 0, 5);
    assert_int_equal(receive_piece(LD_2, &packet, 1, 1), 0); /* waits for the first one */
    assert_int_equal(receive_piece(LD_2, &packet, 0, 1), 2);
    assert_int_equal(pass_to(LD_2, LD_1, out), 2);
    whole = frame_reassemble(out, 2);
    assert_int_equal(ntohs(frame_view(&whole).tcp->src_port), connections[0].local_port);
    assert_int_equal(frame_view(&whole).payload_bytes, flow.payload);
}

static void answers_in_fragments_go_to_the_twin(void **state) {
    struct flow_spec flow;
    struct frame packet, out[2], whole;

    (void)state;
    connections[0] = lds_establish(LD_1, 0, 5);
    migrate_all();
    pass_until_copied();
    assert_int_equal(lds_send_client(LD_2, &connections[0], TCP_ACK), connections[0].local_port);
    lds_pass(50);
    flow = big_segment(RS, 8080, LOCAL_IP, connections[0].local_port);
    packet = frame_plain(&flow);
    assert_int_equal(receive_piece(LD_1, &packet, 1, 0), 0);
    assert_int_equal(receive_piece(LD_1, &packet, 0, 0), 2);
    assert_int_equal(pass_to(LD_1, LD_2, out), 2);
    whole = frame_reassemble(out, 2);
    assert_int_equal(frame_view(&whole).ip->src_addr, ip4(VIP));
    assert_int_equal(ntohs(frame_view(&whole).tcp->dst_port), 2000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_straggler_goes_to_the_ld_before),
        CASE(the_hint_is_read_where_it_stands),
        CASE(answers_go_back_by_the_entry_wherever_the_session_is),
        CASE(a_straggler_in_fragments_goes_to_the_ld_before),
        CASE(answers_in_fragments_go_to_the_twin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
