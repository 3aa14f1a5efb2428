#include "forward/rss.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include "port.h"
#include "testing/harness.h"
#include "testing/test.h"

enum {
    WORKERS = 2,
    ENTRIES = 128,
};

static struct harness harness;
static struct message message;
static uint64_t seed = 7;

static void only_the_bucket_decides(void **state) {
    bool taken[BUCKET_COUNT] = { false };

    (void)state;
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint32_t low = rss_bucket_hash(bucket) & BUCKET_MASK;

        assert_false(taken[low]);
        taken[low] = true;
        for (int i = 0; i < 16; i++) {
            uint64_t addresses = test_random(&seed);
            uint32_t hash = rss_hash_ip4((uint32_t)addresses, (uint32_t)(addresses >> 32),
                                         bucket_to_udp_port(bucket), 4789);

            assert_int_equal(hash & BUCKET_MASK, low);
        }
    }
}

static void replies_of_one_rs_port_spread_by_their_bucket(void **state) {
    (void)state;
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        uint32_t first = rss_hash_ip4(1, 2, 80, (uint16_t)(1024 + bucket));
        uint32_t other = rss_hash_ip4(0x0a000001, 0xc6120101, 80, (uint16_t)(63 * 1024 + bucket));

        assert_int_equal(first & BUCKET_MASK, other & BUCKET_MASK);
    }
}

static struct ip6_pair random_pair(void) {
    struct ip6_pair pair;

    for (int i = 0; i < 2; i++) {
        pair.src.half[i] = test_random(&seed);
        pair.dst.half[i] = test_random(&seed);
    }
    return pair;
}

/* And the bucket is the same core's as over IPv4: the hash is the same. */
static void over_ipv6_too_only_the_bucket_decides(void **state) {
    (void)state;
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        for (int i = 0; i < 16; i++) {
            struct ip6_pair addresses = random_pair();
            uint32_t hash = rss_hash_ip6(&addresses, bucket_to_udp_port(bucket), 4789);

            assert_int_equal(hash & BUCKET_MASK, rss_bucket_hash(bucket) & BUCKET_MASK);
        }
}

static void replies_over_ipv6_spread_by_their_bucket(void **state) {
    (void)state;
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        struct ip6_pair one = random_pair(), other = random_pair();
        uint32_t first = rss_hash_ip6(&one, 80, (uint16_t)(1024 + bucket));
        uint32_t second = rss_hash_ip6(&other, 80, (uint16_t)(63 * 1024 + bucket));

        assert_int_equal(first & BUCKET_MASK, second & BUCKET_MASK);
    }
}

/* Three workers, so that it is not even. */
static void entries_and_buckets_are_shared(void **state) {
    uint8_t entries[ENTRIES], buckets[BUCKET_COUNT];
    uint32_t count[3] = { 0 };

    (void)state;
    rss_share(ENTRIES, 3, entries, buckets);
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        count[buckets[bucket]]++;
    for (int worker = 0; worker < 3; worker++)
        assert_in_range(count[worker], 42 * 8, 43 * 8);
}

/* What a NIC does with the key and the table it has. */
struct nic {
    uint8_t key[RSS_KEY_BYTES_MAX];
    struct rte_eth_rss_reta_entry64 table[ENTRIES / RTE_ETH_RETA_GROUP_SIZE];
};

static uint32_t nic_queue(const struct nic *nic, uint32_t src, uint32_t dst, uint16_t bucket) {
    uint32_t tuple[3] = { src, dst, (uint32_t)bucket_to_udp_port(bucket) << 16 | 4789 };
    uint32_t entry = rte_softrss(tuple, 3, nic->key) % ENTRIES;

    return nic->table[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE];
}

static uint32_t nic_queue6(const struct nic *nic, const struct ip6_pair *addresses,
                           uint16_t bucket) {
    uint32_t tuple[9], entry;

    for (int i = 0; i < 4; i++) {
        tuple[i] = rte_be_to_cpu_32(addresses->src.word[i]);
        tuple[4 + i] = rte_be_to_cpu_32(addresses->dst.word[i]);
    }
    tuple[8] = (uint32_t)bucket_to_udp_port(bucket) << 16 | 4789;
    entry = rte_softrss(tuple, 9, nic->key) % ENTRIES;
    return nic->table[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE];
}

