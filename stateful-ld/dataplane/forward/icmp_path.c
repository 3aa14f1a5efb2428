#include "forward/icmp_path.h"

#include <rte_ip.h>

#include "forward/alter.h"
#include "forward/peer.h"
#include "forward/way_out.h"
#include "forward/worker.h"
#include "packet/icmp6.h"
#include "packet/icmp_nat64.h"
#include "probe/probe.h"

/* Per worker. Errors: RFC 1812 4.3.2.8 asks for a limit, and gives no figure. */
static const struct rate ping_rate = { .per_ms = 10, .burst = 1000 };
static const struct rate error_rate = { .per_ms = 1, .burst = 100 };

enum drop_reason icmp_answer_ping(struct worker *worker, struct rte_mbuf *mbuf,
                                  struct packet *packet) {
    struct ip_address vip = flow_dst(&packet->key);
    enum drop_reason reason;
    struct way_out way;

    if (!snapshot_is_vip(worker->snapshot, flow_vni(&packet->key), &vip))
        return DROP_NO_SERVICE;
    if (!flow_source_valid(&packet->key))
        return DROP_BAD_IP_SOURCE;
    if (!rate_limit_take(&worker->pings, &ping_rate, worker->now_ms))
        return DROP_ECHO_LIMITED;
    way = way_to_client(worker, packet);
    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return DROP_MTU_EXCEEDED;
    if (flow_is_v6(&packet->key))
        icmp6_make_echo_reply(rte_pktmbuf_mtod(mbuf, uint8_t *), packet);
    else
        icmp_make_echo_reply(rte_pktmbuf_mtod(mbuf, uint8_t *), packet);
    reason = way_send(worker, mbuf, packet, &way, packet->bucket);
    worker->stats.echo_answered += reason == DROP_NONE;
    return reason;
}

enum drop_reason icmp_rewrite_session_error(struct worker *worker, struct rte_mbuf *mbuf,
                                            struct packet *packet, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    struct flow_key other = session_flow(&worker->sessions, ref ^ 1);
    struct rewrite rewrite;

    if (flow_is_v6(&packet->key) != flow_is_v6(&other))
        return icmp_nat64_error(mbuf, packet, &other);
    if (flow_is_v6(&other)) {
        icmp6_rewrite_error(frame, packet, &other);
    } else {
        rewrite = rewrite_between(&session->key[direction], &session->key[!direction]);
        icmp_rewrite_error(frame, packet, &rewrite);
    }
    return DROP_NONE;
}

static enum drop_reason without_session(struct worker *worker, struct rte_mbuf *mbuf,
                                        const struct packet *packet) {
    if (!snapshot_owns(worker->snapshot, packet->bucket))
        return peer_pass_on(worker, mbuf, packet);
    return probe_answer(worker, mbuf, packet) ? DROP_NONE : DROP_NO_SESSION;
}

/*
 * The outer source becomes the session's own address on the other side: the VIP towards the client,
 * the local IP towards the RS.
 *
 * Towards the client RFC 5508 REQ-5 c) asks for it: an error from the private side carries the
 * NAT's own address, and so do IPVS's and DPVS's (IPVS: ip_vs_nat_icmp()). The router or RS that
 * reports is often in a VPC, where its address means something else to the client, and answers of a
 * VIP leave by the upstream network the VIP belongs to, which other sources do not.
 *
 * Towards the RS RFC 5508 REQ-4 would keep the reporter's address, as for a NAT whose inside has a
 * route to everywhere. Behind FULLNAT it need not have one: RSs know local IPs only, and reverse
 * path filters and security groups in front of them drop anything else. Nothing is lost: a TCP acts
 * on the embedded packet, not on who reports (RFC 1122 4.2.3.9).
 *
 * The session is neither refreshed nor ended (RFC 5508 REQ-6).
 */
enum drop_reason icmp_translate_error(struct worker *worker, struct rte_mbuf *mbuf,
                                      struct packet *packet) {
    const struct session_table *table = &worker->sessions;
    session_ref ref = session_find(table, &packet->key, session_hash(table, &packet->key));
    enum drop_reason reason;
    struct way_out way;

    if (ref == 0)
        return without_session(worker, mbuf, packet);
    if (session_at(table, ref)->alter != 0)
        alter_error(worker, rte_pktmbuf_mtod(mbuf, uint8_t *), packet, ref);
    reason = icmp_rewrite_session_error(worker, mbuf, packet, ref);
    if (reason != DROP_NONE)
        return reason;
    way = way_of(worker, ref);
    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return DROP_MTU_EXCEEDED; /* RFC 1122 3.2.2: no error about an error */
    reason = way_send(worker, mbuf, packet, &way, session_at(table, ref)->bucket);
    worker->stats.icmp_errors_translated += reason == DROP_NONE;
    return reason;
}

enum drop_reason icmp_take_reply(struct worker *worker, struct rte_mbuf *mbuf,
                                 struct packet *packet) {
    uint16_t identifier = rte_be_to_cpu_16(packet->key.dst_port);
    struct ip_address destination = flow_dst(&packet->key);

    if (identifier >= LOCAL_PORT_FIRST || !snapshot_is_local_ip(worker->snapshot, &destination))
        return DROP_ICMP;
    packet->bucket = bucket_of_local_port(identifier);
    return without_session(worker, mbuf, packet);
}

