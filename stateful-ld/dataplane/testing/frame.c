#include "testing/frame.h"

#include <arpa/inet.h>

#include <rte_arp.h>

#include "testing/test.h"

const struct rte_ether_addr frame_ld_mac = { { 0x02, 0, 0, 0, 0, 0x11 } };
const struct rte_ether_addr frame_gateway_mac = { { 0x02, 0, 0, 0, 0, 0x01 } };
const char frame_vtep[] = "10.0.0.11";
const char frame_steering[] = "198.18.0.1";
const char frame_vtep_v6[] = "fd00:10::11";
const char frame_steering_v6[] = "fd00:ff::1";

rte_be32_t ip4(const char *text) {
    struct in_addr address;

    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address.s_addr;
}

struct ip_address ip_of(const char *text) {
    struct in6_addr address;

    if (strchr(text, ':') == NULL)
        return ip_from_v4(ip4(text));
    assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
    return ip_from_v6(address.s6_addr);
}

/* RFC 1071 4.1 as it is written there: 16-bit big-endian words, one after the other. */
static uint32_t add_words(uint32_t sum, const uint8_t *at, size_t bytes) {
    for (; bytes > 1; bytes -= 2, at += 2)
        sum += (uint32_t)(at[0] << 8 | at[1]);
    if (bytes == 1)
        sum += (uint32_t)(at[0] << 8);
    return sum;
}

