#include "config/config.h"

#include "testing/frame.h"
#include "testing/message.h"
#include "testing/test.h"

static struct message message;
static char reason[CONFIG_REASON_BYTES];

/* A configuration with one of everything. */
static int set_up(void **state) {
    struct message_service *service;

    (void)state;
    message_begin(&message);
    service = message_service(&message, "web", 0, "203.0.113.10", FRAME_TCP, 443);
    message_rs(&message, service, "rs1", "10.0.0.31", 8443, 1);
    message_rs(&message, service, "rs2", "10.0.0.32", 8443, 0);
    service = message_service(&message, "inner", 7001, "192.168.1.10", FRAME_UDP, 53);
    message_rs(&message, service, "vm1", "192.168.1.20", 53, 1);
    message_vpc(&message, service, 7001, "10.0.0.41");
    return 0;
}

static void accepted(void) {
    if (!config_validate(&message.config, reason))
        fail_msg("refused: %s", reason);
}

/* Refused, with a reason that has these words. */
static void refused(const char *thing, const char *why) {
    assert_false(config_validate(&message.config, reason));
    if (strstr(reason, thing) == NULL || strstr(reason, why) == NULL)
        fail_msg("\"%s\" names neither \"%s\" nor \"%s\"", reason, thing, why);
    assert_null(strchr(reason, '\n'));
}

static Sluice__Ld__V1__Service *web(void) {
    return &message.services[0].message;
}

static Sluice__Ld__V1__RealServer *rs1(void) {
    return &message.services[0].rs[0];
}

static Sluice__Ld__V1__VpcLocation *vm1_vpc(void) {
    return &message.services[1].vpc[0];
}

static void one_of_everything(void **state) {
    (void)state;
    accepted();
    message.config.n_services = 0;
    message.config.n_local_ips = 0;
    message.config.n_owned_buckets = 0;
    accepted(); /* an LD that has nothing to do yet */
}

static void fabric(void **state) {
    (void)state;
    message.config.vtep.len = 0;
    refused("vtep", "0 bytes");
    message.config.vtep = message_address(&message, "224.0.0.1");
    refused("vtep", "224.0.0.1");
    message.config.vtep = message_address(&message, "10.0.0.11");
    message.config.prefix_len = 33;
    refused("prefix_len", "33");
    message.config.prefix_len = 24;
    message.config.gateway = message_address(&message, "10.0.1.1");
    refused("gateway", "not in the fabric subnet");
    message.config.gateway = message_address(&message, "10.0.0.11");
    refused("gateway", "LD's own address");
    message.config.gateway = message_address(&message, "10.0.0.1");
    message.config.mtu_bytes = 100;
    refused("mtu_bytes", "100");
    message.config.mtu_bytes = 2001; /* more than a packet buffer holds */
    refused("mtu_bytes", "2001 is out of range (576..2000)");
    message.config.mtu_bytes = 2000;
    message.config.gateway_vtep = message_address(&message, "10.0.0.11");
    refused("gateway_vtep", "own vtep");
    message.config.gateway_vtep.len = 0;
    refused("inner", "gateway_vtep");
}

static void heartbeats(void **state) {
    (void)state;
    message_heartbeat(&message, 1, 7, 0);
    accepted();
    message_switch(&message, "10.0.0.2");
    accepted();
    message.heartbeat.ld_id = 0;
    refused("heartbeat: ld_id", "0 is out of range");
    message.heartbeat.ld_id = 65536;
    refused("heartbeat: ld_id", "65536");
    message.heartbeat.ld_id = 65535;
    message.heartbeat.interval_ms = 10001;
    refused("heartbeat: interval_ms", "10001");
    message.heartbeat.interval_ms = 10000;
    message_switch(&message, "10.0.0.2");
    refused("heartbeat: switches", "listed twice");
    message.switches[1] = message_address(&message, "10.0.0.11");
    refused("heartbeat: switches", "own vtep");
    message.switches[1].len = 3;
    refused("heartbeat: switches", "3 bytes");
    message.heartbeat.n_switches = 65;
    refused("heartbeat: switches", "65");
    message.heartbeat.n_switches = 1;
    message.config.epoch = 1ULL << 32;
    refused("heartbeat: epoch", "4294967296");
    message.config.heartbeat = NULL;
    accepted();
}

