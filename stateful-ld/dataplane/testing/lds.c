#include "testing/lds.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "packet/vxlan.h"
#include "replicate/replicate.h"
#include "testing/test.h"

enum {
    IN_FLIGHT_MAX = 4096,
};

const char *const vtep[LDS_MAX] = { "10.0.0.11", "10.0.0.12", "10.0.0.13" };
struct harness ld[LDS_MAX];
struct message messages[LDS_MAX];
uint64_t now_ms;
struct lds_network network;

static bool runs[LDS_MAX];

/* What is on its way. */
static struct on_its_way {
    struct frame frame;
    uint64_t due_ms;
    int to; /* -1: unused */
} * wire;

uint32_t lds_roll(uint32_t sides) {
    network.random = network.random * 1664525 + 1013904223;
    return (network.random >> 8) % sides;
}

static int ld_at(rte_be32_t address) {
    for (int i = 0; i < LDS_MAX; i++)
        if (ip4(vtep[i]) == address)
            return i;
    return -1;
}

static void carry(const struct frame *frame, int to) {
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        if (wire[i].to >= 0)
            continue;
        wire[i] = (struct on_its_way){ *frame, now_ms + lds_roll(network.delay_max_ms + 1), to };
        return;
    }
    fail_msg("the network is full");
}

/* What an LD tells another one; the rest is clients' and RSs'. */
static void take_sent(int from) {
    for (uint32_t i = 0; i < ld[from].sent_count; i++) {
        struct frame_view view = frame_view(&ld[from].sent[i]);
        int to;

        if (view.udp == NULL || view.udp->dst_port != htons(UDP_PORT_REPLICATION))
            continue;
        to = ld_at(view.ip->dst_addr);
        assert_true(to >= 0 && to != from);
        if (network.cut || (network.mute >> from & 1) != 0 || !runs[to] ||
            lds_roll(100) < network.loss_percent)
            continue;
        carry(&ld[from].sent[i], to);
        if (lds_roll(100) < network.repeat_percent)
            carry(&ld[from].sent[i], to);
    }
}

static void receive(int to, const struct frame *frame) {
    struct frame delivered = *frame;
    struct rte_mbuf *mbuf;

    memcpy(delivered.bytes, &frame_ld_mac, sizeof(frame_ld_mac));
    harness_receive(&ld[to], &delivered);
    take_sent(to);
    for (uint32_t id = 0; id < ld[to].dataplane.worker_count; id++)
        while (rte_ring_dequeue(ld[to].dataplane.workers[id]->handoff, (void **)&mbuf) == 0) {
            harness_run_mbuf(&ld[to], id, mbuf);
            take_sent(to);
        }
}

static void deliver_due(void) {
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        int to = wire[i].to;

        if (to < 0 || wire[i].due_ms > now_ms)
            continue;
        wire[i].to = -1;
        if (runs[to])
            receive(to, &wire[i].frame);
    }
}

void lds_pass(uint32_t ms) {
    for (; ms > 0; ms--) {
        now_ms++;
        for (int i = 0; i < LDS_MAX; i++) {
            if (!runs[i])
                continue;
            ld[i].now_ms = now_ms;
            for (uint32_t id = 0; id < ld[i].dataplane.worker_count; id++) {
                harness_poll(&ld[i], id);
                take_sent(i);
            }
        }
        deliver_due();
    }
}

bool lds_online(int which) {
    return replicate_online(&ld[which].dataplane, ld[which].dataplane.snapshot, true, now_ms,
                            now_ms * 1000);
}

void lds_pass_until_online(int which) {
    for (int ms = 0; !lds_online(which); ms++) {
        assert_in_range(ms, 0, 5000);
        lds_pass(1);
    }
}

void lds_begin(void) {
    now_ms = 1000000;
    network = (struct lds_network){ .random = 4711 };
    if (wire == NULL)
        wire = calloc(IN_FLIGHT_MAX, sizeof(*wire));
    for (int i = 0; i < IN_FLIGHT_MAX; i++)
        wire[i].to = -1;
}

