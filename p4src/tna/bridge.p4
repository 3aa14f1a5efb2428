// What one part of the pipeline tells the next: metadata between two passes of a Tofino, in front of the frame.
//
//   ingress 0: Arrival ─ arrived ─► egress 1: Admission ─ admitted ─► ingress 1: Decision ─ decided ─► egress 0: Departure
#ifndef SLUICE_TNA_BRIDGE_P4
#define SLUICE_TNA_BRIDGE_P4

// What Arrival knows.
header arrived_t {
    bit<1> is_heartbeat;
    bit<1> is_neighbor_answer;
    bit<1> second_pass;
    bit<1> from_ld;
    bit<1> decapsulated;
    bit<1> came_over_v6;
    @padding bit<2> pad;
    bit<16> ingress_port;
    bit<16> network_id;
    bit<16> vrf_id;
    bit<48> now;
    bit<24> vni;
    bit<16> frame_bytes;   // of what was in a tunnel, as the tunnel says
    bit<16> ether_type;    // of the packet behind the Ethernet header
    bit<32> sender_vtep;
    bit<32> own_vtep;
    bit<16> sender_host_id;
    bit<48> sender_mac;
    bit<16> heartbeat_ld_id;
    bit<32> liveness_time;      // in 2^16 ns: now; of a heartbeat until when its LD is alive
    bit<32> heartbeat_sequence; // in 256 us
}

const bit<16> ARRIVED_BYTES = 46;
const bit<16> ETHERNET_BYTES = 14;
const bit<16> FRAME_CHECK_BYTES = 4; // a frame's check sequence counts to its length in egress

// The way back into a tunnel over IPv6.
header way_back_t {
    bit<128> own_vtep;
    bit<128> sender_vtep;
}

const bit<16> WAY_BACK_BYTES = 32;

// What Admission knows; Departure gets it, too.
header admitted_t {
    bit<1> is_v6;
    bit<1> is_answer;       // an ICMP error of the gateway itself
    bit<1> is_heartbeat;
    bit<1> is_neighbor_answer;
    bit<1> second_pass;
    bit<1> from_ld;
    bit<1> decapsulated;
    bit<1> came_over_v6;

    bit<1> has_ports;
    bit<1> is_fragment;
    bit<1> eip_found;
    bit<2> eip_direction;
    bit<1> eip_owner_is_vip;
    bit<1> eip_is_sender;
    bit<1> to_vpc;

    bit<16> ingress_port;
    bit<16> network_id;
    bit<16> vrf_id;
    bit<48> now;
    bit<24> vni;
    bit<8> protocol;
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> packet_bytes;
    bit<16> ether_type;
    bit<32> own_vtep;
    bit<16> eip_network_id;
    bit<16> eip_vrf_id;
    bit<16> eip_host_id;
    bit<8> pad;
    bit<24> eip_index;
    bit<48> peer_mac;       // the VM's; the sender's of what is answered into its tunnel
    bit<32> peer_host;
    bit<16> heartbeat_ld_id;
    bit<32> liveness_time;
    bit<32> heartbeat_sequence;
}

header admitted_ipv4_t {
    bit<32> src;
    bit<32> dst;
    bit<32> translation;
}

header admitted_ipv6_t {
    bit<128> src;
    bit<128> dst;
    bit<128> translation;
}

// What Decision knows.
header decided_t {
    bit<1> routed;
    bit<1> route_is_v6;
    bit<1> into_tunnel;
    bit<1> over_v6;
    bit<1> translated;
    bit<1> is_punt;
    bit<1> is_hairpin;
    @padding bit<1> pad;
    bit<16> network_id;
    @padding bit<4> pad3;
    bit<12> vlan_id;
    @padding bit<8> pad4;
    bit<24> vni;
    bit<16> tunnel_src_port;
    @padding bit<8> pad5;
    bit<24> tunnel_reserved;
    bit<48> tunnel_src_mac;
    bit<48> tunnel_mac;
}

header decided_tunnel_t {
    bit<32> src;
    bit<32> dst;
}

header decided_tunnel_v6_t {
    bit<128> src;
    bit<128> dst;
}

#endif
