#include "forward/neighbour.h"

#include "testing/frame.h"
#include "testing/test.h"

enum {
    NOW_MS = 1000000
};

static const struct rte_ether_addr mac = { { 0x02, 1, 2, 3, 4, 5 } };
static int broadcasts, unicasts;

static void count(void *context, const struct ip_address *address,
                  const struct rte_ether_addr *destination) {
    const struct ip_address asked = ip_of("10.0.0.1");

    (void)context;
    assert_true(ip_equal(address, &asked));
    broadcasts += destination == NULL;
    unicasts += destination != NULL;
}

static void pass(const struct neighbour_set *set, uint64_t from_ms, uint64_t ms) {
    broadcasts = unicasts = 0;
    for (uint64_t at = from_ms; at < from_ms + ms; at += 100)
        neighbours_tick(set, at, count, NULL);
}

static void life_of_a_neighbour(void **state) {
    struct ip_address wanted[2] = { ip_of("10.0.0.1"), ip_of("10.0.0.1") };
    struct neighbour_set *set = neighbour_set_build(NULL, wanted, 2);
    struct rte_ether_addr got;

    (void)state;
    assert_int_equal(set->count, 1);
    set->entries[0]->configured = true;
    assert_false(neighbour_mac(set->entries[0], &got));
    pass(set, 1000, 5000); /* once a second until somebody answers */
    assert_int_equal(broadcasts, 5);
    neighbour_heard(set->entries[0], &mac, 6000);
    assert_true(neighbour_mac(set->entries[0], &got));
    assert_memory_equal(&got, &mac, 6);
    pass(set, 6000, 29900); /* quiet while it is fresh */
    assert_int_equal(broadcasts + unicasts, 0);
    pass(set, 36000, 5900); /* then asked, the known address first, and still used */
    assert_int_equal(unicasts, 3);
    assert_int_equal(broadcasts, 3);
    assert_true(neighbour_mac(set->entries[0], &got));
    pass(set, 42000, 1000); /* given up */
    assert_false(neighbour_mac(set->entries[0], &got));
    neighbour_heard(set->entries[0], &mac, 43000);
    assert_true(neighbour_mac(set->entries[0], &got));
    neighbour_set_free(set, NULL);
}

static void macs_survive_a_new_configuration(void **state) {
    struct ip_address first[2] = { ip_of("10.0.0.1"), ip_of("fd00::2") };
    struct ip_address second[2] = { ip_of("fd00::2"), ip_of("fd00::3") };
    struct ip_address met = ip_of("10.0.0.99");
    struct neighbour_set *old = neighbour_set_build(NULL, first, 2), *learnt, *set;
    struct neighbour *kept = neighbour_find(old, &first[1]);
    struct rte_ether_addr got;

    (void)state;
    for (uint32_t i = 0; i < old->count; i++)
        old->entries[i]->configured = true;
    neighbour_heard(kept, &mac, 1);
    learnt = neighbour_set_with(old, &met, 1, 1);
    neighbour_set_free(old, learnt);
    neighbour_heard(neighbour_find(learnt, &met), &mac, 1);
    set = neighbour_set_build(learnt, second, 2);
    neighbour_set_free(learnt, set);
    assert_int_equal(set->count, 3);
    assert_null(neighbour_find(set, &first[0]));
    assert_ptr_equal(neighbour_find(set, &first[1]), kept);
    assert_true(neighbour_mac(kept, &got));
    assert_false(neighbour_mac(neighbour_find(set, &second[1]), &got));
    assert_non_null(neighbour_find(set, &met));
    neighbour_set_free(set, NULL);
}

static struct ip_address address_number(uint32_t number) {
    return ip_from_v4(rte_cpu_to_be_32(0x0a000000 + number));
}

/* Put so many more, learnt, neighbours into a set. */
static struct neighbour_set *learn(struct neighbour_set *set, uint32_t first, uint32_t count,
                                   uint64_t now_ms) {
    static struct ip_address addresses[NEIGHBOURS_LEARNT_MAX];
    struct neighbour_set *more;

    for (uint32_t i = 0; i < count; i++)
        addresses[i] = address_number(first + i);
    more = neighbour_set_with(set, addresses, count, now_ms);
    assert_non_null(more);
    neighbour_set_free(set, more);
    return more;
}

static struct neighbour *number(const struct neighbour_set *set, uint32_t number) {
    struct ip_address address = address_number(number);

    return neighbour_find(set, &address);
}

static void ask_nobody(void *context, const struct ip_address *address,
                       const struct rte_ether_addr *destination) {
    (void)address;
    (void)destination;
    ++*(uint32_t *)context;
}

/* @return how often somebody was asked for */
static uint32_t let_pass(struct neighbour_set **set, uint64_t from_ms, uint64_t ms) {
    uint32_t asked = 0;

    for (uint64_t at = from_ms; at < from_ms + ms; at += 100) {
        struct neighbour_set *less;

        if (neighbours_tick(*set, at, ask_nobody, &asked) == 0)
            continue;
        less = neighbour_set_with(*set, NULL, 0, at);
        assert_non_null(less);
        neighbour_set_free(*set, less);
        *set = less;
    }
    return asked;
}

