#include "forward/refuse.h"

#include <netinet/in.h>

#include "forward/cookie.h"
#include "forward/icmp_path.h"
#include "forward/own_segment.h"
#include "forward/session_life.h"
#include "forward/worker.h"

/* Per worker: enough for clients, too little to be worth an attacker's while. */
static const struct rate reset_rate = { .per_ms = 10, .burst = 1000 };

static const struct rte_tcp_hdr *tcp_of(const struct rte_mbuf *mbuf, const struct packet *packet) {
    return rte_pktmbuf_mtod_offset(mbuf, const struct rte_tcp_hdr *, packet->l4_off);
}

static bool is_answered(enum drop_reason reason) {
    return reason == DROP_NO_RS_AVAILABLE || reason == DROP_NO_LOCAL_PORT ||
           reason == DROP_SESSION_TABLE_FULL || reason == DROP_SESSION_LIMIT ||
           reason == DROP_NEW_SESSION_LIMIT;
}

/* RFC 9293 3.10.7.1: to a SYN, the sequence number is 0 and all of it is acknowledged. */
static void reset_syn(struct worker *worker, const struct rte_mbuf *mbuf,
                      const struct packet *packet) {
    const struct tcp_segment reset = {
        .flow = flow_turned(&packet->key),
        .ack = rte_be_to_cpu_32(tcp_of(mbuf, packet)->sent_seq) + 1,
        .flags = TCP_RST | TCP_ACK,
    };
    struct way_out way = way_to_client(worker, packet);

    worker->stats.resets_sent += own_segment_send(worker, &reset, &way, packet->bucket);
}

enum drop_reason refuse_packet(struct worker *worker, struct rte_mbuf *mbuf,
                               const struct packet *packet, enum drop_reason reason) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct service *service;

    if (reason == DROP_SYN_COOKIE) {
        cookie_answer(worker, mbuf, packet);
        return reason;
    }
    service = is_answered(reason) ? snapshot_service(snapshot, &packet->key) : NULL;

    if (service == NULL || !snapshot->policies[service - snapshot->services + 1].reset)
        return reason;
    if (flow_protocol(&packet->key) == IPPROTO_UDP) {
        if (icmp_port_unreachable(worker, mbuf, packet) != DROP_NONE)
            return reason;
        worker->stats.drops[reason]++;
        return DROP_NONE;
    }
    if (rate_limit_take(&worker->resets, &reset_rate, worker->now_ms))
        reset_syn(worker, mbuf, packet);
    return reason;
}

/* RFC 5961 3.2: an end believes a RST only with exactly the number it expects next. The client
 * expects what it acknowledges; the RS expects what the client sends now, which it does not get.
 * Where more was on its way, the end answers with an ACK that has the right number, and the
 * client's answer to that comes here again or, a RST, goes on to the RS. */
void refuse_session(struct worker *worker, const struct rte_mbuf *mbuf, const struct packet *packet,
                    session_ref ref) {
    const struct rte_tcp_hdr *tcp = tcp_of(mbuf, packet);
    struct session *session = session_at(&worker->sessions, ref);
    const struct flow_key from_rs = session_flow(&worker->sessions, ref ^ 1);
    const struct tcp_segment to_client = {
        .flow = flow_turned(&packet->key),
        .sequence = rte_be_to_cpu_32(tcp->recv_ack),
        .flags = TCP_RST,
    };
    const struct tcp_segment to_rs = {
        .flow = flow_turned(&from_rs),
        .sequence = rte_be_to_cpu_32(tcp->sent_seq) + session->numbers.client_delta,
        .ack = rte_be_to_cpu_32(tcp->recv_ack),
        .flags = TCP_RST | TCP_ACK,
    };
    struct way_out way;

    if (!rate_limit_take(&worker->resets, &reset_rate, worker->now_ms))
        return;
    way = way_of(worker, (ref & ~1u) | FROM_RS);
    worker->stats.resets_sent += own_segment_send(worker, &to_client, &way, session->bucket);
    way = way_of(worker, (ref & ~1u) | FROM_CLIENT);
    worker->stats.resets_sent += own_segment_send(worker, &to_rs, &way, session->bucket);
    session_set_state(worker, ref, STATE_CLOSE);
}
