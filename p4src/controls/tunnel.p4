// Both ends of a VXLAN tunnel (RFC 7348).
//
//   end:    ethernet | ip | udp | vxlan | inner ethernet | inner packet   ──►   ethernet | packet   and meta.vni
//   start:  ethernet | packet   ──►   ethernet | encap ip | encap udp | encap vxlan | encap ethernet | packet
//
// The outer header may be IPv4 or IPv6, whatever the inner one is. The UDP checksum is 0 in either (RFC 7348, RFC 6935).
#ifndef SLUICE_TUNNEL_P4
#define SLUICE_TUNNEL_P4

const bit<8> TUNNEL_TTL = 64;

#define INVALIDATE_IP_PACKET(p) \
    (p).ipv4.setInvalid(); \
    (p).ipv4_options.setInvalid(); \
    (p).ipv6.setInvalid(); \
    (p).ipv6_fragment.setInvalid(); \
    (p).tcp.setInvalid(); \
    (p).udp.setInvalid(); \
    (p).icmp.setInvalid(); \
    (p).nd.setInvalid(); \
    (p).nd_option.setInvalid(); \
    (p).embedded_ipv4.setInvalid(); \
    (p).embedded_options.setInvalid(); \
    (p).embedded_ipv6.setInvalid(); \
    (p).embedded_tcp.setInvalid(); \
    (p).embedded_tcp_rest.setInvalid(); \
    (p).embedded_udp.setInvalid(); \
    (p).embedded_icmp.setInvalid()

