// One parser for every architecture: its top file calls GatewayParser after its own intrinsic headers.
//
//   ethernet ─ vlan? ─┬─ arp
//                     └─ IP packet ─(UDP 4789)─ vxlan ─ inner ethernet ─ IP packet
//                                  ─(UDP 53793)─ heartbeat
//
//   IP packet:  ipv4 ─ options? ─┬─ tcp
//               ipv6 ─ fragment? ┼─ udp
//                                └─ icmp ─┬─(error)─ embedded ipv4 or ipv6 ─ first 8 bytes of tcp | udp | icmp ─ rest of tcp?
//                                         └─ neighbour discovery
//
// IPv6 extension headers other than a fragment header are not looked behind: such a packet is routed and steered by its
// addresses.
// A header length that cannot be (IHL < 5) ends the parse; controls/ip_check.p4 drops the packet.
#ifndef SLUICE_PARSER_P4
#define SLUICE_PARSER_P4

#include <core.p4>
#include "headers.p4"
#include "metadata.p4"

#define OPTION_BITS(ipv4) ((((bit<32>)(ipv4).ihl) - 5) << 5)

// `udp_dst_port` and `udp_length` are 0 unless the packet is a whole UDP datagram: they tell what its payload is.
parser IpPacketParser(packet_in packet, in bit<16> ether_type, out ip_packet_t p, inout metadata_t meta,
                      out bit<16> udp_dst_port, out bit<16> udp_length) {
    PARSER_SUMS
    QUOTED_TCP

    state start {
        udp_dst_port = 0;
        udp_length = 0;
        transition select(ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(p.ipv4);
        SUM_IPV4(p.ipv4)
        transition select(p.ipv4.version, p.ipv4.ihl) {
            (4, 5): parse_ipv4_payload;
            (4, 6 &&& 0xe): parse_ipv4_options; // 6, 7
            (4, 8 &&& 0x8): parse_ipv4_options; // 8 to 15
            default: accept;
        }
    }

    state parse_ipv4_options {
        packet.extract(p.ipv4_options, OPTION_BITS(p.ipv4));
        SUM_IPV4_OPTIONS(p.ipv4_options)
        transition parse_ipv4_payload;
    }

    state parse_ipv4_payload {
        SUM_IPV4_END(meta)
        transition select(p.ipv4.more_fragments, p.ipv4.fragment_offset, p.ipv4.protocol) {
            (0, 0, IP_PROTOCOL_UDP): parse_datagram;
            (_, 0, IP_PROTOCOL_TCP): parse_tcp;
            (_, 0, IP_PROTOCOL_UDP): parse_udp;
            (_, 0, IP_PROTOCOL_ICMP): parse_icmp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(p.ipv6);
        SUM_IPV6(p.ipv6)
        transition select(p.ipv6.version, p.ipv6.next_header) {
            (6, IP_PROTOCOL_UDP): parse_datagram;
            (6, IP_PROTOCOL_TCP): parse_tcp;
            (6, IP_PROTOCOL_ICMPV6): parse_icmpv6;
            (6, IP_PROTOCOL_IPV6_FRAGMENT): parse_ipv6_fragment;
            default: accept;
        }
    }

    state parse_ipv6_fragment {
        packet.extract(p.ipv6_fragment);
        transition select(p.ipv6_fragment.offset, p.ipv6_fragment.next_header) {
            (0, IP_PROTOCOL_TCP): parse_tcp;
            (0, IP_PROTOCOL_UDP): parse_udp;
            (0, IP_PROTOCOL_ICMPV6): parse_icmpv6;
            default: accept;
        }
    }

    state parse_tcp {
        packet.extract(p.tcp);
        transition accept;
    }

    state parse_udp {
        packet.extract(p.udp);
        transition accept;
    }

    state parse_datagram {
        packet.extract(p.udp);
        udp_dst_port = p.udp.dst_port;
        udp_length = p.udp.length;
        transition accept;
    }

    state parse_icmp {
        packet.extract(p.icmp);
        transition select(p.icmp.type) {
            ICMP_UNREACHABLE: parse_embedded_ipv4;
            ICMP_SOURCE_QUENCH: parse_embedded_ipv4;
            ICMP_TIME_EXCEEDED: parse_embedded_ipv4;
            ICMP_PARAMETER_PROBLEM: parse_embedded_ipv4;
            default: accept;
        }
    }

    state parse_icmpv6 {
        packet.extract(p.icmp);
        transition select(p.icmp.type) {
            ICMPV6_UNREACHABLE: parse_embedded_ipv6;
            ICMPV6_PACKET_TOO_BIG: parse_embedded_ipv6;
            ICMPV6_TIME_EXCEEDED: parse_embedded_ipv6;
            ICMPV6_PARAMETER_PROBLEM: parse_embedded_ipv6;
            ICMPV6_NEIGHBOR_SOLICITATION: parse_nd;
            ICMPV6_NEIGHBOR_ADVERTISEMENT: parse_nd;
            default: accept;
        }
    }

    state parse_nd {
        packet.extract(p.nd);
        transition accept;
    }

    state parse_embedded_ipv4 {
        packet.extract(p.embedded_ipv4);
        transition select(p.embedded_ipv4.version, p.embedded_ipv4.ihl) {
            (4, 5): parse_embedded_ipv4_payload;
            (4, 6 &&& 0xe): parse_embedded_options;
            (4, 8 &&& 0x8): parse_embedded_options;
            default: accept;
        }
    }

    state parse_embedded_options {
        packet.extract(p.embedded_options, OPTION_BITS(p.embedded_ipv4));
        transition parse_embedded_ipv4_payload;
    }

    state parse_embedded_ipv4_payload {
        MEASURE_QUOTED_TCP((((bit<16>)p.ipv4.ihl) << 2) + ICMP_HEADER_BYTES + (((bit<16>)p.embedded_ipv4.ihl) << 2),
                           p.ipv4.total_len)
        transition select(p.embedded_ipv4.fragment_offset, p.embedded_ipv4.protocol) {
            (0, IP_PROTOCOL_TCP): parse_embedded_tcp;
            (0, IP_PROTOCOL_UDP): parse_embedded_udp;
            (0, IP_PROTOCOL_ICMP): parse_embedded_icmp;
            default: accept;
        }
    }

    state parse_embedded_ipv6 {
        packet.extract(p.embedded_ipv6);
        MEASURE_QUOTED_TCP((p.ipv6_fragment.isValid() ? IPV6_FRAGMENT_BYTES : 16w0) + ICMP_HEADER_BYTES + IPV6_HEADER_BYTES,
                           p.ipv6.payload_len)
        transition select(p.embedded_ipv6.version, p.embedded_ipv6.next_header) {
            (6, IP_PROTOCOL_TCP): parse_embedded_tcp;
            (6, IP_PROTOCOL_UDP): parse_embedded_udp;
            (6, IP_PROTOCOL_ICMPV6): parse_embedded_icmp;
            default: accept;
        }
    }

    state parse_embedded_tcp {
        packet.extract(p.embedded_tcp);
        AFTER_QUOTED_TCP_PORTS(parse_embedded_tcp_rest)
    }

    state parse_embedded_tcp_rest {
        packet.extract(p.embedded_tcp_rest);
        transition accept;
    }

    state parse_embedded_udp {
        packet.extract(p.embedded_udp);
        transition accept;
    }

    state parse_embedded_icmp {
        packet.extract(p.embedded_icmp);
        transition accept;
    }
}

parser GatewayParser(packet_in packet, out headers_t hdr, inout metadata_t meta) {
    bit<16> ether_type;
    bit<16> udp_dst_port;
    bit<16> udp_length;

    state start {
        packet.extract(hdr.ethernet);
        ether_type = hdr.ethernet.ether_type;
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_IPV4: parse_packet;
            ETHERTYPE_IPV6: parse_packet;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        ether_type = hdr.vlan.ether_type;
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_packet;
            ETHERTYPE_IPV6: parse_packet;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition accept;
    }

    state parse_packet {
        IpPacketParser.apply(packet, ether_type, hdr.packet, meta, udp_dst_port, udp_length);
        transition select(udp_dst_port, udp_length) {
            (UDP_PORT_VXLAN, _): parse_vxlan; // never in fragments (RFC 7348, section 4.3)
            (UDP_PORT_HEARTBEAT, UDP_HEARTBEAT_BYTES): parse_heartbeat; // anybody may use the port for something else
            default: accept;
        }
    }

    state parse_heartbeat {
        packet.extract(hdr.heartbeat);
        transition accept;
    }

    state parse_vxlan {
        packet.extract(hdr.vxlan);
        packet.extract(hdr.inner_ethernet);
        transition select(hdr.inner_ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_inner;
            ETHERTYPE_IPV6: parse_inner;
            default: accept;
        }
    }

    state parse_inner {
        IpPacketParser.apply(packet, hdr.inner_ethernet.ether_type, hdr.inner, meta, udp_dst_port, udp_length);
        transition accept;
    }
}

#define EMIT_IP_PACKET(p) \
    packet.emit((p).ipv4); \
    packet.emit((p).ipv4_options); \
    packet.emit((p).ipv6); \
    packet.emit((p).ipv6_fragment); \
    packet.emit((p).tcp); \
    packet.emit((p).udp); \
    packet.emit((p).icmp); \
    packet.emit((p).nd); \
    packet.emit((p).nd_option); \
    packet.emit((p).embedded_ipv4); \
    packet.emit((p).embedded_options); \
    packet.emit((p).embedded_ipv6); \
    packet.emit((p).embedded_tcp); \
    packet.emit((p).embedded_tcp_rest); \
    packet.emit((p).embedded_udp); \
    packet.emit((p).embedded_icmp)

control GatewayDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.recirculated);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.arp);

        packet.emit(hdr.encap_ipv4);
        packet.emit(hdr.encap_ipv6);
        packet.emit(hdr.encap_udp);
        packet.emit(hdr.encap_vxlan);
        packet.emit(hdr.encap_ethernet);

        packet.emit(hdr.error_ipv4);
        packet.emit(hdr.error_ipv6);
        packet.emit(hdr.error_icmp);

        EMIT_IP_PACKET(hdr.packet);

        packet.emit(hdr.heartbeat);
        packet.emit(hdr.vxlan);
        packet.emit(hdr.inner_ethernet);
        EMIT_IP_PACKET(hdr.inner);
    }
}

#endif
