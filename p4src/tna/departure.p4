// Egress of the outer pipe: Departure.
//
// The parser takes out of each checksum what the translation may change; the deparser adds it as it is then (RFC 1624). An ICMP
// error's quoted packet changes with its address, its header checksum and its UDP checksum: the first two cancel out in the ICMP
// checksum, and so the change of the third is the translation's, reversed.
#ifndef SLUICE_TNA_DEPARTURE_P4
#define SLUICE_TNA_DEPARTURE_P4

struct departure_headers_t {
    admitted_t admitted;
    admitted_ipv4_t admitted_ipv4;
    admitted_ipv6_t admitted_ipv6;
    way_back_t way_back;
    decided_t decided;
    decided_tunnel_t decided_tunnel;
    decided_tunnel_v6_t decided_tunnel_v6;
    headers_t gateway;
}

// What is left of each checksum, and which of them the translation changes.
struct rest_t {
    bit<16> ipv4;
    bit<16> tcp;
    bit<16> udp;
    bit<16> icmp;
    bit<16> icmpv6;
    bit<16> icmpv6_quoted;
    bit<16> embedded_ipv4;
    bit<16> embedded_udp;
    bit<16> embedded_icmp;
    bit<32> not_src;
    bit<32> not_dst;
    bit<1> sum_ipv4;
    bit<1> sum_tcp;
    bit<1> sum_udp;
    bit<1> sum_icmp;
    bit<1> sum_icmpv6;
    bit<1> sum_icmpv6_and_quoted_addresses;
    bit<1> sum_embedded_udp;
    bit<1> sum_embedded_icmp;
}

struct departure_metadata_t {
    metadata_t gateway;
    rest_t rest;
}

