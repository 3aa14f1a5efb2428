// Ingress of the outer pipe, where the network's ports are: Arrival. Of a tunnel it looks at the outside; Admission parses what is
// in it. What is answered leaves from here.
#ifndef SLUICE_TNA_ARRIVAL_P4
#define SLUICE_TNA_ARRIVAL_P4

struct arrival_headers_t {
    arrived_t arrived;
    way_back_t way_back;
    headers_t gateway;
}

parser ArrivalParser(packet_in packet, out arrival_headers_t hdr, out metadata_t meta,
                     out ingress_intrinsic_metadata_t intrinsic) {
    Checksum() ipv4_sum;

    state start {
        packet.extract(intrinsic);
        packet.advance(PORT_METADATA_SIZE);
        transition select(intrinsic.ingress_port) {
            CPU_PORT: parse_packet_out;
            RECIRCULATION_PORT: parse_recirculated;
            default: parse_ethernet;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.gateway.packet_out);
        transition accept; // the frame goes as the controller made it
    }

    state parse_recirculated {
        packet.extract(hdr.gateway.recirculated);
        transition parse_ethernet;
    }

    state parse_ethernet {
        packet.extract(hdr.gateway.ethernet);
        meta.ether_type = hdr.gateway.ethernet.ether_type;
        transition select(hdr.gateway.ethernet.ether_type) {
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.gateway.vlan);
        meta.ether_type = hdr.gateway.vlan.ether_type;
        transition select(hdr.gateway.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_ARP: parse_arp;
            default: accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.gateway.arp);
        transition accept;
    }

    // Not more of a packet than is asked here. Whether a datagram is VXLAN or a heartbeat is selected on the bytes of its UDP header.
    state parse_ipv4 {
        packet.extract(hdr.gateway.packet.ipv4);
        ipv4_sum.add(hdr.gateway.packet.ipv4);
        transition select(hdr.gateway.packet.ipv4.version, hdr.gateway.packet.ipv4.ihl) {
            (4, 5): parse_ipv4_payload;
            (4, 6 &&& 0xe): parse_ipv4_options; // 6, 7
            (4, 8 &&& 0x8): parse_ipv4_options; // 8 to 15
            default: accept;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.gateway.packet.ipv4_options, OPTION_BITS(hdr.gateway.packet.ipv4));
        ipv4_sum.add(hdr.gateway.packet.ipv4_options);
        transition parse_ipv4_payload;
    }

    state parse_ipv4_payload {
        meta.ipv4_checksum_bad = (bit<1>)ipv4_sum.verify();
        transition select(hdr.gateway.packet.ipv4.more_fragments, hdr.gateway.packet.ipv4.fragment_offset,
                          hdr.gateway.packet.ipv4.protocol) {
            (0, 0, IP_PROTOCOL_UDP): parse_datagram;
            (_, 0, IP_PROTOCOL_ICMP): parse_icmp;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.gateway.packet.ipv6);
        transition select(hdr.gateway.packet.ipv6.version, hdr.gateway.packet.ipv6.next_header) {
            (6, IP_PROTOCOL_UDP): parse_datagram;
            (6, IP_PROTOCOL_ICMPV6): parse_icmpv6;
            default: accept;
        }
    }

    state parse_icmp {
        packet.extract(hdr.gateway.packet.icmp);
        transition accept;
    }

    state parse_icmpv6 {
        packet.extract(hdr.gateway.packet.icmp);
        transition select(hdr.gateway.packet.icmp.type) {
            ICMPV6_NEIGHBOR_SOLICITATION: parse_nd;
            ICMPV6_NEIGHBOR_ADVERTISEMENT: parse_nd;
            default: accept;
        }
    }

    state parse_nd {
        packet.extract(hdr.gateway.packet.nd);
        transition accept;
    }

    state parse_datagram {
        packet.extract(hdr.gateway.packet.udp);
        transition select(hdr.gateway.packet.udp.dst_port, hdr.gateway.packet.udp.length) {
            (UDP_PORT_VXLAN, _): parse_vxlan;
            (UDP_PORT_HEARTBEAT, UDP_HEARTBEAT_BYTES): parse_heartbeat;
            default: accept;
        }
    }

    state parse_heartbeat {
        packet.extract(hdr.gateway.heartbeat);
        transition accept;
    }

    state parse_vxlan {
        packet.extract(hdr.gateway.vxlan);
        packet.extract(hdr.gateway.inner_ethernet);
        transition accept;
    }
}

