/* What a peer tells that is properly sealed and odd all the same. */
#include <arpa/inet.h>

#include "replicate/install.h"
#include "replicate/replicate.h"
#include "testing/lds.h"
#include "testing/test.h"

/* Its clock was ahead when its last stream began, and is right when it starts anew: later than it
 * has begun its life before, so everybody believes it, but not later than that stream. */
static void a_peer_whose_clock_was_set_back_since_its_last_stream(void **state) {
    struct worker_replication *replication = &harness_worker(&ld[LD_2])->replication;
    struct connection connection;

    (void)state;
    replication->receivers[replication->active[0]][0].stream += (uint64_t)3600 * US_PER_S;
    lds_pair_restart(LD_1, 1);
    lds_pass_until_online(LD_1);
    connection = lds_establish(LD_1, 1, LDS_BUCKET_1);
    lds_pass(50);
    assert_non_null(lds_session_of(LD_2, &connection));
}

static struct record told(void) {
    struct connection connection = lds_establish(LD_1, 1, LDS_BUCKET_1);
    struct worker *worker = harness_worker(&ld[LD_1]);
    struct record record;

    assert_non_null(lds_session_of(LD_1, &connection));
    memset(&record, 0, sizeof(record));
    install_describe(worker, 1, &record);
    record.from = harness_worker(&ld[LD_2])->replication.active[0];
    return record;
}

static void make_udp(struct record *record) {
    record->client.vni_protocol = record->rs.vni_protocol = FRAME_UDP;
}

static void of_checks(struct record *record) {
    record->rs.dst_port = htons(LDS_BUCKET_1);
}

static void of_another_bucket(struct record *record) {
    record->bucket++;
}

static void of_icmp(struct record *record) {
    record->client.vni_protocol = record->rs.vni_protocol = 1;
}

static void of_two_protocols(struct record *record) {
    record->rs.vni_protocol = FRAME_UDP;
}

static void of_udps_state(struct record *record) {
    record->state = STATE_UDP_ACTIVE;
}

static void of_tcps_state(struct record *record) {
    make_udp(record);
}

static void of_datagrams_alteration(struct record *record) {
    record->alter = ALTER_DATAGRAM;
}

static void of_segments_alteration(struct record *record) {
    make_udp(record);
    record->state = STATE_UDP_ACTIVE;
    record->alter = ALTER_NUMBERS;
}

static void of_an_unknown_alteration(struct record *record) {
    record->alter = 0x80;
}

static void of_a_scale_that_is_none(struct record *record) {
    record->alter = ALTER_NUMBERS;
    record->numbers.rs_window_scale = 32;
}

static void records_that_do_not_fit_are_refused(void **state) {
    static void (*const spoil[])(struct record * record) = {
        of_checks,
        of_another_bucket,
        of_icmp,
        of_two_protocols,
        of_udps_state,
        of_tcps_state,
        of_datagrams_alteration,
        of_segments_alteration,
        of_an_unknown_alteration,
        of_a_scale_that_is_none,
    };
    const struct record sound = told();

    (void)state;
    for (size_t i = 0; i < RTE_DIM(spoil); i++) {
        struct record record = sound;

        spoil[i](&record);
        if (install_record(harness_worker(&ld[LD_2]), &record))
            fail_msg("number %zu", i);
    }
    assert_true(install_record(harness_worker(&ld[LD_2]), &sound));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, lds_pair_set_up, lds_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_peer_whose_clock_was_set_back_since_its_last_stream),
        CASE(records_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