/* net_null keeps key and table as a NIC does; it only receives nothing. */
static void start_port_for(struct nic *nic, enum ip_family family) {
    struct rte_eth_rss_conf conf = { .rss_key = nic->key, .rss_key_len = 40 };
    char error[PORT_ERROR_BYTES] = "";
    struct port port;

    assert_int_equal(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
    if (port_start(&port, WORKERS, harness.dataplane.mbufs, error) != 0)
        fail_msg("%s", error);
    assert_int_equal(port.queues, WORKERS);
    assert_int_equal(port.rss_entries, ENTRIES);
    port_spread(&port, family);
    assert_int_equal(rte_eth_dev_rss_hash_conf_get(port.id, &conf), 0);
    assert_true((conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0);
    assert_true((conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_UDP) != 0);
    for (uint32_t group = 0; group < RTE_DIM(nic->table); group++)
        nic->table[group].mask = UINT64_MAX;
    assert_int_equal(rte_eth_dev_rss_reta_query(port.id, nic->table, ENTRIES), 0);
    port_stop(&port);
    assert_int_equal(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
}

static void start_port(struct nic *nic) {
    start_port_for(nic, FAMILY_IPV4);
}

static struct frame client_frame(uint16_t port, uint16_t bucket) {
    const struct flow_spec flow = { .src = "192.0.2.77",
                                    .dst = "203.0.113.10",
                                    .src_port = port,
                                    .dst_port = 80,
                                    .protocol = FRAME_TCP,
                                    .tcp_flags = TCP_SYN };
    const struct tunnel_spec tunnel = { .bucket = bucket };

    return frame_tunnelled(&flow, &tunnel);
}

/* Everything `worker` has is of buckets that are its own. */
static void assert_own_buckets_only(uint32_t worker, uint32_t sessions) {
    const struct session_table *table = &harness.dataplane.workers[worker]->sessions;
    uint32_t open = 0;

    for (uint32_t number = 1; number <= table->capacity; number++)
        if (session_is_open(table, number)) {
            uint16_t bucket = table->sessions[number].bucket;

            assert_int_equal(harness.dataplane.owner_of_bucket[bucket], worker);
            open++;
        }
    assert_int_equal(open, sessions);
}

static void deliver_handed_over(uint32_t worker) {
    void *mbuf;

    while (rte_ring_dequeue(harness.dataplane.workers[worker]->handoff, &mbuf) == 0)
        assert_int_equal(harness_run_mbuf(&harness, worker, mbuf), 1);
}

static uint64_t handed_off(void) {
    return harness.dataplane.workers[0]->stats.handed_off +
           harness.dataplane.workers[1]->stats.handed_off;
}

static uint64_t misdirected(void) {
    return harness.dataplane.workers[0]->stats.misdirected +
           harness.dataplane.workers[1]->stats.misdirected;
}

/* A client's packet in each bucket, received where the NIC puts it, or `wrong`ly on the other
 * worker. */
static void receive_all(const struct nic *nic, uint32_t wrong) {
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        struct frame frame = client_frame((uint16_t)(40000 + bucket), bucket);
        uint32_t queue = nic_queue(nic, rte_be_to_cpu_32(ip4(frame_steering)),
                                   rte_be_to_cpu_32(ip4(frame_vtep)), bucket);

        harness_receive_burst(&harness, queue ^ wrong, &frame, 1);
        deliver_handed_over(0);
        deliver_handed_over(1);
    }
}

static void a_bucket_touches_one_core_only(void **state) {
    struct nic nic = { 0 };

    (void)state;
    start_port(&nic);
    receive_all(&nic, 0);
    assert_int_equal(handed_off(), 0);
    assert_own_buckets_only(0, BUCKET_COUNT / 2);
    assert_own_buckets_only(1, BUCKET_COUNT / 2);
}

/* The port's own key, set while it runs, brings tunnels over IPv6 to the owners of their buckets,
 * whatever the switches' address is; and back to IPv4. */
static void a_port_spreads_tunnels_of_the_family_it_is_told(void **state) {
    struct nic nic = { 0 }, before = { 0 };

    (void)state;
    start_port(&before);
    start_port_for(&nic, FAMILY_IPV6);
    assert_memory_equal(nic.table, before.table, sizeof(nic.table));
    assert_memory_not_equal(nic.key, before.key, 40);
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        struct ip6_pair addresses = random_pair();

        assert_int_equal(nic_queue6(&nic, &addresses, bucket),
                         harness.dataplane.owner_of_bucket[bucket]);
        assert_int_equal(nic_queue(&before, (uint32_t)addresses.src.word[0],
                                   (uint32_t)addresses.dst.word[0], bucket),
                         harness.dataplane.owner_of_bucket[bucket]);
    }
}

static void a_packet_on_the_wrong_core_is_handed_over(void **state) {
    struct nic nic = { 0 };

    (void)state;
    start_port(&nic);
    receive_all(&nic, 1);
    assert_int_equal(handed_off(), BUCKET_COUNT);
    assert_int_equal(misdirected(), BUCKET_COUNT);
    assert_own_buckets_only(0, BUCKET_COUNT / 2);
    assert_own_buckets_only(1, BUCKET_COUNT / 2);
    rss_watch(&harness.dataplane, harness.now_ms);
    assert_int_equal(harness.dataplane.misdirected, BUCKET_COUNT);
}

/* A port with less than it takes: no RSS at all, and nothing is misdirected that is handed over. */
static void a_port_of_one_queue_has_no_rss(void **state) {
    char error[PORT_ERROR_BYTES] = "";
    struct frame frame = client_frame(40000, harness_bucket_of(&harness, 1));
    struct port port;

    (void)state;
    assert_int_equal(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
    assert_int_equal(port_start(&port, 1, harness.dataplane.mbufs, error), 0);
    assert_int_equal(port.rss_entries, 0);
    port_stop(&port);
    assert_int_equal(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
    harness.dataplane.rss_entries = 0;
    harness_receive_burst(&harness, 0, &frame, 1);
    assert_int_equal(handed_off(), 1);
    assert_int_equal(misdirected(), 0);
}

static int set_up(void **state) {
    uint8_t entries[ENTRIES];
    struct message_service *service;

    (void)state;
    harness_start(&harness, WORKERS, 1024);
    harness.dataplane.rss_entries = ENTRIES;
    rss_share(ENTRIES, WORKERS, entries, harness.dataplane.owner_of_bucket);
    message_begin(&message);
    service =
        message_service(&message, "web", 0, "203.0.113.10", SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs1", "10.0.0.51", 8080, 1);
    harness_apply(&harness, &message);
    harness_resolve(&harness);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_stop(&harness);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_bucket_decides),
        cmocka_unit_test(replies_of_one_rs_port_spread_by_their_bucket),
        cmocka_unit_test(over_ipv6_too_only_the_bucket_decides),
        cmocka_unit_test(replies_over_ipv6_spread_by_their_bucket),
        cmocka_unit_test(entries_and_buckets_are_shared),
        cmocka_unit_test_setup_teardown(a_port_spreads_tunnels_of_the_family_it_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bucket_touches_one_core_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_on_the_wrong_core_is_handed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_port_of_one_queue_has_no_rss, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
