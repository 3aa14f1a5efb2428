// Ingress of the inner pipe: Decision. It reads the packet's addresses only; what Admission knows comes before the frame.
#ifndef SLUICE_TNA_DECISION_P4
#define SLUICE_TNA_DECISION_P4

struct decision_headers_t {
    decided_t decided;
    decided_tunnel_t decided_tunnel;
    decided_tunnel_v6_t decided_tunnel_v6;
    way_back_t way_back;
    admitted_t admitted;
    admitted_ipv4_t admitted_ipv4;
    admitted_ipv6_t admitted_ipv6;
    headers_t gateway;
}

parser DecisionParser(packet_in packet, out decision_headers_t hdr, out metadata_t meta,
                      out ingress_intrinsic_metadata_t intrinsic) {
    state start {
        packet.extract(intrinsic);
        packet.advance(PORT_METADATA_SIZE);
        packet.extract(hdr.admitted);
        meta.ingress_port = hdr.admitted.ingress_port;
        meta.network_id = hdr.admitted.network_id;
        meta.vrf_id = hdr.admitted.vrf_id;
        meta.now = hdr.admitted.now;
        meta.vni = hdr.admitted.vni;
        meta.packet_bytes = hdr.admitted.packet_bytes;
        meta.flow.protocol = hdr.admitted.protocol;
        meta.flow.src_port = hdr.admitted.src_port;
        meta.flow.dst_port = hdr.admitted.dst_port;
        meta.eip.index = hdr.admitted.eip_index;
        meta.eip.network_id = hdr.admitted.eip_network_id;
        meta.eip.vrf_id = hdr.admitted.eip_vrf_id;
        meta.own_vtep = hdr.admitted.own_vtep;
        meta.eip.host_id = hdr.admitted.eip_host_id;
        meta.eip.mac = hdr.admitted.peer_mac;
        meta.eip.host = hdr.admitted.peer_host;
        meta.ld_id = hdr.admitted.heartbeat_ld_id;
        meta.liveness_time = hdr.admitted.liveness_time;
        meta.heartbeat_sequence = hdr.admitted.heartbeat_sequence;
        transition select(hdr.admitted.is_v6) {
            0: parse_admitted_ipv4;
            1: parse_admitted_ipv6;
        }
    }

    state parse_admitted_ipv4 {
        packet.extract(hdr.admitted_ipv4);
        meta.flow.src = hdr.admitted_ipv4.src;
        meta.flow.dst = hdr.admitted_ipv4.dst;
        transition parse_peer;
    }

    state parse_admitted_ipv6 {
        packet.extract(hdr.admitted_ipv6);
        meta.flow_v6.src = hdr.admitted_ipv6.src;
        meta.flow_v6.dst = hdr.admitted_ipv6.dst;
        transition parse_peer;
    }

    state parse_peer {
        transition select(hdr.admitted.came_over_v6) {
            1: parse_way_back;
            default: parse_ethernet;
        }
    }

    state parse_way_back {
        packet.extract(hdr.way_back);
        meta.tunnel.src_v6 = hdr.way_back.own_vtep;
        meta.tunnel.dst_v6 = hdr.way_back.sender_vtep;
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
        transition accept;
    }

    state parse_ipv6 {
        packet.extract(hdr.gateway.packet.ipv6);
        transition accept;
    }
}

