/* The NIC is one of the test's own, as rte_flow shows it: it takes rules, or refuses them, and says
 * which queue a packet comes to. */
#include "forward/local_ip_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>

#include "testing/harness.h"
#include "testing/test.h"

enum {
    WORKERS = 2,
    RS_PORT = 8080,
    PORT = 3,
};

struct rte_flow {
    enum rte_flow_item_type family;
    rte_be32_t address; /* the last four bytes of IPv6 */
    uint16_t queue;
};

static struct nic {
    struct rte_flow rules[2 * LOCAL_IPS_MAX];
    uint32_t count;
    uint32_t room;
    bool ipv6;
    uint32_t created;
} nic;

static struct harness harness;
static struct message message;

static int refuse(struct rte_flow_error *error, const char *why) {
    return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, NULL, why);
}

/* Exactly what a local IP's rule is, and nothing more general. */
static int read_rule(const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
                     const struct rte_flow_action actions[], struct rte_flow *rule,
                     struct rte_flow_error *error) {
    assert_int_equal(attr->ingress, 1);
    assert_int_equal(pattern[0].type, RTE_FLOW_ITEM_TYPE_ETH);
    assert_null(pattern[0].spec);
    assert_int_equal(pattern[2].type, RTE_FLOW_ITEM_TYPE_END);
    assert_int_equal(actions[0].type, RTE_FLOW_ACTION_TYPE_QUEUE);
    assert_int_equal(actions[1].type, RTE_FLOW_ACTION_TYPE_END);
    rule->family = pattern[1].type;
    rule->queue = ((const struct rte_flow_action_queue *)actions[0].conf)->index;
    assert_in_range(rule->queue, 0, WORKERS - 1);
    if (rule->family == RTE_FLOW_ITEM_TYPE_IPV4) {
        const struct rte_flow_item_ipv4 *spec = pattern[1].spec, *mask = pattern[1].mask;
        const struct rte_ipv4_hdr wanted = { .dst_addr = RTE_BE32(UINT32_MAX) };

        assert_memory_equal(&mask->hdr, &wanted, sizeof(wanted));
        rule->address = spec->hdr.dst_addr;
        return 0;
    }
    assert_int_equal(rule->family, RTE_FLOW_ITEM_TYPE_IPV6);
    memcpy(&rule->address, ((const struct rte_flow_item_ipv6 *)pattern[1].spec)->hdr.dst_addr + 12,
           sizeof(rule->address));
    return nic.ipv6 ? 0 : refuse(error, "no IPv6");
}

static int nic_validate(uint16_t port_id, const struct rte_flow_attr *attr,
                        const struct rte_flow_item pattern[],
                        const struct rte_flow_action actions[], struct rte_flow_error *error) {
    struct rte_flow rule;

    assert_int_equal(port_id, PORT);
    return nic.room == 0 ? refuse(error, "no rules")
                         : read_rule(attr, pattern, actions, &rule, error);
}

static struct rte_flow *nic_create(uint16_t port_id, const struct rte_flow_attr *attr,
                                   const struct rte_flow_item pattern[],
                                   const struct rte_flow_action actions[],
                                   struct rte_flow_error *error) {
    struct rte_flow *made = malloc(sizeof(*made));

    assert_non_null(made);
    if (nic_validate(port_id, attr, pattern, actions, error) == 0 && nic.count < nic.room &&
        read_rule(attr, pattern, actions, made, error) == 0) {
        nic.rules[nic.count++] = *made;
        nic.created++;
        return made;
    }
    refuse(error, "full");
    free(made);
    return NULL;
}

static int nic_destroy(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error) {
    (void)error;
    assert_int_equal(port_id, PORT);
    for (uint32_t i = 0; i < nic.count; i++)
        if (nic.rules[i].address == flow->address && nic.rules[i].family == flow->family) {
            nic.rules[i] = nic.rules[--nic.count];
            free(flow);
            return 0;
        }
    fail_msg("a rule is taken back that the NIC does not have");
    return -1;
}

