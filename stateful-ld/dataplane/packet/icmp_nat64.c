#include "packet/icmp_nat64.h"

#include <netinet/in.h>

#include <rte_icmp.h>
#include <rte_ip.h>

#include "packet/checksum.h"
#include "packet/icmp6.h"
#include "packet/room.h"
#include "packet/translate.h"

enum {
    HEADER_DIFFERENCE_BYTES = sizeof(struct rte_ipv6_hdr) - sizeof(struct rte_ipv4_hdr),
    ICMP_UNREACHABLE_PROTOCOL = 2,
    /* Where the error is put together in the mbuf, with room for a tunnel in front. */
    NEW_L3_OFF = 64,
    POINTER_NONE = 0xff,
};

/* What is said, in the terms of either family. `word` is the MTU or, in the first byte of IPv4's,
 * the pointer. */
struct meaning {
    uint8_t type;
    uint8_t code;
    uint32_t word; /* host order */
};

/* RFC 1191 7.1: a router that does not tell the MTU has a link of one of these. */
static uint32_t plateau_below(uint32_t bytes) {
    static const uint16_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508 };

    for (size_t i = 0; i < RTE_DIM(plateaus); i++)
        if (plateaus[i] < bytes)
            return plateaus[i];
    return 68; /* RFC 791: every link takes so much */
}

/* RFC 7915 4.2. The MTU is said of packets that are 20 bytes longer before translation, and an IPv6
 * sender takes none below 1280 (RFC 8201 4). */
static struct meaning too_big_of_v4(const struct rte_icmp_hdr *icmp,
                                    const struct rte_ipv4_hdr *embedded) {
    uint32_t mtu = rte_be_to_cpu_16(icmp->icmp_seq_nb);

    if (mtu == 0)
        mtu = plateau_below(rte_be_to_cpu_16(embedded->total_length));
    mtu += HEADER_DIFFERENCE_BYTES;
    return (struct meaning){ .type = ICMP6_PACKET_TOO_BIG,
                             .word = RTE_MAX(mtu, (uint32_t)IPV6_MTU_MIN_BYTES) };
}

static bool unreachable_of_v4(const struct rte_icmp_hdr *icmp, const struct rte_ipv4_hdr *embedded,
                              struct meaning *meaning) {
    switch (icmp->icmp_code) {
    case 0: /* network, host, source route failed, and the unknown and TOS variants of the first */
    case 1:
    case 5:
    case 6:
    case 7:
    case 8:
    case 11:
    case 12:
        *meaning = (struct meaning){ .type = ICMP6_UNREACHABLE, .code = 0 };
        return true;
    case ICMP_UNREACHABLE_PROTOCOL: /* the next header field is what is wrong */
        *meaning = (struct meaning){ .type = ICMP6_PARAMETER_PROBLEM, .code = 1, .word = 6 };
        return true;
    case 3: /* port */
        *meaning = (struct meaning){ .type = ICMP6_UNREACHABLE, .code = 4 };
        return true;
    case ICMP_CODE_FRAG_NEEDED:
        *meaning = too_big_of_v4(icmp, embedded);
        return true;
    case 9: /* prohibited by an administrator */
    case 10:
    case 13:
    case 15:
        *meaning = (struct meaning){ .type = ICMP6_UNREACHABLE, .code = 1 };
        return true;
    default:
        return false;
    }
}

/* RFC 7915 figure 3: where a field of the IPv4 header is in the IPv6 header. */
static bool parameter_of_v4(const struct rte_icmp_hdr *icmp, struct meaning *meaning) {
    static const uint8_t pointer[20] = { 0,
                                         1,
                                         4,
                                         4,
                                         POINTER_NONE,
                                         POINTER_NONE,
                                         POINTER_NONE,
                                         POINTER_NONE,
                                         7,
                                         6,
                                         POINTER_NONE,
                                         POINTER_NONE,
                                         8,
                                         8,
                                         8,
                                         8,
                                         24,
                                         24,
                                         24,
                                         24 };
    uint8_t at = (uint8_t)(rte_be_to_cpu_16(icmp->icmp_ident) >> 8);

    if ((icmp->icmp_code != 0 && icmp->icmp_code != 2) || at >= sizeof(pointer) ||
        pointer[at] == POINTER_NONE)
        return false;
    *meaning = (struct meaning){ .type = ICMP6_PARAMETER_PROBLEM, .word = pointer[at] };
    return true;
}

static bool meaning_of_v4(const struct rte_icmp_hdr *icmp, const struct rte_ipv4_hdr *embedded,
                          struct meaning *meaning) {
    switch (icmp->icmp_type) {
    case ICMP_UNREACHABLE:
        return unreachable_of_v4(icmp, embedded, meaning);
    case ICMP_TIME_EXCEEDED:
        *meaning = (struct meaning){ .type = ICMP6_TIME_EXCEEDED, .code = icmp->icmp_code };
        return true;
    default:
        return parameter_of_v4(icmp, meaning);
    }
}