void lds_start(int which, uint32_t workers) {
    harness_start(&ld[which], workers, LDS_SESSIONS);
    ld[which].now_ms = now_ms;
    runs[which] = true;
}

void lds_start_all(void (*configure)(int which)) {
    for (int which = 0; which < LDS_MAX; which++) {
        lds_start(which, 1);
        configure(which);
        lds_online(which);
    }
    for (int which = 0; which < LDS_MAX; which++)
        lds_pass_until_online(which);
}

void lds_kill(int which) {
    dataplane_free(&ld[which].dataplane);
    runs[which] = false;
}

void lds_end(void) {
    for (int i = 0; i < LDS_MAX; i++)
        if (runs[i])
            lds_kill(i);
}

int lds_tear_down(void **state) {
    (void)state;
    lds_end();
    return 0;
}

void lds_message(int which, uint32_t epoch) {
    struct message *message = &messages[which];
    struct message_service *service;

    message_begin(message);
    message->config.vtep = message_address(message, vtep[which]);
    message->config.epoch = epoch;
    message->config.n_owned_buckets = 0;
    message_heartbeat(message, (uint32_t)which + 1, 1, 10);
    message_cluster(message, (uint32_t)which + 1);
    message_replicates(message);
    service = message_service(message, "web", 0, VIP, FRAME_TCP, 80);
    message_rs(message, service, "rs", RS, 8080, 1);
}

/* The switch's tunnel to one of them. */
static struct frame tunnel_to(int which, const struct flow_spec *flow, uint16_t bucket) {
    const struct tunnel_spec tunnel = { .bucket = bucket };
    struct frame frame = frame_tunnelled(flow, &tunnel);
    rte_be32_t to = ip4(vtep[which]);

    memcpy(frame.bytes + RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, dst_addr), &to,
           sizeof(to));
    frame_fix_ip_checksum(&frame, RTE_ETHER_HDR_LEN);
    return frame;
}

struct frame lds_from_client(int which, const struct connection *connection, uint8_t flags) {
    static char address[INET_ADDRSTRLEN];
    rte_be32_t client = htonl(0xc0000200u + connection->client / 60000);
    struct flow_spec flow = { .src = address,
                              .dst = VIP,
                              .src_port = (uint16_t)(2000 + connection->client % 60000),
                              .dst_port = 80,
                              .protocol = FRAME_TCP,
                              .tcp_flags = flags };

    inet_ntop(AF_INET, &client, address, sizeof(address));
    return tunnel_to(which, &flow, connection->bucket);
}

struct frame lds_from_rs(int which, const struct connection *connection, const char *local_ip,
                         uint8_t flags) {
    const struct flow_spec flow = { .src = RS,
                                    .dst = local_ip,
                                    .src_port = 8080,
                                    .dst_port = connection->local_port,
                                    .protocol = FRAME_TCP,
                                    .tcp_flags = flags };

    return tunnel_to(which, &flow, connection->bucket);
}

/* What leaves the cluster for a packet that the switch has sent to an LD; length 0: nothing.
 * Between LDs a packet may be passed on once. */
static struct frame through(int which, const struct frame *frame, int hops_left) {
    harness_receive(&ld[which], frame);
    for (uint32_t i = 0; i < ld[which].sent_count; i++) {
        struct frame_view view = frame_view(&ld[which].sent[i]);
        int to = view.outer != NULL ? ld_at(view.outer->dst_addr) : -1;

        if (view.tcp != NULL && to >= 0 && runs[to]) {
            struct frame passed = ld[which].sent[i];

            assert_true(hops_left > 0);
            memcpy(passed.bytes, &frame_ld_mac, sizeof(frame_ld_mac));
            return through(to, &passed, hops_left - 1);
        }
        if (view.tcp != NULL)
            return ld[which].sent[i];
    }
    return (struct frame){ .length = 0 };
}

