/* A service moves from one cluster to another: its connections go on there with the addresses they
 * have, both clusters together; and back again. LD 1 is the one cluster, LD 2 and its backup LD 3
 * are the other one. */
#include "replicate/migrate_test.h"

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(connections_go_on_in_the_other_cluster),
        CASE(they_end_there),
        CASE(new_connections_have_the_new_clusters_addresses),
        CASE(a_migration_can_be_taken_back),
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
