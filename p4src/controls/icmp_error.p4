// ICMP time exceeded (RFC 792; RFC 1812, section 5.3.1; RFC 4443, section 3.3), so that traceroute shows the gateway.
//
//   (network, VNI) ─► icmp_source, icmp_source_v6 ─► the address the gateway answers from; one entry may serve all VNIs
//
//   ethernet | packet   ──►   ethernet | error ipv4 or ipv6 | error icmp | the packet's IP header and 8 bytes
//
// Back the way the packet came: into the tunnel it came by, or routed; to a local IP or a VIP it is steered, as any packet there is,
// by the flow of the packet that it is about (controls/flow.p4). Never about an ICMP error, a later fragment or a
// multicast (RFC 1122, section 3.2.2), and at a limited rate.
#ifndef SLUICE_ICMP_ERROR_P4
#define SLUICE_ICMP_ERROR_P4

const bit<8> ICMP_ERROR_TTL = 64;
const bit<6> ICMP_ERROR_DSCP = 48; // network control (RFC 1812, section 4.3.2.5: precedence 6)
const bit<16> QUOTED_PAYLOAD_BYTES = 8;

control TimeExceeded(inout headers_t hdr, inout metadata_t meta) {
    IcmpGcra() gcra;
    bit<16> quoted_header_bytes = 0;

    @id(ACTION_ANSWER_FROM)
    action answer_from(@id(1) @format(IPV4_ADDRESS) ipv4_addr_t address) {
        hdr.error_ipv4.setValid();
        hdr.error_ipv4.src_addr = address;
    }

    @id(TABLE_ICMP_SOURCE)
    table icmp_source {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.vni: ternary @id(2) @name("vni");
        }
        actions = {
            @proto_id(1) answer_from;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_ADDRESS;
    }

    @id(ACTION_ANSWER_FROM_V6)
    action answer_from_v6(@id(1) @format(IPV6_ADDRESS) ipv6_addr_t address) {
        hdr.error_ipv6.setValid();
        hdr.error_ipv6.src_addr = address;
    }

    @id(TABLE_ICMP_SOURCE_V6)
    table icmp_source_v6 {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.vni: ternary @id(2) @name("vni");
        }
        actions = {
            @proto_id(1) answer_from_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_ADDRESS;
    }

    // What is quoted: the IP header and 8 bytes, as RFC 792 asks for. They hold the ports.
    action ipv4_error() {
        hdr.error_ipv4.version = 4;
        hdr.error_ipv4.ihl = 5;
        hdr.error_ipv4.dscp = ICMP_ERROR_DSCP;
        hdr.error_ipv4.total_len = quoted_header_bytes + (QUOTED_PAYLOAD_BYTES + ICMP_HEADER_BYTES + IPV4_MIN_HEADER_BYTES);
        hdr.error_ipv4.ttl = ICMP_ERROR_TTL;
        hdr.error_ipv4.protocol = IP_PROTOCOL_ICMP;
        hdr.error_ipv4.dst_addr = hdr.packet.ipv4.src_addr;
        hdr.error_icmp.setValid();
        hdr.error_icmp.type = ICMP_TIME_EXCEEDED;
        meta.packet_bytes = quoted_header_bytes + (QUOTED_PAYLOAD_BYTES + ICMP_HEADER_BYTES + IPV4_MIN_HEADER_BYTES);
    }

    action ipv6_error() {
        hdr.error_ipv6.version = 6;
        hdr.error_ipv6.dscp = ICMP_ERROR_DSCP;
        hdr.error_ipv6.payload_len = IPV6_HEADER_BYTES + QUOTED_PAYLOAD_BYTES + ICMP_HEADER_BYTES;
        hdr.error_ipv6.next_header = IP_PROTOCOL_ICMPV6;
        hdr.error_ipv6.hop_limit = ICMP_ERROR_TTL;
        hdr.error_ipv6.dst_addr = hdr.packet.ipv6.src_addr;
        hdr.error_icmp.setValid();
        hdr.error_icmp.type = ICMPV6_TIME_EXCEEDED;
        meta.packet_bytes = IPV6_HEADER_BYTES + QUOTED_PAYLOAD_BYTES + ICMP_HEADER_BYTES + IPV6_HEADER_BYTES;
    }

    action ipv4_flow_back() {
        meta.flow.src = hdr.packet.ipv4.dst_addr;
        meta.flow.dst = hdr.packet.ipv4.src_addr;
    }

    action ipv6_flow_back() {
        meta.flow_v6.src = hdr.packet.ipv6.dst_addr;
        meta.flow_v6.dst = hdr.packet.ipv6.src_addr;
    }

    // What is quoted has ports, also of a first fragment; the error itself is none.
    action ports_back(bit<16> src_port, bit<16> dst_port) {
        meta.flow.src_port = src_port;
        meta.flow.dst_port = dst_port;
        meta.flow.has_ports = true;
    }

    // Over IPv6 the tunnel's ends are set already.
    action into_tunnel() {
        meta.tunnel.wanted = true;
        meta.tunnel.over_v6 = meta.came_over_v6;
        meta.tunnel.src = meta.own_vtep;
        meta.tunnel.dst = meta.sender_vtep;
        meta.tunnel.mac = meta.sender_mac;
        meta.tunnel.src_port = 0xc000;
    }

    apply {
        bool conforms = false;
        bool quotable = false;
        if (!hdr.packet.embedded_ipv4.isValid() && !hdr.packet.embedded_ipv6.isValid() && !hdr.packet.ipv6_fragment.isValid()) {
            if (hdr.packet.tcp.isValid() || hdr.packet.udp.isValid() || hdr.packet.icmp.isValid()) {
                quotable = true;
            }
        }
        if (quotable) {
            if (hdr.packet.ipv4.isValid()) {
                quotable = icmp_source.apply().hit;
            } else {
                quotable = icmp_source_v6.apply().hit;
            }
        }
        if (quotable) {
            gcra.apply(meta.now, meta.network_id, conforms);
        }
        if (conforms) {
            quoted_header_bytes = 10w0 ++ hdr.packet.ipv4.ihl ++ 2w0;
            if (hdr.packet.ipv4.isValid()) {
                ipv4_error();
                ipv4_flow_back();
            } else {
                ipv6_error();
                ipv6_flow_back();
            }
            if (hdr.packet.tcp.isValid()) {
                ports_back(hdr.packet.tcp.dst_port, hdr.packet.tcp.src_port);
            } else if (hdr.packet.udp.isValid()) {
                ports_back(hdr.packet.udp.dst_port, hdr.packet.udp.src_port);
            }
            meta.flow.is_fragment = false;
            meta.truncate = true;
            meta.answered = true;
            if (meta.decapsulated) {
                into_tunnel();
            }
        } else {
            DROP(DROP_TTL_EXCEEDED);
        }
    }
}

#endif
