#include "forward/cookie.h"

#include <netinet/in.h>

#include "forward/fullnat.h"
#include "forward/own_segment.h"
#include "forward/peer.h"
#include "forward/session_life.h"
#include "forward/session_opening.h"
#include "forward/worker.h"
#include "packet/checksum.h"
#include "packet/proxy_v2.h"
#include "packet/syn_cookie.h"

enum {
    /* What the client is told before the RS is asked: Linux's for windows of up to 8 MB. */
    ANNOUNCED_SCALE = 7,
    /* Ethernet's, which RSs on one have. */
    ANNOUNCED_MSS = 1460,
    ANNOUNCED_MSS_V6 = 1440,
    /* RFC 9293 3.7.1: of who does not say. */
    MSS_DEFAULT = 536,
    MSS_DEFAULT_V6 = 1220,
    SYN_AGAIN_MS = 1000,
    /* From what the client has been told to what the RS says first: no less (RFC 7323 5.3), and two
     * SYN-ACKs of one moment may say so different things. */
    TIMESTAMP_AHEAD_MS = 64,
};

static const struct rte_tcp_hdr *tcp_of(const struct rte_mbuf *mbuf, const struct packet *packet) {
    return rte_pktmbuf_mtod_offset(mbuf, const struct rte_tcp_hdr *, packet->l4_off);
}

/* The same at all LDs of a cluster: the client's answer may come to another one. */
static const struct siphash_key *cookie_key(const struct worker *worker) {
    const struct cluster *cluster = &worker->snapshot->cluster;

    return cluster->replicates ? &cluster->cookie_key : &worker->dataplane->cookie_key;
}

static uint64_t ms_since_1970(const struct worker *worker) {
    return worker->now_ms + __atomic_load_n(&worker->dataplane->since_1970_ms, __ATOMIC_RELAXED);
}

static struct syn_cookie_flow cookie_flow(const struct flow_key *client, uint32_t client_isn) {
    struct syn_cookie_flow flow;

    memset(&flow, 0, sizeof(flow));
    flow.client = flow_src(client);
    flow.vip = flow_dst(client);
    flow.client_port = client->src_port;
    flow.vip_port = client->dst_port;
    flow.vni = flow_vni(client);
    flow.client_isn = client_isn;
    return flow;
}

bool cookie_wanted(struct worker *worker, const struct policy *policy,
                   const struct packet *packet) {
    return policy->cookies.quota != NULL && flow_protocol(&packet->key) == IPPROTO_TCP &&
           !quota_take(&policy->cookies, worker->id, QUOTA_NEW_SESSIONS, 1, true, worker->now_ms);
}

static uint16_t announced_mss(const struct worker *worker, const struct flow_key *client) {
    bool v6 = flow_is_v6(client);
    uint16_t mss = RTE_MIN((uint16_t)(v6 ? ANNOUNCED_MSS_V6 : ANNOUNCED_MSS),
                           v6 ? worker->snapshot->mss_max_v6 : worker->snapshot->mss_max);

    return (uint16_t)(mss - toa_bytes(client)); /* there may be a TOA */
}

void cookie_answer(struct worker *worker, const struct rte_mbuf *mbuf,
                   const struct packet *packet) {
    const struct rte_tcp_hdr *tcp = tcp_of(mbuf, packet);
    const struct tcp_options asked = tcp_options_read(tcp);
    uint32_t isn = rte_be_to_cpu_32(tcp->sent_seq);
    uint16_t mss_default = flow_is_v6(&packet->key) ? MSS_DEFAULT_V6 : MSS_DEFAULT;
    const struct tcp_options options = {
        .mss = announced_mss(worker, &packet->key),
        .timestamps = asked.timestamps,
        .ts_value = syn_cookie_timestamp(&asked, worker->now_ms),
        .ts_echo = asked.ts_value,
        .window_scaled = asked.timestamps && asked.window_scaled,
        .window_scale = ANNOUNCED_SCALE,
        .sack_permitted = asked.timestamps && asked.sack_permitted,
    };
    const struct tcp_segment answer = {
        .flow = flow_turned(&packet->key),
        .sequence =
            syn_cookie_make(cookie_key(worker), cookie_flow(&packet->key, isn),
                            asked.mss != 0 ? asked.mss : mss_default, ms_since_1970(worker)),
        .ack = isn + 1,
        .flags = TCP_SYN | TCP_ACK,
        .options = &options,
    };
    struct way_out way = way_to_client(worker, packet);

    worker->stats.syn_cookies_sent += own_segment_send(worker, &answer, &way, packet->bucket);
}

/* A packet in the client's name, through all that a packet of the client's goes through. */
static void send_as_client(struct worker *worker, session_ref ref, struct tcp_segment *segment) {
    struct packet packet;
    struct rte_mbuf *mbuf;
    enum drop_reason reason;

    segment->flow = session_flow(&worker->sessions, ref & ~1u);
    mbuf = own_segment_make(worker, segment, &packet);
    if (mbuf == NULL)
        return;
    packet.bucket = session_at(&worker->sessions, ref)->bucket;
    packet.hash = session_hash(&worker->sessions, &packet.key);
    reason = fullnat_translate(worker, mbuf, &packet, ref & ~1u, NULL);
    if (reason != DROP_NONE)
        worker_drop(worker, mbuf, reason);
}

