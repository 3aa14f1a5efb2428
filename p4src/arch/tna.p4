// What Tofino's native architecture (TNA) does in its own way; arch/v1model.p4 is its counterpart. docs/tofino.md says what follows
// from the differences.
#ifndef SLUICE_ARCH_TNA_P4
#define SLUICE_ARCH_TNA_P4

#include <core.p4>
#if __TARGET_TOFINO__ == 2
#include <t2na.p4>
#else
#include <tna.p4>
#endif

// The tunnel goes; the packet inside is parsed on the next pass.
#define UNWRAP(hdr) INVALIDATE_IP_PACKET(hdr.packet)

// While parsing: is the IPv4 header good?
#define PARSER_SUMS Checksum() ipv4_sum;
#define SUM_IPV4(ipv4) ipv4_sum.add(ipv4);
#define SUM_IPV6(ipv6)
#define SUM_IPV4_OPTIONS(ipv4_options) ipv4_sum.add(ipv4_options);
#define SUM_IPV4_END(meta) meta.ipv4_checksum_bad = (bit<1>)ipv4_sum.verify();

// Of a quoted TCP header only the first 8 bytes are read: a parser here cannot compute how much of it there is.
#define QUOTED_TCP
#define MEASURE_QUOTED_TCP(bytes_before, packet_bytes)
#define AFTER_QUOTED_TCP_PORTS(rest) transition accept;

#define DIRECT_COUNTER(counter_id, name) @id(counter_id) DirectCounter<bit<64>>(CounterType_t.PACKETS_AND_BYTES) name;
#define INDIRECT_COUNTER(counter_id, cells, name) \
    @id(counter_id) Counter<bit<64>, bit<32>>(cells, CounterType_t.PACKETS_AND_BYTES) name;