static void silent_hosts_are_forgotten(void **state) {
    struct ip_address gateway = ip_of("10.9.9.9");
    struct neighbour_set *set = neighbour_set_build(NULL, &gateway, 1);

    (void)state;
    neighbour_find(set, &gateway)->configured = true;
    set = learn(set, 0, 1, NOW_MS);
    assert_int_equal(let_pass(&set, NOW_MS, 3000), 3 + NEIGHBOUR_LEARNT_PROBES);
    assert_int_equal(set->count, 2);
    let_pass(&set, NOW_MS + 3000, 100);
    assert_null(number(set, 0));
    assert_non_null(neighbour_find(set, &gateway)); /* it is asked for as long as it is wanted */
    neighbour_set_free(set, NULL);
}

static void hosts_are_kept_while_packets_go_there(void **state) {
    struct neighbour_set *set = learn(neighbour_set_build(NULL, NULL, 0), 0, 2, NOW_MS);
    uint64_t now_ms = NOW_MS;

    (void)state;
    neighbour_heard(number(set, 0), &mac, now_ms);
    neighbour_heard(number(set, 1), &mac, now_ms);
    for (int i = 0; i < 5; i++, now_ms += NEIGHBOUR_CONFIRM_MS + 1000) {
        neighbour_use(number(set, 0));
        let_pass(&set, now_ms, NEIGHBOUR_CONFIRM_MS + 1000); /* asked once more, and it answers */
        assert_non_null(number(set, 0));
        neighbour_heard(number(set, 0), &mac, now_ms + NEIGHBOUR_CONFIRM_MS + 1000);
        if (number(set, 1) != NULL)
            neighbour_heard(number(set, 1), &mac, now_ms + NEIGHBOUR_CONFIRM_MS + 1000);
    }
    assert_null(number(set, 1));
    let_pass(&set, now_ms, 2 * NEIGHBOUR_CONFIRM_MS + 8000);
    assert_int_equal(set->count, 0);
    neighbour_set_free(set, NULL);
}

/* Who has not answered goes first, then those to whom nothing is sent. */
static void newcomers_find_room(void **state) {
    enum {
        SILENT = 100,
        IDLE = 100,
        MAX = NEIGHBOURS_LEARNT_MAX
    };
    struct neighbour_set *set = neighbour_set_build(NULL, NULL, 0);

    (void)state;
    set = learn(set, 0, MAX, NOW_MS);
    for (uint32_t i = SILENT; i < MAX; i++) {
        neighbour_heard(number(set, i), &mac, NOW_MS + i);
        __atomic_store_n(&number(set, i)->used, i >= SILENT + IDLE, __ATOMIC_RELAXED);
    }
    set = learn(set, MAX, SILENT, NOW_MS + 1000);
    assert_int_equal(set->count, MAX);
    for (uint32_t i = 0; i < MAX + SILENT; i++)
        assert_int_equal(number(set, i) != NULL, i >= SILENT);
    for (uint32_t i = MAX; i < MAX + SILENT; i++)
        neighbour_heard(number(set, i), &mac, NOW_MS + 2000);
    set = learn(set, MAX + SILENT, IDLE, NOW_MS + 3000);
    for (uint32_t i = 0; i < MAX + SILENT + IDLE; i++)
        assert_int_equal(number(set, i) != NULL, i >= SILENT + IDLE);
    neighbour_set_free(set, NULL);
}

static void next_hops_take_no_room_from_hosts(void **state) {
    enum {
        NEXT_HOPS = NEIGHBOURS_LEARNT_MAX + 10
    };
    static struct ip_address wanted[NEXT_HOPS];
    struct neighbour_set *set;

    (void)state;
    for (uint32_t i = 0; i < NEXT_HOPS; i++)
        wanted[i] = address_number(i);
    set = neighbour_set_build(NULL, wanted, NEXT_HOPS);
    for (uint32_t i = 0; i < NEXT_HOPS; i++)
        set->entries[i]->configured = true;
    set = learn(set, NEXT_HOPS, 10, NOW_MS);
    assert_int_equal(set->count, NEXT_HOPS + 10);
    neighbour_set_free(set, NULL);
}

/* Who chooses its address cannot choose its place, nor make others share it. */
static void places_cannot_be_foreseen(void **state) {
    struct neighbour_set *set[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        set[i] = learn(neighbour_set_build(NULL, NULL, 0), 0, 100, NOW_MS);
    assert_int_equal(set[0]->mask, set[1]->mask);
    assert_memory_not_equal(set[0]->hash, set[1]->hash, (set[0]->mask + 1) * sizeof(*set[0]->hash));
    neighbour_set_free(set[0], NULL);
    neighbour_set_free(set[1], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_neighbour),
        cmocka_unit_test(macs_survive_a_new_configuration),
        cmocka_unit_test(silent_hosts_are_forgotten),
        cmocka_unit_test(hosts_are_kept_while_packets_go_there),
        cmocka_unit_test(newcomers_find_room),
        cmocka_unit_test(next_hops_take_no_room_from_hosts),
        cmocka_unit_test(places_cannot_be_foreseen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
