#include "forward/alter.h"

#include <netinet/in.h>

#include "forward/cookie.h"
#include "forward/own_segment.h"
#include "forward/worker.h"
#include "packet/insert.h"
#include "packet/proxy_v2.h"
#include "packet/quoted.h"
#include "packet/tcp_mss.h"
#include "packet/translate.h"

/* A packet on its way through here. */
struct altering {
    struct worker *worker;
    struct rte_mbuf *mbuf;
    struct packet *packet;
    session_ref ref;
    struct session *session;
    struct flow_key client; /* tuple of the client's packets */
};

static struct rte_tcp_hdr *tcp_of(const struct altering *at) {
    return rte_pktmbuf_mtod_offset(at->mbuf, struct rte_tcp_hdr *, at->packet->l4_off);
}

static uint32_t sequence_of(const struct rte_tcp_hdr *tcp) {
    return rte_be_to_cpu_32(tcp->sent_seq);
}

static uint32_t ack_of(const struct rte_tcp_hdr *tcp) {
    return rte_be_to_cpu_32(tcp->recv_ack);
}

uint8_t alter_of(const struct policy *policy, const struct flow_key *client) {
    bool tcp = flow_protocol(client) == IPPROTO_TCP;

    switch (policy->client_address) {
    case SLUICE__LD__V1__CLIENT_ADDRESS__TOA:
        return ALTER_TOA;
    case SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2:
        return tcp ? ALTER_PROXY : ALTER_DATAGRAM;
    default:
        return 0;
    }
}

/* Room or not: a datagram cannot go without. */
static int bytes_for_sure(const struct worker *worker, session_ref ref) {
    const struct session_table *table = &worker->sessions;
    struct flow_key client;

    if ((session_at(table, ref)->alter & ALTER_DATAGRAM) == 0 || session_direction(ref) == FROM_RS)
        return 0;
    client = session_flow(table, ref);
    return proxy_v2_bytes(&client);
}

int alter_mtu_bytes(struct worker *worker, const struct packet *packet, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    struct way_out way = way_of(worker, ref);
    int growth = bytes_for_sure(worker, ref);

    if (session_has_v6_side(session)) { /* IPv4 to IPv4 keeps its options */
        const struct flow_key other = session_flow(&worker->sessions, ref ^ 1);

        growth += translate_growth(packet, &other);
    }
    return way_mtu_bytes(worker, &way) - growth;
}

static bool fits(const struct altering *at, uint16_t bytes) {
    return at->packet->l3_len + bytes <= alter_mtu_bytes(at->worker, at->packet, at->ref);
}

static bool has_data(const struct altering *at, const struct rte_tcp_hdr *tcp) {
    const struct packet *packet = at->packet;

    return packet->l4_off - packet->l3_off + tcp_header_bytes(tcp) < packet->l3_len;
}

/* An RS's SYN-ACK says how much the client may send at once; the option has to fit beside it. What
 * only an RS sends that has the connection says that nothing more completes the handshake: the
 * client's own acknowledgements may be any. */