static const struct flow_driver nic_driver = { nic_validate, nic_create, nic_destroy };

/* Without a rule RSS decides, by ports: here it is always wrong. */
static uint32_t nic_queue(rte_be32_t destination, uint32_t owner) {
    for (uint32_t i = 0; i < nic.count; i++)
        if (nic.rules[i].family == RTE_FLOW_ITEM_TYPE_IPV4 && nic.rules[i].address == destination)
            return nic.rules[i].queue;
    return 1 - owner;
}

static void begin(uint32_t room, bool ipv6) {
    struct message_service *service;

    nic = (struct nic){ .room = room, .ipv6 = ipv6 };
    harness_start(&harness, WORKERS, 1024);
    local_ip_rules_init(&harness.dataplane.local_ip_rules, &nic_driver, PORT, WORKERS, WORKERS);
    message_begin(&message);
    message.config.gateway_vtep = (ProtobufCBinaryData){ 0 };
    message_local_ip(&message, "198.18.1.2");
    message_local_ip(&message, "198.18.1.3");
    message_local_ip(&message, "198.18.1.4");
    service = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 80);
    message_rs(&message, service, "rs1", "10.0.0.51", RS_PORT, 1);
}

static void apply(void) {
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

static int tear_down(void **state) {
    (void)state;
    local_ip_rules_free(&harness.dataplane.local_ip_rules);
    assert_int_equal(nic.count, 0);
    harness_stop(&harness);
    return 0;
}

static uint64_t handed_off(void) {
    return harness.dataplane.workers[0]->stats.handed_off +
           harness.dataplane.workers[1]->stats.handed_off;
}

static void deliver_handed_over(void) {
    void *mbuf;

    for (uint32_t id = 0; id < WORKERS; id++)
        while (rte_ring_dequeue(harness.dataplane.workers[id]->handoff, &mbuf) == 0)
            harness_run_mbuf(&harness, id, mbuf);
}

static void answer(uint32_t owner, const struct frame *sent) {
    const struct frame_view view = frame_view(sent);
    char local_ip[INET_ADDRSTRLEN];
    const struct flow_spec flow = {
        .src = "10.0.0.51",
        .dst = inet_ntop(AF_INET, &view.ip->src_addr, local_ip, sizeof(local_ip)),
        .src_port = RS_PORT,
        .dst_port = rte_be_to_cpu_16(view.tcp->src_port),
        .protocol = FRAME_TCP,
        .tcp_flags = TCP_SYN | TCP_ACK,
    };
    const struct frame frame = frame_plain(&flow);

    harness_receive_burst(&harness, nic_queue(view.ip->src_addr, owner), &frame, 1);
    deliver_handed_over();
    assert_int_equal(harness.sent_count, 1);
}

/* Sessions of both workers, and an answer to each. @return how many answers were handed over */
static uint64_t answers_handed_over(void) {
    uint64_t handed = 0;

    for (uint16_t port = 40000; port < 40200; port++) {
        const struct flow_spec flow = { .src = "192.0.2.77",
                                        .dst = "203.0.113.10",
                                        .src_port = port,
                                        .dst_port = 80,
                                        .protocol = FRAME_TCP,
                                        .tcp_flags = TCP_SYN };
        const struct frame frame = frame_plain(&flow);
        uint64_t before = handed_off();
        uint32_t owner = 0;
        struct frame sent;

        harness_receive_burst(&harness, 0, &frame, 1);
        if (handed_off() != before) {
            owner = 1;
            deliver_handed_over();
        }
        assert_int_equal(harness.sent_count, 1);
        sent = harness.sent[0];
        before = handed_off();
        answer(owner, &sent);
        handed += handed_off() - before;
    }
    assert_true(harness.dataplane.workers[0]->sessions.active > 50);
    assert_true(harness.dataplane.workers[1]->sessions.active > 50);
    return handed;
}

static void answers_come_to_their_worker(void **state) {
    (void)state;
    begin(LOCAL_IPS_MAX, false);
    apply();
    assert_int_equal(nic.count, 4);
    assert_int_equal(local_ip_rules_count(&harness.dataplane.local_ip_rules), 4);
    assert_int_equal(answers_handed_over(), 0);
}

static void rules_follow_the_configuration(void **state) {
    (void)state;
    begin(LOCAL_IPS_MAX, false);
    apply();
    apply();
    assert_int_equal(nic.created, 4); /* what stays is left alone */
    message.config.n_local_ips = 3;
    message_local_ip(&message, "198.18.1.9");
    apply();
    assert_int_equal(nic.created, 5);
    assert_int_equal(nic.count, 4);
    assert_int_equal(nic_queue(ip4("198.18.1.9"), 0), nic_queue(ip4("198.18.1.2"), 0));
    assert_int_equal(answers_handed_over(), 0);
    message.config.n_local_ips = 1; /* fewer than workers */
    apply();
    assert_int_equal(nic.count, 0);
    assert_false(harness.dataplane.snapshot->local_ips_shared[FAMILY_IPV4]);
}

static void behind_a_switch_there_are_none(void **state) {
    (void)state;
    begin(LOCAL_IPS_MAX, false);
    message.config.gateway_vtep = message_address(&message, "10.0.0.2");
    apply();
    assert_int_equal(nic.created, 0);
}

static void a_port_that_cannot_is_left_alone(void **state) {
    (void)state;
    begin(0, false);
    apply();
    assert_int_equal(nic.created, 0);
    assert_int_equal(answers_handed_over(), 200);
}

/* It has said yes, and has room for three of four. */
static void a_port_that_fails_later_gets_none(void **state) {
    (void)state;
    begin(3, false);
    apply();
    assert_int_equal(nic.created, 3);
    assert_int_equal(nic.count, 0);
    assert_int_equal(answers_handed_over(), 200);
    apply();
    assert_int_equal(nic.created, 3); /* it is not asked again */
}

static void families_are_told_apart(void **state) {
    begin(2 * LOCAL_IPS_MAX, true);
    message_ipv6(&message, "fd00:10::11", 64, "fd00:10::1");
    message_local_ip(&message, "fd00:18::1");
    message_local_ip(&message, "fd00:18::2");
    apply();
    assert_int_equal(nic.count, 6);
    tear_down(state);
    begin(2 * LOCAL_IPS_MAX, false);
    message_ipv6(&message, "fd00:10::11", 64, "fd00:10::1");
    message_local_ip(&message, "fd00:18::1");
    message_local_ip(&message, "fd00:18::2");
    apply();
    assert_int_equal(nic.count, 4);
    assert_true(harness.dataplane.snapshot->local_ips_shared[FAMILY_IPV4]);
    assert_false(harness.dataplane.snapshot->local_ips_shared[FAMILY_IPV6]);
}

/* DPDK's own function, of a driver without rte_flow. */
static void net_null_has_no_rules(void **state) {
    struct local_ip_rules rules;

    (void)state;
    begin(0, false);
    assert_int_equal(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
    local_ip_rules_init(&rules, &flow_driver_dpdk, (uint16_t)rte_eth_find_next(0), WORKERS,
                        WORKERS);
    assert_false(rules.possible[FAMILY_IPV4]);
    assert_false(rules.possible[FAMILY_IPV6]);
    assert_int_equal(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(answers_come_to_their_worker),
        CASE(rules_follow_the_configuration),
        CASE(behind_a_switch_there_are_none),
        CASE(a_port_that_cannot_is_left_alone),
        CASE(a_port_that_fails_later_gets_none),
        CASE(families_are_told_apart),
        CASE(net_null_has_no_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
