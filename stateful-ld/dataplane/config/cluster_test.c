#include "config/cluster.h"

#include "config/config.h"
#include "testing/message.h"
#include "testing/test.h"

static struct message message;
static char reason[CONFIG_REASON_BYTES];

/* LD 7 has the lower half, LD 9 the upper one, and each backs up the other. */
static int set_up(void **state) {
    (void)state;
    message_begin(&message);
    message.config.owned_buckets[0]->last = 511;
    message_cluster(&message, 7);
    message_replicates(&message);
    message_ld(&message, 9, "10.0.0.12");
    message_assign(&message, 0, 511, 7, 9);
    message_assign(&message, 512, 1023, 9, 7);
    return 0;
}

static void refused(const char *why) {
    assert_false(config_validate(&message.config, reason));
    if (strstr(reason, why) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", reason, why);
}

static void is_built(void **state) {
    struct cluster cluster;

    (void)state;
    assert_true(config_validate(&message.config, reason));
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster.ld_count, 2);
    assert_int_equal(cluster.lds[cluster.self].ld_id, 7);
    assert_int_equal(cluster.lds[cluster_partner(&cluster, 511)].ld_id, 9);
    assert_int_equal(cluster.lds[cluster_partner(&cluster, 512)].ld_id, 9);
    assert_false(cluster_backs_up(&cluster, 511));
    assert_true(cluster_backs_up(&cluster, 512));
    assert_true(cluster.replicates);
    assert_memory_equal(&cluster.replication_key.siphash, message.cluster.replication_key.data, 16);
}

/* Buckets of others, buckets without a backup, and no cluster at all. */
static void not_everybody_is_a_partner(void **state) {
    struct cluster cluster;

    (void)state;
    message_ld(&message, 5, "10.0.0.13");
    message.assignments[0].backup_ld_id = 0;
    message.assignments[1].backup_ld_id = 5;
    message.cluster.replication_key.len = 0;
    assert_true(config_validate(&message.config, reason));
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster_partner(&cluster, 0), CLUSTER_NO_LD);
    assert_int_equal(cluster_partner(&cluster, 1023), CLUSTER_NO_LD);
    assert_false(cluster_backs_up(&cluster, 1023));
    assert_false(cluster.replicates);
    cluster_build(&cluster, NULL, NULL);
    assert_int_equal(cluster_partner(&cluster, 0), CLUSTER_NO_LD);
    assert_false(cluster_backs_up(&cluster, 0));
}

static void ports_are_divided(void **state) {
    struct cluster cluster;

    (void)state;
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster.shares[0], 0x7);    /* its primary */
    assert_int_equal(cluster.shares[1023], 0x8); /* its backup */
    message_shares(&message, 0x9, 0x6);
    message.assignments[0].backup_ld_id = 0;
    assert_true(config_validate(&message.config, reason));
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster.shares[0], 0xf);
    assert_int_equal(cluster.shares[1023], 0x6);
    message.assignments[1].withheld_shares = 0x4;
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster.shares[1023], 0x2);
    message.assignments[1].withheld_shares = 0x10;
    refused("shares of ports are four bits");
    message.assignments[1].withheld_shares = 0;
    message_shares(&message, 0x3, 0x2);
    refused("none of them the primary's and the backup's");
    message_shares(&message, 0x13, 0);
    refused("shares of ports are four bits");
}