static void send_syn(struct worker *worker, session_ref ref) {
    struct session_numbers *numbers = &session_at(&worker->sessions, ref)->numbers;
    const struct tcp_options options = {
        .mss = numbers->mss,
        .window_scaled = numbers->window_scale != WINDOW_NOT_SCALED,
        .window_scale = numbers->window_scale,
        .sack_permitted = numbers->sack_permitted,
        .timestamps = numbers->timestamps,
        .ts_value = numbers->client_timestamp,
        .ts_echo = numbers->timestamp_delta, /* a client's packet is shifted: to 0 */
    };
    struct tcp_segment syn = {
        .sequence = numbers->first,
        .flags = TCP_SYN,
        .window = UINT16_MAX,
        .options = &options,
    };

    numbers->syn_ms = (uint16_t)worker->now_ms;
    send_as_client(worker, ref, &syn);
}

/* Completes the handshake with the RS: with TOA or PROXY header where the service has them.
 * @p timestamp is the RS's, as the client gets it. */
static void send_ack(struct worker *worker, session_ref ref, uint32_t timestamp) {
    const struct session_numbers *numbers = &session_at(&worker->sessions, ref)->numbers;
    const struct tcp_options options = {
        .timestamps = numbers->timestamps,
        .ts_value = numbers->client_timestamp,
        .ts_echo = timestamp,
    };
    struct tcp_segment ack = {
        .sequence = numbers->first + 1,
        .ack = numbers->cookie + 1,
        .flags = TCP_ACK,
        .window =
            UINT16_MAX >> (numbers->window_scale != WINDOW_NOT_SCALED ? numbers->window_scale : 0),
        .options = &options,
    };

    send_as_client(worker, ref, &ack);
}

static void send_reset(struct worker *worker, const struct flow_key *client, uint32_t sequence,
                       const struct way_out *way, uint16_t bucket) {
    const struct tcp_segment reset = {
        .flow = flow_turned(client),
        .sequence = sequence,
        .flags = TCP_RST,
    };

    worker->stats.resets_sent += own_segment_send(worker, &reset, way, bucket);
}

static void remember(struct session *session, const struct rte_tcp_hdr *tcp, uint16_t mss) {
    struct tcp_options options = tcp_options_read(tcp);
    struct session_numbers *numbers = &session->numbers;

    if (options.timestamps)
        syn_cookie_from_timestamp(options.ts_echo, &options);
    numbers->first = rte_be_to_cpu_32(tcp->sent_seq) - 1;
    numbers->cookie = rte_be_to_cpu_32(tcp->recv_ack) - 1;
    numbers->mss = mss;
    numbers->timestamps = options.timestamps;
    numbers->client_timestamp = options.ts_value;
    numbers->timestamp_delta = options.ts_echo;
    numbers->sack_permitted = options.timestamps && options.sack_permitted;
    numbers->window_scale =
        options.timestamps && options.window_scaled ? options.window_scale : WINDOW_NOT_SCALED;
    numbers->rs_window_scale = WINDOW_NOT_SCALED;
    session->alter |= ALTER_COOKIE | ALTER_NUMBERS;
}

