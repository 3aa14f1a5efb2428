/* A service moves from one cluster to another: its connections go on there with the addresses they
 * have, both clusters together; and back again. LD 1 is the one cluster, LD 2 and its backup LD 3
 * are the other one. */
#include <arpa/inet.h>

#include "control/encode.h"
#include "forward/peer.h"
#include "packet/vxlan.h"
#include "replicate/install.h"
#include "replicate/replicate.h"
#include "replicate/sender.h"
#include "session/timeouts.h"
#include "testing/lds.h"
#include "testing/test.h"

#define LOCAL_IP       "198.18.1.1"
#define OTHER_LOCAL_IP "198.18.2.1"
#define ENTRY          "10.0.0.77"

enum {
    CONNECTIONS = 300,
    EPOCH = 7,
};

static struct connection connections[CONNECTIONS];
static uint32_t session_limit; /* of the service, on each LD; 0: none */

/* Each LD knows the region entry by another number. */
static void tell_of_entry(int which) {
    static ProtobufCBinaryData entries[LDS_MAX][2];
    struct message *message = &messages[which];

    entries[which][0] = message_address(message, which == LD_2 ? "10.0.0.78" : ENTRY);
    entries[which][1] = message_address(message, ENTRY);
    message->config.return_tunnels = entries[which];
    message->config.n_return_tunnels = which == LD_2 ? 2 : 1;
}

/* The LD's configuration but for the migration. */
static void begin(int which) {
    struct message *message = &messages[which];

    lds_message(which, EPOCH + (uint32_t)which); /* clusters count their epochs by themselves */
    tell_of_entry(which);
    if (session_limit != 0) {
        message_limit(message)->sessions = session_limit;
        message->services[0].message.limit = (char *)(uintptr_t) "gold";
    }
    if (which == LD_1) {
        message_buckets(message, 0, BUCKET_COUNT - 1);
        message_assign(message, 0, BUCKET_COUNT - 1, 1, 0);
        return;
    }
    message->config.epoch = EPOCH + LD_2;
    message->config.n_local_ips = 0;
    message_local_ip(message, OTHER_LOCAL_IP);
    message_ld(message, which == LD_2 ? 3 : 2, vtep[which == LD_2 ? LD_3 : LD_2]);
    if (which == LD_2)
        message_buckets(message, 0, BUCKET_COUNT - 1);
    message_assign(message, 0, BUCKET_COUNT - 1, 2, 3);
}

static void apply(int which) {
    harness_apply(&ld[which], &messages[which]);
    harness_resolve(&ld[which]);
}

static void migrate(int which, uint32_t epoch) {
    struct message *message = &messages[which];

    begin(which);
    message_migration(message, epoch);
    if (which == LD_1) {
        message_migration_ld(message, 2, vtep[LD_2]);
        message_migration_ld(message, 3, vtep[LD_3]);
        message_migration_assign(message, 0, BUCKET_COUNT - 1, 2);
    } else {
        message_migration_ld(message, 1, vtep[LD_1]);
        message_migration_assign(message, 0, BUCKET_COUNT - 1, 1);
    }
    apply(which);
}

static void migrate_all(void) {
    for (int which = 0; which < LDS_MAX; which++)
        migrate(which, 1);
}

static const Sluice__Ld__V1__PeerReplication *status_of(struct replication_status *status,
                                                        int which, int peer) {
    size_t peers = encode_replication(status, &ld[which].dataplane, now_ms);

    for (size_t i = 0; i < peers; i++)
        if (status->peers[i].ld_id == (uint32_t)peer + 1)
            return &status->peers[i];
    return NULL;
}

static bool copied(void) {
    struct replication_status one, two;

    return status_of(&one, LD_2, LD_1)->whole && status_of(&two, LD_1, LD_2)->whole;
}

static void pass_until_copied(void) {
    for (int ms = 0; !copied(); ms++) {
        assert_in_range(ms, 0, 5000);
        lds_pass(1);
    }
}

static void open_all(void) {
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        connections[i] = lds_establish(LD_1, i, (uint16_t)(i * 7 % BUCKET_COUNT));
}