parser DepartureParser(packet_in packet, out departure_headers_t hdr, out departure_metadata_t meta,
                       out egress_intrinsic_metadata_t intrinsic) {
    Checksum() ipv4_rest;
    Checksum() tcp_rest;
    Checksum() udp_rest;
    Checksum() icmp_rest;
    Checksum() icmpv6_rest;
    Checksum() icmpv6_quoted_rest;
    Checksum() embedded_ipv4_rest;
    Checksum() embedded_udp_rest;
    Checksum() embedded_icmp_rest;

    state start {
        packet.extract(intrinsic);
        packet.extract(hdr.admitted);
        meta.gateway.ingress_port = hdr.admitted.ingress_port;
        meta.gateway.now = hdr.admitted.now;
        meta.gateway.packet_bytes = hdr.admitted.packet_bytes;
        meta.gateway.flow.protocol = hdr.admitted.protocol;
        meta.gateway.flow.src_port = hdr.admitted.src_port;
        meta.gateway.flow.dst_port = hdr.admitted.dst_port;
        meta.gateway.eip.index = hdr.admitted.eip_index;
        transition select(hdr.admitted.is_v6) {
            0: parse_admitted_ipv4;
            1: parse_admitted_ipv6;
        }
    }

    state parse_admitted_ipv4 {
        packet.extract(hdr.admitted_ipv4);
        meta.gateway.eip.translation = hdr.admitted_ipv4.translation;
        transition parse_decided;
    }

    state parse_admitted_ipv6 {
        packet.extract(hdr.admitted_ipv6);
        meta.gateway.eip_v6.translation = hdr.admitted_ipv6.translation;
        transition parse_decided;
    }

    state parse_decided {
        packet.extract(hdr.decided);
        meta.gateway.network_id = hdr.decided.network_id;
        meta.gateway.vni = hdr.decided.vni;
        meta.gateway.egress_vlan_id = hdr.decided.vlan_id;
        meta.gateway.tunnel.src_port = hdr.decided.tunnel_src_port;
        meta.gateway.tunnel.reserved = hdr.decided.tunnel_reserved;
        meta.gateway.tunnel.src_mac = hdr.decided.tunnel_src_mac;
        meta.gateway.tunnel.mac = hdr.decided.tunnel_mac;
        transition select(hdr.decided.into_tunnel, hdr.decided.over_v6) {
            (1, 0): parse_tunnel;
            (1, 1): parse_tunnel_v6;
            default: parse_ethernet;
        }
    }

    state parse_tunnel {
        packet.extract(hdr.decided_tunnel);
        meta.gateway.tunnel.src = hdr.decided_tunnel.src;
        meta.gateway.tunnel.dst = hdr.decided_tunnel.dst;
        transition parse_ethernet;
    }

    state parse_tunnel_v6 {
        packet.extract(hdr.decided_tunnel_v6);
        meta.gateway.tunnel.src_v6 = hdr.decided_tunnel_v6.src;
        meta.gateway.tunnel.dst_v6 = hdr.decided_tunnel_v6.dst;
        transition parse_ethernet;
    }

    state parse_ethernet {
        packet.extract(hdr.gateway.ethernet);
        transition select(hdr.admitted.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.gateway.packet.ipv4);
        ipv4_rest.subtract({ hdr.gateway.packet.ipv4.checksum, hdr.gateway.packet.ipv4.src_addr,
                             hdr.gateway.packet.ipv4.dst_addr });
        meta.rest.ipv4 = ipv4_rest.get();
        tcp_rest.subtract({ hdr.gateway.packet.ipv4.src_addr, hdr.gateway.packet.ipv4.dst_addr });
        udp_rest.subtract({ hdr.gateway.packet.ipv4.src_addr, hdr.gateway.packet.ipv4.dst_addr });
        icmp_rest.add({ hdr.gateway.packet.ipv4.src_addr, hdr.gateway.packet.ipv4.dst_addr });
        transition select(hdr.gateway.packet.ipv4.ihl) {
            5: parse_ipv4_payload;
            default: parse_ipv4_options;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.gateway.packet.ipv4_options, OPTION_BITS(hdr.gateway.packet.ipv4));
        transition parse_ipv4_payload;
    }

    state parse_ipv4_payload {
        transition select(hdr.gateway.packet.ipv4.fragment_offset, hdr.gateway.packet.ipv4.protocol) {
            (0, IP_PROTOCOL_TCP): parse_tcp;
            (0, IP_PROTOCOL_UDP): parse_udp;
            (0, IP_PROTOCOL_ICMP): parse_icmp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.gateway.packet.ipv6);
        tcp_rest.subtract({ hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr });
        udp_rest.subtract({ hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr });
        icmpv6_rest.subtract({ hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr });
        icmpv6_quoted_rest.subtract({ hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr });
        transition select(hdr.gateway.packet.ipv6.next_header) {
            IP_PROTOCOL_TCP: parse_tcp;
            IP_PROTOCOL_UDP: parse_udp;
            IP_PROTOCOL_ICMPV6: parse_icmpv6;
            IP_PROTOCOL_IPV6_FRAGMENT: parse_ipv6_fragment;
            default: accept;
        }
    }

    state parse_ipv6_fragment {
        packet.extract(hdr.gateway.packet.ipv6_fragment);
        transition select(hdr.gateway.packet.ipv6_fragment.offset, hdr.gateway.packet.ipv6_fragment.next_header) {
            (0, IP_PROTOCOL_TCP): parse_tcp;
            (0, IP_PROTOCOL_UDP): parse_udp;
            (0, IP_PROTOCOL_ICMPV6): parse_icmpv6;
            default: accept;
        }
    }

    state parse_tcp {
        packet.extract(hdr.gateway.packet.tcp);
        tcp_rest.subtract({ hdr.gateway.packet.tcp.checksum });
        meta.rest.tcp = tcp_rest.get();
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.gateway.packet.udp);
        udp_rest.subtract({ hdr.gateway.packet.udp.checksum });
        meta.rest.udp = udp_rest.get();
        transition accept;
    }

    state parse_icmp {
        packet.extract(hdr.gateway.packet.icmp);
        icmp_rest.subtract({ hdr.gateway.packet.icmp.checksum });
        meta.rest.icmp = icmp_rest.get();
        transition select(hdr.gateway.packet.icmp.type) {
            ICMP_UNREACHABLE: parse_embedded_ipv4;
            ICMP_SOURCE_QUENCH: parse_embedded_ipv4;
            ICMP_TIME_EXCEEDED: parse_embedded_ipv4;
            ICMP_PARAMETER_PROBLEM: parse_embedded_ipv4;
            default: accept;
        }
    }

    state parse_embedded_ipv4 {
        packet.extract(hdr.gateway.packet.embedded_ipv4);
        embedded_ipv4_rest.subtract({ hdr.gateway.packet.embedded_ipv4.checksum, hdr.gateway.packet.embedded_ipv4.src_addr,
                                      hdr.gateway.packet.embedded_ipv4.dst_addr });
        meta.rest.embedded_ipv4 = embedded_ipv4_rest.get();
        embedded_udp_rest.subtract({ hdr.gateway.packet.embedded_ipv4.src_addr, hdr.gateway.packet.embedded_ipv4.dst_addr });
        transition select(hdr.gateway.packet.embedded_ipv4.ihl) {
            5: parse_embedded_ipv4_payload;
            default: parse_embedded_options;
        }
    }

    state parse_embedded_options {
        packet.extract(hdr.gateway.packet.embedded_options, OPTION_BITS(hdr.gateway.packet.embedded_ipv4));
        transition parse_embedded_ipv4_payload;
    }

    state parse_embedded_ipv4_payload {
        transition select(hdr.gateway.packet.embedded_ipv4.fragment_offset, hdr.gateway.packet.embedded_ipv4.protocol) {
            (0, IP_PROTOCOL_UDP): parse_embedded_udp;
            default: accept;
        }
    }

    state parse_icmpv6 {
        packet.extract(hdr.gateway.packet.icmp);
        icmpv6_rest.subtract({ hdr.gateway.packet.icmp.checksum });
        icmpv6_quoted_rest.subtract({ hdr.gateway.packet.icmp.checksum });
        meta.rest.icmpv6 = icmpv6_rest.get();
        transition select(hdr.gateway.packet.icmp.type) {
            ICMPV6_UNREACHABLE: parse_embedded_ipv6;
            ICMPV6_PACKET_TOO_BIG: parse_embedded_ipv6;
            ICMPV6_TIME_EXCEEDED: parse_embedded_ipv6;
            ICMPV6_PARAMETER_PROBLEM: parse_embedded_ipv6;
            default: accept;
        }
    }

    state parse_embedded_ipv6 {
        packet.extract(hdr.gateway.packet.embedded_ipv6);
        embedded_udp_rest.subtract({ hdr.gateway.packet.embedded_ipv6.src_addr, hdr.gateway.packet.embedded_ipv6.dst_addr });
        embedded_icmp_rest.subtract({ hdr.gateway.packet.embedded_ipv6.src_addr, hdr.gateway.packet.embedded_ipv6.dst_addr });
        // Where nothing else in what is quoted makes up for the address.
        icmpv6_quoted_rest.subtract({ hdr.gateway.packet.embedded_ipv6.src_addr, hdr.gateway.packet.embedded_ipv6.dst_addr });
        meta.rest.icmpv6_quoted = icmpv6_quoted_rest.get();
        transition select(hdr.gateway.packet.embedded_ipv6.next_header) {
            IP_PROTOCOL_UDP: parse_embedded_udp;
            IP_PROTOCOL_ICMPV6: parse_embedded_icmp;
            default: accept;
        }
    }

    state parse_embedded_udp {
        packet.extract(hdr.gateway.packet.embedded_udp);
        embedded_udp_rest.subtract({ hdr.gateway.packet.embedded_udp.checksum });
        meta.rest.embedded_udp = embedded_udp_rest.get();
        transition accept;
    }

    state parse_embedded_icmp {
        packet.extract(hdr.gateway.packet.embedded_icmp);
        embedded_icmp_rest.subtract({ hdr.gateway.packet.embedded_icmp.checksum });
        meta.rest.embedded_icmp = embedded_icmp_rest.get();
        transition accept;
    }
}