/* Everything IPv6 can be IPv6, and says what it needs for that. */
static void ipv6(void **state) {
    (void)state;
    web()->vip = message_address(&message, "2001:db8::10");
    refused("web", "no IPv6 on the fabric");
    message_ipv6(&message, "fd00:10::11", 64, "fd00:10::1");
    accepted(); /* NAT64: its servers are IPv4 */
    web()->real_servers[0]->address = message_address(&message, "fd00:20::31");
    refused("web", "no local IP of its family");
    message_local_ip(&message, "fd00:18::1");
    accepted();
    web()->vip = message_address(&message, "203.0.113.10");
    refused("web", "not the other way round");
    web()->vip = message_address(&message, "fd00:18::1");
    refused("web", "one of the local_ips");
    web()->vip = message_address(&message, "fe80::10");
    refused("web", "not a unicast host address");
    web()->vip = message_address(&message, "::ffff:203.0.113.10");
    refused("web", "give its 4 bytes");
    web()->vip.len = 5;
    refused("web", "5 bytes");
}

static void ipv6_fabric(void **state) {
    (void)state;
    message_ipv6(&message, "fd00:10::11", 64, "fe80::1");
    accepted();
    message.ipv6.gateway = message_address(&message, "fd00:11::1");
    refused("ipv6: gateway", "not in the fabric subnet fd00:10::11/64");
    message.ipv6.gateway = message_address(&message, "fd00:10::11");
    refused("ipv6: gateway", "LD's own");
    message.ipv6.gateway = message_address(&message, "10.0.0.1");
    refused("ipv6: gateway", "4 bytes");
    message.ipv6.gateway = message_address(&message, "fd00:10::1");
    message.ipv6.address = message_address(&message, "ff02::1");
    refused("ipv6: address", "not a unicast");
    message.ipv6.address = message_address(&message, "fd00:10::11");
    message.config.mtu_bytes = 1279;
    refused("mtu_bytes", "1279");
}

/* All ends of tunnels are of the vtep's family, and the LD's IPv6 address is the vtep itself. */
static void underlay_of_ipv6(void **state) {
    ProtobufCBinaryData entry = message_address(&message, "fd00:99::9");

    (void)state;
    message.config.vtep = message_address(&message, "fd00:10::11");
    message.config.prefix_len = 64;
    refused("gateway", "4 bytes (IPv6 has 16)");
    message.config.gateway = message_address(&message, "fd00:11::1");
    refused("gateway", "not in the fabric subnet fd00:10::11/64");
    message.config.gateway = message_address(&message, "fd00:10::11");
    refused("gateway", "LD's own address");
    message.config.gateway = message_address(&message, "fe80::1");
    refused("gateway_vtep", "10.0.0.2 is IPv4, but the vtep fd00:10::11 is not");
    message.config.gateway_vtep = message_address(&message, "fd00:10::2");
    refused("vm1", "10.0.0.41 is IPv4");
    vm1_vpc()->host_vtep = message.config.vtep;
    refused("vm1", "own vtep");
    vm1_vpc()->host_vtep = message_address(&message, "fd00:20::41");
    accepted();
    message.config.prefix_len = 128;
    refused("prefix_len", "128");
    message.config.prefix_len = 64;
    message.config.mtu_bytes = 1279;
    refused("mtu_bytes", "1279");
    message.config.mtu_bytes = 0;
    message_ipv6(&message, "fd00:10::12", 64, "fd00:10::1");
    refused("ipv6", "the LD's IPv6 address already");
    message.config.ipv6 = NULL;
    message_heartbeat(&message, 1, 7, 0);
    message_switch(&message, "10.0.0.2");
    refused("heartbeat: switches", "10.0.0.2 is IPv4");
    message.switches[0] = message_address(&message, "fd00:10::1");
    accepted();
    message.config.n_return_tunnels = 1;
    message.config.return_tunnels = &entry;
    accepted();
    web()->vip = message_address(&message, "2001:db8::10");
    accepted(); /* what the LD needs for IPv6, it has */
    message_cluster(&message, 1);
    message_assign(&message, 0, 1023, 1, 0);
    accepted();
    message_ld(&message, 2, "10.0.0.12");
    refused("cluster: LD 2", "a vtep of 4 bytes, but the LD's own one has 16");
}

