#include "forward/neighbour.h"

#include "testing/frame.h"
#include "testing/test.h"

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
    learnt = neighbour_set_with(old, &met);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_neighbour),
        cmocka_unit_test(macs_survive_a_new_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
