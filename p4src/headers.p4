#ifndef SLUICE_HEADERS_P4
#define SLUICE_HEADERS_P4

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP = 0x0806;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;

const bit<8> IP_PROTOCOL_ICMP = 1;
const bit<8> IP_PROTOCOL_TCP = 6;
const bit<8> IP_PROTOCOL_UDP = 17;
const bit<8> IP_PROTOCOL_IPV6_FRAGMENT = 44;
const bit<8> IP_PROTOCOL_ICMPV6 = 58;

const bit<16> UDP_PORT_VXLAN = 4789; // RFC 7348, section 8

header ethernet_t {
    mac_addr_t dst_addr;
    mac_addr_t src_addr;
    bit<16> ether_type;
}

header vlan_t {
    bit<3> pcp;
    bit<1> dei;
    bit<12> vid;
    bit<16> ether_type;
}

// RFC 826, for IPv4 over Ethernet.
header arp_t {
    bit<16> hardware_type;
    bit<16> protocol_type;
    bit<8> hardware_len;
    bit<8> protocol_len;
    bit<16> operation;
    mac_addr_t sender_mac;
    ipv4_addr_t sender_ip;
    mac_addr_t target_mac;
    ipv4_addr_t target_ip;
}

const bit<16> ARP_HARDWARE_ETHERNET = 1;
const bit<16> ARP_REQUEST = 1;
const bit<16> ARP_REPLY = 2;

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<6> dscp;
    bit<2> ecn;
    bit<16> total_len;
    bit<16> identification;
    bit<1> reserved;
    bit<1> dont_fragment;
    bit<1> more_fragments;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    ipv4_addr_t src_addr;
    ipv4_addr_t dst_addr;
}

const bit<16> IPV4_MIN_HEADER_BYTES = 20;

header ipv4_options_t {
    varbit<320> options;
}

// RFC 8200.
header ipv6_t {
    bit<4> version;
    bit<6> dscp;
    bit<2> ecn;
    bit<20> flow_label;
    bit<16> payload_len;
    bit<8> next_header;
    bit<8> hop_limit;
    ipv6_addr_t src_addr;
    ipv6_addr_t dst_addr;
}

const bit<16> IPV6_HEADER_BYTES = 40;

header ipv6_fragment_t {
    bit<8> next_header;
    bit<8> reserved;
    bit<13> offset;
    bit<2> reserved2;
    bit<1> more_fragments;
    bit<32> identification;
}

const bit<16> IPV6_FRAGMENT_BYTES = 8;

header tcp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<32> seq_no;
    bit<32> ack_no;
    bit<4> data_offset;
    bit<4> reserved;
    bit<8> flags;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent_pointer;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

// RFC 792, RFC 4443. `rest` is the echo's identifier and sequence number, an error's unused word, or the next hop's MTU.
header icmp_t {
    bit<8> type;
    bit<8> code;
    bit<16> checksum;
    bit<32> rest;
}

const bit<16> ICMP_HEADER_BYTES = 8;

const bit<8> ICMP_ECHO_REPLY = 0;
const bit<8> ICMP_UNREACHABLE = 3;
const bit<8> ICMP_SOURCE_QUENCH = 4;
const bit<8> ICMP_ECHO_REQUEST = 8;
const bit<8> ICMP_TIME_EXCEEDED = 11;
const bit<8> ICMP_PARAMETER_PROBLEM = 12;

const bit<8> ICMPV6_UNREACHABLE = 1;
const bit<8> ICMPV6_PACKET_TOO_BIG = 2;
const bit<8> ICMPV6_TIME_EXCEEDED = 3;
const bit<8> ICMPV6_PARAMETER_PROBLEM = 4;
const bit<8> ICMPV6_ECHO_REQUEST = 128;
const bit<8> ICMPV6_ECHO_REPLY = 129;
const bit<8> ICMPV6_NEIGHBOR_SOLICITATION = 135;
const bit<8> ICMPV6_NEIGHBOR_ADVERTISEMENT = 136;

// Behind the ICMPv6 header of a neighbour solicitation or advertisement (RFC 4861, sections 4.3, 4.4 and 4.6.1).
header nd_t {
    ipv6_addr_t target;
}

header nd_option_t {
    bit<8> type;
    bit<8> length; // in units of 8 bytes
    mac_addr_t mac;
}

