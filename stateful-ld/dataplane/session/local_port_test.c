#include "session/local_port.h"

#include "packet/bucket.h"
#include "testing/test.h"

enum {
    BUCKET = 1023
};

static struct local_ports ports;
static struct local_ip_set ips;
static uint8_t shares;
static bool in_use[LOCAL_IPS_MAX][65536];

static int set_up(void **state) {
    (void)state;
    memset(in_use, 0, sizeof(in_use));
    memset(&ips, 0, sizeof(ips));
    shares = SHARES_ALL;
    return local_ports_init(&ports, 1);
}

static int tear_down(void **state) {
    (void)state;
    local_ports_free(&ports);
    return 0;
}

static void add_ip(uint8_t slot) {
    ips.slots |= 1ULL << slot;
    ips.address[slot] = ip_from_v4(0x0a000000u + slot);
}

static bool is_free(void *context, const struct local_port *candidate) {
    (void)context;
    return !in_use[candidate->slot][candidate->port];
}

static struct local_port_range range(void) {
    return (struct local_port_range){ ips.slots, shares };
}

static bool take(struct local_port *taken) {
    int tries = LOCAL_PORT_TRIES_MAX;
    struct local_port first;

    if (local_port_first(&ports, &ips, range(), BUCKET, &first))
        assert_true(shares_have_port(shares, first.port));
    if (!local_port_take(&ports, &ips, range(), BUCKET, is_free, NULL, &tries, taken))
        return false;
    assert_true(shares_have_port(shares, taken->port));
    assert_false(in_use[taken->slot][taken->port]);
    assert_int_equal(taken->port & BUCKET_MASK, BUCKET);
    assert_true(taken->port >= LOCAL_PORT_FIRST);
    assert_true(ip_equal(&taken->address, &ips.address[taken->slot]));
    in_use[taken->slot][taken->port] = true;
    return true;
}

static void give_back(const struct local_port *port) {
    in_use[port->slot][port->port] = false;
    local_port_release(&ports, BUCKET, port->slot, port->port);
}

static void every_port_once_then_none(void **state) {
    struct local_port taken;

    (void)state;
    add_ip(0);
    add_ip(5);
    for (int i = 0; i < 2 * LOCAL_PORTS_PER_BUCKET; i++)
        assert_true(take(&taken));
    assert_false(take(&taken));
}

static void least_recently_used_first(void **state) {
    struct local_port taken[LOCAL_PORTS_PER_BUCKET], again;

    (void)state;
    add_ip(0);
    for (int i = 0; i < LOCAL_PORTS_PER_BUCKET; i++)
        assert_true(take(&taken[i]));
    /* Released in another order than taken: the order of release counts. */
    for (int i = 0; i < LOCAL_PORTS_PER_BUCKET; i++)
        give_back(&taken[(i * 10) % LOCAL_PORTS_PER_BUCKET]);
    for (int i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        assert_true(take(&again));
        assert_int_equal(again.port, taken[(i * 10) % LOCAL_PORTS_PER_BUCKET].port);
    }
}

/* One connection after the other: all other ports are used before one is used again. */
static void reuse_distance_is_the_whole_bucket(void **state) {
    int last_use[65536];
    struct local_port taken;

    (void)state;
    memset(last_use, 0xff, sizeof(last_use));
    add_ip(0);
    for (int i = 0; i < 1000; i++) {
        assert_true(take(&taken));
        if (last_use[taken.port] >= 0)
            assert_int_equal(i - last_use[taken.port], LOCAL_PORTS_PER_BUCKET);
        last_use[taken.port] = i;
        give_back(&taken);
    }
}

static void changes_of_local_ips_are_followed(void **state) {
    struct local_port taken, removed;

    (void)state;
    add_ip(0);
    assert_true(take(&removed));
    ips.slots = 0;
    assert_false(take(&taken));
    add_ip(3);
    for (int i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        assert_true(take(&taken));
        assert_int_equal(taken.slot, 3);
    }
    assert_false(take(&taken));
    give_back(&removed); /* of a slot that is gone: no effect */
    assert_false(take(&taken));
    add_ip(0);
    for (int i = 0; i < LOCAL_PORTS_PER_BUCKET; i++)
        assert_true(take(&taken));
    assert_false(take(&taken));
}