control TunnelEnd(inout headers_t hdr, inout metadata_t meta) {
    // Of the outer packet. The parser follows the frame; what lies beyond the packet's end is padding and no inner frame.
    bit<16> header_bytes = 0;
    bit<16> payload_bytes = 0;

    @id(ACTION_TERMINATE_TUNNEL)
    action terminate_tunnel() {}

    // The network is part of the key: a tunnel from an upstream network would be anybody's.
    @id(TABLE_MY_TUNNEL)
    table my_tunnel {
        key = {
            hdr.packet.ipv4.dst_addr: exact @id(1) @name("address") @format(IPV4_ADDRESS);
            hdr.packet.udp.dst_port: exact @id(2) @name("udp_port");
            meta.network_id: exact @id(3) @name("network_id");
        }
        actions = {
            @proto_id(1) terminate_tunnel;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_TUNNEL;
    }

    @id(TABLE_MY_TUNNEL_V6)
    table my_tunnel_v6 {
        key = {
            hdr.packet.ipv6.dst_addr: exact @id(1) @name("address") @format(IPV6_ADDRESS);
            hdr.packet.udp.dst_port: exact @id(2) @name("udp_port");
            meta.network_id: exact @id(3) @name("network_id");
        }
        actions = {
            @proto_id(1) terminate_tunnel;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_TUNNEL;
    }

    @id(ACTION_KNOWN_HOST)
    action known_host(@id(1) host_id_t host_id) {
        meta.sender_host_id = host_id;
    }

    // Of a host over IPv4 the address itself is compared; one of IPv6 is wide, and has a number.
    @id(TABLE_HOST_SOURCE_V6)
    table host_source_v6 {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            hdr.packet.ipv6.src_addr: exact @id(2) @name("address") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) known_host;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_HOST;
    }

    action came_over_ipv4() {
        meta.sender_vtep = hdr.packet.ipv4.src_addr;
        meta.own_vtep = hdr.packet.ipv4.dst_addr;
    }

    action came_over_ipv6() {
        meta.came_over_v6 = true;
        meta.tunnel.src_v6 = hdr.packet.ipv6.dst_addr;
        meta.tunnel.dst_v6 = hdr.packet.ipv6.src_addr;
    }

    action outer_header_bytes() {
        header_bytes = 10w0 ++ hdr.packet.ipv4.ihl ++ 2w0;
    }

    action outer_payload_bytes() {
        payload_bytes = hdr.packet.ipv4.total_len - header_bytes;
    }

    action decapsulate() {
        meta.decapsulated = true;
        meta.vni = hdr.vxlan.vni;
        meta.sender_mac = hdr.inner_ethernet.src_addr;
        UNWRAP(hdr);
        hdr.vxlan.setInvalid();
        hdr.inner_ethernet.setInvalid();
    }

    apply {
        if (hdr.vxlan.isValid()) {
            bool is_mine;
            if (hdr.packet.ipv4.isValid()) {
                is_mine = my_tunnel.apply().hit;
                outer_header_bytes();
                outer_payload_bytes();
            } else {
                is_mine = my_tunnel_v6.apply().hit;
                payload_bytes = hdr.packet.ipv6.payload_len;
            }
            if (is_mine) {
                if (hdr.vxlan.flags & VXLAN_FLAG_VNI == 0 ||
                    (hdr.inner_ethernet.ether_type != ETHERTYPE_IPV4 && hdr.inner_ethernet.ether_type != ETHERTYPE_IPV6) ||
                    payload_bytes < VXLAN_HEADERS_BYTES) {
                    DROP(DROP_VXLAN_HEADER);
                } else {
                    if (hdr.packet.ipv4.isValid()) {
                        came_over_ipv4();
                    } else {
                        host_source_v6.apply();
                        came_over_ipv6();
                    }
                    meta.frame_bytes = payload_bytes - VXLAN_HEADERS_BYTES;
                    decapsulate();
                }
            } else if (meta.to_own_address) {
                DROP(DROP_OWN_ADDRESS);
            }
        }
    }
}

// What is routed of a tunnelled packet is its tunnel, in the fabric's VRF.
control TunnelRoute(inout headers_t hdr, inout metadata_t meta) {
    action route_tunnel() {
        meta.tunnel.src_mac = hdr.ethernet.dst_addr; // the gateway's own: it is what the frame came to
        meta.route_dst = meta.tunnel.dst;
        meta.route_is_v6 = meta.tunnel.over_v6;
        meta.vrf_id = 0; // the fabric's
    }

    action route_tunnel_over_v6() {
        meta.route_dst_v6 = meta.tunnel.dst_v6;
    }

    apply {
        // Longer than 0xffff - VXLAN_OVERHEAD_BYTES; IPv6 would have room for 20 bytes more.
        if (meta.packet_bytes[15:8] == 0xff && meta.packet_bytes[7:0] > 0xcd) {
            DROP(DROP_IP_LENGTH);
        }
        route_tunnel();
        if (meta.tunnel.over_v6) {
            route_tunnel_over_v6();
        }
    }
}

// Puts the tunnel that meta.tunnel describes around the packet.
control TunnelStart(inout headers_t hdr, inout metadata_t meta) {
    action encapsulate() {
        hdr.encap_ethernet.setValid();
        hdr.encap_ethernet.dst_addr = meta.tunnel.mac;
        hdr.encap_ethernet.src_addr = meta.tunnel.src_mac;

        hdr.encap_vxlan.setValid();
        hdr.encap_vxlan.flags = VXLAN_FLAG_VNI;
        hdr.encap_vxlan.reserved = meta.tunnel.reserved;
        hdr.encap_vxlan.vni = meta.vni;

        hdr.encap_udp.setValid();
        hdr.encap_udp.src_port = meta.tunnel.src_port;
        hdr.encap_udp.dst_port = UDP_PORT_VXLAN;
        hdr.encap_udp.length = meta.packet_bytes + VXLAN_HEADERS_BYTES;
        hdr.encap_udp.checksum = 0; // RFC 7348, section 5; over IPv6 RFC 6935
    }

    action over_ipv4(bit<6> dscp, bit<2> ecn) {
        hdr.encap_ipv4.setValid();
        hdr.encap_ipv4.version = 4;
        hdr.encap_ipv4.ihl = 5;
        hdr.encap_ipv4.dscp = dscp;
        hdr.encap_ipv4.ecn = ecn;
        hdr.encap_ipv4.total_len = meta.packet_bytes + VXLAN_OVERHEAD_BYTES;
        hdr.encap_ipv4.dont_fragment = 1;
        hdr.encap_ipv4.ttl = TUNNEL_TTL;
        hdr.encap_ipv4.protocol = IP_PROTOCOL_UDP;
        hdr.encap_ipv4.src_addr = meta.tunnel.src;
        hdr.encap_ipv4.dst_addr = meta.tunnel.dst;
    }

    action over_ipv6() {
        hdr.encap_ipv6.setValid();
        hdr.encap_ipv6.version = 6;
        hdr.encap_ipv6.payload_len = meta.packet_bytes + VXLAN_HEADERS_BYTES;
        hdr.encap_ipv6.next_header = IP_PROTOCOL_UDP;
        hdr.encap_ipv6.hop_limit = TUNNEL_TTL;
        hdr.encap_ipv6.src_addr = meta.tunnel.src_v6;
        hdr.encap_ipv6.dst_addr = meta.tunnel.dst_v6;
    }

    // The header's first word has three sources; each is an action of its own, as a target may take no more than one at once.
    action class_over_ipv6(bit<6> dscp, bit<2> ecn) {
        hdr.encap_ipv6.dscp = dscp;
        hdr.encap_ipv6.ecn = ecn;
    }

    action label_over_ipv6() {
        hdr.encap_ipv6.flow_label = (bit<20>)meta.tunnel.src_port; // for routers that spread by it (RFC 6438)
    }

    apply {
        // What the tunnel shows of the packet in it: DSCP and ECN as they are (RFC 6040, normal mode).
        bit<6> dscp;
        bit<2> ecn;
        encapsulate();
        if (hdr.error_ipv4.isValid()) {
            hdr.encap_ethernet.ether_type = ETHERTYPE_IPV4;
            dscp = hdr.error_ipv4.dscp;
            ecn = 0;
        } else if (hdr.error_ipv6.isValid()) {
            hdr.encap_ethernet.ether_type = ETHERTYPE_IPV6;
            dscp = hdr.error_ipv6.dscp;
            ecn = 0;
        } else if (hdr.packet.ipv4.isValid()) {
            hdr.encap_ethernet.ether_type = ETHERTYPE_IPV4;
            dscp = hdr.packet.ipv4.dscp;
            ecn = hdr.packet.ipv4.ecn;
        } else {
            hdr.encap_ethernet.ether_type = ETHERTYPE_IPV6;
            dscp = hdr.packet.ipv6.dscp;
            ecn = hdr.packet.ipv6.ecn;
        }
        if (meta.tunnel.over_v6) {
            over_ipv6();
            class_over_ipv6(dscp, ecn);
            label_over_ipv6();
        } else {
            over_ipv4(dscp, ecn);
        }
    }
}

#endif
