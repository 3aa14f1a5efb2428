#include "forward/scheduler_maglev.h"

#include <stdlib.h>

#include "testing/test.h"

enum {
    MEMBERS_MAX = 16384, /* as many RSs as an LD has */
    WEIGHT_MAX = 65535,
};

struct set {
    struct choice choices[MEMBERS_MAX];
    struct maglev_identity identities[MEMBERS_MAX];
    uint32_t count;
};

static void add(struct set *set, uint32_t number, uint32_t weight) {
    struct maglev_identity *identity = &set->identities[set->count];

    memset(identity, 0, sizeof(*identity));
    memcpy(identity->address + 12, &number, sizeof(number));
    identity->port = 80;
    set->choices[set->count] = (struct choice){ .target = number, .weight = weight };
    set->count++;
}

static struct set set_of(uint32_t count) {
    struct set set = { 0 };

    for (uint32_t i = 0; i < count; i++)
        add(&set, i, 1);
    return set;
}

static struct maglev_table *table_of(const struct set *set) {
    struct maglev_table *table = maglev_get(set->choices, set->identities, set->count, NULL);

    assert_non_null(table);
    return table;
}

/* Who has the slot, by the number it was added with. */
static uint32_t owner(const struct set *set, const struct maglev_table *table, uint32_t slot) {
    return set->choices[table->slot[slot]].target;
}

static void shares(const struct set *set, const struct maglev_table *table, uint32_t *share) {
    memset(share, 0, MEMBERS_MAX * sizeof(*share));
    for (uint32_t slot = 0; slot < MAGLEV_SLOTS; slot++)
        share[owner(set, table, slot)]++;
}

static void equal_weights_get_equal_shares(void **state) {
    struct set set = set_of(100);
    struct maglev_table *table = table_of(&set);
    uint32_t share[MEMBERS_MAX];

    (void)state;
    shares(&set, table, share);
    for (uint32_t i = 0; i < 100; i++)
        assert_in_range(share[i], MAGLEV_SLOTS / 100, MAGLEV_SLOTS / 100 + 1);
    maglev_put(table);
}

static void shares_follow_the_weights(void **state) {
    static const uint32_t weight[] = { 1, 0, 2, 100, 65535, 30000 };
    struct set set = { 0 };
    struct maglev_table *table;
    uint32_t share[MEMBERS_MAX];
    double sum = 0;

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        add(&set, i, weight[i]);
        sum += weight[i];
    }
    table = table_of(&set);
    shares(&set, table, share);
    for (uint32_t i = 0; i < 6; i++) {
        int wanted = (int)(weight[i] / sum * MAGLEV_SLOTS);

        assert_in_range((int)share[i] - wanted + 2, 0, 4);
    }
    assert_int_equal(share[1], 0);
    maglev_put(table);
}

/* LDs that have got the RSs in any order, with any weight-0 ones among them, agree. */
static void order_does_not_matter(void **state) {
    struct set one = { 0 }, other = { 0 };
    struct maglev_table *table[2];

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        add(&one, i, 1 + i % 3);
        if (i % 10 == 0)
            add(&other, 100 + i, 0);
        add(&other, (i * 7 + 3) % 50, 1 + (i * 7 + 3) % 50 % 3);
    }
    table[0] = table_of(&one);
    table[1] = table_of(&other);
    for (uint32_t slot = 0; slot < MAGLEV_SLOTS; slot++)
        assert_int_equal(owner(&one, table[0], slot), owner(&other, table[1], slot));
    maglev_put(table[0]);
    maglev_put(table[1]);
}

/* Slots that change although neither their old nor their new RS is the one that came or went. */
static double others_moved(const struct set *before, const struct set *after, uint32_t changed) {
    struct maglev_table *old = table_of(before), *new = table_of(after);
    uint32_t moved = 0;

    for (uint32_t slot = 0; slot < MAGLEV_SLOTS; slot++) {
        uint32_t from = owner(before, old, slot), to = owner(after, new, slot);

        moved += from != to && from != changed && to != changed;
    }
    maglev_put(old);
    maglev_put(new);
    return (double)moved / MAGLEV_SLOTS;
}

static void only_the_changed_ones_clients_move(void **state) {
    struct set all = set_of(100), without = { 0 }, drained = set_of(100);

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        if (i != 37)
            add(&without, i, 1);
    drained.choices[37].weight = 0;
    assert_true(others_moved(&all, &without, 37) < 0.01);
    assert_true(others_moved(&without, &all, 37) < 0.01);
    assert_true(others_moved(&without, &drained, 37) == 0);
}

static void heavier_takes_from_the_others(void **state) {
    struct set before = set_of(10), after = set_of(10);
    struct maglev_table *old, *new;
    uint32_t gained = 0, lost = 0, elsewhere = 0;

    (void)state;
    for (uint32_t i = 0; i < 10; i++) /* weights of 10, so that one step is small */
        before.choices[i].weight = after.choices[i].weight = 10;
    after.choices[4].weight = 9;
    old = table_of(&before);
    new = table_of(&after);
    for (uint32_t slot = 0; slot < MAGLEV_SLOTS; slot++) {
        uint32_t from = owner(&before, old, slot), to = owner(&after, new, slot);

        gained += from != 4 && to == 4;
        lost += from == 4 && to != 4;
        elsewhere += from != to && from != 4 && to != 4;
    }
    /* 4 gives up 10 % of its 10 %; a change of turns moves some slots for nothing. */
    assert_in_range(lost - gained, MAGLEV_SLOTS / 110 - 70, MAGLEV_SLOTS / 110 + 70);
    assert_true(elsewhere < MAGLEV_SLOTS * 3 / 100);
    maglev_put(old);
    maglev_put(new);
}