static int set_up(void **state) {
    (void)state;
    lds_begin();
    session_limit = 0;
    for (int which = 0; which < LDS_MAX; which++) {
        lds_start(which, 1);
        begin(which);
        apply(which);
        lds_online(which);
    }
    for (int which = 0; which < LDS_MAX; which++)
        lds_pass_until_online(which);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lds_end();
    return 0;
}

static uint64_t guests(int which) {
    return harness_worker(&ld[which])->rs[0].sessions_guest;
}

static uint64_t passed_on(int which) {
    return harness_worker(&ld[which])->stats.passed_on;
}

static void connections_go_on_in_the_other_cluster(void **state) {
    struct replication_status status;
    uint64_t before;

    (void)state;
    open_all();
    migrate_all();
    pass_until_copied();
    assert_true(status_of(&status, LD_1, LD_2)->migration);
    assert_int_equal(status_of(&status, LD_1, LD_2)->sessions_copied, CONNECTIONS);
    assert_int_equal(status_of(&status, LD_1, LD_2)->sessions_to_copy, CONNECTIONS);
    assert_int_equal(status_of(&status, LD_1, LD_2)->buckets, BUCKET_COUNT);
    assert_int_equal(lds_standby(LD_2), CONNECTIONS);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_int_equal(lds_send_client(LD_2, &connections[i], TCP_ACK),
                         connections[i].local_port);
    lds_pass(50);
    assert_int_equal(lds_standby(LD_2), 0);
    assert_int_equal(lds_standby(LD_1), CONNECTIONS);
    assert_int_equal(lds_standby(LD_3), CONNECTIONS);
    assert_int_equal(guests(LD_1), 0);
    assert_int_equal(guests(LD_2), CONNECTIONS);
    assert_int_equal(guests(LD_3), CONNECTIONS);
    before = passed_on(LD_1);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_true(lds_send_rs(LD_1, &connections[i], TCP_ACK));
    assert_int_equal(passed_on(LD_1) - before, CONNECTIONS);
}

/* They end there, and both clusters forget them; the old one's ports are its own again. */
static void they_end_there(void **state) {
    struct connection again;

    (void)state;
    connections[0] = lds_establish(LD_1, 0, 5);
    migrate_all();
    pass_until_copied();
    assert_int_equal(lds_send_client(LD_2, &connections[0], TCP_ACK), connections[0].local_port);
    lds_pass(50);
    assert_int_equal(lds_send_client(LD_2, &connections[0], TCP_FIN | TCP_ACK),
                     connections[0].local_port);
    assert_true(lds_send_rs(LD_1, &connections[0], TCP_FIN | TCP_ACK));
    assert_int_equal(lds_send_client(LD_2, &connections[0], TCP_ACK), connections[0].local_port);
    lds_pass(SENDER_LATER_MS + 50);
    assert_int_equal(lds_session_of(LD_1, &connections[0])->state,
                     lds_session_of(LD_2, &connections[0])->state);
    for (int which = 0; which < LDS_MAX; which++) {
        harness_pass(&ld[which], TIMEOUT_TIME_WAIT_MS + STANDBY_GRACE_MS + 1000);
        assert_null(lds_session_of(which, &connections[0]));
        assert_int_equal(guests(which), 0);
    }
    now_ms = ld[LD_1].now_ms;
    again = lds_establish(LD_1, 0, 5);
    assert_int_not_equal(again.local_port, 0);
}