control DecisionIngress(inout decision_headers_t hdr, inout metadata_t meta,
                        in ingress_intrinsic_metadata_t intrinsic,
                        in ingress_intrinsic_metadata_from_parser_t from_parser,
                        inout ingress_intrinsic_metadata_for_deparser_t for_deparser,
                        inout ingress_intrinsic_metadata_for_tm_t for_tm) {
    Decision() decision;
    HeartbeatSequence() heartbeat_sequence;

    Counter<bit<64>, drop_reason_t>(DROP_REASONS, CounterType_t.PACKETS_AND_BYTES) drops;

    // What the parser cannot assign: single bits.
    action unpack() {
        meta.answered = (bool)hdr.admitted.is_answer;
        meta.is_heartbeat = (bool)hdr.admitted.is_heartbeat;
        meta.second_pass = (bool)hdr.admitted.second_pass;
        meta.from_ld = (bool)hdr.admitted.from_ld;
        meta.flow.has_ports = (bool)hdr.admitted.has_ports;
        meta.flow.is_fragment = (bool)hdr.admitted.is_fragment;
        meta.eip.found = (bool)hdr.admitted.eip_found;
        meta.eip.direction = (eip_direction_t)hdr.admitted.eip_direction;
        meta.eip.owner_is_vip = (bool)hdr.admitted.eip_owner_is_vip;
        meta.eip.is_sender = (bool)hdr.admitted.eip_is_sender;
        meta.to_vpc = (bool)hdr.admitted.to_vpc;
        meta.decapsulated = (bool)hdr.admitted.decapsulated;
    }

    action answer_into_tunnel() {
        meta.tunnel.wanted = true;
        meta.tunnel.over_v6 = (bool)hdr.admitted.came_over_v6;
        meta.tunnel.src = hdr.admitted.own_vtep;
        meta.tunnel.dst = hdr.admitted.peer_host;
        meta.tunnel.mac = hdr.admitted.peer_mac;
    }

    action pack() {
        hdr.decided.setValid();
        hdr.decided.network_id = meta.network_id;
        hdr.decided.vlan_id = meta.egress_vlan_id;
        hdr.decided.vni = meta.vni;
        hdr.decided.tunnel_src_port = meta.tunnel.src_port;
        hdr.decided.tunnel_reserved = meta.tunnel.reserved;
        hdr.decided.tunnel_src_mac = meta.tunnel.src_mac;
        hdr.decided.tunnel_mac = meta.tunnel.mac;
        for_tm.ucast_egress_port = (PortId_t)meta.egress_port;
    }

    action pack_tunnel() {
        hdr.decided.into_tunnel = 1;
        hdr.decided_tunnel.setValid();
        hdr.decided_tunnel.src = meta.tunnel.src;
        hdr.decided_tunnel.dst = meta.tunnel.dst;
    }

    action pack_tunnel_v6() {
        hdr.decided.into_tunnel = 1;
        hdr.decided.over_v6 = 1;
        hdr.decided_tunnel_v6.setValid();
        hdr.decided_tunnel_v6.src = meta.tunnel.src_v6;
        hdr.decided_tunnel_v6.dst = meta.tunnel.dst_v6;
    }

    apply {
        unpack();
        meta.tunnel.src_port = 0xc000;
        if (hdr.admitted.is_neighbor_answer == 1) {
            meta.verdict = verdict_t.PUNT;
        }
        FlowHash.apply(meta, hdr.admitted_ipv6.isValid());
        if (hdr.admitted.is_answer == 1 && hdr.admitted.decapsulated == 1) {
            answer_into_tunnel();
        }
        if (meta.is_heartbeat) {
            heartbeat_sequence.apply(meta);
        }
        decision.apply(hdr.gateway, meta);
        pack();
        if (meta.verdict == verdict_t.DROP) {
            drops.count(meta.drop_reason);
            for_deparser.drop_ctl = 1;
        } else if (meta.verdict == verdict_t.PUNT) {
            hdr.decided.is_punt = 1;
            for_tm.ucast_egress_port = CPU_PORT;
        } else if (meta.verdict == verdict_t.RECIRCULATE) {
            hdr.decided.is_hairpin = 1;
            hdr.decided.network_id = hdr.gateway.recirculated.network_id;
            for_tm.ucast_egress_port = RECIRCULATION_PORT;
        }
        if (meta.routed) {
            hdr.decided.routed = 1;
        }
        if (meta.route_is_v6) {
            hdr.decided.route_is_v6 = 1;
        }
        if (meta.tunnel.wanted) {
            if (meta.tunnel.over_v6) {
                pack_tunnel_v6();
            } else {
                pack_tunnel();
            }
        }
        if (meta.eip.translated) {
            hdr.decided.translated = 1;
        }
    }
}

control DecisionDeparser(packet_out packet, inout decision_headers_t hdr, in metadata_t meta,
                         in ingress_intrinsic_metadata_for_deparser_t for_deparser) {
    apply {
        packet.emit(hdr.admitted);
        packet.emit(hdr.admitted_ipv4);
        packet.emit(hdr.admitted_ipv6);
        packet.emit(hdr.decided);
        packet.emit(hdr.decided_tunnel);
        packet.emit(hdr.decided_tunnel_v6);
        packet.emit(hdr.gateway.ethernet);
        packet.emit(hdr.gateway.packet.ipv4);
        packet.emit(hdr.gateway.packet.ipv6);
    }
}

#endif