static uint16_t complement(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static uint16_t ip_checksum(const struct rte_ipv4_hdr *ip) {
    struct rte_ipv4_hdr copy[3]; /* 60 bytes: the longest header */
    size_t bytes = (ip->version_ihl & 0xf) * 4;

    memcpy(copy, ip, bytes);
    copy->hdr_checksum = 0;
    return complement(add_words(0, (const uint8_t *)copy, bytes));
}

static uint16_t l4_checksum(const struct rte_ipv4_hdr *ip, const uint8_t *l4, size_t bytes,
                            size_t checksum_at) {
    uint32_t sum = add_words(0, (const uint8_t *)&ip->src_addr, 8) + ip->next_proto_id;
    uint8_t copy[FRAME_BYTES_MAX];

    memcpy(copy, l4, bytes);
    memset(copy + checksum_at, 0, 2);
    return complement(add_words(sum + (uint32_t)bytes, copy, bytes));
}

static void *append(struct frame *frame, size_t bytes) {
    void *at = frame->bytes + frame->length;

    assert_true(frame->length + bytes <= FRAME_BYTES_MAX);
    frame->length += (uint32_t)bytes;
    return memset(at, 0, bytes);
}

static void append_ether(struct frame *frame, uint16_t type) {
    struct rte_ether_hdr *ether = append(frame, sizeof(*ether));

    ether->dst_addr = frame_ld_mac;
    ether->src_addr = frame_gateway_mac;
    ether->ether_type = htons(type);
}

static void fill_payload(uint8_t *at, uint32_t bytes, uint8_t seed) {
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(seed + i * 7);
}

static void append_tcp(struct frame *frame, const struct flow_spec *flow) {
    struct rte_tcp_hdr *tcp = append(frame, sizeof(*tcp) + flow->tcp_option_bytes);

    tcp->src_port = htons(flow->src_port);
    tcp->dst_port = htons(flow->dst_port);
    tcp->sent_seq = htonl(flow->sequence != 0 ? flow->sequence : 0x12345678);
    tcp->recv_ack = htonl(flow->ack);
    tcp->data_off = (uint8_t)((5 + flow->tcp_option_bytes / 4) << 4);
    tcp->tcp_flags = flow->tcp_flags;
    tcp->rx_win = htons(0xfaf0);
    memcpy(tcp + 1, flow->tcp_options, flow->tcp_option_bytes);
}

static void append_udp(struct frame *frame, const struct flow_spec *flow) {
    struct rte_udp_hdr *udp = append(frame, sizeof(*udp));

    udp->src_port = htons(flow->src_port);
    udp->dst_port = htons(flow->dst_port);
    udp->dgram_len = htons((uint16_t)(sizeof(*udp) + flow->payload));
}

static void append_l4(struct frame *frame, const struct flow_spec *flow,
                      const struct rte_ipv4_hdr *ip) {
    uint8_t *l4 = frame->bytes + frame->length;
    size_t bytes;

    if (flow->protocol == FRAME_TCP)
        append_tcp(frame, flow);
    else if (flow->protocol == FRAME_UDP)
        append_udp(frame, flow);
    fill_payload(append(frame, flow->payload), flow->payload, flow->seed);
    bytes = (size_t)(frame->bytes + frame->length - l4);
    if (flow->protocol == FRAME_TCP) {
        ((struct rte_tcp_hdr *)l4)->cksum = l4_checksum(ip, l4, bytes, 16);
    } else if (flow->protocol == FRAME_UDP && !flow->no_udp_checksum) {
        uint16_t checksum = l4_checksum(ip, l4, bytes, 6);

        ((struct rte_udp_hdr *)l4)->dgram_cksum = checksum != 0 ? checksum : 0xffff;
    }
}

static void append_packet(struct frame *frame, const struct flow_spec *flow) {
    uint32_t start = frame->length;
    struct rte_ipv4_hdr *ip = append(frame, sizeof(*ip) + flow->ip_options);

    ip->version_ihl = (uint8_t)(0x40 | (5 + flow->ip_options / 4));
    ip->time_to_live = flow->ttl != 0 ? flow->ttl : 64;
    ip->next_proto_id = flow->protocol;
    ip->packet_id = htons(0x1234);
    ip->fragment_offset = htons(flow->fragment);
    ip->src_addr = ip4(flow->src);
    ip->dst_addr = ip4(flow->dst);
    memset(ip + 1, 1, flow->ip_options); /* RFC 791: no operation */
    append_l4(frame, flow, ip);
    ip->total_length = htons((uint16_t)(frame->length - start));
    ip->hdr_checksum = ip_checksum(ip);
}

struct frame frame_plain(const struct flow_spec *flow) {
    struct frame frame = { .length = 0 };

    append_ether(&frame, RTE_ETHER_TYPE_IPV4);
    append_packet(&frame, flow);
    return frame;
}

static void append_outer_v4(struct frame *frame, const struct tunnel_spec *tunnel,
                            uint32_t udp_bytes) {
    struct rte_ipv4_hdr *outer;

    append_ether(frame, RTE_ETHER_TYPE_IPV4);
    outer = append(frame, sizeof(*outer));
    outer->version_ihl = 0x45;
    outer->time_to_live = 64;
    outer->next_proto_id = FRAME_UDP;
    outer->src_addr = ip4(tunnel->src != NULL ? tunnel->src : frame_steering);
    outer->dst_addr = ip4(tunnel->dst != NULL ? tunnel->dst : frame_vtep);
    outer->total_length = htons((uint16_t)(sizeof(*outer) + udp_bytes));
    outer->hdr_checksum = ip_checksum(outer);
}

static void append_outer_v6(struct frame *frame, const struct tunnel_spec *tunnel,
                            uint32_t udp_bytes) {
    struct ip_address src = ip_of(tunnel->src != NULL ? tunnel->src : frame_steering_v6);
    struct ip_address dst = ip_of(tunnel->dst);
    struct rte_ipv6_hdr *outer;

    append_ether(frame, RTE_ETHER_TYPE_IPV6);
    outer = append(frame, sizeof(*outer));
    outer->vtc_flow = htonl(6u << 28);
    outer->payload_len = htons((uint16_t)udp_bytes);
    outer->proto = FRAME_UDP;
    outer->hop_limits = 64;
    memcpy(outer->src_addr, &src, sizeof(src));
    memcpy(outer->dst_addr, &dst, sizeof(dst));
}

struct frame frame_wrap(const struct frame *plain, const struct tunnel_spec *tunnel) {
    uint32_t udp_bytes = sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr) + plain->length;
    struct frame frame = { .length = 0 };
    struct rte_udp_hdr *udp;
    struct rte_vxlan_hdr *vxlan;

    if (tunnel->dst != NULL && strchr(tunnel->dst, ':') != NULL)
        append_outer_v6(&frame, tunnel, udp_bytes);
    else
        append_outer_v4(&frame, tunnel, udp_bytes);
    udp = append(&frame, sizeof(*udp));
    vxlan = append(&frame, sizeof(*vxlan));
    memcpy(append(&frame, plain->length), plain->bytes, plain->length);
    vxlan->vx_flags = htonl(0x08000000);
    vxlan->vx_vni = htonl(tunnel->vni << 8);
    udp->src_port = htons(tunnel->bucket < 1024 ? (uint16_t)(0xC000 | tunnel->bucket << 4) : 1);
    udp->dst_port = htons(4789);
    udp->dgram_len = htons((uint16_t)udp_bytes);
    return frame;
}