// Which checksums change, after the addresses have.
control ChecksumsOfTranslation(inout headers_t hdr, inout rest_t rest) {
    action complements() {
        rest.not_src = ~hdr.packet.ipv4.src_addr;
        rest.not_dst = ~hdr.packet.ipv4.dst_addr;
    }

    apply {
        complements();
        if (hdr.packet.ipv4.isValid()) {
            rest.sum_ipv4 = 1;
        }
        if (hdr.packet.tcp.isValid()) {
            rest.sum_tcp = 1;
        }
        if (hdr.packet.udp.isValid() && hdr.packet.udp.checksum != 0) {
            rest.sum_udp = 1;
        }
        if (hdr.packet.embedded_udp.isValid() && hdr.packet.embedded_udp.checksum != 0) {
            rest.sum_embedded_udp = 1;
            if (hdr.packet.ipv4.isValid()) {
                rest.sum_icmp = 1;
            }
        }
        if (hdr.packet.ipv6.isValid() && hdr.packet.icmp.isValid()) {
            if (hdr.packet.embedded_icmp.isValid()) {
                rest.sum_embedded_icmp = 1;
            }
            if (hdr.packet.embedded_ipv6.isValid() && !hdr.packet.embedded_udp.isValid() && !hdr.packet.embedded_icmp.isValid()) {
                rest.sum_icmpv6_and_quoted_addresses = 1;
            } else {
                rest.sum_icmpv6 = 1;
            }
        }
    }
}