/* Who has left a bucket matters to its primary, and the primary to that one. */
static void who_has_left_is_known(void **state) {
    struct cluster cluster;

    (void)state;
    message_ld(&message, 5, "10.0.0.13");
    message.assignments[0].former_ld_id = 5; /* 7, this LD, is primary */
    message.assignments[1].former_ld_id = 5; /* it is backup */
    assert_true(config_validate(&message.config, reason));
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_true(cluster.leaves);
    assert_int_equal(cluster.former[0], cluster_find(&cluster, 5));
    assert_true(cluster_tells(&cluster, 0, cluster_find(&cluster, 5)));
    assert_int_equal(cluster.former[1023], CLUSTER_NO_LD);
    message.assignments[0].former_ld_id = 0;
    message.assignments[1].backup_ld_id = 5;
    message.assignments[1].former_ld_id = 7;
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_int_equal(cluster.former[1023], cluster_find(&cluster, 9));
    assert_int_equal(cluster_partner(&cluster, 1023), CLUSTER_NO_LD);
    message.assignments[1].former_ld_id = 0;
    cluster_build(&cluster, message.config.cluster, NULL);
    assert_false(cluster.leaves);
}

static void keeps_its_index(void **state) {
    struct cluster before, after;

    (void)state;
    cluster_build(&before, message.config.cluster, NULL);
    message.lds[1].ld_id = 5; /* 9 has gone, 5 has come */
    cluster_build(&after, message.config.cluster, &before);
    assert_int_equal(after.self, before.self);
    before.lds[0] = before.lds[1]; /* as if 9 had come first, and 7 had left */
    before.lds[1].ld_id = 0;
    message.lds[1].ld_id = 9;
    message.lds[0].ld_id = 3;
    message.cluster.ld_id = 3;
    cluster_build(&after, message.config.cluster, &before);
    assert_int_equal(cluster_find(&after, 9), 0);
    assert_int_equal(after.self, 1);
}

static void bad_lds(void **state) {
    (void)state;
    message.cluster.ld_id = 8;
    refused("ld_id: 8 is not one of lds");
    set_up(state);
    message.lds[1].ld_id = 7;
    refused("LD 7: its id or its vtep is listed twice");
    set_up(state);
    message.lds[1].vtep = message.config.vtep;
    refused("LD 9: its id or its vtep is listed twice");
    set_up(state);
    message.lds[0].vtep = message_address(&message, "10.0.0.99");
    refused("LD 7: its vtep is not the LD's own one");
    set_up(state);
    message.lds[1].vtep.len = 3;
    refused("a vtep of 3 bytes");
    set_up(state);
    message.lds[1].ld_id = 65536;
    refused("id 65536 is out of range");
    set_up(state);
    message.cluster.replication_key.len = 15;
    refused("replication_key: 15 bytes");
}

static void bad_buckets(void **state) {
    (void)state;
    message.assignments[1].first = 511;
    refused("511..1023 overlaps");
    set_up(state);
    message.assignments[1].last = 1024;
    refused("512..1024 is not a range");
    set_up(state);
    message.assignments[1].ld_id = 3;
    refused("ld_id 3 is not one of lds");
    set_up(state);
    message.assignments[1].backup_ld_id = 3;
    refused("backup_ld_id 3 is not one of lds");
    set_up(state);
    message.assignments[1].backup_ld_id = 9;
    refused("LD 9 is its own backup");
    set_up(state);
    message.assignments[1].former_ld_id = 3;
    refused("former_ld_id 3 is not one of lds, or has them still");
    message.assignments[1].former_ld_id = 7;
    refused("former_ld_id 7 is not one of lds, or has them still");
    message.assignments[1].former_ld_id = 9;
    refused("former_ld_id 9 is not one of lds, or has them still");
    set_up(state);
    message.config.owned_buckets[0]->last = 512;
    refused("owned_buckets: 512");
    set_up(state);
    message.config.epoch = 1ULL << 32;
    refused("cluster: epoch");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_built, set_up),
        cmocka_unit_test_setup(not_everybody_is_a_partner, set_up),
        cmocka_unit_test_setup(ports_are_divided, set_up),
        cmocka_unit_test_setup(who_has_left_is_known, set_up),
        cmocka_unit_test_setup(keeps_its_index, set_up),
        cmocka_unit_test_setup(bad_lds, set_up),
        cmocka_unit_test_setup(bad_buckets, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