struct frame frame_tunnelled(const struct flow_spec *flow, const struct tunnel_spec *tunnel) {
    struct frame plain = frame_plain(flow);

    return frame_wrap(&plain, tunnel);
}

struct frame frame_arp(uint16_t opcode, const struct rte_ether_addr *sender_mac, const char *sender,
                       const char *target) {
    struct frame frame = { .length = 0 };
    struct rte_ether_hdr *ether;
    struct rte_arp_hdr *arp;

    append_ether(&frame, RTE_ETHER_TYPE_ARP);
    ether = (struct rte_ether_hdr *)frame.bytes;
    ether->src_addr = *sender_mac;
    if (opcode == RTE_ARP_OP_REQUEST)
        memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
    arp = append(&frame, sizeof(*arp));
    arp->arp_hardware = htons(RTE_ARP_HRD_ETHER);
    arp->arp_protocol = htons(RTE_ETHER_TYPE_IPV4);
    arp->arp_hlen = 6;
    arp->arp_plen = 4;
    arp->arp_opcode = htons(opcode);
    arp->arp_data.arp_sha = *sender_mac;
    arp->arp_data.arp_sip = ip4(sender);
    arp->arp_data.arp_tip = ip4(target);
    append(&frame, 18); /* padding to the 60 bytes of a minimal frame */
    return frame;
}

struct frame frame_echo(const char *src, const char *dst) {
    struct flow_spec flow = { .src = src, .dst = dst, .protocol = 1, .payload = 64 };
    struct frame frame = frame_plain(&flow);
    uint8_t *icmp = frame.bytes + 14 + 20;
    uint16_t checksum;

    memset(icmp, 0, 8);
    icmp[0] = RTE_IP_ICMP_ECHO_REQUEST;
    icmp[5] = 7;
    icmp[7] = 9;
    checksum = complement(add_words(0, icmp, 64));
    memcpy(icmp + 2, &checksum, 2);
    return frame;
}

struct frame frame_icmp_error(const struct frame_view *about, const struct error_spec *error) {
    struct frame frame = { .length = 0 };
    uint32_t header_bytes = (about->ip->version_ihl & 0xf) * 4;
    uint32_t quoted = ntohs(about->ip->total_length);
    struct rte_ipv4_hdr *ip;
    struct rte_icmp_hdr *icmp;

    if (error->quoted != 0)
        quoted = header_bytes + error->quoted;
    append_ether(&frame, RTE_ETHER_TYPE_IPV4);
    ip = append(&frame, sizeof(*ip));
    icmp = append(&frame, sizeof(*icmp));
    memcpy(append(&frame, quoted), about->ip, quoted);
    ip->version_ihl = 0x45;
    ip->time_to_live = 61;
    ip->next_proto_id = FRAME_ICMP;
    ip->src_addr = ip4(error->src);
    ip->dst_addr = about->ip->src_addr;
    ip->total_length = htons((uint16_t)(sizeof(*ip) + sizeof(*icmp) + quoted));
    ip->hdr_checksum = ip_checksum(ip);
    icmp->icmp_type = error->type;
    icmp->icmp_code = error->code;
    icmp->icmp_seq_nb = htons(error->mtu);
    frame_fix_icmp_checksum(&frame, 14 + sizeof(*ip));
    return frame;
}

struct frame frame_fragment(const struct frame *plain, uint32_t offset, uint32_t bytes) {
    struct frame frame = *plain;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame.bytes + 14);
    uint32_t start = 14 + (ip->version_ihl & 0xf) * 4;
    uint32_t left = plain->length - start - offset;
    bool last = bytes >= left;

    assert_int_equal(offset % 8, 0);
    if (last)
        bytes = left;
    memmove(frame.bytes + start, frame.bytes + start + offset, bytes);
    frame.length = start + bytes;
    ip->total_length = htons((uint16_t)(frame.length - 14));
    ip->fragment_offset = htons((uint16_t)(offset / 8 | (last ? 0 : 0x2000)));
    ip->hdr_checksum = ip_checksum(ip);
    return frame;
}