struct frame lds_through(int which, const struct frame *frame) {
    return through(which, frame, 1);
}

uint16_t lds_send_client(int which, const struct connection *connection, uint8_t flags) {
    struct frame frame = lds_from_client(which, connection, flags);
    struct frame out = through(which, &frame, 1);

    return out.length == 0 ? 0 : ntohs(frame_view(&out).tcp->src_port);
}

uint16_t lds_send_hinted(int which, const struct connection *connection, uint8_t flags,
                         uint32_t previous_ld_id) {
    struct frame frame = lds_from_client(which, connection, flags);
    struct rte_vxlan_hdr *vxlan =
        (struct rte_vxlan_hdr *)(frame.bytes + VXLAN_OUTER_BYTES - sizeof(*vxlan));
    struct frame out;

    vxlan->vx_flags |= htonl(previous_ld_id);
    out = through(which, &frame, 1);
    return out.length == 0 ? 0 : ntohs(frame_view(&out).tcp->src_port);
}

bool lds_send_rs_to(int which, const struct connection *connection, const char *local_ip,
                    uint8_t flags) {
    struct frame frame = lds_from_rs(which, connection, local_ip, flags);

    return through(which, &frame, 1).length != 0;
}

bool lds_send_rs(int which, const struct connection *connection, uint8_t flags) {
    return lds_send_rs_to(which, connection, "198.18.1.1", flags);
}

struct connection lds_establish(int which, uint32_t client, uint16_t bucket) {
    struct connection connection = { client, bucket, 0 };

    connection.local_port = lds_send_client(which, &connection, TCP_SYN);
    assert_int_not_equal(connection.local_port, 0);
    assert_true(lds_send_rs(which, &connection, TCP_SYN | TCP_ACK));
    assert_int_equal(lds_send_client(which, &connection, TCP_ACK), connection.local_port);
    return connection;
}

const struct session *lds_session_of(int which, const struct connection *connection) {
    struct worker *worker = harness_worker(&ld[which]);
    const struct frame frame = lds_from_client(which, connection, TCP_ACK);
    struct packet packet;
    session_ref ref;

    assert_int_equal(parse_frame(frame.bytes, frame.length, &worker->snapshot->own, &packet),
                     DROP_NONE);
    for (uint32_t id = 0; id < ld[which].dataplane.worker_count; id++) {
        worker = ld[which].dataplane.workers[id];
        ref = session_find(&worker->sessions, &packet.key,
                           session_hash(&worker->sessions, &packet.key));
        if (ref != 0)
            return session_at(&worker->sessions, ref);
    }
    return NULL;
}

uint64_t lds_standby(int which) {
    uint64_t sum = 0;

    for (uint32_t id = 0; id < ld[which].dataplane.worker_count; id++)
        sum += ld[which].dataplane.workers[id]->rs[0].sessions_standby;
    return sum;
}

void lds_pair_configure(int which, uint32_t epoch) {
    struct message *message = &messages[which];

    lds_message(which, epoch);
    message_buckets(message, which == LD_1 ? 0 : 512, which == LD_1 ? 511 : 1023);
    message->heartbeat.hold_ms = LDS_HOLD_MS;
    message_ld(message, 2u - (uint32_t)which, vtep[!which]);
    message_assign(message, 0, 511, 1, 2);
    message_assign(message, 512, 1023, 2, 1);
    harness_apply(&ld[which], message);
    harness_resolve(&ld[which]);
}

void lds_pair_start(int which, uint32_t workers) {
    lds_start(which, workers);
    lds_pair_configure(which, 1);
    lds_online(which);
}

void lds_pair_restart(int which, uint32_t workers) {
    lds_kill(which);
    lds_pair_start(which, workers);
}

int lds_pair_set_up(void **state) {
    (void)state;
    lds_begin();
    lds_pair_start(LD_1, 1);
    lds_pair_start(LD_2, 1);
    lds_pass_until_online(LD_1);
    lds_pass_until_online(LD_2);
    return 0;
}