static void return_tunnels(void **state) {
    ProtobufCBinaryData tunnels[2] = { message_address(&message, "10.0.0.9"),
                                       message_address(&message, "10.9.9.9") };

    (void)state;
    message.config.n_return_tunnels = 2;
    message.config.return_tunnels = tunnels;
    accepted();
    tunnels[1] = tunnels[0];
    refused("return_tunnels", "10.0.0.9 is listed twice");
    tunnels[1] = message.config.vtep;
    refused("return_tunnels", "the LD's own vtep");
    tunnels[1] = message_address(&message, "fd00::1");
    refused("return_tunnels", "fd00::1 is IPv6, but the vtep 10.0.0.11 is not");
}

static void local_ips(void **state) {
    (void)state;
    message_local_ip(&message, "198.18.1.1");
    refused("198.18.1.1", "twice");
    message.config.n_local_ips = 1;
    message_local_ip(&message, "10.0.0.11");
    refused("10.0.0.11", "vtep");
    message.config.n_local_ips = 1;
    message_local_ip(&message, "203.0.113.10");
    refused("web", "local_ips");
    message.config.n_local_ips = 0;
    refused("local_ips", "no local IP");
    for (int i = 0; i < 65; i++) {
        char address[32];

        snprintf(address, sizeof(address), "198.18.2.%d", i + 1);
        message_local_ip(&message, address);
    }
    refused("local_ips", "more than 64");
}

static void buckets(void **state) {
    (void)state;
    message.buckets[0].last = 1024;
    refused("owned_buckets", "1024");
    message.buckets[0].last = 511;
    message_buckets(&message, 511, 1023);
    refused("owned_buckets", "511..1023");
    message.buckets[1].first = 512;
    accepted();
    message.buckets[1].first = 700;
    message.buckets[1].last = 600;
    refused("owned_buckets", "700..600");
    message.buckets[0].first = 800;
    message.buckets[0].last = 900;
    message.buckets[1].first = 10;
    message.buckets[1].last = 20;
    refused("owned_buckets", "ascending");
}

static void services(void **state) {
    (void)state;
    web()->port = 0;
    refused("web", "port 0");
    web()->port = 70000;
    refused("web", "70000");
    web()->port = 443;
    web()->vni = 1 << 24;
    refused("web", "vni");
    web()->vni = 0;
    web()->protocol = (Sluice__Ld__V1__IpProtocol)132;
    refused("web", "132");
    web()->protocol = SLUICE__LD__V1__IP_PROTOCOL__TCP;
    web()->scheduler = (Sluice__Ld__V1__Scheduler)9;
    refused("web", "scheduler 9");
    web()->scheduler = SLUICE__LD__V1__SCHEDULER__SCHEDULER_UNSPECIFIED;
    refused("web", "scheduler 0");
    web()->scheduler = SLUICE__LD__V1__SCHEDULER__WEIGHTED_ROUND_ROBIN;
    web()->vip = message_address(&message, "10.0.0.11");
    refused("web", "LD's own");
    web()->vip = message_address(&message, "203.0.113.10");
    web()->name = (char *)"";
    refused("service", "no name");
}

static void schedulers(void **state) {
    (void)state;
    web()->scheduler = SLUICE__LD__V1__SCHEDULER__FLOW_HASH;
    accepted();
    web()->source_prefix_len = 24;
    refused("web", "SOURCE_HASH only");
    web()->scheduler = SLUICE__LD__V1__SCHEDULER__SOURCE_HASH;
    accepted();
    web()->source_prefix_len = 33;
    refused("web", "source_prefix_len: 33");
    web()->source_prefix_len = 32;
    web()->source_prefix_len_v6 = 129;
    refused("web", "source_prefix_len_v6: 129");
}