static void new_connections_have_the_new_clusters_addresses(void **state) {
    struct connection connection = { 17, 40, 0 };

    (void)state;
    migrate_all();
    pass_until_copied();
    connection.local_port = lds_send_client(LD_2, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_true(lds_send_rs_to(LD_2, &connection, OTHER_LOCAL_IP, TCP_SYN | TCP_ACK));
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    lds_pass(50);
    assert_non_null(lds_session_of(LD_1, &connection)); /* it may have to come back */
    assert_int_equal(guests(LD_1), 1);
    assert_int_equal(guests(LD_2), 0);
}

static void a_migration_can_be_taken_back(void **state) {
    struct connection connection = { 17, 40, 0 };
    uint64_t before;

    (void)state;
    open_all();
    migrate_all();
    pass_until_copied();
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        lds_send_client(LD_2, &connections[i], TCP_ACK);
    connection.client = CONNECTIONS;
    connection.local_port = lds_send_client(LD_2, &connection, TCP_SYN);
    assert_true(lds_send_rs_to(LD_2, &connection, OTHER_LOCAL_IP, TCP_SYN | TCP_ACK));
    assert_int_equal(lds_send_client(LD_2, &connection, TCP_ACK), connection.local_port);
    lds_pass(50);
    /* The switches send to the first cluster again. */
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_int_equal(lds_send_client(LD_1, &connections[i], TCP_ACK),
                         connections[i].local_port);
    assert_int_equal(lds_send_client(LD_1, &connection, TCP_ACK), connection.local_port);
    lds_pass(50);
    before = passed_on(LD_1);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_true(lds_send_rs(LD_1, &connections[i], TCP_ACK));
    assert_int_equal(passed_on(LD_1), before);
    assert_true(lds_send_rs_to(LD_2, &connection, OTHER_LOCAL_IP, TCP_ACK)); /* by way of LD 1 */
    assert_int_equal(lds_standby(LD_2), CONNECTIONS + 1);
}

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

/* Nobody is refused because of moving, and only new ones are because of who has come. */
static void a_session_counts_to_the_limit_where_its_packets_are(void **state) {
    struct connection more[3] = { { 10, 5, 0 }, { 11, 5, 0 }, { 12, 5, 0 } };

    (void)state;
    session_limit = 3;
    migrate_all();
    for (uint32_t i = 0; i < 3; i++)
        connections[i] = lds_establish(LD_1, i, 5);
    assert_int_equal(lds_send_client(LD_1, &more[0], TCP_SYN), 0);
    pass_until_copied();
    lds_pass(50);
    assert_int_not_equal(lds_send_client(LD_2, &more[0], TCP_SYN), 0); /* none has come there yet */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(lds_send_client(LD_2, &connections[i], TCP_ACK),
                         connections[i].local_port);
    assert_int_equal(harness_worker(&ld[LD_2])->rs[0].sessions_active, 4);
    assert_int_equal(lds_send_client(LD_2, &more[1], TCP_SYN), 0);
    lds_pass(50);
    assert_int_not_equal(lds_send_client(LD_1, &more[2], TCP_SYN),
                         0); /* a switch that turns late */
}

static void when_the_twin_dies_both_ends_still_meet(void **state) {
    (void)state;
    open_all();
    migrate_all();
    pass_until_copied();
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        lds_send_client(LD_2, &connections[i], TCP_ACK);
    lds_pass(50);
    lds_kill(LD_2);
    lds_pass(PEER_TWIN_SILENT_MS + 1);
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(lds_send_client(LD_3, &connections[i], TCP_ACK),
                         connections[i].local_port);
        assert_true(lds_send_rs(LD_1, &connections[i], TCP_ACK));
    }
}

static void nothing_changes_in_silence(void **state) {
    (void)state;
    open_all();
    migrate_all();
    pass_until_copied();
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        lds_send_client(LD_2, &connections[i], TCP_ACK);
    lds_pass(1000); /* nothing to tell, and yet each knows that the other lives */
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_true(lds_send_rs(LD_1, &connections[i], TCP_ACK));
    assert_int_equal(lds_standby(LD_1), CONNECTIONS);
}

static void switches_may_disagree_over_a_bad_network(void **state) {
    (void)state;
    open_all();
    network.loss_percent = 20;
    network.repeat_percent = 20;
    network.delay_max_ms = 4;
    migrate_all();
    pass_until_copied();
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < CONNECTIONS; i++) {
            assert_int_equal(lds_send_hinted((int)lds_roll(2), &connections[i], TCP_ACK, 1),
                             connections[i].local_port);
            assert_true(lds_send_rs(LD_1, &connections[i], TCP_ACK));
        }
        lds_pass(3);
    }
}

