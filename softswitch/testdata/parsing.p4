// Every operation of parsers and deparsers. The answer to a frame is what was parsed of it, with a report in front.
#include <core.p4>
#include <v1model.p4>

header report_t {
    bit<16> parser_error;
    bit<16> checksum_error;
    bit<8>  last_label;
    bit<8>  labels;
    bit<16> peeked;
    bit<8>  valid;
}

/// `kind` says how the rest of the frame is parsed.
header start_t {
    bit<8> kind;
}

header odd_t {
    bit<3>  a;
    bit<33> b;
    bit<4>  c;
    bit<48> d;
    bit<128> e;
    int<8>  f;
}

header option_t {
    bit<8>      length;
    varbit<320> data;
}

header label_t {
    bit<7> value;
    bit<1> is_last;
}

header byte_t {
    bit<8> value;
}

header short_t {
    bit<16> value;
}

header_union number_t {
    byte_t  byte;
    short_t short;
}

struct headers_t {
    report_t   report;
    start_t    start;
    odd_t      odd;
    option_t   options;
    label_t[3] labels;
    number_t   number;
    short_t    sum;
}

struct metadata_t {
    bit<16> peeked;
}

error {
    KindNotKnown
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.start);
        transition select(hdr.start.kind, standard_metadata.ingress_port) {
            (0, _): accept;
            (1, _): odd;
            (2, _): options;
            (3, _): labels;
            (4, _): peek;
            (5, _): skip;
            (6, _): number;
            (7, _): sum;
            (0x40 &&& 0xf0, 3): odd;
            (0x40 &&& 0xf0, _): number;
            default: unknown;
        }
    }
    state odd {
        packet.extract(hdr.odd);
        transition accept;
    }
    state options {
        bit<8> length = packet.lookahead<bit<8>>();
        packet.extract(hdr.options, (bit<32>)length);
        transition accept;
    }
    state labels {
        packet.extract(hdr.labels.next);
        transition select(hdr.labels.last.is_last) {
            1: accept;
            default: labels;
        }
    }
    state peek {
        meta.peeked = packet.lookahead<bit<16>>();
        transition select(packet.lookahead<bit<24>>()) {
            0x010203: odd;
            default: accept;
        }
    }
    state skip {
        bit<8> bytes = packet.lookahead<bit<8>>();
        packet.advance(((bit<32>)bytes) << 3);
        packet.extract(hdr.number.byte);
        transition accept;
    }
    state number {
        transition select(packet.lookahead<bit<1>>()) {
            0: small;
            1: large;
        }
    }
    state small {
        packet.extract(hdr.number.byte);
        transition accept;
    }
    state large {
        packet.extract(hdr.number.short);
        transition accept;
    }
    state sum {
        packet.extract(hdr.sum);
        transition accept;
    }
    state unknown {
        verify(hdr.start.kind >= 0x80, error.KindNotKnown);
        packet.extract(hdr.number.short);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum_with_payload(hdr.sum.isValid(), { hdr.start.kind, 8w0 }, hdr.sum.value,
                                     HashAlgorithm.csum16);
    }
}

control TestIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {
        hdr.report.setValid();
        if (standard_metadata.parser_error == error.NoError) {
            hdr.report.parser_error = 0;
        } else if (standard_metadata.parser_error == error.PacketTooShort) {
            hdr.report.parser_error = 1;
        } else if (standard_metadata.parser_error == error.StackOutOfBounds) {
            hdr.report.parser_error = 3;
        } else if (standard_metadata.parser_error == error.HeaderTooShort) {
            hdr.report.parser_error = 4;
        } else if (standard_metadata.parser_error == error.ParserInvalidArgument) {
            hdr.report.parser_error = 6;
        } else if (standard_metadata.parser_error == error.KindNotKnown) {
            hdr.report.parser_error = 100;
        } else {
            hdr.report.parser_error = 0xffff;
        }
        hdr.report.checksum_error = (bit<16>)standard_metadata.checksum_error;
        hdr.report.peeked = meta.peeked;
        hdr.report.valid = (hdr.labels[0].isValid() ? 8w1 : 0) | (hdr.labels[1].isValid() ? 8w2 : 0) |
            (hdr.labels[2].isValid() ? 8w4 : 0) | (hdr.number.byte.isValid() ? 8w8 : 0) |
            (hdr.number.short.isValid() ? 8w16 : 0) | (hdr.odd.isValid() ? 8w32 : 0) |
            (hdr.options.isValid() ? 8w64 : 0) | (hdr.number.isValid() ? 8w128 : 0);
        if (hdr.odd.isValid()) {
            // Sign and width: each field on its own side of a lane's border.
            hdr.odd.b = hdr.odd.b + 1;
            hdr.odd.e = hdr.odd.e - 1;
            if (hdr.odd.f < -1) {
                hdr.odd.f = -hdr.odd.f;
            }
        }
        if (hdr.labels[0].isValid() && hdr.labels[0].value == 0x7f) {
            hdr.labels.pop_front(1);
        } else if (hdr.labels[0].isValid() && hdr.labels[0].value == 0x7e) {
            hdr.labels.push_front(1);
            hdr.labels[0].setValid();
            hdr.labels[0].value = 0x11;
        }
        if (hdr.number.byte.isValid() && hdr.number.byte.value == 0x55) {
            // The other member of the union takes its place.
            hdr.number.short.setValid();
            hdr.number.short.value = 0xabcd;
        }
        standard_metadata.egress_spec = 9;
    }
}

control TestEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply { }
}

control TestUpdate(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control TestDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.report);
        packet.emit(hdr.start);
        packet.emit(hdr.odd);
        packet.emit(hdr.options);
        packet.emit(hdr.labels);
        packet.emit(hdr.number);
        packet.emit(hdr.sum);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(), TestUpdate(), TestDeparser()) main;