struct frame frame_reassemble(const struct frame *fragments, uint32_t count) {
    struct frame frame = { .length = 0 };
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame.bytes + 14);
    rte_be16_t id = frame_view(&fragments[0]).ip->packet_id;

    for (uint32_t i = 0; i < count; i++) {
        struct frame_view view = frame_view(&fragments[i]);
        uint32_t header_bytes = (view.ip->version_ihl & 0xf) * 4;
        uint32_t offset = (ntohs(view.ip->fragment_offset) & 0x1fff) * 8u;
        uint32_t bytes = ntohs(view.ip->total_length) - header_bytes;

        assert_int_equal(view.ip->packet_id, id);
        if (offset == 0)
            memcpy(frame.bytes + 14, view.ip, header_bytes);
        assert_true(14 + header_bytes + offset + bytes <= FRAME_BYTES_MAX);
        memcpy(frame.bytes + 14 + header_bytes + offset, (const uint8_t *)view.ip + header_bytes,
               bytes);
        frame.length = RTE_MAX(frame.length, 14 + header_bytes + offset + bytes);
    }
    frame.bytes[12] = 0x08;
    ip->fragment_offset = 0;
    ip->total_length = htons((uint16_t)(frame.length - 14));
    ip->hdr_checksum = ip_checksum(ip);
    return frame;
}

void frame_tag(struct frame *frame, uint16_t vlan) {
    const uint8_t tag[4] = { 0x81, 0x00, (uint8_t)(vlan >> 8), (uint8_t)vlan };

    memmove(frame->bytes + 16, frame->bytes + 12, frame->length - 12);
    memcpy(frame->bytes + 12, tag, sizeof(tag));
    frame->length += sizeof(tag);
}

void frame_fix_ip_checksum(struct frame *frame, uint32_t offset) {
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->bytes + offset);

    ip->hdr_checksum = ip_checksum(ip);
}

void frame_fix_icmp_checksum(struct frame *frame, uint32_t offset) {
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(frame->bytes + offset);

    icmp->icmp_cksum = 0;
    icmp->icmp_cksum = complement(add_words(0, (uint8_t *)icmp, frame->length - offset));
}

static const struct rte_ipv4_hdr *check_ip_header(const uint8_t *at, uint32_t bytes) {
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;

    assert_true(bytes >= sizeof(*ip));
    assert_int_equal(ip->version_ihl >> 4, 4);
    assert_int_equal(ip->hdr_checksum, ip_checksum(ip));
    return ip;
}

static const struct rte_ipv4_hdr *check_ip(const uint8_t *at, uint32_t bytes) {
    const struct rte_ipv4_hdr *ip = check_ip_header(at, bytes);

    assert_int_equal(ntohs(ip->total_length), bytes);
    return ip;
}

/* All that can be checked of the quoted packet: its segment only when it is quoted as a whole. */
static void check_embedded(struct frame_view *view, const uint8_t *at, uint32_t bytes) {
    const struct rte_ipv4_hdr *ip = check_ip_header(at, bytes);
    uint32_t header_bytes = (ip->version_ihl & 0xf) * 4;
    const struct rte_udp_hdr *l4 = (const struct rte_udp_hdr *)(at + header_bytes);
    uint32_t l4_bytes = ntohs(ip->total_length) - header_bytes;

    view->embedded = ip;
    view->embedded_udp = l4;
    if (ntohs(ip->total_length) != bytes)
        return;
    if (ip->next_proto_id == FRAME_TCP)
        assert_int_equal(((const struct rte_tcp_hdr *)l4)->cksum,
                         l4_checksum(ip, (const uint8_t *)l4, l4_bytes, 16));
    else if (l4->dgram_cksum != 0)
        assert_int_equal(l4->dgram_cksum, l4_checksum(ip, (const uint8_t *)l4, l4_bytes, 6));
}