/* RFC 7915 figure 6. */
static bool parameter_of_v6(const struct icmp6_header *icmp, struct meaning *meaning) {
    static const struct {
        uint8_t last; /* byte of the IPv6 header */
        uint8_t pointer;
    } map[] = { { 0, 0 }, { 1, 1 }, { 3, POINTER_NONE }, { 5, 2 },
                { 6, 9 }, { 7, 8 }, { 23, 12 },          { 39, 16 } };
    uint32_t at = rte_be_to_cpu_32(icmp->word);

    if (icmp->code == 1) { /* unrecognised next header */
        *meaning = (struct meaning){ .type = ICMP_UNREACHABLE, .code = ICMP_UNREACHABLE_PROTOCOL };
        return true;
    }
    for (size_t i = 0; icmp->code == 0 && i < RTE_DIM(map); i++) {
        if (at > map[i].last)
            continue;
        *meaning = (struct meaning){ .type = ICMP_PARAMETER_PROBLEM,
                                     .word = (uint32_t)map[i].pointer << 24 };
        return map[i].pointer != POINTER_NONE;
    }
    return false;
}

/* RFC 7915 5.2. */
static bool meaning_of_v6(const struct icmp6_header *icmp, struct meaning *meaning) {
    static const uint8_t unreachable[] = { 1, 10, 1, 1, 3 };
    uint32_t mtu = rte_be_to_cpu_32(icmp->word);

    switch (icmp->type) {
    case ICMP6_UNREACHABLE:
        if (icmp->code >= sizeof(unreachable))
            return false;
        *meaning = (struct meaning){ .type = ICMP_UNREACHABLE, .code = unreachable[icmp->code] };
        return true;
    case ICMP6_PACKET_TOO_BIG:
        mtu = RTE_MAX(mtu, (uint32_t)IPV6_MTU_MIN_BYTES);
        mtu = RTE_MIN(mtu, (uint32_t)UINT16_MAX);
        *meaning = (struct meaning){ .type = ICMP_UNREACHABLE,
                                     .code = ICMP_CODE_FRAG_NEEDED,
                                     .word = mtu - HEADER_DIFFERENCE_BYTES };
        return true;
    case ICMP6_TIME_EXCEEDED:
        *meaning = (struct meaning){ .type = ICMP_TIME_EXCEEDED, .code = icmp->code };
        return true;
    default:
        return parameter_of_v6(icmp, meaning);
    }
}

/* The quoted packet as the side that gets the error has sent it. */
struct quote {
    const uint8_t *l4;
    uint32_t bytes;   /* of it */
    uint32_t payload; /* as its own header says, which may be more than is quoted */
    uint8_t tos;
    uint8_t ttl;
};

static struct quote quote_of_v6(const uint8_t *frame, const struct packet *packet) {
    const struct rte_ipv6_hdr *ip =
        (const struct rte_ipv6_hdr *)(frame + packet->l4_off + sizeof(struct icmp6_header));
    uint32_t extensions =
        packet->inner_l4_off - packet->l4_off - sizeof(struct icmp6_header) - (uint32_t)sizeof(*ip);
    uint32_t payload = rte_be_to_cpu_16(ip->payload_len);

    return (struct quote){
        .l4 = frame + packet->inner_l4_off,
        .bytes = packet->l3_off + packet->l3_len - packet->inner_l4_off,
        .payload = payload > extensions ? payload - extensions : 0,
        .tos = (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> 20),
        .ttl = ip->hop_limits,
    };
}

static struct quote quote_of_v4(const uint8_t *frame, const struct packet *packet) {
    const struct rte_ipv4_hdr *ip =
        (const struct rte_ipv4_hdr *)(frame + packet->l4_off + sizeof(struct rte_icmp_hdr));
    uint32_t header_bytes = (ip->version_ihl & 0x0f) * 4;
    uint32_t total = rte_be_to_cpu_16(ip->total_length);

    return (struct quote){
        .l4 = frame + packet->inner_l4_off,
        .bytes = packet->l3_off + packet->l3_len - packet->inner_l4_off,
        .payload = total > header_bytes ? total - header_bytes : 0,
        .tos = ip->type_of_service,
        .ttl = ip->time_to_live,
    };
}

static void translate_quoted_l4(uint8_t *l4, uint32_t bytes, const struct packet *packet,
                                const struct flow_key *other) {
    translate_l4(l4, bytes, flow_protocol(&packet->key), other->src_port, other->dst_port,
                 translate_delta(&packet->key, other));
}