static void limits(void **state) {
    Sluice__Ld__V1__Limit *limit;

    (void)state;
    web()->limit = (char *)"gold";
    refused("web", "limit \"gold\"");
    limit = message_limit(&message);
    refused("limit \"gold\"", "nothing");
    limit->sessions = 5;
    accepted();
    limit->bandwidth_in_bps = 1999;
    refused("limit \"gold\": bandwidth", "1999");
    limit->bandwidth_in_bps = 0;
    limit->name = (char *)"";
    refused("limits", "empty");
    limit->name = (char *)"gold";
    message_priority_port(&message, FRAME_TCP, 0);
    refused("priority_ports", "0");
    message_priority_port(&message, 1, 22);
    refused("priority_ports", "protocol 1");
}

static void access_lists(void **state) {
    (void)state;
    message_prefix(&message, &message.services[0], true, "10.1.0.0", 16);
    message_prefix(&message, &message.services[0], false, "10.1.2.0", 24);
    accepted();
    message.services[0].prefixes[false][0].len = 23;
    accepted();
    message.services[0].prefixes[false][0].len = 22;
    refused("web\": block", "bits behind");
    message.services[0].prefixes[false][0].len = 33;
    refused("web\": block", "33 bits");
    message.services[0].prefixes[false][0].len = 24;
    message_prefix(&message, &message.services[0], false, "10.1.0.0", 16);
    refused("web", "listed twice");
    message.services[0].prefixes[false][1].address.len = 5;
    refused("web\": block", "5 bytes");
}

/* One prefix in two spellings would be told apart, and be as many levels in the list. */
static void access_lists_have_ipv4_in_4_bytes(void **state) {
    (void)state;
    message_prefix(&message, &message.services[0], true, "::ffff:10.1.0.0", 112);
    refused("web\": allow", "give its 4 bytes");
    message.services[0].prefixes[true][0].address = message_address(&message, "::");
    message.services[0].prefixes[true][0].len = 0;
    accepted();
}

static void client_addresses(void **state) {
    (void)state;
    web()->client_address = SLUICE__LD__V1__CLIENT_ADDRESS__TOA;
    accepted();
    web()->protocol = SLUICE__LD__V1__IP_PROTOCOL__UDP;
    refused("web", "TOA is an option of TCP");
    web()->client_address = SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2;
    accepted();
    web()->client_address = (Sluice__Ld__V1__ClientAddress)3;
    refused("web", "client_address 3");
    web()->client_address = SLUICE__LD__V1__CLIENT_ADDRESS__CLIENT_ADDRESS_NOT_TOLD;
    web()->syn_cookie_threshold_per_s = 1;
    refused("web", "only TCP");
}

static void duplicate_services(void **state) {
    struct message_service *again =
        message_service(&message, "again", 0, "203.0.113.10", FRAME_TCP, 443);

    (void)state;
    refused("203.0.113.10:443", "another service");
    again->message.protocol = SLUICE__LD__V1__IP_PROTOCOL__UDP;
    accepted();
    again->message.protocol = SLUICE__LD__V1__IP_PROTOCOL__TCP;
    again->message.vni = 5; /* VPCs overlap */
    accepted();
    again->message.name = (char *)"web";
    refused("web", "name");
}

static void real_servers(void **state) {
    (void)state;
    rs1()->port = 0;
    refused("rs1", "port 0");
    rs1()->port = 65536;
    refused("rs1", "65536");
    rs1()->port = 8443;
    rs1()->weight = 65536;
    refused("rs1", "weight");
    rs1()->weight = 1;
    rs1()->address = message_address(&message, "198.18.1.1");
    refused("rs1", "loop");
    rs1()->address = message_address(&message, "10.0.0.32");
    refused("rs", "10.0.0.32:8443");
    rs1()->address = message_address(&message, "10.0.0.31");
    rs1()->name = (char *)"rs2";
    refused("rs2", "twice");
    rs1()->name = (char *)"";
    refused("web", "no name");
}

static void no_weight_at_all_is_fine(void **state) {
    (void)state;
    rs1()->weight = 0;
    accepted();
    web()->n_real_servers = 0;
    accepted();
}

