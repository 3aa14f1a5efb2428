// Everything that an action can do to a packet and to the switch's memory, and every way a packet can take. The first byte
// of a frame says what is done with it; the results are written over the fields behind it.
#include <core.p4>
#include <v1model.p4>

header command_t {
    bit<8>  op;
    bit<8>  index;
    bit<16> a;
    bit<32> b;
    bit<64> c;
}

/// What egress knows of the packet.
header trace_t {
    bit<8>  instance;
    bit<8>  rid;
    bit<16> port;
    bit<32> length;
    bit<16> kept;
}

header extra_t {
    bit<16> value;
    bit<48> time;
}

struct headers_t {
    trace_t   trace;
    command_t command;
    extra_t   extra;
    extra_t   copy;
}

struct metadata_t {
    @field_list(1)
    bit<16> kept;
    bit<16> lost;
    bit<48> ingress_time;
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.command);
        transition select(hdr.command.op) {
            0x20: extra;
            0x21: extra;
            default: accept;
        }
    }
    state extra {
        packet.extract(hdr.extra);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control TestIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    register<bit<64>>(16) words;
    register<bit<12>>(4) small;
    counter(8, CounterType.packets_and_bytes) events;

    action write_register() {
        words.write((bit<32>)hdr.command.index, hdr.command.c);
        small.write((bit<32>)hdr.command.index, (bit<12>)hdr.command.a);
    }
    action read_register() {
        words.read(hdr.command.c, (bit<32>)hdr.command.index);
        bit<12> value;
        small.read(value, (bit<32>)hdr.command.index);
        hdr.command.a = (bit<16>)value;
    }
    action add_extra() {
        hdr.extra.setValid();
        hdr.extra.value = 0x1234;
    }
    action remove_and_add() {
        hdr.extra.setInvalid();
        hdr.extra.setValid();
    }
    action copy_extra() {
        hdr.copy = hdr.extra;
        hdr.extra.setInvalid();
    }
    action branch() {
        // Conditions inside an action become jumps.
        if (hdr.command.index == 1) {
            hdr.command.b = 1;
        } else if (hdr.command.index == 2) {
            hdr.command.b = 2;
            if (hdr.command.a == 7) {
                hdr.command.c = 7;
            }
        } else {
            hdr.command.b = 3;
        }
        hdr.command.a = 0x9999;
    }
    action stop() {
        exit;
    }
    action hash_all() {
        hash(hdr.command.a, HashAlgorithm.crc16, 16w0, { hdr.command.c }, 32w0x10000);
        hash(hdr.command.b, HashAlgorithm.crc32, 32w10, { hdr.command.index, hdr.command.c }, 32w1000);
        hash(hdr.command.c, HashAlgorithm.identity, 64w5, { hdr.command.c }, 64w0xffffffffffffffff);
    }
    action random_all() {
        random(hdr.command.a, 16w10, 16w12);
        random(hdr.command.c, 64w0xfffffffffffffff0, 64w0xffffffffffffffff);
        random(hdr.command.b, 32w9, 32w3);
    }

    apply {
        standard_metadata.egress_spec = 1;
        meta.kept = hdr.command.a;
        meta.lost = hdr.command.a;
        meta.ingress_time = standard_metadata.ingress_global_timestamp;
        if (hdr.command.op == 0x01) {
            write_register();
        } else if (hdr.command.op == 0x02) {
            read_register();
        } else if (hdr.command.op == 0x03) {
            events.count((bit<32>)hdr.command.index);
        } else if (hdr.command.op == 0x04) {
            truncate(hdr.command.b);
        } else if (hdr.command.op == 0x05) {
            mark_to_drop(standard_metadata);
        } else if (hdr.command.op == 0x06) {
            branch();
        } else if (hdr.command.op == 0x07) {
            stop();
        } else if (hdr.command.op == 0x08) {
            hash_all();
        } else if (hdr.command.op == 0x09) {
            random_all();
        } else if (hdr.command.op == 0x0a) {
            hdr.extra.setValid();
            hdr.extra.value = 0;
            hdr.extra.time = standard_metadata.ingress_global_timestamp;
        } else if (hdr.command.op == 0x10) {
            if (standard_metadata.instance_type != 6) {
                hdr.command.index = 0xee;
                resubmit_preserving_field_list(1);
            }
        } else if (hdr.command.op == 0x11) {
            hdr.command.index = 0xdd;
            clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.command.b, 1);
        } else if (hdr.command.op == 0x12) {
            standard_metadata.mcast_grp = hdr.command.a;
            if (hdr.command.index == 1) {
                standard_metadata.egress_spec = 511;
            } else if (hdr.command.index == 2) {
                mark_to_drop(standard_metadata);
            } else if (hdr.command.index == 3) {
                truncate(4);
            }
        } else if (hdr.command.op == 0x15) {
            standard_metadata.priority = (bit<3>)hdr.command.index;
        } else if (hdr.command.op == 0x20) {
            copy_extra();
        } else if (hdr.command.op == 0x21) {
            remove_and_add();
        } else if (hdr.command.op == 0x22) {
            add_extra();
        }
        // Not for what has left by "exit".
        hdr.trace.setValid();
    }
}

control TestEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {
        if (standard_metadata.instance_type == 1 || standard_metadata.instance_type == 2) {
            hdr.trace.setValid();
        }
        hdr.trace.instance = (bit<8>)standard_metadata.instance_type;
        hdr.trace.rid = (bit<8>)standard_metadata.egress_rid;
        hdr.trace.port = (bit<16>)standard_metadata.egress_port;
        hdr.trace.length = standard_metadata.packet_length;
        hdr.trace.kept = meta.kept;
        if (hdr.command.op == 0x13 && standard_metadata.instance_type == 0) {
            hdr.command.index = 0xcc;
            clone_preserving_field_list(CloneType.E2E, (bit<32>)hdr.command.b, 1);
            if (hdr.command.a == 0xdead) {
                mark_to_drop(standard_metadata);
            }
        } else if (hdr.command.op == 0x14 && hdr.command.index > 0) {
            hdr.command.index = hdr.command.index - 1;
            hdr.trace.setInvalid();
            recirculate_preserving_field_list(1);
        } else if (hdr.command.op == 0x16) {
            hdr.trace.setInvalid();
            recirculate_preserving_field_list(1);
        }
    }
}

control TestUpdate(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.copy.isValid(), { hdr.command.a, hdr.copy.time }, hdr.copy.value, HashAlgorithm.csum16);
    }
}

control TestDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.trace);
        packet.emit(hdr.command);
        packet.emit(hdr.extra);
        packet.emit(hdr.copy);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(), TestUpdate(), TestDeparser()) main;
