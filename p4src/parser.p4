// One parser for every architecture: its top file calls GatewayParser after its own intrinsic headers.
//
//   ethernet ─ vlan? ─┬─ arp
//                     └─ ipv4 ─ options? ─┬─ tcp
//                                         ├─ icmp
//                                         └─ udp ─(4789)─ vxlan ─ inner ethernet ─ inner ipv4 ─ options? ─ tcp | udp | icmp
//
// A header length that cannot be (IHL < 5) ends the parse; controls/ipv4_check.p4 drops the packet.
#ifndef SLUICE_PARSER_P4
#define SLUICE_PARSER_P4

#include <core.p4>
#include "headers.p4"
#include "metadata.p4"

#define OPTION_BITS(ipv4) ((((bit<32>)(ipv4).ihl) - 5) << 5)

parser GatewayParser(packet_in packet, out headers_t hdr) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition accept;
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version, hdr.ipv4.ihl) {
            (4, 5): parse_l4;
            (4, 6 &&& 0xe): parse_ipv4_options; // 6, 7
            (4, 8 &&& 0x8): parse_ipv4_options; // 8 to 15
            default: accept;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.ipv4_options, OPTION_BITS(hdr.ipv4));
        transition parse_l4;
    }

    state parse_l4 {
        transition select(hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (0, IP_PROTOCOL_TCP): parse_tcp;
            (0, IP_PROTOCOL_UDP): parse_udp;
            (0, IP_PROTOCOL_ICMP): parse_icmp;
            default: accept;
        }
    }

    state parse_tcp {
        packet.extract(hdr.tcp);
        transition accept;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.udp);
        // The first fragment of a datagram is no whole VXLAN packet, and a VTEP must not fragment (RFC 7348, section 4.3).
        transition select(hdr.ipv4.more_fragments, hdr.udp.dst_port) {
            (0, UDP_PORT_VXLAN): parse_vxlan;
            default: accept;
        }
    }

    state parse_vxlan {
        packet.extract(hdr.vxlan);
        packet.extract(hdr.inner_ethernet);
        transition select(hdr.inner_ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_inner_ipv4;
            default: accept;
        }
    }

    state parse_inner_ipv4 {
        packet.extract(hdr.inner_ipv4);
        transition select(hdr.inner_ipv4.version, hdr.inner_ipv4.ihl) {
            (4, 5): parse_inner_l4;
            (4, 6 &&& 0xe): parse_inner_ipv4_options;
            (4, 8 &&& 0x8): parse_inner_ipv4_options;
            default: accept;
        }
    }

    state parse_inner_ipv4_options {
        packet.extract(hdr.inner_ipv4_options, OPTION_BITS(hdr.inner_ipv4));
        transition parse_inner_l4;
    }

    state parse_inner_l4 {
        transition select(hdr.inner_ipv4.fragment_offset, hdr.inner_ipv4.protocol) {
            (0, IP_PROTOCOL_TCP): parse_inner_tcp;
            (0, IP_PROTOCOL_UDP): parse_inner_udp;
            (0, IP_PROTOCOL_ICMP): parse_inner_icmp;
            default: accept;
        }
    }

    state parse_inner_tcp {
        packet.extract(hdr.inner_tcp);
        transition accept;
    }

    state parse_inner_udp {
        packet.extract(hdr.inner_udp);
        transition accept;
    }

    state parse_inner_icmp {
        packet.extract(hdr.inner_icmp);
        transition accept;
    }
}

control GatewayDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.arp);

        packet.emit(hdr.encap_ipv4);
        packet.emit(hdr.encap_udp);
        packet.emit(hdr.encap_vxlan);
        packet.emit(hdr.encap_ethernet);

        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.tcp);
        packet.emit(hdr.udp);
        packet.emit(hdr.icmp);

        packet.emit(hdr.vxlan);
        packet.emit(hdr.inner_ethernet);
        packet.emit(hdr.inner_ipv4);
        packet.emit(hdr.inner_ipv4_options);
        packet.emit(hdr.inner_tcp);
        packet.emit(hdr.inner_udp);
        packet.emit(hdr.inner_icmp);
    }
}

#endif