static void search_is_bounded_but_finds_in_the_end(void **state) {
    struct local_port taken = { 0 };
    int attempts = 1;

    (void)state;
    for (uint8_t slot = 0; slot < LOCAL_IPS_MAX; slot++)
        add_ip(slot);
    assert_true(take(&taken));
    memset(in_use, 1, sizeof(in_use));
    in_use[taken.slot][taken.port] = false; /* now the last in the list */
    for (int tries = 256;
         !local_port_take(&ports, &ips, range(), BUCKET, is_free, NULL, &tries, &taken);
         tries = 256) {
        assert_int_equal(tries, 0);
        attempts++;
    }
    assert_in_range(attempts, 2, 64 * 63 / 256 + 1);
}

static void take_all(int expected) {
    struct local_port taken;

    for (int i = 0; i < expected; i++)
        assert_true(take(&taken));
    assert_false(take(&taken));
}

/* Roles change with the map: an LD that opened with shares 0, 1, 2 is the backup now, or alone. */
static void changes_of_shares_are_followed(void **state) {
    (void)state;
    add_ip(0);
    add_ip(5);
    shares = 0x7;
    take_all(2 * 47);
    shares = 0x8;
    take_all(2 * 16);
    shares = 0;
    take_all(0);
    memset(in_use, 0, sizeof(in_use));
    shares = 0x1;
    take_all(2 * 15);
    shares = SHARES_ALL;
    take_all(2 * 48);
}

/* A port of a share that the LD has no more is nobody's business here when its session ends. */
static void a_port_of_another_share_is_not_given_out_when_it_is_released(void **state) {
    struct local_port of_share_3;

    (void)state;
    add_ip(0);
    shares = 0x8;
    assert_true(take(&of_share_3));
    shares = 0x7;
    take_all(47);
    give_back(&of_share_3);
    take_all(0);
    shares = SHARES_ALL;
    take_all(16);
}

/* The other LD has used them until now, and the sessions of theirs that have ended last were known
 * here: an RS may have those ports in TIME-WAIT. */
static void ports_of_a_share_that_comes_are_taken_last_and_in_order(void **state) {
    struct local_port others[16], taken;

    (void)state;
    add_ip(0);
    shares = 0x8;
    for (int i = 0; i < 16; i++)
        assert_true(take(&others[i]));
    shares = 0x7;
    take_all(47);
    memset(in_use, 0, sizeof(in_use));
    for (int i = 0; i < 16; i++)
        give_back(&others[i * 5 % 16]);
    shares = SHARES_ALL;
    for (int i = 0; i < 47; i++) {
        assert_true(take(&taken));
        assert_true(shares_have_port(0x7, taken.port));
    }
    for (int i = 0; i < 16; i++) {
        assert_true(take(&taken));
        assert_int_equal(taken.port, others[i * 5 % 16].port);
    }
    assert_false(take(&taken));
}

/* A local IP that comes or goes has ports of both kinds. */
static void local_ips_come_and_go_with_other_shares(void **state) {
    (void)state;
    add_ip(0);
    shares = 0x7;
    take_all(47);
    add_ip(9);
    shares = 0x8;
    take_all(2 * 16);
    ips.slots = 1ULL << 9;
    shares = SHARES_ALL;
    take_all(47);
    ips.slots = 0;
    take_all(0);
    memset(in_use, 0, sizeof(in_use));
    add_ip(0);
    shares = 0x1;
    take_all(15);
    shares = 0xe;
    take_all(48);
}

/* Another LD may tell of any session. */
static void ports_that_are_no_local_ports_are_ignored(void **state) {
    struct local_port taken;

    (void)state;
    add_ip(0);
    assert_true(take(&taken));
    local_port_release(&ports, BUCKET, 0, BUCKET);
    for (int i = 1; i < LOCAL_PORTS_PER_BUCKET; i++)
        assert_true(take(&taken));
    assert_false(take(&taken));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_port_once_then_none),
        CASE(least_recently_used_first),
        CASE(reuse_distance_is_the_whole_bucket),
        CASE(changes_of_local_ips_are_followed),
        CASE(changes_of_shares_are_followed),
        CASE(a_port_of_another_share_is_not_given_out_when_it_is_released),
        CASE(ports_of_a_share_that_comes_are_taken_last_and_in_order),
        CASE(local_ips_come_and_go_with_other_shares),
        CASE(search_is_bounded_but_finds_in_the_end),
        CASE(ports_that_are_no_local_ports_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