#define COUNT(name) name.count()
#define ECMP_SELECTOR(profile_id, name) \
    Hash<bit<16>>(HashAlgorithm_t.IDENTITY) name##_hash; \
    @id(profile_id) ActionProfile(SIZE_ECMP_GROUP * ECMP_SLOTS) name##_profile; \
    ActionSelector(name##_profile, name##_hash, SelectorMode_t.FAIR, ECMP_SLOTS, SIZE_ECMP_GROUP) name;

#define FLOW_FIELDS(meta) \
    { (meta).vni, (meta).flow.src, (meta).flow.dst, (meta).flow.protocol, (meta).flow.src_port, (meta).flow.dst_port }
#define FLOW_FIELDS_V6(meta) \
    { (meta).vni, (meta).flow_v6.src, (meta).flow_v6.dst, (meta).flow.protocol, (meta).flow.src_port, (meta).flow.dst_port }

#define IPV4_FIELDS_BUT_CHECKSUM(ipv4) \
    (ipv4).version, (ipv4).ihl, (ipv4).dscp, (ipv4).ecn, (ipv4).total_len, \
    (ipv4).identification, (ipv4).reserved, (ipv4).dont_fragment, (ipv4).more_fragments, (ipv4).fragment_offset, \
    (ipv4).ttl, (ipv4).protocol, (ipv4).src_addr, (ipv4).dst_addr
#define ICMPV6_PSEUDO_HEADER(ipv6) \
    (ipv6).src_addr, (ipv6).dst_addr, (ipv6).payload_len, 8w0, (ipv6).next_header
#define ICMP_FIELDS_BUT_CHECKSUM(icmp) (icmp).type, (icmp).code, (icmp).rest

// What an ICMP error quotes: an IP header and 8 bytes; the one of tcp, udp and icmp that there is counts. A good IPv4 header, its
// options and its checksum included, sums up to 0xffff, which is 0 in ones' complement (RFC 1071): it need not be in the sum.
#define QUOTED_FIELDS(p) \
    (p).ipv6, (p).tcp.src_port, (p).tcp.dst_port, (p).tcp.seq_no, (p).udp, (p).icmp

// bucket = crc32(VNI, source, destination, protocol, source port, destination port) mod BUCKETS
#define LIVENESS_CELLS 4096

control BucketHash(inout metadata_t meta) {
    Hash<bit<32>>(HashAlgorithm_t.CRC32) crc32;

    action bucket_of_flow() {
        meta.bucket = (bit<16>)crc32.get(FLOW_FIELDS(meta))[BUCKET_BITS - 1:0];
    }

    apply {
        bucket_of_flow();
    }
}

control BucketHashV6(inout metadata_t meta) {
    Hash<bit<32>>(HashAlgorithm_t.CRC32) crc32;

    action bucket_of_flow() {
        meta.bucket = (bit<16>)crc32.get(FLOW_FIELDS_V6(meta))[BUCKET_BITS - 1:0];
    }

    apply {
        bucket_of_flow();
    }
}

// For next hops: another polynomial, so that the flows of one bucket spread. It is computed before Decision begins (FlowHash): a
// stage that would only hash could not be spared where it is asked for.
control EcmpHash(inout metadata_t meta, in bool is_v6) {
    apply {}
}

control FlowHash(inout metadata_t meta, in bool is_v6) {
    Hash<bit<16>>(HashAlgorithm_t.CRC16) crc16;
    Hash<bit<16>>(HashAlgorithm_t.CRC16) crc16_v6;

    action hash_ipv4() {
        meta.ecmp_hash = crc16.get(FLOW_FIELDS(meta));
    }

    action hash_ipv6() {
        meta.ecmp_hash = crc16_v6.get(FLOW_FIELDS_V6(meta));
    }

    apply {
        if (is_v6) {
            hash_ipv6();
        } else {
            hash_ipv4();
        }
    }
}

// The UDP source port of a tunnel that carries no bucket (RFC 7348, section 5).
control FlowEntropy(inout metadata_t meta, in bool is_v6) {
    Hash<bit<16>>(HashAlgorithm_t.CRC16) crc16;
    Hash<bit<16>>(HashAlgorithm_t.CRC16) crc16_v6;

    action hash_ipv4() {
        meta.tunnel.src_port[13:0] = crc16.get(FLOW_FIELDS(meta))[15:2];
    }

    action hash_ipv6() {
        meta.tunnel.src_port[13:0] = crc16_v6.get(FLOW_FIELDS_V6(meta))[15:2];
    }

    apply {
        if (is_v6) { // above 0xc000, which the top file has set
            hash_ipv6();
        } else {
            hash_ipv4();
        }
    }
}

// The clock counts nanoseconds in 48 bits; a cell of a register holds 32 of them, and what is done with it takes two operands.

// ICMP errors and packets for the controller: so many in a window of 2^27 ns (134 ms). A cell has the window's number in it: one
// that lay idle never counts against a packet.
#define WINDOW(now) (11w0 ++ (now)[47:27])
#define NETWORK_CELLS 4096

struct window_t {
    bit<32> number;
    bit<32> packets;
}

#define WINDOW_LIMIT(name, windows, now, limit) \
    RegisterAction<window_t, bit<16>, bit<1>>(windows) name = { \
        void apply(inout window_t window, out bit<1> exceeds) { \
            exceeds = 0; \
            if (window.number != WINDOW(now)) { \
                window.number = WINDOW(now); \
                window.packets = 1; \
            } else if (window.packets < limit) { \
                window.packets = window.packets + 1; \
            } else { \
                exceeds = 1; \
            } \
        } \
    };

control IcmpGcra(in bit<48> now, in network_id_t network_id, out bool conforms) {
    Register<window_t, bit<16>>(NETWORK_CELLS) icmp_errors;
    WINDOW_LIMIT(send, icmp_errors, now, 134)

    apply {
        bit<1> exceeds = send.execute(network_id);
        conforms = exceeds != 1;
    }
}

control PuntGcra(in bit<48> now, in network_id_t network_id, in punt_t why, out bool conforms) {
    Register<window_t, bit<16>>(NETWORK_CELLS) neighbor_answers;
    Register<window_t, bit<16>>(NETWORK_CELLS) unresolved_punts;
    WINDOW_LIMIT(punt_answer, neighbor_answers, now, 134)
    WINDOW_LIMIT(punt_unresolved, unresolved_punts, now, 13)

    apply {
        bit<1> exceeds;
        if (why == punt_t.UNRESOLVED) {
            exceeds = punt_unresolved.execute(network_id);
        } else {
            exceeds = punt_answer.execute(network_id);
        }
        conforms = exceeds != 1;
    }
}

// A gateway compares 32 bits of two fields.
control SameAddress(in ipv4_addr_t a, in ipv4_addr_t b, out bool same) {
    apply {
        same = false;
        if (a == b) {
            same = true;
        }
    }
}

control SameAddressV6(in ipv6_addr_t a, in ipv6_addr_t b, out bool same) {
    apply {
        same = false;
        if (a[127:96] == b[127:96]) {
            if (a[95:64] == b[95:64]) {
                if (a[63:32] == b[63:32]) {
                    if (a[31:0] == b[31:0]) {
                        same = true;
                    }
                }
            }
        }
    }
}

// What is too much or too little is what a saturating subtraction leaves.
control Ipv4LengthCheck(in headers_t hdr, in metadata_t meta, out bool ok) {
    bit<16> header_bytes = 0;
    bit<16> beyond_frame = 0;
    bit<16> below_header = 0;

    apply {
        header_bytes = 10w0 ++ hdr.packet.ipv4.ihl ++ 2w0;
        beyond_frame = hdr.packet.ipv4.total_len |-| meta.frame_bytes;
        below_header = header_bytes |-| hdr.packet.ipv4.total_len;
        ok = false;
        if (beyond_frame == 0 && below_header == 0) {
            ok = true;
        }
    }
}

control Ipv6LengthCheck(in headers_t hdr, in metadata_t meta, out bool ok) {
    bit<16> beyond_frame = 0;

    apply {
        beyond_frame = meta.packet_bytes |-| meta.frame_bytes;
        ok = false;
        if (beyond_frame == 0 && hdr.packet.ipv6.payload_len[15:8] != 0xff) {
            ok = true;
        }
    }
}

// The parser has done it.
control Ipv4ChecksumVerify(in headers_t hdr, in metadata_t meta, out bool ok) {
    apply {
        ok = meta.ipv4_checksum_bad == 0;
    }
}

// The deparser does the checksum.
control SetTtl(inout ipv4_t ipv4, in bit<8> ttl) {
    apply {
        ipv4.ttl = ttl;
    }
}

// The addresses; the parser has taken the old ones out of the checksums, and the deparser adds the new ones.
control AddressRewrite(inout ip_packet_t packet, in bool source, in ipv4_addr_t after) {
    apply {
        if (source) {
            packet.ipv4.src_addr = after;
            packet.embedded_ipv4.dst_addr = after;
        } else {
            packet.ipv4.dst_addr = after;
            packet.embedded_ipv4.src_addr = after;
        }
    }
}

control AddressRewriteV6(inout ip_packet_t packet, in bool source, in ipv6_addr_t after) {
    apply {
        if (source) {
            packet.ipv6.src_addr = after;
            packet.embedded_ipv6.dst_addr = after;
        } else {
            packet.ipv6.dst_addr = after;
            packet.embedded_ipv6.src_addr = after;
        }
    }
}

// GCRA in 32 bits of 2^-2 ns, which wrap after a second: a cell that lay idle for 2^27 ns (134 ms) or longer is taken for new. The
// time of a packet is its length times byte_time, by shift and add. A cell's operation has two operands only: the latest arrival
// time that it may have, and the packet's own time; so a packet's own time counts to its tolerance, and what lay idle gets up to
// 134 ms of credit, whatever the tolerance. A microsecond is 1,024 ns here: limits are 2.3 % lower than they are set.
#define EIP_CREDIT 0x20000000
#define ADD_BIT(n, time) if (bytes[n:n] == 1) { part##n = time; }

control EipGcra(in bit<48> now, in bit<32> cell, in bit<16> bytes, in bit<32> byte_time, in bit<32> tolerance_us,
                out bool conforms) {
    Register<bit<32>, bit<32>>(EIP_LIMIT_CELLS, 0) eip_seen; // in 2^16 ns
    Register<bit<32>, bit<32>>(EIP_LIMIT_CELLS, 0) eip_tat;
    bit<32> part0 = 0;
    bit<32> part1 = 0;
    bit<32> part2 = 0;
    bit<32> part3 = 0;
    bit<32> part4 = 0;
    bit<32> part5 = 0;
    bit<32> part6 = 0;
    bit<32> part7 = 0;
    bit<32> part8 = 0;
    bit<32> part9 = 0;
    bit<32> part10 = 0;
    bit<32> part11 = 0;
    bit<32> part12 = 0;
    bit<32> part13 = 0;
    bit<32> cost = 0;
    bit<32> latest = 0;
    bit<32> start_of_packet = 0;

    RegisterAction<bit<32>, bit<32>, bit<32>>(eip_seen) age_of = {
        void apply(inout bit<32> seen, out bit<32> age) {
            age = now[47:16] - seen;
            seen = now[47:16];
        }
    };

    RegisterAction<bit<32>, bit<32>, bit<1>>(eip_tat) start = {
        void apply(inout bit<32> tat, out bit<1> exceeds) {
            exceeds = 0;
            tat = latest - EIP_CREDIT;
        }
    };

    RegisterAction<bit<32>, bit<32>, bit<1>>(eip_tat) charge = {
        void apply(inout bit<32> tat, out bit<1> exceeds) {
            exceeds = 0;
            if ((int<32>)(tat - latest) > 0) {
                exceeds = 1;
            } else if ((int<32>)(tat - latest) < -EIP_CREDIT) {
                tat = latest - EIP_CREDIT;
            } else {
                tat = tat + cost;
            }
        }
    };

    // A tree of sums: an action adds once.
    action add_pairs() {
        part0 = part0 + part1;
        part2 = part2 + part3;
        part4 = part4 + part5;
        part6 = part6 + part7;
        part8 = part8 + part9;
        part10 = part10 + part11;
        part12 = part12 + part13;
        latest = tolerance_us << 12;
        start_of_packet = now[29:0] ++ 2w0;
    }

    action add_fours() {
        part0 = part0 + part2;
        part4 = part4 + part6;
        part8 = part8 + part10;
        latest = latest + start_of_packet;
    }

    action add_eights() {
        part0 = part0 + part4;
        part8 = part8 + part12;
    }

    action add_all() {
        cost = part0 + part8;
    }

    action add_cost() {
        latest = latest + cost;
    }

    apply {
        bit<32> age = age_of.execute(cell);
        // From 2^-20 us to 2^-12 us.
        ADD_BIT(0, byte_time >> 8)
        ADD_BIT(1, byte_time >> 7)
        ADD_BIT(2, byte_time >> 6)
        ADD_BIT(3, byte_time >> 5)
        ADD_BIT(4, byte_time >> 4)
        ADD_BIT(5, byte_time >> 3)
        ADD_BIT(6, byte_time >> 2)
        ADD_BIT(7, byte_time >> 1)
        ADD_BIT(8, byte_time)
        ADD_BIT(9, byte_time << 1)
        ADD_BIT(10, byte_time << 2)
        ADD_BIT(11, byte_time << 3)
        ADD_BIT(12, byte_time << 4)
        ADD_BIT(13, byte_time << 5)
        add_pairs();
        add_fours();
        add_eights();
        add_all();
        add_cost();
        bit<1> exceeds;
        if (age[31:11] == 0) {
            exceeds = charge.execute(cell);
        } else {
            exceeds = start.execute(cell);
        }
        conforms = exceeds != 1;
    }
}

// A heartbeat that is not newer than the last one of its LD is repeated or forged: its sequence becomes 0. Sequences, in 256 us, are
// compared by their distance. Before all else, and not where the LD's time is set: that is one stage less in the chain of steering.
control HeartbeatSequence(inout metadata_t meta) {
    Register<bit<32>, ld_id_t>(LIVENESS_CELLS, 0) last_sequence;

    RegisterAction<bit<32>, ld_id_t, bit<1>>(last_sequence) note_sequence = {
        void apply(inout bit<32> last, out bit<1> is_new) {
            is_new = 0;
            if (last == 0 || (int<32>)(last - meta.heartbeat_sequence) < 0) {
                last = meta.heartbeat_sequence;
                is_new = 1;
            }
        }
    };

    apply {
        bit<1> is_new = note_sequence.execute(meta.ld_id);
        if (is_new == 0) {
            meta.heartbeat_sequence = 0;
        }
    }
}

// A heartbeat sets until when its LD is alive; a steered packet goes to the backup when its primary is past that time. Times are
// in 2^16 ns (66 us) and wrap after 78 hours; an LD that was found late once is marked by 0, so it does not come back by itself.
control LdLiveness(inout headers_t hdr, inout metadata_t meta) {
    Register<bit<32>, ld_id_t>(LIVENESS_CELLS, 0) alive_until;

    // Each of these takes one operand, which Arrival has made.
    RegisterAction<bit<32>, ld_id_t, bit<1>>(alive_until) note_alive = {
        void apply(inout bit<32> time) {
            time = meta.liveness_time;
        }
    };

    RegisterAction<bit<32>, ld_id_t, bit<1>>(alive_until) check_alive = {
        void apply(inout bit<32> time, out bit<1> is_late) {
            is_late = 0;
            if (time == 0 || (int<32>)(time - meta.liveness_time) < 0) {
                time = 0;
                is_late = 1;
            }
        }
    };

    apply {
        if (meta.is_heartbeat) {
            if (meta.heartbeat_sequence != 0) {
                note_alive.execute(meta.ld_id);
            } else {
                DROP(DROP_HEARTBEAT);
            }
        } else if (meta.backup_ld_id != 0) {
            bit<1> is_late = check_alive.execute(meta.ld_id);
            if (is_late == 1) {
                meta.ld_id = meta.backup_ld_id;
            }
        }
    }
}

#endif
