// One of the gateway's four parts beside an empty gress: what it takes by itself. Tofino's compiler stops at the first part that does
// not fit, and says nothing of the others (p4src/tofino_part.mjs, docs/tofino.md).
#ifndef SLUICE_TNA_ONE_PART_P4
#define SLUICE_TNA_ONE_PART_P4

struct nothing_t {}

parser NoIngressParser(packet_in packet, out nothing_t hdr, out nothing_t meta,
                       out ingress_intrinsic_metadata_t intrinsic) {
    state start {
        packet.extract(intrinsic);
        packet.advance(PORT_METADATA_SIZE);
        transition accept;
    }
}

control NoIngress(inout nothing_t hdr, inout nothing_t meta, in ingress_intrinsic_metadata_t intrinsic,
                  in ingress_intrinsic_metadata_from_parser_t from_parser,
                  inout ingress_intrinsic_metadata_for_deparser_t for_deparser,
                  inout ingress_intrinsic_metadata_for_tm_t for_tm) {
    apply {}
}

control NoIngressDeparser(packet_out packet, inout nothing_t hdr, in nothing_t meta,
                          in ingress_intrinsic_metadata_for_deparser_t for_deparser) {
    apply {}
}

parser NoEgressParser(packet_in packet, out nothing_t hdr, out nothing_t meta,
                      out egress_intrinsic_metadata_t intrinsic) {
    state start {
        packet.extract(intrinsic);
        transition accept;
    }
}

control NoEgress(inout nothing_t hdr, inout nothing_t meta, in egress_intrinsic_metadata_t intrinsic,
                 in egress_intrinsic_metadata_from_parser_t from_parser,
                 inout egress_intrinsic_metadata_for_deparser_t for_deparser,
                 inout egress_intrinsic_metadata_for_output_port_t for_port) {
    apply {}
}

control NoEgressDeparser(packet_out packet, inout nothing_t hdr, in nothing_t meta,
                         in egress_intrinsic_metadata_for_deparser_t for_deparser) {
    apply {}
}

#if defined(ONE_PART_ARRIVAL)
Pipeline(ArrivalParser(), ArrivalIngress(), ArrivalDeparser(), NoEgressParser(), NoEgress(), NoEgressDeparser()) pipe;
#elif defined(ONE_PART_ADMISSION)
Pipeline(NoIngressParser(), NoIngress(), NoIngressDeparser(), AdmissionParser(), AdmissionEgress(), AdmissionDeparser()) pipe;
#elif defined(ONE_PART_DECISION)
Pipeline(DecisionParser(), DecisionIngress(), DecisionDeparser(), NoEgressParser(), NoEgress(), NoEgressDeparser()) pipe;
#else
Pipeline(NoIngressParser(), NoIngress(), NoIngressDeparser(), DepartureParser(), DepartureEgress(), DepartureDeparser()) pipe;
#endif

Switch(pipe) main;

#endif