/* Turn a packet into an error about itself. Its source is the address the packet was sent to, VIP
 * or local IP: one of ours on the side the packet came from (RFC 1812 4.3.2.4), while the VTEP has
 * no meaning in a VPC, and would not get past the filters of an upstream network. */
static enum drop_reason send_error(struct worker *worker, struct rte_mbuf *mbuf,
                                   const struct packet *packet, const struct icmp_error *error,
                                   const struct way_out *way) {
    bool v6 = flow_is_v6(&packet->key);
    uint16_t overhead = v6 ? ICMP6_ERROR_OVERHEAD_BYTES : ICMP_ERROR_OVERHEAD_BYTES;
    uint16_t quoted = v6 ? icmp6_quoted_bytes(packet->l3_len) : icmp_quoted_bytes(packet->l3_len);
    struct packet answer = { .l3_off = RTE_ETHER_HDR_LEN };
    uint8_t *frame;

    answer.l3_len = (uint16_t)(overhead + quoted);
    if (!way_set_window(mbuf, packet->l3_off - overhead - RTE_ETHER_HDR_LEN,
                        (uint16_t)(RTE_ETHER_HDR_LEN + answer.l3_len)))
        return DROP_NO_HEADROOM;
    frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    if (v6)
        icmp6_write_error(frame + answer.l3_off, error, quoted);
    else
        icmp_write_error(frame + answer.l3_off, error, quoted);
    return way_send(worker, mbuf, &answer, way, packet->bucket);
}

/* How to reach the sender of a packet: as its session does, or as the client of a VIP. */
static bool way_back(struct worker *worker, const struct packet *packet, struct way_out *way) {
    const struct session_table *table = &worker->sessions;
    session_ref ref = session_find(table, &packet->key, session_hash(table, &packet->key));
    struct ip_address vip = flow_dst(&packet->key);

    if (ref != 0) {
        *way = way_of(worker, ref ^ 1);
        return true;
    }
    if (!snapshot_is_vip(worker->snapshot, flow_vni(&packet->key), &vip) ||
        !flow_source_valid(&packet->key))
        return false;
    *way = way_to_client(worker, packet);
    return true;
}

enum drop_reason icmp_time_exceeded(struct worker *worker, struct rte_mbuf *mbuf,
                                    const struct packet *packet) {
    const struct icmp_error error = {
        .type = flow_is_v6(&packet->key) ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED,
        .code = ICMP_CODE_TTL, /* the same of both families */
    };
    struct way_out way;
    enum drop_reason reason;

    if (!way_back(worker, packet, &way) ||
        !rate_limit_take(&worker->icmp_errors, &error_rate, worker->now_ms))
        return DROP_TTL_EXPIRED;
    reason = send_error(worker, mbuf, packet, &error, &way);
    worker->stats.icmp_time_exceeded_sent += reason == DROP_NONE;
    return reason;
}

/* RFC 1122 3.2.2: only about the first fragment. An IPv6 packet is never fragmented on its way. */
static bool may_tell_size(struct rte_mbuf *mbuf, const struct packet *packet) {
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, packet->l3_off);

    if (packet->kind == PACKET_FRAGMENT && packet_fragment_offset(packet) != 0)
        return false;
    return flow_is_v6(&packet->key) || (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0;
}

static struct icmp_error size_error(const struct packet *packet, int mtu_bytes) {
    if (flow_is_v6(&packet->key))
        return (struct icmp_error){ .type = ICMP6_PACKET_TOO_BIG,
                                    .mtu_bytes =
                                        (uint16_t)RTE_MAX(mtu_bytes, (int)IPV6_MTU_MIN_BYTES) };
    return (struct icmp_error){ .type = ICMP_UNREACHABLE,
                                .code = ICMP_CODE_FRAG_NEEDED,
                                .mtu_bytes = (uint16_t)mtu_bytes };
}

enum drop_reason icmp_too_big(struct worker *worker, struct rte_mbuf *mbuf,
                              const struct packet *packet, session_ref ref, int mtu_bytes) {
    const struct icmp_error error = size_error(packet, mtu_bytes);
    struct way_out back = way_of(worker, ref ^ 1);
    enum drop_reason reason;

    if (!may_tell_size(mbuf, packet) ||
        !rate_limit_take(&worker->icmp_errors, &error_rate, worker->now_ms))
        return DROP_MTU_EXCEEDED;
    reason = send_error(worker, mbuf, packet, &error, &back);
    worker->stats.icmp_frag_needed_sent += reason == DROP_NONE;
    return reason;
}

enum drop_reason icmp_port_unreachable(struct worker *worker, struct rte_mbuf *mbuf,
                                       const struct packet *packet) {
    bool v6 = flow_is_v6(&packet->key);
    const struct icmp_error error = {
        .type = v6 ? ICMP6_UNREACHABLE : ICMP_UNREACHABLE,
        .code = v6 ? ICMP6_CODE_PORT : ICMP_CODE_PORT,
    };
    struct way_out way = way_to_client(worker, packet);
    enum drop_reason reason;

    if (!rate_limit_take(&worker->icmp_errors, &error_rate, worker->now_ms))
        return DROP_ECHO_LIMITED;
    reason = send_error(worker, mbuf, packet, &error, &way);
    worker->stats.icmp_unreachable_sent += reason == DROP_NONE;
    return reason;
}