control ArrivalIngress(inout arrival_headers_t hdr, inout metadata_t meta,
                       in ingress_intrinsic_metadata_t intrinsic,
                       in ingress_intrinsic_metadata_from_parser_t from_parser,
                       inout ingress_intrinsic_metadata_for_deparser_t for_deparser,
                       inout ingress_intrinsic_metadata_for_tm_t for_tm) {
    Arrival() arrival;

    @id(COUNTER_DROP)
    Counter<bit<64>, drop_reason_t>(DROP_REASONS, CounterType_t.PACKETS_AND_BYTES) drops;

    action pack() {
        hdr.arrived.setValid();
        hdr.arrived.ingress_port = meta.ingress_port;
        hdr.arrived.network_id = meta.network_id;
        hdr.arrived.vrf_id = meta.vrf_id;
        hdr.arrived.now = meta.now;
        hdr.arrived.vni = meta.vni;
        hdr.arrived.frame_bytes = meta.frame_bytes;
        hdr.arrived.ether_type = meta.ether_type;
        hdr.arrived.sender_vtep = meta.sender_vtep;
        hdr.arrived.own_vtep = meta.own_vtep;
        hdr.arrived.sender_host_id = meta.sender_host_id;
        hdr.arrived.sender_mac = meta.sender_mac;
        hdr.arrived.heartbeat_ld_id = meta.heartbeat_ld_id;
        hdr.arrived.liveness_time = meta.now[47:16];
        hdr.gateway.vlan.setInvalid();
        for_tm.ucast_egress_port = INNER_PORT;
    }

    // What Decision's registers take is made here, where there is room for it: one operand each, whole in 32 bits.
    action pack_heartbeat() {
        hdr.arrived.is_heartbeat = 1;
        hdr.arrived.liveness_time = meta.now[47:16] + meta.heartbeat_hold_us;
        hdr.arrived.heartbeat_sequence = hdr.gateway.heartbeat.sequence[39:8];
    }

    apply {
        if (hdr.gateway.packet_out.isValid()) {
            for_tm.ucast_egress_port = (PortId_t)hdr.gateway.packet_out.egress_port;
            for_tm.bypass_egress = 1;
            hdr.gateway.packet_out.setInvalid();
        } else {
            meta.ingress_port = (bit<16>)intrinsic.ingress_port;
            meta.now = from_parser.global_tstamp;
            if (hdr.gateway.recirculated.isValid()) {
                meta.second_pass = true;
            }
            if (from_parser.parser_err != 0) {
                meta.parser_failed = true;
            }
            arrival.apply(hdr.gateway, meta);
            meta.heartbeat_hold_us = 6w0 ++ meta.heartbeat_hold_us[31:6]; // in 2^16 ns
            if (meta.verdict == verdict_t.DROP) {
                drops.count(meta.drop_reason);
                for_deparser.drop_ctl = 1;
            } else if (meta.reflected) {
                for_tm.ucast_egress_port = (PortId_t)meta.egress_port;
                for_tm.bypass_egress = 1;
            } else {
                if (meta.decapsulated) {
                    hdr.arrived.decapsulated = 1;
                    meta.ether_type = hdr.gateway.inner_ethernet.ether_type;
                }
                pack();
                if (meta.came_over_v6) {
                    hdr.arrived.came_over_v6 = 1;
                    hdr.way_back.setValid();
                    hdr.way_back.own_vtep = meta.tunnel.src_v6;
                    hdr.way_back.sender_vtep = meta.tunnel.dst_v6;
                }
                if (meta.is_heartbeat) {
                    pack_heartbeat();
                    if (hdr.gateway.heartbeat.flags & HEARTBEAT_GOING_DOWN != 0) {
                        hdr.arrived.liveness_time = 0;
                    }
                }
                if (meta.verdict == verdict_t.PUNT) {
                    hdr.arrived.is_neighbor_answer = 1;
                }
                if (meta.second_pass) {
                    hdr.arrived.second_pass = 1;
                }
                if (meta.from_ld) {
                    hdr.arrived.from_ld = 1;
                }
            }
        }
    }
}

control ArrivalDeparser(packet_out packet, inout arrival_headers_t hdr, in metadata_t meta,
                        in ingress_intrinsic_metadata_for_deparser_t for_deparser) {
    Checksum() ipv4_sum;
    Checksum() nd_sum;

    apply {
        // An answered ping: the header was good when it came.
        if (meta.reflected) {
            hdr.gateway.packet.ipv4.checksum = ipv4_sum.update({ IPV4_FIELDS_BUT_CHECKSUM(hdr.gateway.packet.ipv4) });
        }
        if (hdr.gateway.packet.nd_option.isValid()) {
            hdr.gateway.packet.icmp.checksum = nd_sum.update({
                ICMPV6_PSEUDO_HEADER(hdr.gateway.packet.ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.gateway.packet.icmp),
                hdr.gateway.packet.nd.target, hdr.gateway.packet.nd_option.type, hdr.gateway.packet.nd_option.length,
                hdr.gateway.packet.nd_option.mac });
        }
        packet.emit(hdr.arrived);
        packet.emit(hdr.way_back);
        packet.emit(hdr.gateway.ethernet);
        packet.emit(hdr.gateway.vlan);
        packet.emit(hdr.gateway.arp);
        EMIT_IP_PACKET(hdr.gateway.packet);
        packet.emit(hdr.gateway.heartbeat);
        packet.emit(hdr.gateway.vxlan);
        packet.emit(hdr.gateway.inner_ethernet);
    }
}

#endif