enum drop_reason cookie_accept(struct worker *worker, struct rte_mbuf *mbuf,
                               const struct packet *packet) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct service *service = snapshot_service(snapshot, &packet->key);
    const struct rte_tcp_hdr *tcp = tcp_of(mbuf, packet);
    uint32_t acknowledged = rte_be_to_cpu_32(tcp->recv_ack);
    const struct opening opening = { .service = service, .choice = CHOICE_LATER };
    enum drop_reason reason;
    session_ref ref;
    uint16_t mss;

    if (service == NULL ||
        snapshot->policies[service - snapshot->services + 1].cookies.quota == NULL ||
        (packet->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
        return DROP_NOT_SYN;
    mss = syn_cookie_check(cookie_key(worker),
                           cookie_flow(&packet->key, rte_be_to_cpu_32(tcp->sent_seq) - 1),
                           acknowledged - 1, ms_since_1970(worker));
    if (mss == 0)
        return DROP_NOT_SYN;
    if (peer_may_know(worker, packet) && peer_may_open(worker, packet))
        return peer_ask_partner(worker, mbuf, packet);
    if (!session_bucket_is_whole(worker, packet->bucket))
        return DROP_NOT_ONLINE;
    reason = session_start(worker, &opening, packet, &ref);
    if (reason != DROP_NONE) {
        struct way_out way = way_to_client(worker, packet);

        send_reset(worker, &packet->key, acknowledged, &way, packet->bucket);
        return reason;
    }
    remember(session_at(&worker->sessions, ref), tcp, mss);
    session_set_state(worker, ref, STATE_SYN_ACK);
    worker->stats.syn_cookies_accepted++;
    send_syn(worker, ref);
    rte_pktmbuf_free(mbuf);
    return DROP_NONE;
}

enum drop_reason cookie_of_client(struct worker *worker, session_ref ref, struct rte_tcp_hdr *tcp) {
    const struct session_numbers *numbers = &session_at(&worker->sessions, ref)->numbers;

    if ((tcp->tcp_flags & (TCP_SYN | TCP_RST)) != 0)
        return DROP_NONE;
    if ((uint16_t)(worker->now_ms - numbers->syn_ms) >= SYN_AGAIN_MS)
        send_syn(worker, ref);
    return DROP_SYN_COOKIE; /* it comes again; there is no window for it yet */
}

enum drop_reason cookie_challenged(struct worker *worker, session_ref ref,
                                   const struct rte_tcp_hdr *tcp) {
    struct session *session = session_at(&worker->sessions, ref);
    const struct flow_key from_rs = session_flow(&worker->sessions, (ref & ~1u) | FROM_RS);
    struct way_out way = way_of(worker, (ref & ~1u) | FROM_CLIENT);
    const struct tcp_segment reset = {
        .flow = flow_turned(&from_rs),
        .sequence = rte_be_to_cpu_32(tcp->recv_ack), /* RFC 9293 3.10.7.3 */
        .flags = TCP_RST,
    };

    if ((session->alter & ALTER_SYN) != 0)
        return DROP_SYN_COOKIE;
    worker->stats.resets_sent += own_segment_send(worker, &reset, &way, session->bucket);
    session->alter |= ALTER_SYN;
    session->numbers.client_end = reset.sequence;
    send_syn(worker, ref);
    return DROP_SYN_COOKIE;
}

static void set_window(struct rte_tcp_hdr *tcp, uint32_t window) {
    rte_be16_t before = tcp->rx_win;

    tcp->rx_win = rte_cpu_to_be_16((uint16_t)(window < UINT16_MAX ? window : UINT16_MAX));
    tcp->cksum = checksum_update(tcp->cksum, checksum_delta16(before, tcp->rx_win));
}

static void clear_syn(struct rte_tcp_hdr *tcp) {
    uint16_t before, after;

    memcpy(&before, &tcp->data_off, 2); /* the word of data offset and flags */
    tcp->tcp_flags &= (uint8_t)~TCP_SYN;
    memcpy(&after, &tcp->data_off, 2);
    tcp->cksum = checksum_update(tcp->cksum, checksum_delta16(before, after));
}

void cookie_of_rs(struct worker *worker, session_ref ref, struct rte_tcp_hdr *tcp) {
    struct session *session = session_at(&worker->sessions, ref);
    struct session_numbers *numbers = &session->numbers;
    uint32_t isn = rte_be_to_cpu_32(tcp->sent_seq);
    const struct tcp_options options = tcp_options_read(tcp);
    uint32_t timestamp = numbers->timestamp_delta + TIMESTAMP_AHEAD_MS;
    uint32_t window = rte_be_to_cpu_16(tcp->rx_win);

    session->alter &= (uint8_t)~ALTER_COOKIE;
    numbers->rs_delta = numbers->cookie - isn;
    if ((tcp->tcp_flags & TCP_RST) != 0) { /* RFC 9293 3.10.7.4: of what the client expects */
        numbers->rs_delta++;
        return;
    }
    numbers->timestamp_delta = timestamp - options.ts_value;
    numbers->rs_window_scale = options.window_scaled ? options.window_scale : WINDOW_NOT_SCALED;
    session_set_state(worker, ref, STATE_SYN_RECV);
    send_ack(worker, ref, timestamp);
    clear_syn(tcp);
    tcp_numbers_shift(tcp, 1, 0);
    tcp_option_blank(tcp, TCP_OPTION_MSS);
    tcp_option_blank(tcp, TCP_OPTION_SACK_PERMITTED);
    tcp_option_blank(tcp, TCP_OPTION_WINDOW_SCALE);
    if (numbers->window_scale != WINDOW_NOT_SCALED && window != 0)
        set_window(tcp, window >> ANNOUNCED_SCALE != 0 ? window >> ANNOUNCED_SCALE : 1);
}

void cookie_scale_window(const struct session_numbers *numbers, struct rte_tcp_hdr *tcp) {
    uint8_t scale = numbers->rs_window_scale != WINDOW_NOT_SCALED ? numbers->rs_window_scale : 0;
    uint32_t window = (uint32_t)rte_be_to_cpu_16(tcp->rx_win) << scale;

    if (numbers->window_scale != WINDOW_NOT_SCALED && scale != ANNOUNCED_SCALE)
        set_window(tcp, window >> ANNOUNCED_SCALE);
}

void cookie_give_up(struct worker *worker, uint32_t number) {
    const struct session *session = &worker->sessions.sessions[number];
    session_ref ref = number << 1 | FROM_CLIENT;
    const struct flow_key client = session_flow(&worker->sessions, ref);
    struct way_out way = way_of(worker, ref ^ 1);

    send_reset(worker, &client, session->numbers.cookie + 1, &way, session->bucket);
}