static void vpc_locations(void **state) {
    (void)state;
    vm1_vpc()->vni = 0;
    refused("vm1", "vni 0");
    vm1_vpc()->vni = 1 << 24;
    refused("vm1", "vni");
    vm1_vpc()->vni = 7001;
    vm1_vpc()->host_vtep = message_address(&message, "10.0.0.11");
    refused("vm1", "own vtep");
    vm1_vpc()->host_vtep = message_address(&message, "10.0.0.41");
    vm1_vpc()->mac.len = 5;
    refused("vm1", "5 bytes");
    vm1_vpc()->mac.len = 6;
    vm1_vpc()->mac.data[0] = 0x01;
    refused("vm1", "MAC");
}

static void timeouts(void **state) {
    Sluice__Ld__V1__Timeouts own;

    (void)state;
    sluice__ld__v1__timeouts__init(&message.timeouts);
    message.config.timeouts = &message.timeouts;
    accepted();
    message.timeouts.udp_ms = UINT32_MAX;
    refused("udp_ms", "out of range");
    message.timeouts.udp_ms = 0;
    message.timeouts.syn_ack_ms = UINT32_MAX;
    refused("timeouts: syn_ack_ms", "out of range");
    message.timeouts.syn_ack_ms = 0;
    sluice__ld__v1__timeouts__init(&own);
    web()->timeouts = &own;
    accepted();
    own.fin_wait_ms = UINT32_MAX;
    refused("service \"web\": timeouts: fin_wait_ms", "out of range");
}

static void health_checks(void **state) {
    Sluice__Ld__V1__HealthCheck check = SLUICE__LD__V1__HEALTH_CHECK__INIT;
    Sluice__Ld__V1__HttpCheck http = SLUICE__LD__V1__HTTP_CHECK__INIT;
    Sluice__Ld__V1__PassiveCheck passive = SLUICE__LD__V1__PASSIVE_CHECK__INIT;

    (void)state;
    web()->health_check = &check;
    check.kind = SLUICE__LD__V1__HEALTH_CHECK__KIND__TCP;
    check.interval_ms = 1000;
    check.timeout_ms = 500;
    check.rise = check.fall = 3;
    accepted();
    check.interval_ms = 99;
    refused("service \"web\": health_check: interval_ms", "out of range (100..600000)");
    check.interval_ms = 1000;
    check.fall = 0;
    refused("health_check: fall", "out of range");
    check.fall = 3;
    check.kind = SLUICE__LD__V1__HEALTH_CHECK__KIND__HTTP;
    refused("health_check: http", "is missing");
    check.http = &http;
    http.path = (char *)(uintptr_t) "health";
    http.host = (char *)(uintptr_t) "web.example";
    http.status_min = 200;
    http.status_max = 299;
    refused("health_check: http", "begins with a slash");
    http.path = (char *)(uintptr_t) "/health";
    accepted();
    http.status_max = 199;
    refused("health_check: status_max", "out of range (200..599)");
    http.status_max = 299;
    check.kind = SLUICE__LD__V1__HEALTH_CHECK__KIND__ICMP;
    refused("health_check: http", "HTTP and HTTPS only");
    check.http = NULL;
    check.kind = (Sluice__Ld__V1__HealthCheck__Kind)9;
    refused("health_check: kind", "out of range");
    check.kind = SLUICE__LD__V1__HEALTH_CHECK__KIND__NONE;
    check.passive = &passive;
    refused("health_check: unanswered", "out of range");
    passive.unanswered = 5;
    passive.suspect_ms = 10000;
    accepted();
    web()->protocol = SLUICE__LD__V1__IP_PROTOCOL__UDP;
    refused("health_check: passive", "only TCP");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(one_of_everything),
        CASE(fabric),
        CASE(heartbeats),
        CASE(local_ips),
        CASE(ipv6),
        CASE(ipv6_fabric),
        CASE(underlay_of_ipv6),
        CASE(return_tunnels),
        CASE(buckets),
        CASE(services),
        CASE(schedulers),
        CASE(limits),
        CASE(access_lists),
        CASE(access_lists_have_ipv4_in_4_bytes),
        CASE(client_addresses),
        CASE(duplicate_services),
        CASE(real_servers),
        CASE(vpc_locations),
        CASE(no_weight_at_all_is_fine),
        CASE(timeouts),
        CASE(health_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