static void check_icmp(struct frame_view *view, const uint8_t *l4, uint32_t bytes) {
    uint8_t copy[FRAME_BYTES_MAX];

    view->icmp = (const struct rte_icmp_hdr *)l4;
    memcpy(copy, l4, bytes);
    memset(copy + 2, 0, 2);
    assert_int_equal(view->icmp->icmp_cksum, complement(add_words(0, copy, bytes)));
    if (view->icmp->icmp_type == 3 || view->icmp->icmp_type == 11 || view->icmp->icmp_type == 12)
        check_embedded(view, l4 + 8, bytes - 8);
}

static void check_l4(struct frame_view *view, const uint8_t *l4, uint32_t bytes) {
    uint32_t header_bytes = 0;

    if ((view->ip->fragment_offset & htons(0x3fff)) != 0) {
        /* A fragment: nothing to check before all are together. */
    } else if (view->ip->next_proto_id == FRAME_TCP) {
        view->tcp = (const struct rte_tcp_hdr *)l4;
        header_bytes = (view->tcp->data_off >> 4) * 4;
        assert_int_equal(view->tcp->cksum, l4_checksum(view->ip, l4, bytes, 16));
    } else if (view->ip->next_proto_id == FRAME_UDP) {
        uint16_t checksum = l4_checksum(view->ip, l4, bytes, 6);

        view->udp = (const struct rte_udp_hdr *)l4;
        header_bytes = sizeof(*view->udp);
        assert_int_equal(ntohs(view->udp->dgram_len), bytes);
        if (view->udp->dgram_cksum != 0)
            assert_int_equal(view->udp->dgram_cksum, checksum != 0 ? checksum : 0xffff);
    } else if (view->ip->next_proto_id == FRAME_ICMP) {
        check_icmp(view, l4, bytes);
    }
    view->payload = l4 + header_bytes;
    view->payload_bytes = bytes - header_bytes;
}

static const uint8_t *view_tunnel(struct frame_view *view, const uint8_t *at, uint32_t bytes) {
    uint32_t header_bytes = sizeof(*view->outer);

    if (at[0] >> 4 == 6) {
        view->outer_v6 = (const struct rte_ipv6_hdr *)at;
        header_bytes = sizeof(*view->outer_v6);
        assert_int_equal(ntohs(view->outer_v6->payload_len), bytes - header_bytes);
    } else {
        view->outer = check_ip(at, bytes);
    }
    view->outer_udp = (const struct rte_udp_hdr *)(at + header_bytes);
    view->vxlan = (const struct rte_vxlan_hdr *)(view->outer_udp + 1);
    view->inner_ether = (const struct rte_ether_hdr *)(view->vxlan + 1);
    assert_int_equal(ntohs(view->outer_udp->dgram_len), bytes - header_bytes);
    assert_int_equal(view->inner_ether->ether_type, htons(RTE_ETHER_TYPE_IPV4));
    return (const uint8_t *)(view->inner_ether + 1);
}

/* UDP to the port of VXLAN, over either IP. */
static bool is_tunnel(const uint8_t *at, uint32_t bytes) {
    bool v6 = at[0] >> 4 == 6;
    uint32_t header_bytes = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);

    return bytes > header_bytes + sizeof(struct rte_udp_hdr) && at[v6 ? 6 : 9] == FRAME_UDP &&
           ((const struct rte_udp_hdr *)(at + header_bytes))->dst_port == htons(4789);
}

struct frame_view frame_view(const struct frame *frame) {
    struct frame_view view = { .ether = (const struct rte_ether_hdr *)frame->bytes };
    const uint8_t *at = (const uint8_t *)(view.ether + 1);
    const uint8_t *end = frame->bytes + frame->length;
    uint32_t header_bytes;

    assert_int_equal(view.ether->ether_type,
                     htons(at[0] >> 4 == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4));
    if (is_tunnel(at, (uint32_t)(end - at)))
        at = view_tunnel(&view, at, (uint32_t)(end - at));
    view.ip = check_ip(at, (uint32_t)(end - at));
    header_bytes = (view.ip->version_ihl & 0xf) * 4;
    check_l4(&view, at + header_bytes, (uint32_t)(end - at) - header_bytes);
    return view;
}