control DepartureEgress(inout departure_headers_t hdr, inout departure_metadata_t meta,
                        in egress_intrinsic_metadata_t intrinsic,
                        in egress_intrinsic_metadata_from_parser_t from_parser,
                        inout egress_intrinsic_metadata_for_deparser_t for_deparser,
                        inout egress_intrinsic_metadata_for_output_port_t for_port) {
    Departure() departure;
    ChecksumsOfTranslation() checksums;
    Counter<bit<64>, drop_reason_t>(DROP_REASONS, CounterType_t.PACKETS_AND_BYTES) drops;

    action unpack() {
        meta.gateway.routed = (bool)hdr.decided.routed;
        meta.gateway.route_is_v6 = (bool)hdr.decided.route_is_v6;
        meta.gateway.eip.translated = (bool)hdr.decided.translated;
        meta.gateway.tunnel.wanted = (bool)hdr.decided.into_tunnel;
        meta.gateway.tunnel.over_v6 = (bool)hdr.decided.over_v6;
        meta.gateway.eip.direction = (eip_direction_t)hdr.admitted.eip_direction;
        meta.gateway.flow.has_ports = (bool)hdr.admitted.has_ports;
    }

    action to_controller() {
        hdr.gateway.packet_in.setValid();
        hdr.gateway.packet_in.ingress_port = meta.gateway.ingress_port;
        hdr.gateway.packet_in.network_id = meta.gateway.network_id;
    }

    action once_more() {
        hdr.gateway.recirculated.setValid();
        hdr.gateway.recirculated.network_id = meta.gateway.network_id;
        hdr.gateway.recirculated.now = meta.gateway.now;
    }

    apply {
        unpack();
        departure.apply(hdr.gateway, meta.gateway);
        if (meta.gateway.eip.translated) {
            checksums.apply(hdr.gateway, meta.rest);
        }
        if (hdr.decided.is_punt == 1) {
            to_controller();
        } else if (hdr.decided.is_hairpin == 1) {
            once_more();
        }
        if (meta.gateway.verdict == verdict_t.DROP) {
            drops.count(meta.gateway.drop_reason);
            for_deparser.drop_ctl = 1;
        }
    }
}

#define ADDRESSES(p) p.ipv4.src_addr, p.ipv4.dst_addr, p.ipv6.src_addr, p.ipv6.dst_addr
#define EMBEDDED_ADDRESSES(p) \
    p.embedded_ipv4.src_addr, p.embedded_ipv4.dst_addr, p.embedded_ipv6.src_addr, p.embedded_ipv6.dst_addr

