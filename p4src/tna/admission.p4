// Egress of the inner pipe: Admission. The packet is out of its tunnel; only here its length on the wire is known.
#ifndef SLUICE_TNA_ADMISSION_P4
#define SLUICE_TNA_ADMISSION_P4

struct admission_headers_t {
    arrived_t arrived;
    way_back_t way_back;
    admitted_t admitted;
    admitted_ipv4_t admitted_ipv4;
    admitted_ipv6_t admitted_ipv6;
    headers_t gateway;
}

parser AdmissionParser(packet_in packet, out admission_headers_t hdr, out metadata_t meta,
                       out egress_intrinsic_metadata_t intrinsic) {
    bit<16> udp_dst_port;
    bit<16> udp_length;

    state start {
        packet.extract(intrinsic);
        packet.extract(hdr.arrived);
        meta.ingress_port = hdr.arrived.ingress_port;
        meta.network_id = hdr.arrived.network_id;
        meta.vrf_id = hdr.arrived.vrf_id;
        meta.now = hdr.arrived.now;
        meta.vni = hdr.arrived.vni;
        meta.frame_bytes = hdr.arrived.frame_bytes;
        meta.sender_vtep = hdr.arrived.sender_vtep;
        meta.own_vtep = hdr.arrived.own_vtep;
        meta.sender_host_id = hdr.arrived.sender_host_id;
        meta.sender_mac = hdr.arrived.sender_mac;
        transition select(hdr.arrived.came_over_v6) {
            1: parse_way_back;
            default: parse_ethernet;
        }
    }

    state parse_way_back {
        packet.extract(hdr.way_back);
        transition parse_ethernet;
    }

    state parse_ethernet {
        packet.extract(hdr.gateway.ethernet);
        IpPacketParser.apply(packet, hdr.arrived.ether_type, hdr.gateway.packet, meta, udp_dst_port, udp_length);
        transition accept;
    }
}

// What IpCheck could not do on arrival.
control OuterLengthCheck(inout headers_t hdr, inout metadata_t meta) {
    action ipv4_bytes() {
        meta.packet_bytes = hdr.packet.ipv4.total_len;
    }

    action ipv6_bytes() {
        meta.packet_bytes = hdr.packet.ipv6.payload_len + IPV6_HEADER_BYTES;
    }

    apply {
        bool ok = true;
        if (hdr.packet.ipv4.isValid()) {
            ipv4_bytes();
            Ipv4LengthCheck.apply(hdr, meta, ok);
        } else if (hdr.packet.ipv6.isValid()) {
            ipv6_bytes();
            Ipv6LengthCheck.apply(hdr, meta, ok);
        }
        if (!ok) {
            DROP(DROP_IP_LENGTH);
        }
    }
}