/* @return length of the packet written to `l3` */
static uint16_t write_v4(uint8_t *l3, const struct packet *packet, const struct flow_key *other,
                         const struct quote *quote, const struct meaning *meaning, uint8_t ttl) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(ip + 1);
    struct rte_ipv4_hdr *embedded = (struct rte_ipv4_hdr *)(icmp + 1);
    uint32_t quoted =
        RTE_MIN(quote->bytes, (uint32_t)ICMP_ERROR_BYTES_MAX - ICMP_ERROR_OVERHEAD_BYTES -
                                  (uint32_t)sizeof(*embedded));
    uint16_t icmp_bytes = (uint16_t)(sizeof(*icmp) + sizeof(*embedded) + quoted);

    memcpy(embedded + 1, quote->l4, quoted);
    translate_quoted_l4((uint8_t *)(embedded + 1), quoted, packet, other);
    *embedded = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .type_of_service = quote->tos,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*embedded) + quote->payload)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = quote->ttl,
        .next_proto_id = flow_protocol(&packet->key),
        .src_addr = other->src,
        .dst_addr = other->dst,
    };
    embedded->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(embedded, sizeof(*embedded)));
    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + icmp_bytes)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG), /* RFC 6864 4.1: so needs no id */
        .time_to_live = ttl,
        .next_proto_id = IPPROTO_ICMP,
        .src_addr = other->dst,
        .dst_addr = other->src,
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof(*ip)));
    *icmp = (struct rte_icmp_hdr){
        .icmp_type = meaning->type,
        .icmp_code = meaning->code,
        .icmp_ident = rte_cpu_to_be_16((uint16_t)(meaning->word >> 16)),
        .icmp_seq_nb = rte_cpu_to_be_16((uint16_t)meaning->word),
    };
    icmp->icmp_cksum = (uint16_t)~checksum_fold(checksum_sum(icmp, icmp_bytes));
    return (uint16_t)(sizeof(*ip) + icmp_bytes);
}

static void write_v6_header(struct rte_ipv6_hdr *ip, const struct quote *like, uint32_t payload,
                            uint8_t protocol) {
    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)like->tos << 20),
        .payload_len = rte_cpu_to_be_16((uint16_t)payload),
        .proto = protocol,
        .hop_limits = like->ttl,
    };
}

static uint16_t write_v6(uint8_t *l3, const struct packet *packet, const struct flow_key *other,
                         const struct quote *quote, const struct meaning *meaning, uint8_t ttl) {
    struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;
    struct icmp6_header *icmp = (struct icmp6_header *)(ip + 1);
    struct rte_ipv6_hdr *embedded = (struct rte_ipv6_hdr *)(icmp + 1);
    const struct quote outer = { .ttl = ttl };
    uint32_t quoted =
        RTE_MIN(quote->bytes, (uint32_t)IPV6_MTU_MIN_BYTES - ICMP6_ERROR_OVERHEAD_BYTES -
                                  (uint32_t)sizeof(*embedded));
    uint32_t icmp_bytes = (uint32_t)(sizeof(*icmp) + sizeof(*embedded)) + quoted;

    memcpy(embedded + 1, quote->l4, quoted);
    translate_quoted_l4((uint8_t *)(embedded + 1), quoted, packet, other);
    write_v6_header(embedded, quote, quote->payload, flow_protocol(&packet->key));
    memcpy(embedded->src_addr, &other->v6.src, 16);
    memcpy(embedded->dst_addr, &other->v6.dst, 16);
    write_v6_header(ip, &outer, icmp_bytes, IPPROTO_ICMPV6);
    memcpy(ip->src_addr, &other->v6.dst, 16);
    memcpy(ip->dst_addr, &other->v6.src, 16);
    *icmp = (struct icmp6_header){
        .type = meaning->type,
        .code = meaning->code,
        .word = rte_cpu_to_be_32(meaning->word),
    };
    icmp6_set_checksum(ip, icmp, icmp_bytes);
    return (uint16_t)(sizeof(*ip) + icmp_bytes);
}

static uint16_t translate_to_v4(uint8_t *l3, const uint8_t *frame, const struct packet *packet,
                                const struct flow_key *other) {
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(frame + packet->l3_off);
    const struct icmp6_header *icmp = (const struct icmp6_header *)(frame + packet->l4_off);
    struct quote quote = quote_of_v6(frame, packet);
    struct meaning meaning;

    if (!meaning_of_v6(icmp, &meaning))
        return 0;
    return write_v4(l3, packet, other, &quote, &meaning, (uint8_t)(ip->hop_limits - 1));
}

static uint16_t translate_to_v6(uint8_t *l3, const uint8_t *frame, const struct packet *packet,
                                const struct flow_key *other) {
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + packet->l3_off);
    const struct rte_icmp_hdr *icmp = (const struct rte_icmp_hdr *)(frame + packet->l4_off);
    struct quote quote = quote_of_v4(frame, packet);
    struct meaning meaning;

    if (!meaning_of_v4(icmp, (const struct rte_ipv4_hdr *)(icmp + 1), &meaning))
        return 0;
    return write_v6(l3, packet, other, &quote, &meaning, (uint8_t)(ip->time_to_live - 1));
}

enum drop_reason icmp_nat64_error(struct rte_mbuf *mbuf, struct packet *packet,
                                  const struct flow_key *other) {
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    uint8_t made[IPV6_MTU_MIN_BYTES];
    uint16_t bytes = flow_is_v6(other) ? translate_to_v6(made, frame, packet, other)
                                       : translate_to_v4(made, frame, packet, other);

    if (bytes == 0)
        return DROP_ICMP;
    if (!room_for(mbuf, NEW_L3_OFF + bytes))
        return DROP_NO_HEADROOM;
    memcpy(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, NEW_L3_OFF), made, bytes);
    packet->l3_off = NEW_L3_OFF;
    packet->l3_len = bytes;
    return DROP_NONE;
}
