#include "packet/parse_ipv6.h"

#include <rte_ip.h>

#include "packet/bucket.h"
#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/nd.h"

enum {
    /* RFC 8200 4.1 recommends an order in which there are at most five, with one twice. */
    EXTENSIONS_MAX = 8,
};

/* RFC 8200 4.3, 4.4, 4.6: the headers that a packet on its way through keeps. */
struct option_header {
    uint8_t next_header;
    uint8_t length; /* in 8 bytes, not counting the first 8 */
    uint8_t type;   /* of a routing header */
    uint8_t segments_left;
};

/* The chain of extension headers, as far as it concerns us. */
struct chain {
    uint8_t protocol; /* of what follows the chain */
    const struct ip6_fragment *fragment;
};

/* RFC 8200 4.4: a node that does not know a routing type ignores the header, unless there are
 * segments left: then the packet is not for it. So it is with ours, which we are the last of. */
static enum drop_reason step_over(struct cursor *cursor, struct chain *chain) {
    const struct option_header *header = take(cursor, 8);

    if (header == NULL || take(cursor, header->length * 8u) == NULL)
        return DROP_BAD_IP_EXTENSION;
    if (chain->protocol == IPPROTO_ROUTING && header->segments_left != 0)
        return DROP_BAD_IP_EXTENSION;
    chain->protocol = header->next_header;
    return DROP_NONE;
}

static bool is_atomic(const struct ip6_fragment *fragment) {
    return (fragment->offset & RTE_BE16(0xfff9)) == 0; /* all but the reserved bits */
}

/* Behind the header of a fragment there is only data, unless it is the first one. RFC 6946: an
 * atomic fragment is none. */
static enum drop_reason parse_chain(struct cursor *cursor, struct chain *chain) {
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        enum drop_reason reason;

        switch (chain->protocol) {
        case IPPROTO_HOPOPTS:
            if (i != 0) /* RFC 8200 4.1: only directly behind the IPv6 header */
                return DROP_BAD_IP_EXTENSION;
            /* fall through */
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
            reason = step_over(cursor, chain);
            if (reason != DROP_NONE)
                return reason;
            break;
        case IPPROTO_FRAGMENT:
            chain->fragment = take(cursor, sizeof(*chain->fragment));
            if (chain->fragment == NULL)
                return DROP_BAD_IP_EXTENSION;
            chain->protocol = chain->fragment->next_header;
            if (!is_atomic(chain->fragment))
                return DROP_NONE;
            break;
        default:
            return DROP_NONE;
        }
    }
    return DROP_BAD_IP_EXTENSION;
}