control AdmissionEgress(inout admission_headers_t hdr, inout metadata_t meta,
                        in egress_intrinsic_metadata_t intrinsic,
                        in egress_intrinsic_metadata_from_parser_t from_parser,
                        inout egress_intrinsic_metadata_for_deparser_t for_deparser,
                        inout egress_intrinsic_metadata_for_output_port_t for_port) {
    Admission() admission;
    OuterLengthCheck() length;
    bit<16> wire_bytes = 0;
    Counter<bit<64>, drop_reason_t>(DROP_REASONS, CounterType_t.PACKETS_AND_BYTES) drops;

    action unpack() {
        meta.is_heartbeat = (bool)hdr.arrived.is_heartbeat;
        meta.second_pass = (bool)hdr.arrived.second_pass;
        meta.from_ld = (bool)hdr.arrived.from_ld;
        meta.decapsulated = (bool)hdr.arrived.decapsulated;
    }

    action pack() {
        hdr.admitted.setValid();
        hdr.admitted.is_heartbeat = hdr.arrived.is_heartbeat;
        hdr.admitted.is_neighbor_answer = hdr.arrived.is_neighbor_answer;
        hdr.admitted.second_pass = hdr.arrived.second_pass;
        hdr.admitted.from_ld = hdr.arrived.from_ld;
        hdr.admitted.ingress_port = hdr.arrived.ingress_port;
        hdr.admitted.network_id = meta.network_id;
        hdr.admitted.vrf_id = meta.vrf_id;
        hdr.admitted.now = hdr.arrived.now;
        hdr.admitted.vni = meta.vni;
        hdr.admitted.protocol = meta.flow.protocol;
        hdr.admitted.src_port = meta.flow.src_port;
        hdr.admitted.dst_port = meta.flow.dst_port;
        hdr.admitted.packet_bytes = meta.packet_bytes;
        hdr.admitted.ether_type = hdr.arrived.ether_type;
        hdr.admitted.own_vtep = hdr.arrived.own_vtep;
        hdr.admitted.eip_network_id = meta.eip.network_id;
        hdr.admitted.eip_vrf_id = meta.eip.vrf_id;
        hdr.admitted.eip_index = meta.eip.index;
        hdr.admitted.peer_mac = meta.eip.mac;
        hdr.admitted.peer_host = meta.eip.host;
        hdr.admitted.heartbeat_ld_id = hdr.arrived.heartbeat_ld_id;
        hdr.admitted.liveness_time = hdr.arrived.liveness_time;
        hdr.admitted.heartbeat_sequence = hdr.arrived.heartbeat_sequence;
        hdr.admitted.decapsulated = hdr.arrived.decapsulated;
        hdr.admitted.came_over_v6 = hdr.arrived.came_over_v6;
        hdr.admitted.eip_host_id = meta.eip.host_id;
    }

    action pack_ipv4() {
        hdr.admitted_ipv4.setValid();
        hdr.admitted_ipv4.src = meta.flow.src;
        hdr.admitted_ipv4.dst = meta.flow.dst;
        hdr.admitted_ipv4.translation = meta.eip.translation;
    }

    action pack_ipv6() {
        hdr.admitted.is_v6 = 1;
        hdr.admitted_ipv6.setValid();
        hdr.admitted_ipv6.src = meta.flow_v6.src;
        hdr.admitted_ipv6.dst = meta.flow_v6.dst;
        hdr.admitted_ipv6.translation = meta.eip_v6.translation;
    }

    action pack_answer() {
        hdr.admitted.is_answer = 1;
        hdr.admitted.peer_host = hdr.arrived.sender_vtep;
        hdr.admitted.peer_mac = hdr.arrived.sender_mac;
    }

    // The frame without its Ethernet header and what Arrival says. Of what a tunnel holds, no more than the tunnel says is taken.
    action wire_bytes_after_arrived() {
        wire_bytes = intrinsic.pkt_length - (ARRIVED_BYTES + ETHERNET_BYTES + FRAME_CHECK_BYTES);
    }

    action wire_bytes_after_way_back() {
        wire_bytes = intrinsic.pkt_length - (ARRIVED_BYTES + WAY_BACK_BYTES + ETHERNET_BYTES + FRAME_CHECK_BYTES);
    }

    apply {
        unpack();
        if (from_parser.parser_err != 0) {
            DROP(DROP_PARSER_ERROR);
        }
        if (hdr.way_back.isValid()) {
            wire_bytes_after_way_back();
        } else {
            wire_bytes_after_arrived();
        }
        if (meta.decapsulated) {
            bit<16> missing = meta.frame_bytes |-| wire_bytes;
            if (missing != 0) {
                DROP(DROP_IP_LENGTH);
            }
        } else {
            meta.frame_bytes = wire_bytes;
            length.apply(hdr.gateway, meta);
        }
        admission.apply(hdr.gateway, meta);
        pack();
        if (hdr.gateway.packet.ipv4.isValid()) {
            pack_ipv4();
        } else {
            pack_ipv6();
        }
        if (meta.answered) {
            pack_answer();
        }
        if (meta.flow.has_ports) {
            hdr.admitted.has_ports = 1;
        }
        if (meta.flow.is_fragment) {
            hdr.admitted.is_fragment = 1;
        }
        if (meta.eip.found) {
            hdr.admitted.eip_found = 1;
        }
        if (meta.eip.direction == eip_direction_t.IN) {
            hdr.admitted.eip_direction = 1;
        } else if (meta.eip.direction == eip_direction_t.OUT) {
            hdr.admitted.eip_direction = 2;
        }
        if (meta.eip.owner_is_vip) {
            hdr.admitted.eip_owner_is_vip = 1;
        }
        if (meta.eip.is_sender) {
            hdr.admitted.eip_is_sender = 1;
        }
        if (meta.to_vpc) {
            hdr.admitted.to_vpc = 1;
        }
        if (meta.verdict == verdict_t.DROP) {
            drops.count(meta.drop_reason);
            for_deparser.drop_ctl = 1;
        }
        hdr.arrived.setInvalid();
    }
}

control AdmissionDeparser(packet_out packet, inout admission_headers_t hdr, in metadata_t meta,
                          in egress_intrinsic_metadata_for_deparser_t for_deparser) {
    Checksum() error_ipv4_sum;
    Checksum() error_icmp_sum;
    Checksum() error_icmpv6_sum;

    apply {
        if (hdr.gateway.error_ipv4.isValid()) {
            hdr.gateway.error_ipv4.checksum = error_ipv4_sum.update({ IPV4_FIELDS_BUT_CHECKSUM(hdr.gateway.error_ipv4) });
            hdr.gateway.error_icmp.checksum = error_icmp_sum.update({
                ICMP_FIELDS_BUT_CHECKSUM(hdr.gateway.error_icmp), QUOTED_FIELDS(hdr.gateway.packet) });
        }
        if (hdr.gateway.error_ipv6.isValid()) {
            hdr.gateway.error_icmp.checksum = error_icmpv6_sum.update({
                ICMPV6_PSEUDO_HEADER(hdr.gateway.error_ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.gateway.error_icmp),
                QUOTED_FIELDS(hdr.gateway.packet) });
        }
        packet.emit(hdr.admitted);
        packet.emit(hdr.admitted_ipv4);
        packet.emit(hdr.admitted_ipv6);
        packet.emit(hdr.way_back);
        packet.emit(hdr.gateway.ethernet);
        packet.emit(hdr.gateway.error_ipv4);
        packet.emit(hdr.gateway.error_ipv6);
        packet.emit(hdr.gateway.error_icmp);
        EMIT_IP_PACKET(hdr.gateway.packet);
    }
}

#endif
