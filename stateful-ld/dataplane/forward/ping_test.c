/* Pings of VIPs, which the LD answers itself. */
#include "forward/icmp_path.h"
#include "forward/icmp_path_test.h"

static void ping_of_a_vip_is_answered_plainly(void **state) {
    struct frame_view view = receive_in(frame_echo(CLIENT, VIP), &tunnel);

    (void)state;
    assert_null(view.outer);
    assert_mac(&view.ether->dst_addr, "10.0.0.1");
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(view.ip->time_to_live, 64);
    assert_int_equal(view.icmp->icmp_type, 0);
    assert_int_equal(view.icmp->icmp_ident, htons(7));
    assert_int_equal(view.icmp->icmp_seq_nb, htons(9));
    assert_int_equal(harness_worker(&harness)->stats.echo_answered, 1);
}

static void ping_in_a_vpc_is_answered_through_the_tunnel(void **state) {
    struct frame_view view = receive_in(frame_echo(CLIENT, VPC_VIP), &in_vpc);
    struct frame frame = frame_echo(CLIENT, VPC_VIP);

    (void)state;
    assert_ends(view.outer, frame_vtep, "10.0.0.2");
    assert_int_equal(ntohl(view.vxlan->vx_vni) >> 8, VPC);
    assert_int_equal(ntohs(view.outer_udp->src_port), 0xC000 | BUCKET << 4);
    assert_ends(view.ip, VPC_VIP, CLIENT);
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE); /* in no VPC there is no such VIP */
}

/* In any order, and the last one alone. */
static void ping_in_fragments_is_answered(void **state) {
    struct frame echo = frame_echo(CLIENT, VIP), replies[3], whole;
    struct frame_view view;

    (void)state;
    for (uint32_t i = 3; i-- > 0;) {
        struct frame fragment = frame_fragment(&echo, 24 * i, 24);
        struct frame wrapped = frame_wrap(&fragment, &tunnel);

        assert_int_equal(harness_receive(&harness, &wrapped), 1);
        replies[i] = harness.sent[0];
    }
    whole = frame_reassemble(replies, 3);
    view = frame_view(&whole);
    assert_ends(view.ip, VIP, CLIENT);
    assert_int_equal(view.icmp->icmp_type, 0);
    assert_int_equal(view.icmp->icmp_ident, htons(7));
    assert_int_equal(ntohs(view.ip->total_length), 20 + 8 + 56);
    assert_int_equal(harness_worker(&harness)->stats.echo_answered, 3);
}

static void fragments_of_other_messages_are_dropped(void **state) {
    struct frame echo = frame_echo(CLIENT, VIP), fragment;

    (void)state;
    echo.bytes[14 + 20] = 13; /* a timestamp request */
    fragment = frame_fragment(&echo, 0, 24);
    harness_expect_drop(&harness, &fragment, DROP_FRAGMENT);
    fragment = frame_fragment(&echo, 24, 24); /* of what, it does not say */
    assert_int_equal(harness_receive(&harness, &fragment), 1);
    echo = frame_echo(CLIENT, LOCAL_IP);
    fragment = frame_fragment(&echo, 0, 24);
    harness_expect_drop(&harness, &fragment, DROP_NO_SERVICE);
    echo = frame_echo("224.0.0.1", VIP);
    fragment = frame_fragment(&echo, 24, 24);
    harness_expect_drop(&harness, &fragment, DROP_BAD_IP_SOURCE);
}

static void ping_with_ttl_1_has_arrived(void **state) {
    struct frame frame = frame_echo(CLIENT, VIP);

    (void)state;
    frame.bytes[14 + 8] = 1;
    frame_fix_ip_checksum(&frame, 14);
    assert_int_equal(receive(&frame).icmp->icmp_type, 0);
}

static void pings_of_others_are_dropped(void **state) {
    struct frame frame = frame_echo(CLIENT, LOCAL_IP);

    (void)state;
    harness_expect_drop(&harness, &frame, DROP_NO_SERVICE);
    frame = frame_echo("224.0.0.1", VIP);
    harness_expect_drop(&harness, &frame, DROP_BAD_IP_SOURCE);
    frame = frame_echo(CLIENT, VIP);
    frame.bytes[14 + 20 + 8]++; /* data, so that the checksum is wrong */
    harness_expect_drop(&harness, &frame, DROP_BAD_ICMP);
    frame = frame_echo(CLIENT, VIP);
    frame.bytes[14 + 20] = 0; /* an echo reply */
    frame.bytes[14 + 20 + 2] += 8;
    harness_expect_drop(&harness, &frame, DROP_ICMP);
}

static void pings_are_limited(void **state) {
    struct frame frame = frame_echo(CLIENT, VIP);

    (void)state;
    for (int i = 0; i < 1000; i++)
        receive(&frame);
    harness_expect_drop(&harness, &frame, DROP_ECHO_LIMITED);
    harness_pass(&harness, 1);
    for (int i = 0; i < 10; i++)
        receive(&frame);
    harness_expect_drop(&harness, &frame, DROP_ECHO_LIMITED);
}

/* Every quoted length there is, from the least RFC 792 allows. */

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(ping_of_a_vip_is_answered_plainly),
        CASE(ping_in_a_vpc_is_answered_through_the_tunnel),
        CASE(ping_in_fragments_is_answered),
        CASE(fragments_of_other_messages_are_dropped),
        CASE(ping_with_ttl_1_has_arrived),
        CASE(pings_of_others_are_dropped),
        CASE(pings_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