static void toa_of_rs(const struct altering *at, struct rte_tcp_hdr *tcp) {
    const struct snapshot *snapshot = at->worker->snapshot;
    /* By the headers that are on the RS's side, where the option is. */
    uint16_t mss_max = flow_is_v6(&at->packet->key) ? snapshot->mss_max_v6 : snapshot->mss_max;
    uint16_t bytes = toa_bytes(&at->client), mss;

    if ((tcp->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
        ((tcp->tcp_flags & TCP_FIN) != 0 || has_data(at, tcp)))
        at->session->alter &= (uint8_t)~ALTER_TOA;
    if ((tcp->tcp_flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
        return;
    at->session->numbers.rs_isn = sequence_of(tcp);
    mss = RTE_MIN(tcp_options_read(tcp).mss, mss_max);
    if (mss > bytes)
        tcp_clamp_mss(tcp, (uint16_t)(mss - bytes));
}

static void toa_of_client(const struct altering *at, struct rte_tcp_hdr *tcp) {
    uint8_t option[TOA_IPV6_BYTES];
    uint16_t bytes = toa_bytes(&at->client);

    tcp_option_blank(tcp, TCP_OPTION_TOA); /* the RS would believe the client's own */
    if ((tcp->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK ||
        ack_of(tcp) != at->session->numbers.rs_isn + 1)
        return;
    tcp_options_blank_rest(tcp);
    toa_write(option, &at->client);
    if (!fits(at, bytes) || !packet_insert_option(at->mbuf, at->packet, option, bytes))
        at->worker->stats.toa_no_room++;
}

/* While the RS has not acknowledged all of the header, it has acknowledged nothing of the client's
 * but the SYN. */
static void proxy_of_rs(const struct altering *at, struct rte_tcp_hdr *tcp) {
    struct session_numbers *numbers = &at->session->numbers;
    uint32_t first = numbers->client_isn + 1; /* of the client's data */
    uint32_t ack = ack_of(tcp);

    if ((tcp->tcp_flags & TCP_ACK) == 0)
        return;
    numbers->rs_expects = ack;
    if ((int32_t)(ack - first) >= 0)
        at->session->alter &= (uint8_t)~ALTER_PROXY;
    else
        tcp_numbers_shift(tcp, 0, first - ack);
}

static void send_header(const struct altering *at, const struct rte_tcp_hdr *tcp) {
    const struct flow_key from_rs = session_flow(&at->worker->sessions, (at->ref & ~1u) | FROM_RS);
    struct way_out way = way_of(at->worker, (at->ref & ~1u) | FROM_CLIENT);
    struct tcp_options options = tcp_options_read(tcp);
    uint8_t header[PROXY_V2_IPV6_BYTES];
    const struct tcp_segment segment = {
        .flow = flow_turned(&from_rs),
        .sequence = at->session->numbers.client_isn + 1 - proxy_v2_bytes(&at->client),
        .ack = ack_of(tcp),
        .flags = TCP_ACK | TCP_PSH,
        .window = rte_be_to_cpu_16(tcp->rx_win),
        .options = &options,
        .data = header,
        .data_bytes = proxy_v2_bytes(&at->client),
    };

    proxy_v2_write(header, &at->client);
    (void)own_segment_send(at->worker, &segment, &way, at->session->bucket);
}

static enum drop_reason proxy_of_client(const struct altering *at, struct rte_tcp_hdr *tcp) {
    struct session_numbers *numbers = &at->session->numbers;
    uint16_t bytes = proxy_v2_bytes(&at->client);

    if (tcp->tcp_flags & TCP_SYN) {
        /* Data in a SYN would be in front of the header. Without the option's cookie a client does
         * not send any (RFC 7413 3.1). */
        if (has_data(at, tcp))
            return DROP_SYN_DATA;
        tcp_option_blank(tcp, TCP_OPTION_FAST_OPEN);
        numbers->client_isn = sequence_of(tcp);
        numbers->rs_expects = numbers->client_isn + 1 - bytes;
        tcp_numbers_shift(tcp, 0u - bytes, 0);
    } else if (sequence_of(tcp) == numbers->client_isn + 1) {
        if (tcp->tcp_flags & TCP_RST) /* RFC 5961 3.2: to be believed, exactly */
            tcp_numbers_shift(tcp, numbers->rs_expects - sequence_of(tcp), 0);
        else
            send_header(at, tcp);
    }
    return DROP_NONE;
}

void alter_challenged(struct session *session, const struct rte_mbuf *mbuf,
                      const struct packet *packet) {
    const struct rte_tcp_hdr *tcp =
        rte_pktmbuf_mtod_offset(mbuf, const struct rte_tcp_hdr *, packet->l4_off);

    session->numbers.client_end = ack_of(tcp);
    session->alter = ALTER_SYN;
}

/* RFC 6191 2: without timestamps, a higher number is what counts. */
static void suit_time_wait(const struct altering *at, struct rte_tcp_hdr *tcp) {
    struct session_numbers *numbers = &at->session->numbers;
    /* A PROXY header takes the numbers in front of the client's. */
    uint16_t header = at->session->alter & ALTER_PROXY ? proxy_v2_bytes(&at->client) : 0;

    if (alter_goes_on(at->session, FROM_CLIENT, tcp->tcp_flags))
        return;
    if ((tcp->tcp_flags & TCP_SYN) == 0) {
        at->session->alter &= (uint8_t)~ALTER_SYN;
        return;
    }
    tcp_option_blank(tcp, TCP_OPTION_TIMESTAMPS);
    if (numbers->client_delta != 0 ||
        (int32_t)(sequence_of(tcp) - header - numbers->client_end) > 0)
        return;
    numbers->client_delta = numbers->client_end + 1 + header - sequence_of(tcp);
    if ((at->session->alter & ALTER_NUMBERS) == 0)
        numbers->window_scale = WINDOW_NOT_SCALED; /* both ends know each other's */
    at->session->alter |= ALTER_NUMBERS;
}

static void note_end(const struct altering *at, const struct rte_tcp_hdr *tcp) {
    const struct packet *packet = at->packet;
    uint32_t data =
        packet->l3_len - (uint32_t)(packet->l4_off - packet->l3_off) - tcp_header_bytes(tcp);

    at->session->numbers.client_end = sequence_of(tcp) + data + 1;
}

static enum drop_reason alter_from_client(const struct altering *at, struct rte_tcp_hdr *tcp) {
    const struct session_numbers *numbers = &at->session->numbers;

    if (at->session->alter & ALTER_COOKIE) {
        enum drop_reason reason = cookie_of_client(at->worker, at->ref, tcp);

        if (reason != DROP_NONE)
            return reason;
    }
    if (at->session->alter & ALTER_SYN)
        suit_time_wait(at, tcp);
    if (at->session->alter & ALTER_NUMBERS) {
        tcp_numbers_shift(tcp, numbers->client_delta, 0u - numbers->rs_delta);
        tcp_sack_shift(tcp, 0u - numbers->rs_delta);
        tcp_timestamps_shift(tcp, 0, 0u - numbers->timestamp_delta);
    }
    if (tcp->tcp_flags & TCP_FIN)
        note_end(at, tcp);
    if (at->session->alter & ALTER_PROXY)
        return proxy_of_client(at, tcp);
    if (at->session->alter & ALTER_TOA)
        toa_of_client(at, tcp);
    return DROP_NONE;
}

static enum drop_reason alter_from_rs(const struct altering *at, struct rte_tcp_hdr *tcp) {
    const struct session_numbers *numbers = &at->session->numbers;

    if (at->session->alter & ALTER_COOKIE) {
        if ((tcp->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK)
            return cookie_challenged(at->worker, at->ref, tcp);
        if ((tcp->tcp_flags & TCP_RST) == 0 &&
            (tcp->tcp_flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
            return DROP_SYN_COOKIE; /* it answers no SYN, and its numbers may be any */
    }
    if (at->session->alter & ALTER_PROXY)
        proxy_of_rs(at, tcp);
    if (at->session->alter & ALTER_TOA)
        toa_of_rs(at, tcp);
    if (at->session->alter & ALTER_COOKIE)
        cookie_of_rs(at->worker, at->ref, tcp);
    else if (at->session->alter & ALTER_NUMBERS)
        cookie_scale_window(numbers, tcp);
    if (at->session->alter & ALTER_NUMBERS) {
        tcp_numbers_shift(tcp, numbers->rs_delta, 0u - numbers->client_delta);
        tcp_sack_shift(tcp, 0u - numbers->client_delta);
        tcp_timestamps_shift(tcp, numbers->timestamp_delta, 0);
    }
    return DROP_NONE;
}

static enum drop_reason alter_datagram(const struct altering *at) {
    uint16_t bytes = proxy_v2_bytes(&at->client);
    uint8_t header[PROXY_V2_IPV6_BYTES];

    if (session_direction(at->ref) == FROM_RS)
        return DROP_NONE;
    /* What is behind it would have to move by the header, which is not of whole 8 bytes. */
    if (at->packet->kind == PACKET_FRAGMENT)
        return DROP_FRAGMENT;
    proxy_v2_write(header, &at->client);
    return packet_insert_data(at->mbuf, at->packet, header, bytes) ? DROP_NONE : DROP_NO_HEADROOM;
}

/* Of a segment: what is in its parts cannot be told, nor may they change in length. The header is
 * in the first one. */
static enum drop_reason alter_fragment(const struct altering *at) {
    if ((at->session->alter & (ALTER_PROXY | ALTER_NUMBERS)) != 0)
        return DROP_FRAGMENT;
    if ((at->session->alter & ALTER_TOA) != 0 && session_direction(at->ref) == FROM_CLIENT &&
        packet_fragment_offset(at->packet) == 0)
        tcp_option_blank(tcp_of(at), TCP_OPTION_TOA);
    return DROP_NONE;
}

enum drop_reason alter_packet(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet,
                              session_ref ref) {
    const struct altering at = {
        .worker = worker,
        .mbuf = mbuf,
        .packet = packet,
        .ref = ref,
        .session = session_at(&worker->sessions, ref),
        .client = session_flow(&worker->sessions, ref & ~1u),
    };

    if (at.session->alter & ALTER_DATAGRAM)
        return alter_datagram(&at);
    if (packet->kind == PACKET_FRAGMENT)
        return alter_fragment(&at);
    return (session_direction(ref) == FROM_RS ? alter_from_rs : alter_from_client)(&at,
                                                                                   tcp_of(&at));
}

/* The SYN, and the header behind it, are below the client's first byte. */
static void undo_proxy(const struct session *session, uint8_t *frame, const struct packet *packet,
                       const struct flow_key *client) {
    uint32_t first = session->numbers.client_isn + 1; /* of the client's data */

    if ((int32_t)(quoted_sequence(frame, packet) - first) < 0)
        quoted_shift(frame, packet, proxy_v2_bytes(client), 0);
}

void alter_error(struct worker *worker, uint8_t *frame, const struct packet *packet,
                 session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    const struct session_numbers *numbers = &session->numbers;
    const struct flow_key client = session_flow(&worker->sessions, ref & ~1u);

    if (session_direction(ref) == FROM_CLIENT) { /* about a packet of the RS's */
        if (session->alter & ALTER_NUMBERS)
            quoted_shift(frame, packet, 0u - numbers->rs_delta, numbers->client_delta);
        return;
    }
    if (session->alter & ALTER_PROXY)
        undo_proxy(session, frame, packet, &client);
    if (session->alter & ALTER_NUMBERS)
        quoted_shift(frame, packet, 0u - numbers->client_delta, numbers->rs_delta);
    if (session->alter & ALTER_TOA)
        quoted_lower_mtu(frame, packet, toa_bytes(&client));
    if (session->alter & ALTER_DATAGRAM)
        quoted_lower_mtu(frame, packet, proxy_v2_bytes(&client));
}