control DepartureDeparser(packet_out packet, inout departure_headers_t hdr, in departure_metadata_t meta,
                          in egress_intrinsic_metadata_for_deparser_t for_deparser) {
    Checksum() encap_sum;
    Checksum() ipv4_sum;
    Checksum() tcp_sum;
    Checksum() udp_sum;
    Checksum() icmp_sum;
    Checksum() icmpv6_sum;
    Checksum() icmpv6_quoted_sum;
    Checksum() embedded_ipv4_sum;
    Checksum() embedded_udp_sum;
    Checksum() embedded_icmp_sum;

    apply {
        if (hdr.gateway.encap_ipv4.isValid()) {
            hdr.gateway.encap_ipv4.checksum = encap_sum.update({ IPV4_FIELDS_BUT_CHECKSUM(hdr.gateway.encap_ipv4) });
        }
        if (meta.rest.sum_ipv4 == 1) {
            hdr.gateway.packet.ipv4.checksum = ipv4_sum.update({
                hdr.gateway.packet.ipv4.src_addr, hdr.gateway.packet.ipv4.dst_addr, meta.rest.ipv4 });
            hdr.gateway.packet.embedded_ipv4.checksum = embedded_ipv4_sum.update({
                hdr.gateway.packet.embedded_ipv4.src_addr, hdr.gateway.packet.embedded_ipv4.dst_addr, meta.rest.embedded_ipv4 });
        }
        if (meta.rest.sum_tcp == 1) {
            hdr.gateway.packet.tcp.checksum = tcp_sum.update({ ADDRESSES(hdr.gateway.packet), meta.rest.tcp });
        }
        if (meta.rest.sum_udp == 1) {
            hdr.gateway.packet.udp.checksum = udp_sum.update({ ADDRESSES(hdr.gateway.packet), meta.rest.udp }, true);
        }
        if (meta.rest.sum_icmp == 1) {
            hdr.gateway.packet.icmp.checksum = icmp_sum.update({ meta.rest.not_src, meta.rest.not_dst, meta.rest.icmp });
        }
        if (meta.rest.sum_icmpv6 == 1) {
            hdr.gateway.packet.icmp.checksum = icmpv6_sum.update({
                hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr, meta.rest.icmpv6 });
        }
        if (meta.rest.sum_icmpv6_and_quoted_addresses == 1) {
            hdr.gateway.packet.icmp.checksum = icmpv6_quoted_sum.update({
                hdr.gateway.packet.ipv6.src_addr, hdr.gateway.packet.ipv6.dst_addr,
                hdr.gateway.packet.embedded_ipv6.src_addr, hdr.gateway.packet.embedded_ipv6.dst_addr, meta.rest.icmpv6_quoted });
        }
        if (meta.rest.sum_embedded_udp == 1) {
            hdr.gateway.packet.embedded_udp.checksum = embedded_udp_sum.update({
                EMBEDDED_ADDRESSES(hdr.gateway.packet), meta.rest.embedded_udp }, true);
        }
        if (meta.rest.sum_embedded_icmp == 1) {
            hdr.gateway.packet.embedded_icmp.checksum = embedded_icmp_sum.update({
                hdr.gateway.packet.embedded_ipv6.src_addr, hdr.gateway.packet.embedded_ipv6.dst_addr, meta.rest.embedded_icmp });
        }
        packet.emit(hdr.gateway.packet_in);
        packet.emit(hdr.gateway.recirculated);
        packet.emit(hdr.gateway.ethernet);
        packet.emit(hdr.gateway.vlan);
        packet.emit(hdr.gateway.encap_ipv4);
        packet.emit(hdr.gateway.encap_ipv6);
        packet.emit(hdr.gateway.encap_udp);
        packet.emit(hdr.gateway.encap_vxlan);
        packet.emit(hdr.gateway.encap_ethernet);
        EMIT_IP_PACKET(hdr.gateway.packet);
    }
}

#endif
