// The gateway on v1model: BMv2's simple_switch_grpc and the soft switch. gateway.p4 is the pipeline itself.
#include "ids.p4"
#include "sizes.p4"
#include "drop_reasons.p4"
#include "headers.p4"
#include "metadata.p4"
#include "parser.p4"
#include "arch/v1model.p4"
#include "gateway.p4"

const bit<9> CPU_PORT = 255; // the target's --cpu-port

parser V1modelParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default: parse_frame;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition accept; // the frame goes as the controller made it
    }

    state parse_frame {
        GatewayParser.apply(packet, hdr);
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
            meta.parser_failed = standard_metadata.parser_error != error.NoError;
            // 14 bytes of Ethernet and 4 of a VLAN tag come before the IPv4 header.
            meta.frame_bytes = (bit<16>)standard_metadata.packet_length - (hdr.vlan.isValid() ? 16w18 : 16w14);
            gateway.apply(hdr, meta);
        }

        if (meta.verdict == verdict_t.FORWARD) {
            standard_metadata.egress_spec = (bit<9>)meta.egress_port;
        } else if (meta.verdict == verdict_t.PUNT) {
            standard_metadata.egress_spec = CPU_PORT;
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = meta.ingress_port;
            hdr.packet_in.network_id = meta.network_id;
        } else {
            drops.count((bit<32>)meta.drop_reason);
            mark_to_drop(standard_metadata);
        }
    }
}

control NoEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {}
}

control TunnelChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.encap_ipv4.isValid(),
                        { hdr.encap_ipv4.version, hdr.encap_ipv4.ihl, hdr.encap_ipv4.dscp, hdr.encap_ipv4.ecn,
                          hdr.encap_ipv4.total_len, hdr.encap_ipv4.identification, hdr.encap_ipv4.reserved,
                          hdr.encap_ipv4.dont_fragment, hdr.encap_ipv4.more_fragments,
                          hdr.encap_ipv4.fragment_offset, hdr.encap_ipv4.ttl, hdr.encap_ipv4.protocol,
                          hdr.encap_ipv4.src_addr, hdr.encap_ipv4.dst_addr },
                        hdr.encap_ipv4.checksum, HashAlgorithm.csum16);
    }
}

V1Switch(V1modelParser(), NoChecksumVerify(), V1modelIngress(), NoEgress(), TunnelChecksum(), GatewayDeparser()) main;
