#include "forward/local_ip_rules.h"

#include <string.h>

#include <rte_errno.h>
#include <rte_ip.h>

#include "log.h"

const struct flow_driver flow_driver_dpdk = {
    .validate = rte_flow_validate,
    .create = rte_flow_create,
    .destroy = rte_flow_destroy,
};

static const char *const family_names[FAMILY_COUNT] = {
    [FAMILY_IPV4] = "IPv4",
    [FAMILY_IPV6] = "IPv6",
};

/* "Whatever is sent to this address, into this queue". */
struct rule {
    struct rte_flow_attr attr;
    struct rte_flow_item_ipv4 ipv4, ipv4_mask;
    struct rte_flow_item_ipv6 ipv6, ipv6_mask;
    struct rte_flow_item pattern[3];
    struct rte_flow_action_queue queue;
    struct rte_flow_action actions[2];
};

/* It points into itself. */
static void describe(struct rule *rule, const struct ip_address *address, uint32_t queue) {
    memset(rule, 0, sizeof(*rule));
    rule->attr.ingress = 1;
    rule->pattern[0].type = RTE_FLOW_ITEM_TYPE_ETH;
    rule->pattern[2].type = RTE_FLOW_ITEM_TYPE_END;
    if (ip_family(address) == FAMILY_IPV4) {
        rule->ipv4.hdr.dst_addr = ip_to_v4(address);
        rule->ipv4_mask.hdr.dst_addr = RTE_BE32(UINT32_MAX);
        rule->pattern[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV4,
            .spec = &rule->ipv4,
            .mask = &rule->ipv4_mask,
        };
    } else {
        memcpy(rule->ipv6.hdr.dst_addr, address->bytes, sizeof(rule->ipv6.hdr.dst_addr));
        memset(rule->ipv6_mask.hdr.dst_addr, 0xff, sizeof(rule->ipv6_mask.hdr.dst_addr));
        rule->pattern[1] = (struct rte_flow_item){
            .type = RTE_FLOW_ITEM_TYPE_IPV6,
            .spec = &rule->ipv6,
            .mask = &rule->ipv6_mask,
        };
    }
    rule->queue.index = (uint16_t)queue;
    rule->actions[0] = (struct rte_flow_action){
        .type = RTE_FLOW_ACTION_TYPE_QUEUE,
        .conf = &rule->queue,
    };
    rule->actions[1].type = RTE_FLOW_ACTION_TYPE_END;
}

static const char *reason_of(const struct rte_flow_error *error, int status) {
    return error->message != NULL ? error->message : rte_strerror(status);
}

/* Of the address's family, by an address that is nobody's (RFC 5737, RFC 3849). */
static bool can_steer(const struct local_ip_rules *rules, const struct ip_address *example) {
    struct rte_flow_error error = { 0 };
    struct rule rule;
    int status;

    describe(&rule, example, rules->workers - 1);
    status =
        rules->driver->validate(rules->port_id, &rule.attr, rule.pattern, rule.actions, &error);
    log_info("port: rte_flow for local IPs of %s: %s", family_names[ip_family(example)],
             status == 0 ? "yes" : reason_of(&error, -status));
    return status == 0;
}

void local_ip_rules_init(struct local_ip_rules *rules, const struct flow_driver *driver,
                         uint16_t port_id, uint32_t queues, uint32_t workers) {
    static const uint8_t example_bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    const struct ip_address example = ip_from_v4(RTE_BE32(0xc0000201u)); /* 192.0.2.1 */
    const struct ip_address example_v6 = ip_from_v6(example_bytes);

    memset(rules, 0, sizeof(*rules));
    rules->driver = driver;
    rules->port_id = port_id;
    rules->workers = workers;
    if (workers < 2 || queues < workers)
        return;
    rules->possible[FAMILY_IPV4] = can_steer(rules, &example);
    rules->possible[FAMILY_IPV6] = can_steer(rules, &example_v6);
}

static void take_back(struct local_ip_rules *rules, struct local_ip_rule *rule) {
    struct rte_flow_error error = { 0 };

    if (rule->flow == NULL)
        return;
    if (rules->driver->destroy(rules->port_id, rule->flow, &error) != 0)
        log_warning("port: a rule for a local IP stays: %s (packets to it are handed over)",
                    reason_of(&error, rte_errno));
    rule->flow = NULL;
}

static void take_back_all(struct local_ip_rules *rules, enum ip_family family) {
    for (uint32_t slot = 0; slot < LOCAL_IPS_MAX; slot++)
        take_back(rules, &rules->rules[family][slot]);
}

static bool make(struct local_ip_rules *rules, enum ip_family family, uint32_t slot,
                 const struct ip_address *address) {
    struct local_ip_rule *made = &rules->rules[family][slot];
    struct rte_flow_error error = { 0 };
    struct rule rule;

    describe(&rule, address, slot % rules->workers);
    made->address = *address;
    made->flow =
        rules->driver->create(rules->port_id, &rule.attr, rule.pattern, rule.actions, &error);
    if (made->flow != NULL)
        return true;
    log_warning("port: no rule for local IP %u of %s: %s (packets to local IPs are handed over "
                "from now on)",
                slot, family_names[family], reason_of(&error, rte_errno));
    return false;
}

/* Old rules go first: a NIC may have room for no more. */
static bool follow(struct local_ip_rules *rules, enum ip_family family,
                   const struct local_ip_set *ips) {
    for (uint32_t slot = 0; slot < LOCAL_IPS_MAX; slot++)
        if ((ips->slots >> slot & 1) == 0 ||
            !ip_equal(&rules->rules[family][slot].address, &ips->address[slot]))
            take_back(rules, &rules->rules[family][slot]);
    for (uint32_t slot = 0; slot < LOCAL_IPS_MAX; slot++)
        if ((ips->slots >> slot & 1) != 0 && rules->rules[family][slot].flow == NULL &&
            !make(rules, family, slot, &ips->address[slot]))
            return false;
    return true;
}

static bool everyone_has_one(const struct local_ip_set *ips, uint32_t workers) {
    for (uint32_t id = 0; id < workers; id++)
        if ((ips->slots & local_ip_share(id, workers)) == 0)
            return false;
    return true;
}

void local_ip_rules_follow(struct local_ip_rules *rules, struct snapshot *snapshot) {
    for (int family = 0; family < FAMILY_COUNT; family++) {
        const struct local_ip_set *ips = &snapshot->local_ips[family];
        bool shared = rules->possible[family] && snapshot->gateway_vtep_hop == NULL &&
                      everyone_has_one(ips, rules->workers);

        if (shared && !follow(rules, (enum ip_family)family, ips))
            shared = rules->possible[family] = false;
        if (!shared)
            take_back_all(rules, (enum ip_family)family);
        snapshot->local_ips_shared[family] = shared;
    }
}

void local_ip_rules_free(struct local_ip_rules *rules) {
    for (int family = 0; family < FAMILY_COUNT; family++)
        take_back_all(rules, (enum ip_family)family);
}

uint32_t local_ip_rules_count(const struct local_ip_rules *rules) {
    uint32_t count = 0;

    for (int family = 0; family < FAMILY_COUNT; family++)
        for (uint32_t slot = 0; slot < LOCAL_IPS_MAX; slot++)
            count += rules->rules[family][slot].flow != NULL;
    return count;
}

uint64_t local_ip_share(uint32_t worker, uint32_t workers) {
    uint64_t share = 0;

    for (uint32_t slot = worker; slot < LOCAL_IPS_MAX; slot += workers)
        share |= 1ULL << slot;
    return share;
}
