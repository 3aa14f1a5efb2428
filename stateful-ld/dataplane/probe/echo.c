#include "probe/echo.h"

#include <netinet/in.h>

#include <rte_ip.h>

#include "forward/worker.h"
#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/rewrite.h"
#include "packet/translate.h"

uint8_t echo_protocol(enum ip_family family) {
    return family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* The same layout in both families (RFC 792, RFC 4443 4.1). */
static struct icmp6_header *header_of(const struct rte_mbuf *mbuf, const struct packet *packet) {
    return rte_pktmbuf_mtod_offset(mbuf, struct icmp6_header *, packet->l4_off);
}

rte_be16_t echo_identifier(const struct rte_mbuf *mbuf, const struct packet *packet) {
    rte_be16_t identifier;

    memcpy(&identifier, &header_of(mbuf, packet)->word, sizeof(identifier));
    return identifier;
}

static void set_addresses6(struct rte_ipv6_hdr *ip, const struct flow_key *other) {
    memcpy(ip->src_addr, &other->v6.dst, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, &other->v6.src, sizeof(ip->dst_addr));
    ip->hop_limits--;
}

enum drop_reason echo_translate(struct worker *worker, struct rte_mbuf *mbuf,
                                const struct packet *packet, session_ref ref) {
    struct session *session = session_at(&worker->sessions, ref);
    const struct flow_key before = session_flow(&worker->sessions, ref);
    const struct flow_key other = session_flow(&worker->sessions, ref ^ 1);
    struct icmp6_header *icmp = header_of(mbuf, packet);
    rte_be16_t was = echo_identifier(mbuf, packet);
    rte_be16_t identifier = session_direction(ref) == FROM_CLIENT ? other.dst_port : other.src_port;
    uint64_t delta = checksum_delta16(was, identifier);

    if (flow_is_v6(&before) != flow_is_v6(&other))
        return DROP_ICMP;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    memcpy(&icmp->word, &identifier, sizeof(identifier));
    if (flow_is_v6(&other)) {
        struct rte_ipv6_hdr *ip =
            rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv6_hdr *, packet->l3_off);
        /* ICMPv6 sums over the pseudo header (RFC 4443 2.3); the ports of the tuples are none. */
        struct flow_key from = before, to = other;

        from.src_port = from.dst_port = to.src_port = to.dst_port = 0;
        delta += translate_delta(&from, &to);
        set_addresses6(ip, &other);
    } else {
        const struct rewrite rewrite = rewrite_between(&session->key[session_direction(ref)],
                                                       &session->key[!session_direction(ref)]);

        rewrite_ip(rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, packet->l3_off), &rewrite);
    }
    icmp->checksum = checksum_update(icmp->checksum, delta);
    return DROP_NONE;
}