const bit<8> ND_OPTION_TARGET_MAC = 2;

// The first 8 bytes behind the IPv4 header inside an ICMP error: all that it must carry (RFC 792).
header embedded_tcp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<32> seq_no;
}

// Behind those, up to TCP's checksum, where an error quotes as much (RFC 1812, section 4.3.2.3; RFC 4443, section 2.4).
header embedded_tcp_rest_t {
    bit<32> ack_no;
    bit<4> data_offset;
    bit<4> reserved;
    bit<8> flags;
    bit<16> window;
    bit<16> checksum;
}

const bit<16> QUOTED_TCP_BYTES = 8 + 10;

header embedded_icmp_t {
    bit<8> type;
    bit<8> code;
    bit<16> checksum;
    bit<16> identifier;
    bit<16> sequence;
}

// RFC 7348. `reserved` carries, while a service migrates, the LD that had the bucket before.
header vxlan_t {
    bit<8> flags;
    bit<24> reserved;
    bit<24> vni;
    bit<8> reserved2;
}

const bit<8> VXLAN_FLAG_VNI = 0x08;

// Ethernet + IPv4 + UDP + VXLAN around an inner IPv4 packet: what the outer total length adds.
const bit<16> VXLAN_OVERHEAD_BYTES = 20 + 8 + 8 + 14;
// UDP + VXLAN + Ethernet: the payload of the outer IP header, but for the inner packet.
const bit<16> VXLAN_HEADERS_BYTES = 8 + 8 + 14;

// From an LD to each switch: "I am ready until you have not heard of me for a while" (docs/design.md, failover).
header heartbeat_t {
    bit<32> key;      // shared by the LD and the switch: tells a heartbeat from any other datagram
    bit<16> ld_id;
    bit<16> flags;
    bit<32> epoch;
    bit<64> sequence; // microseconds since 1970: rises, also over a restart of the LD
}

const bit<16> HEARTBEAT_GOING_DOWN = 1; // flags: the LD ends its service now

const bit<16> UDP_PORT_HEARTBEAT = 53793; // of the range for private use (RFC 6335, section 6)
const bit<16> UDP_HEARTBEAT_BYTES = 8 + 20;

// In front of a packet on its second pass through the gateway (hairpin); never on a wire. The time is that of its arrival:
// a target need not stamp a packet again.
header recirculated_t {
    bit<16> network_id;
    bit<48> now;
}

const bit<16> RECIRCULATED_BYTES = 8;

// To and from the controller (P4Runtime packet I/O).
@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<16> ingress_port;
    @id(2) bit<16> network_id;
}

@controller_header("packet_out")
header packet_out_t {
    @id(1) bit<16> egress_port;
}

// One IP packet, with what the gateway reads of its payload.
struct ip_packet_t {
    ipv4_t ipv4;
    ipv4_options_t ipv4_options;
    ipv6_t ipv6;
    ipv6_fragment_t ipv6_fragment;
    tcp_t tcp;
    udp_t udp;
    icmp_t icmp; // ICMP and ICMPv6
    nd_t nd;
    nd_option_t nd_option; // only put on, never parsed
    // The packet that an ICMP error is about.
    ipv4_t embedded_ipv4;
    ipv4_options_t embedded_options;
    ipv6_t embedded_ipv6;
    embedded_tcp_t embedded_tcp;
    embedded_tcp_rest_t embedded_tcp_rest;
    udp_t embedded_udp;
    embedded_icmp_t embedded_icmp;
}

// A frame as it lies on the wire, outermost first. `encap_*` and `error_*` are headers the gateway puts on, `inner` is
// what it may take out of a tunnel; `packet` is the packet that is steered and routed.
struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    recirculated_t recirculated;
    ethernet_t ethernet;
    vlan_t vlan;
    arp_t arp;

    ipv4_t encap_ipv4;
    ipv6_t encap_ipv6;
    udp_t encap_udp;
    vxlan_t encap_vxlan;
    ethernet_t encap_ethernet;

    ipv4_t error_ipv4;
    ipv6_t error_ipv6;
    icmp_t error_icmp;

    ip_packet_t packet;

    heartbeat_t heartbeat;
    vxlan_t vxlan;
    ethernet_t inner_ethernet;
    ip_packet_t inner;
}

#endif
