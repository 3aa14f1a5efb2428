// Tables of every kind. A frame's first byte names the table; the entry that it finds writes its number into `result`.
#include <core.p4>
#include <v1model.p4>

@controller_header("packet_in")
header packet_in_t {
    bit<9> ingress_port;
    bit<7> reason;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9> egress_port;
    bit<1> direct;
    bit<6> pad;
}

header probe_t {
    bit<8>   which;
    bit<8>   result;
    bit<16>  half;
    bit<32>  word;
    bit<48>  mac;
    bit<128> address;
}

header missing_t {
    bit<8> value;
}

struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    probe_t      probe;
    missing_t    missing;
}

struct metadata_t {
    bit<8> hits;
}

const bit<9> CPU_PORT = 510;

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: from_controller;
            default: probe;
        }
    }
    state from_controller {
        packet.extract(hdr.packet_out);
        transition probe;
    }
    state probe {
        packet.extract(hdr.probe);
        transition select(hdr.probe.which) {
            7: missing;
            default: accept;
        }
    }
    state missing {
        packet.extract(hdr.missing);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control TestIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) exact_counter;

    action mark(bit<8> number) {
        hdr.probe.result = number;
    }
    action mark_wide(bit<48> mac, bit<128> address) {
        hdr.probe.mac = mac;
        hdr.probe.address = address;
    }
    action miss() {
        hdr.probe.result = 0xff;
    }
    action to_controller(bit<7> reason) {
        hdr.packet_in.setValid();
        hdr.packet_in.ingress_port = standard_metadata.ingress_port;
        hdr.packet_in.reason = reason;
        standard_metadata.egress_spec = CPU_PORT;
    }

    table exact_table {
        key = {
            hdr.probe.half: exact @name("half");
            hdr.probe.address: exact @name("address");
        }
        actions = { mark; mark_wide; @defaultonly miss; @tableonly to_controller; }
        const default_action = miss();
        counters = exact_counter;
        size = 4;
    }
    table lpm_table {
        key = {
            hdr.probe.half: exact @name("half");
            hdr.probe.word: lpm @name("word");
        }
        actions = { mark; miss; }
        default_action = mark(0xd0);
        size = 1024;
    }
    table ternary_table {
        key = {
            hdr.probe.half: ternary @name("half");
            hdr.probe.address: ternary @name("address");
            hdr.probe.mac: lpm @name("mac");
        }
        actions = { mark; miss; NoAction; }
        default_action = NoAction();
        size = 1024;
    }
    table range_table {
        key = {
            hdr.probe.half: range @name("half");
            hdr.probe.mac: range @name("mac");
        }
        actions = { mark; miss; }
        default_action = miss();
        size = 1024;
    }
    table optional_table {
        key = {
            hdr.probe.half: optional @name("half");
            hdr.probe.word: exact @name("word");
        }
        actions = { mark; miss; }
        default_action = miss();
        size = 1024;
    }
    table const_table {
        key = {
            hdr.probe.half: ternary @name("half");
        }
        actions = { mark; miss; }
        const default_action = miss();
        const entries = {
            0x1100 &&& 0xff00: mark(1);
            0x1111: mark(2);
            0x0000 &&& 0x000f: mark(3);
        }
    }
    table const_lpm_table {
        key = {
            hdr.probe.word: lpm @name("word");
        }
        actions = { mark; miss; }
        const default_action = miss();
        const entries = {
            // Bits behind the prefix say nothing.
            0x0a0102ff &&& 0xffffff00: mark(1);
            0x0a000000 &&& 0xff000000: mark(2);
        }
    }
    table invalid_table {
        key = {
            hdr.missing.value: exact @name("value");
            hdr.missing.isValid(): exact @name("valid");
        }
        actions = { mark; miss; }
        default_action = miss();
        size = 16;
    }

    @max_group_size(4)
    action_selector(HashAlgorithm.crc16, 32w8, 32w16) members;
    table group_table {
        key = {
            hdr.probe.half: exact @name("half");
            hdr.probe.word: selector;
            hdr.probe.mac: selector;
        }
        actions = { mark; miss; }
        implementation = members;
        size = 16;
    }
    action_profile(8) profile;
    table member_table {
        key = {
            hdr.probe.half: exact @name("half");
        }
        actions = { mark; mark_wide; }
        implementation = profile;
        size = 16;
    }

    table keyless_table {
        actions = { mark; miss; }
        default_action = miss();
    }

    apply {
        standard_metadata.egress_spec = 1;
        if (hdr.packet_out.isValid()) {
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
        }
        if (hdr.probe.which == 1) {
            exact_table.apply();
        } else if (hdr.probe.which == 2) {
            lpm_table.apply();
        } else if (hdr.probe.which == 3) {
            if (!ternary_table.apply().hit) {
                hdr.probe.result = 0xee;
            }
        } else if (hdr.probe.which == 4) {
            switch (range_table.apply().action_run) {
                mark: { hdr.probe.word = 1; }
                miss: { hdr.probe.word = 2; }
            }
        } else if (hdr.probe.which == 5) {
            optional_table.apply();
        } else if (hdr.probe.which == 6) {
            const_table.apply();
        } else if (hdr.probe.which == 7 || hdr.probe.which == 8) {
            invalid_table.apply();
        } else if (hdr.probe.which == 9) {
            group_table.apply();
        } else if (hdr.probe.which == 10) {
            member_table.apply();
        } else if (hdr.probe.which == 11) {
            keyless_table.apply();
        } else if (hdr.probe.which == 12) {
            const_lpm_table.apply();
        }
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
        packet.emit(hdr.packet_in);
        packet.emit(hdr.probe);
        packet.emit(hdr.missing);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(), TestUpdate(), TestDeparser()) main;
