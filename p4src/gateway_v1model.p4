// The gateway on v1model: BMv2's simple_switch_grpc and the soft switch. gateway.p4 is the pipeline itself.
#include "ids.p4"
#include "sizes.p4"
#include "drop_reasons.p4"
#include "headers.p4"
#include "metadata.p4"
#include "arch/v1model.p4"
#include "parser.p4"
#include "gateway.p4"

const bit<9> CPU_PORT = 255; // the target's --cpu-port
const bit<9> RECIRCULATION_PORT = 510; // no frame leaves there: egress sends it round
const bit<32> INSTANCE_RECIRCULATED = 4; // simple_switch's PKT_INSTANCE_TYPE_RECIRC

// Ethernet, and the tag or the tunnel that lies around a packet when it leaves.
#define FRAME_BYTES_BEFORE_PACKET \
    (14 + (hdr.vlan.isValid() ? 16w4 : 16w0) + (hdr.encap_ipv4.isValid() ? VXLAN_OVERHEAD_BYTES : 16w0) + \
     (hdr.encap_ipv6.isValid() ? IPV6_HEADER_BYTES + VXLAN_HEADERS_BYTES : 16w0))

parser V1modelParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    state start {
        transition select(standard_metadata.ingress_port, standard_metadata.instance_type) {
            (_, INSTANCE_RECIRCULATED): parse_recirculated;
            (CPU_PORT, _): parse_packet_out;
            default: parse_frame;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition accept; // the frame goes as the controller made it
    }

    state parse_recirculated {
        recirculated_t recirculated;
        packet.extract(recirculated);
        GatewayParser.apply(packet, hdr, meta);
        hdr.recirculated = recirculated;
        transition accept;
    }

    state parse_frame {
        GatewayParser.apply(packet, hdr, meta);
        transition accept;
    }
}

control NoChecksumVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control V1modelIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    Gateway() gateway;

    @id(COUNTER_DROP)
    counter(DROP_REASONS, CounterType.packets_and_bytes) drops;

    apply {
        if (hdr.packet_out.isValid()) {
            meta.egress_port = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
        } else {
            meta.ingress_port = (bit<16>)standard_metadata.ingress_port;
            meta.now = standard_metadata.ingress_global_timestamp;
            meta.second_pass = hdr.recirculated.isValid();
            meta.parser_failed = standard_metadata.parser_error != error.NoError;
            // Ethernet and its tag come before the IP header.
            meta.frame_bytes = (bit<16>)standard_metadata.packet_length - (hdr.vlan.isValid() ? 16w18 : 16w14) -
                               (meta.second_pass ? RECIRCULATED_BYTES : 0);
            gateway.apply(hdr, meta);
        }

        if (meta.verdict == verdict_t.FORWARD) {
            standard_metadata.egress_spec = (bit<9>)meta.egress_port;
            if (meta.truncate) {
                truncate((bit<32>)(meta.packet_bytes + FRAME_BYTES_BEFORE_PACKET));
            }
        } else if (meta.verdict == verdict_t.PUNT) {
            standard_metadata.egress_spec = CPU_PORT;
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = meta.ingress_port;
            hdr.packet_in.network_id = meta.network_id;
        } else if (meta.verdict == verdict_t.RECIRCULATE) {
            standard_metadata.egress_spec = RECIRCULATION_PORT;
        } else {
            if (meta.drop_reason != NO_DROP) {
                drops.count((bit<32>)meta.drop_reason);
            }
            mark_to_drop(standard_metadata);
        }
    }
}

control V1modelEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {
        if (hdr.recirculated.isValid()) {
            recirculate_preserving_field_list(0); // nothing is kept but the header
        }
    }
}

control Checksums(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.encap_ipv4.isValid(), { IPV4_FIELDS_BUT_CHECKSUM(hdr.encap_ipv4) }, hdr.encap_ipv4.checksum,
                        HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv4.isValid(), { IPV4_FIELDS_BUT_CHECKSUM(hdr.error_ipv4) }, hdr.error_ipv4.checksum,
                        HashAlgorithm.csum16);

        // Over the ICMP header and what it quotes: an IP header and 8 bytes; options are empty where there are none. ICMPv6's has a
        // pseudo-header (RFC 8200, section 8.1).
        update_checksum(hdr.error_ipv4.isValid() && hdr.packet.tcp.isValid(),
                        { ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp), IPV4_HEADER_FIELDS(hdr.packet.ipv4),
                          hdr.packet.ipv4_options.options, TCP_QUOTED_FIELDS(hdr.packet.tcp) },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv4.isValid() && hdr.packet.udp.isValid(),
                        { ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp), IPV4_HEADER_FIELDS(hdr.packet.ipv4),
                          hdr.packet.ipv4_options.options, UDP_FIELDS(hdr.packet.udp) },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv4.isValid() && hdr.packet.icmp.isValid(),
                        { ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp), IPV4_HEADER_FIELDS(hdr.packet.ipv4),
                          hdr.packet.ipv4_options.options, ICMP_FIELDS_BUT_CHECKSUM(hdr.packet.icmp),
                          hdr.packet.icmp.checksum },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv6.isValid() && hdr.packet.tcp.isValid(),
                        { ICMPV6_PSEUDO_HEADER(hdr.error_ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp),
                          IPV6_FIELDS(hdr.packet.ipv6), TCP_QUOTED_FIELDS(hdr.packet.tcp) },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv6.isValid() && hdr.packet.udp.isValid(),
                        { ICMPV6_PSEUDO_HEADER(hdr.error_ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp),
                          IPV6_FIELDS(hdr.packet.ipv6), UDP_FIELDS(hdr.packet.udp) },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.error_ipv6.isValid() && hdr.packet.icmp.isValid(),
                        { ICMPV6_PSEUDO_HEADER(hdr.error_ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.error_icmp),
                          IPV6_FIELDS(hdr.packet.ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.packet.icmp), hdr.packet.icmp.checksum },
                        hdr.error_icmp.checksum, HashAlgorithm.csum16);
        // A neighbour advertisement.
        update_checksum(hdr.packet.nd_option.isValid(),
                        { ICMPV6_PSEUDO_HEADER(hdr.packet.ipv6), ICMP_FIELDS_BUT_CHECKSUM(hdr.packet.icmp),
                          hdr.packet.nd.target, hdr.packet.nd_option.type, hdr.packet.nd_option.length,
                          hdr.packet.nd_option.mac },
                        hdr.packet.icmp.checksum, HashAlgorithm.csum16);
    }
}

V1Switch(V1modelParser(), NoChecksumVerify(), V1modelIngress(), V1modelEgress(), Checksums(), GatewayDeparser()) main;