/* What a set of @p count RSs weighs, kind by kind. */
static uint32_t weight_of(int kind, uint32_t number, uint64_t *random) {
    switch (kind) {
    case 0: /* a heavy one among light ones: nearly all turns are its */
        return number == 0 ? WEIGHT_MAX : 1;
    case 1:
        return number == 0 ? 1 : WEIGHT_MAX;
    case 2:
        return number % 2 == 0 ? WEIGHT_MAX : 1;
    case 3:
        return 1u << number % 16;
    case 4:
        return (uint32_t)(test_random(random) % WEIGHT_MAX) + 1;
    default:
        return 1;
    }
}

enum {
    KINDS = 6
};

static void fill(struct set *set, int kind, uint32_t count) {
    uint64_t random = 5;

    set->count = 0;
    for (uint32_t i = 0; i < count; i++)
        add(set, i, weight_of(kind, i, &random));
}

/* Whatever they weigh, and however many they are: control has other things to do. */
static void work_is_bounded(void **state) {
    static struct set set;

    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint32_t count = 4; count <= MEMBERS_MAX; count *= 16) {
            struct maglev_table *table;

            fill(&set, kind, count);
            table = table_of(&set);
            if (table->steps > MAGLEV_STEPS_MAX)
                fail_msg("%u RSs of kind %d: %lu steps", count, kind, (unsigned long)table->steps);
            maglev_put(table);
        }
}

/* Each has its weight's part of what the heaviest has, within two slots. */
static void shares_are_proportional_however_many(void **state) {
    static struct set set;
    static uint32_t share[MEMBERS_MAX];

    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint32_t count = 4; count <= MEMBERS_MAX; count *= 16) {
            struct maglev_table *table;
            uint32_t heaviest = 0;

            fill(&set, kind, count);
            table = table_of(&set);
            shares(&set, table, share);
            for (uint32_t i = 1; i < count; i++)
                if (set.choices[i].weight > set.choices[heaviest].weight ||
                    (set.choices[i].weight == set.choices[heaviest].weight &&
                     share[i] > share[heaviest]))
                    heaviest = i;
            for (uint32_t i = 0; i < count; i++) {
                double wanted =
                    (double)share[heaviest] * set.choices[i].weight / set.choices[heaviest].weight;

                assert_true(share[i] < wanted + 2 && share[i] > wanted - 2);
            }
            maglev_put(table);
        }
}

static void unchanged_table_is_shared(void **state) {
    struct set set = set_of(3);
    struct maglev_table *table = table_of(&set), *same, *other;

    (void)state;
    same = maglev_get(set.choices, set.identities, set.count, table);
    assert_ptr_equal(same, table);
    set.choices[1].weight = 2;
    other = maglev_get(set.choices, set.identities, set.count, table);
    assert_ptr_not_equal(other, table);
    maglev_put(table);
    assert_int_equal(same->references, 1);
    maglev_put(same);
    maglev_put(other);
}

static void nobody_to_choose(void **state) {
    struct set set = { 0 };
    struct maglev_table *table;

    (void)state;
    add(&set, 0, 0);
    table = table_of(&set);
    assert_int_equal(maglev_choose(table, 0), -1);
    assert_int_equal(maglev_choose(table, UINT32_MAX), -1);
    maglev_put(table);
}

static uint32_t sum_of(const struct set *set) {
    struct maglev_table *table = table_of(set);
    uint32_t sum = 0;

    for (uint32_t slot = 0; slot < MAGLEV_SLOTS; slot++)
        sum = sum * 31 + table->slot[slot];
    maglev_put(table);
    return sum;
}

/* The tables of a first version, by their sums: others would move clients at an upgrade of one LD
 * after the other. */
static void tables_are_the_same_in_every_version(void **state) {
    static const uint32_t sums[KINDS] = { 0xf24fe421, 0xe6d5e8e4, 0xc41068b8,
                                          0x90b75d98, 0x0d340dd2, 0x1f64fdbc };
    struct set set = set_of(7);

    (void)state;
    assert_int_equal(sum_of(&set), 0x3e28d897);
    for (int kind = 0; kind < KINDS; kind++) {
        fill(&set, kind, 150);
        assert_int_equal(sum_of(&set), sums[kind]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_weights_get_equal_shares),
        cmocka_unit_test(shares_follow_the_weights),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(only_the_changed_ones_clients_move),
        cmocka_unit_test(heavier_takes_from_the_others),
        cmocka_unit_test(unchanged_table_is_shared),
        cmocka_unit_test(nobody_to_choose),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(shares_are_proportional_however_many),
        cmocka_unit_test(tables_are_the_same_in_every_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