static void other_services_stay(void **state) {
    (void)state;
    open_all();
    for (int which = 0; which < LDS_MAX; which++) {
        migrate(which, 1);
        messages[which].migration.n_services = 0;
        apply(which);
    }
    lds_pass(100);
    assert_int_equal(lds_standby(LD_2), 0);
    assert_int_equal(harness_worker(&ld[LD_2])->stats.replication_records_refused, 0);
    migrate(LD_1, 2); /* this one tells, the other one does not take */
    migrate(LD_2, 2);
    messages[LD_2].migration.n_services = 0;
    apply(LD_2);
    lds_pass(100);
    assert_int_equal(lds_standby(LD_2), 0);
}

static void it_ends_without_a_trace(void **state) {
    (void)state;
    open_all();
    migrate_all();
    pass_until_copied();
    for (int which = 0; which < LDS_MAX; which++) {
        begin(which);
        messages[which].config.epoch += 10;
        apply(which);
    }
    lds_pass(50);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        assert_int_equal(lds_send_client(LD_1, &connections[i], TCP_ACK),
                         connections[i].local_port);
    assert_int_equal(lds_standby(LD_1), 0);
}

static void nobody_else_is_believed(void **state) {
    uint8_t other_key[16] = "somebody else's!";
    uint64_t before;

    (void)state;
    open_all();
    migrate(LD_1, 1);
    migrate(LD_2, 1);
    messages[LD_2].migration.key.data = other_key;
    apply(LD_2);
    before = harness_worker(&ld[LD_2])->stats.drops[DROP_BAD_REPLICATION];
    lds_pass(100);
    assert_true(harness_worker(&ld[LD_2])->stats.drops[DROP_BAD_REPLICATION] > before);
    assert_int_equal(lds_standby(LD_2), 0);
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

static void refused(const char *reason) {
    char said[CONFIG_REASON_BYTES];

    assert_false(config_validate(&messages[LD_1].config, said));
    assert_non_null(strstr(said, reason));
}

static void a_bad_migration_is_refused(void **state) {
    struct message *message = &messages[LD_1];
    char unknown[] = "nobody";

    (void)state;
    migrate(LD_1, 1);
    message->migration.key.len = 15;
    refused("migration: key: 15 bytes (it has 16)");
    migrate(LD_1, 2);
    message->migrating[0] = unknown;
    refused("migration: service \"nobody\" is not one of services");
    migrate(LD_1, 3);
    message->other_lds[0].ld_id = 1;
    refused("migration: LD 1 is of this cluster");
    migrate(LD_1, 4);
    message->other_lds[1].ld_id = 2;
    refused("migration: LD 2: its id or its vtep is listed twice");
    migrate(LD_1, 5);
    message->other_assignments[0].ld_id = 9;
    refused("migration: buckets: 0..1023: ld_id 9 is not one of lds");
    migrate(LD_1, 6);
    message->other_assignments[0].last = BUCKET_COUNT;
    refused("migration: buckets: 0..1024 is not a range in 0..1023");
    migrate(LD_1, 7);
    message->cluster.replication_key.len = 0;
    refused("migration: the LD's own cluster does not replicate sessions");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(connections_go_on_in_the_other_cluster),
        CASE(they_end_there),
        CASE(new_connections_have_the_new_clusters_addresses),
        CASE(a_migration_can_be_taken_back),
        CASE(a_straggler_goes_to_the_ld_before),
        CASE(answers_go_back_by_the_entry_wherever_the_session_is),
        CASE(a_straggler_in_fragments_goes_to_the_ld_before),
        CASE(answers_in_fragments_go_to_the_twin),
        CASE(a_session_counts_to_the_limit_where_its_packets_are),
        CASE(when_the_twin_dies_both_ends_still_meet),
        CASE(nothing_changes_in_silence),
        CASE(switches_may_disagree_over_a_bad_network),
        CASE(other_services_stay),
        CASE(it_ends_without_a_trace),
        CASE(nobody_else_is_believed),
        CASE(a_bad_migration_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