static bool transport(uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* As parse_embedded() of IPv4 does, but that IPv6 has no header checksum. What is quoted may end
 * anywhere behind the ports. */
static enum drop_reason parse_embedded(struct cursor *cursor, const struct rte_ipv6_hdr *ip,
                                       struct packet *packet) {
    const struct rte_ipv6_hdr *embedded = take(cursor, sizeof(*embedded));
    struct chain chain;
    const rte_be16_t *ports;

    if (embedded == NULL || rte_be_to_cpu_32(embedded->vtc_flow) >> 28 != 6)
        return DROP_BAD_ICMP;
    chain = (struct chain){ .protocol = embedded->proto };
    if (parse_chain(cursor, &chain) != DROP_NONE)
        return DROP_BAD_ICMP;
    packet->inner_l4_off = (uint16_t)cursor->at;
    if (memcmp(embedded->src_addr, ip->dst_addr, sizeof(ip->dst_addr)) != 0 ||
        !transport(chain.protocol) ||
        (chain.fragment != NULL && (chain.fragment->offset & RTE_BE16(0xfff8)) != 0))
        return DROP_ICMP_EMBEDDED;
    ports = take(cursor, ICMP_EMBEDDED_BYTES);
    if (ports == NULL)
        return DROP_BAD_ICMP;
    packet->kind = PACKET_ICMP_ERROR;
    packet->key.v6.src = ip_from_v6(embedded->dst_addr);
    packet->key.src_port = ports[1];
    packet->key.dst_port = ports[0];
    packet->key.vni_protocol = flow_vni_protocol(flow_vni(&packet->key), chain.protocol) | FLOW_V6;
    return DROP_NONE;
}

static enum drop_reason parse_icmp6(struct cursor *cursor, const struct rte_ipv6_hdr *ip,
                                    const struct own_address *plain, struct packet *packet) {
    uint32_t bytes = cursor->end - packet->l4_off;
    const struct icmp6_header *icmp = take(cursor, sizeof(*icmp));

    if (icmp == NULL ||
        checksum_fold(ip6_pseudo_sum(ip->src_addr, ip->dst_addr, bytes, IPPROTO_ICMPV6) +
                      checksum_sum(icmp, bytes)) != 0xffff)
        return DROP_BAD_ICMP;
    switch (icmp->type) {
    case ICMP6_ECHO_REQUEST:
        packet->kind = plain != NULL && own_address_is(plain, &packet->key.v6.dst)
                           ? PACKET_ECHO
                           : PACKET_VIP_ECHO;
        packet->key.src_port = packet->key.dst_port = 0;
        return DROP_NONE;
    case ICMP6_ECHO_REPLY:
        if (plain != NULL && own_address_is(plain, &packet->key.v6.dst))
            return DROP_ICMP;
        packet->kind = PACKET_ECHO_REPLY;
        packet->key.src_port = 0;
        memcpy(&packet->key.dst_port, &icmp->word, sizeof(packet->key.dst_port));
        return DROP_NONE;
    case ICMP6_UNREACHABLE:
    case ICMP6_PACKET_TOO_BIG:
    case ICMP6_TIME_EXCEEDED:
    case ICMP6_PARAMETER_PROBLEM:
        return parse_embedded(cursor, ip, packet);
    case ND_SOLICITATION:
    case ND_ADVERTISEMENT:
        /* RFC 4861 7.1.1, 7.1.2: what a router has forwarded is not a neighbour's. */
        if (plain == NULL || ip->hop_limits != 255 || icmp->code != 0 ||
            bytes < sizeof(struct nd_message))
            return DROP_BAD_ND;
        packet->kind = PACKET_ND;
        return DROP_NONE;
    default:
        return DROP_ICMP;
    }
}

/* RFC 8200 8.1: over IPv6 a UDP packet must have a checksum. */
static enum drop_reason parse_udp6(struct cursor *cursor, struct packet *packet) {
    const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(cursor->data + cursor->at);
    enum drop_reason reason = parse_udp(cursor, packet);

    return reason == DROP_NONE && udp->dgram_cksum == 0 ? DROP_UDP_WITHOUT_CHECKSUM : reason;
}

static enum drop_reason parse_upper(struct cursor *cursor, const struct rte_ipv6_hdr *ip,
                                    const struct own_address *plain, struct packet *packet) {
    switch (flow_protocol(&packet->key)) {
    case IPPROTO_TCP:
        return parse_tcp(cursor, packet);
    case IPPROTO_UDP:
        return parse_udp6(cursor, packet);
    case IPPROTO_ICMPV6:
        return parse_icmp6(cursor, ip, plain, packet);
    default:
        return DROP_UNKNOWN_PROTOCOL;
    }
}

static enum drop_reason parse_fragment6(struct cursor *cursor, const struct rte_ipv6_hdr *ip,
                                        const struct chain *chain, struct packet *packet) {
    uint16_t offset = rte_be_to_cpu_16(chain->fragment->offset);

    packet->fragment = (uint16_t)(offset >> 3 | (offset & 1 ? PACKET_MORE_FRAGMENTS : 0));
    if (chain->protocol == IPPROTO_ICMPV6)
        return parse_echo_fragment(cursor, packet, ICMP6_ECHO_REQUEST);
    if (!transport(chain->protocol))
        return DROP_FRAGMENT;
    if (ip->hop_limits <= 1)
        return DROP_TTL_EXPIRED;
    packet->fragment_id = chain->fragment->id;
    return parse_fragment_payload(cursor, packet);
}

/* What is answered here is not forwarded, whatever its hop limit. */
static bool forwarded(const struct packet *packet) {
    return packet->kind == PACKET_FLOW || packet->kind == PACKET_ICMP_ERROR;
}

static enum drop_reason parse_header(struct cursor *cursor, const struct rte_ipv6_hdr **header) {
    uint32_t start = cursor->at;
    const struct rte_ipv6_hdr *ip = take(cursor, sizeof(*ip));
    uint32_t total;

    if (ip == NULL)
        return DROP_TRUNCATED;
    if (rte_be_to_cpu_32(ip->vtc_flow) >> 28 != 6)
        return DROP_BAD_IP_VERSION;
    total = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
    if (total > cursor->end - start)
        return DROP_BAD_IP_TOTAL_LENGTH;
    cursor->end = start + total;
    *header = ip;
    return DROP_NONE;
}

/* A packet to the VTEP that no neighbour and no ping is: a tunnel's, or another LD's. */
static enum drop_reason parse_own(struct cursor *cursor, const struct chain *chain,
                                  struct packet *packet) {
    if (chain->fragment != NULL && !is_atomic(chain->fragment))
        return DROP_FRAGMENT; /* RFC 7348 4.3, as over IPv4 */
    if (chain->protocol != IPPROTO_UDP)
        return DROP_NOT_FOR_US;
    packet->tunnel_src_v6 = packet->key.v6.src;
    packet->key.v6 = (struct ip6_pair){ 0 }; /* of the packet inside, if it is IPv6 */
    return parse_tunnel(cursor, TUNNELLED_OVER_IPV6, packet);
}

enum drop_reason parse_ipv6(struct cursor *cursor, uint32_t vni, const struct own_address *plain,
                            struct packet *packet) {
    const struct rte_ipv6_hdr *ip;
    struct chain chain = { 0 };
    enum drop_reason reason;

    packet->l3_off = (uint16_t)cursor->at;
    reason = parse_header(cursor, &ip);
    if (reason != DROP_NONE)
        return reason;
    packet->kind = PACKET_FLOW;
    packet->l3_len = (uint16_t)(cursor->end - packet->l3_off);
    packet->key.src = packet->key.dst = 0;
    packet->key.v6.src = ip_from_v6(ip->src_addr);
    packet->key.v6.dst = ip_from_v6(ip->dst_addr);
    chain.protocol = ip->proto;
    reason = parse_chain(cursor, &chain);
    if (reason != DROP_NONE)
        return reason;
    packet->l4_off = (uint16_t)cursor->at;
    if (plain != NULL && chain.protocol != IPPROTO_ICMPV6 &&
        ip_equal(&packet->key.v6.dst, &plain->vtep))
        return parse_own(cursor, &chain, packet);
    if (chain.protocol > 0x7f)
        return DROP_UNKNOWN_PROTOCOL;
    packet->key.vni_protocol = flow_vni_protocol(vni, chain.protocol) | FLOW_V6;
    if (chain.fragment != NULL && !is_atomic(chain.fragment))
        return parse_fragment6(cursor, ip, &chain, packet);
    /* The switch looks for ports directly behind the IPv6 header only. */
    if (packet->l4_off != packet->l3_off + sizeof(*ip))
        packet->bucket = BUCKET_NONE;
    reason = parse_upper(cursor, ip, plain, packet);
    if (reason != DROP_NONE || ip->hop_limits > 1 || !forwarded(packet))
        return reason;
    if (packet->kind == PACKET_ICMP_ERROR)
        return DROP_TTL_EXPIRED;
    packet->kind = PACKET_TTL_EXPIRED;
    return DROP_NONE;
}
