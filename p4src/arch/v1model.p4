// What v1model (BMv2, the soft switch) does in its own way: all that another architecture would bring its own file for.
#ifndef SLUICE_ARCH_V1MODEL_P4
#define SLUICE_ARCH_V1MODEL_P4

#include <v1model.p4>

// The packet inside takes the place of its tunnel. A header copied from an invalid one becomes invalid, so what is not inside goes.
#define UNWRAP(hdr) hdr.packet = hdr.inner; INVALIDATE_IP_PACKET(hdr.inner)

// Nothing is summed while parsing.
#define PARSER_SUMS
#define SUM_IPV4(ipv4)
#define SUM_IPV4_OPTIONS(ipv4_options)
#define SUM_IPV4_END(meta)
#define SUM_IPV6(ipv6)

// Does an ICMP error quote TCP's checksum, too? Bytes that are missing, by the length that the error says.
#define QUOTED_TCP bit<16> missing_tcp_bytes;
#define MEASURE_QUOTED_TCP(bytes_before, packet_bytes) \
    missing_tcp_bytes = (bytes_before) + QUOTED_TCP_BYTES |-| (packet_bytes);
#define AFTER_QUOTED_TCP_PORTS(rest) transition select(missing_tcp_bytes) { 0: rest; default: accept; }

#define DIRECT_COUNTER(counter_id, name) @id(counter_id) direct_counter(CounterType.packets_and_bytes) name;
#define INDIRECT_COUNTER(counter_id, cells, name) @id(counter_id) counter(cells, CounterType.packets_and_bytes) name;
#define COUNT(name) name.count()
#define ECMP_SELECTOR(profile_id, name) @id(profile_id) @max_group_size(ECMP_SLOTS) \
    action_selector(HashAlgorithm.identity, SIZE_ECMP_GROUP * ECMP_SLOTS, 16) name;

#define FLOW_FIELDS(meta) \
    { (meta).vni, (meta).flow.src, (meta).flow.dst, (meta).flow.protocol, (meta).flow.src_port, (meta).flow.dst_port }

// bucket = crc32(VNI, source, destination, protocol, source port, destination port) mod BUCKETS
control BucketHash(inout metadata_t meta) {
    apply {
        hash(meta.bucket, HashAlgorithm.crc32, 16w0, FLOW_FIELDS(meta), (bit<32>)BUCKETS);
    }
}

#define FLOW_FIELDS_V6(meta) \
    { (meta).vni, (meta).flow_v6.src, (meta).flow_v6.dst, (meta).flow.protocol, (meta).flow.src_port, (meta).flow.dst_port }

control BucketHashV6(inout metadata_t meta) {
    apply {
        hash(meta.bucket, HashAlgorithm.crc32, 16w0, FLOW_FIELDS_V6(meta), (bit<32>)BUCKETS);
    }
}

// For next hops: another polynomial, so that the flows of one bucket spread.
control EcmpHash(inout metadata_t meta, in bool is_v6) {
    apply {
        if (is_v6) {
            hash(meta.ecmp_hash, HashAlgorithm.crc16, 16w0, FLOW_FIELDS_V6(meta), 32w0x10000);
        } else {
            hash(meta.ecmp_hash, HashAlgorithm.crc16, 16w0, FLOW_FIELDS(meta), 32w0x10000);
        }
    }
}

// The UDP source port of a tunnel that carries no bucket (RFC 7348, section 5).
control FlowEntropy(inout metadata_t meta, in bool is_v6) {
    apply {
        EcmpHash.apply(meta, is_v6);
        meta.tunnel.src_port = 0xc000 | (meta.ecmp_hash >> 2);
    }
}

#define IPV4_FIELDS_BUT_CHECKSUM(ipv4) \
    (ipv4).version, (ipv4).ihl, (ipv4).dscp, (ipv4).ecn, (ipv4).total_len, \
    (ipv4).identification, (ipv4).reserved, (ipv4).dont_fragment, (ipv4).more_fragments, (ipv4).fragment_offset, \
    (ipv4).ttl, (ipv4).protocol, (ipv4).src_addr, (ipv4).dst_addr
// In the order of the wire where the order matters (varbit fields follow); a ones' complement sum itself has none.
#define IPV4_HEADER_FIELDS(ipv4) \
    (ipv4).version, (ipv4).ihl, (ipv4).dscp, (ipv4).ecn, (ipv4).total_len, \
    (ipv4).identification, (ipv4).reserved, (ipv4).dont_fragment, (ipv4).more_fragments, (ipv4).fragment_offset, \
    (ipv4).ttl, (ipv4).protocol, (ipv4).checksum, (ipv4).src_addr, (ipv4).dst_addr
#define IPV6_FIELDS(ipv6) \
    (ipv6).version, (ipv6).dscp, (ipv6).ecn, (ipv6).flow_label, (ipv6).payload_len, (ipv6).next_header, (ipv6).hop_limit, \
    (ipv6).src_addr, (ipv6).dst_addr
#define ICMPV6_PSEUDO_HEADER(ipv6) \
    (ipv6).src_addr, (ipv6).dst_addr, 16w0, (ipv6).payload_len, 24w0, IP_PROTOCOL_ICMPV6
#define TCP_QUOTED_FIELDS(tcp) (tcp).src_port, (tcp).dst_port, (tcp).seq_no
#define UDP_FIELDS(udp) (udp).src_port, (udp).dst_port, (udp).length, (udp).checksum
#define ICMP_FIELDS_BUT_CHECKSUM(icmp) (icmp).type, (icmp).code, (icmp).rest

// The checksum follows (RFC 1624, equation 3); that addresses have changed places does not alter it.
control SetTtl(inout ipv4_t ipv4, in bit<8> ttl) {
    apply {
        bit<16> sum = ONES_ADD(~ipv4.checksum, ~(ipv4.ttl ++ ipv4.protocol));
        ipv4.ttl = ttl;
        ipv4.checksum = ~ONES_ADD(sum, ipv4.ttl ++ ipv4.protocol);
    }
}

control SameAddress(in ipv4_addr_t a, in ipv4_addr_t b, out bool same) {
    apply {
        same = a == b;
    }
}

control SameAddressV6(in ipv6_addr_t a, in ipv6_addr_t b, out bool same) {
    apply {
        same = a == b;
    }
}

control Ipv4LengthCheck(in headers_t hdr, in metadata_t meta, out bool ok) {
    apply {
        ok = hdr.packet.ipv4.total_len >= ((bit<16>)hdr.packet.ipv4.ihl) << 2 && hdr.packet.ipv4.total_len <= meta.frame_bytes;
    }
}

control Ipv6LengthCheck(in headers_t hdr, in metadata_t meta, out bool ok) {
    apply {
        ok = meta.frame_bytes >= IPV6_HEADER_BYTES && hdr.packet.ipv6.payload_len <= meta.frame_bytes - IPV6_HEADER_BYTES;
    }
}

// The ones' complement sum over a good header, its checksum included, is 0xffff: its complement is 0 (RFC 1071).
control Ipv4ChecksumVerify(in headers_t hdr, in metadata_t meta, out bool ok) {
    apply {
        bit<16> sum;
        if (hdr.packet.ipv4_options.isValid()) {
            hash(sum, HashAlgorithm.csum16, 16w0,
                 { IPV4_HEADER_FIELDS(hdr.packet.ipv4), hdr.packet.ipv4_options.options }, 32w0x10000);
        } else {
            hash(sum, HashAlgorithm.csum16, 16w0, { IPV4_HEADER_FIELDS(hdr.packet.ipv4) }, 32w0x10000);
        }
        ok = sum == 0;
    }
}

// GCRA on a clock of 2^-20 us in 64 bits. Times are compared by their distance: the clock may wrap (after 203 days). A
// theoretical arrival time further ahead than any tolerance reaches is one from before the wrap: long past.
#define GCRA_FRACTION_BITS 20
#define GCRA(gcra_tat, cell, now_us, cost, tolerance_us, conforms) \
    bit<64> now = ((bit<64>)(now_us)) << GCRA_FRACTION_BITS; \
    bit<64> tat; \
    gcra_tat.read(tat, cell); \
    bit<64> ahead = tat - now; \
    if (ahead[63:54] != 0) { \
        ahead = 0; \
    } \
    conforms = ahead <= (((bit<64>)(tolerance_us)) << GCRA_FRACTION_BITS); \
    if (conforms) { \
        gcra_tat.write(cell, now + ahead + (cost)); \
    }

// `byte_time` in 2^-20 us.
control EipGcra(in bit<48> now_us, in bit<32> cell, in bit<16> bytes, in bit<32> byte_time, in bit<32> tolerance_us,
                out bool conforms) {
    register<bit<64>>(EIP_LIMIT_CELLS) eip_tat;

    apply {
        bit<64> cost = (bit<64>)bytes * (bit<64>)byte_time;
        @atomic {
            GCRA(eip_tat, cell, now_us, cost, tolerance_us, conforms)
        }
    }
}

const bit<64> ICMP_ERROR_US = 1000; // 1000 a second and network, in bursts of 101 (RFC 1812, section 4.3.2.8)
const bit<32> ICMP_ERROR_TOLERANCE_US = 100000;
#define NETWORK_CELLS 65536

control IcmpGcra(in bit<48> now_us, in network_id_t network_id, out bool conforms) {
    register<bit<64>>(NETWORK_CELLS) icmp_tat;

    apply {
        @atomic {
            GCRA(icmp_tat, (bit<32>)network_id, now_us, ICMP_ERROR_US << GCRA_FRACTION_BITS, ICMP_ERROR_TOLERANCE_US, conforms)
        }
    }
}

// Packets for the controller, a network: 1000 neighbours' answers a second and 100 packets to unknown neighbours, in bursts of
// as many as come in 100 ms.
const bit<64> NEIGHBOR_ANSWER_US = 1000;
const bit<64> UNRESOLVED_US = 10000;
const bit<32> PUNT_TOLERANCE_US = 100000;

control PuntGcra(in bit<48> now_us, in network_id_t network_id, in punt_t why, out bool conforms) {
    register<bit<64>>(2 * NETWORK_CELLS) punt_tat;

    apply {
        bit<32> cell = (bit<32>)(network_id ++ why);
        bit<64> cost = (why == punt_t.UNRESOLVED ? UNRESOLVED_US : NEIGHBOR_ANSWER_US) << GCRA_FRACTION_BITS;
        @atomic {
            GCRA(punt_tat, cell, now_us, cost, PUNT_TOLERANCE_US, conforms)
        }
    }
}

// A heartbeat sets until when its LD is alive; a steered packet goes to the backup when its primary is past that time.
control LdLiveness(inout headers_t hdr, inout metadata_t meta) {
    register<bit<48>>(65536) alive_until_us;
    register<bit<64>>(65536) last_sequence;

    apply {
        @atomic {
            if (meta.is_heartbeat) {
                bit<64> last;
                last_sequence.read(last, (bit<32>)meta.ld_id);
                if (hdr.heartbeat.sequence <= last) {
                    DROP(DROP_HEARTBEAT);
                } else {
                    last_sequence.write((bit<32>)meta.ld_id, hdr.heartbeat.sequence);
                    bool going_down = hdr.heartbeat.flags & HEARTBEAT_GOING_DOWN != 0;
                    alive_until_us.write((bit<32>)meta.ld_id,
                                         going_down ? 0 : meta.now + (bit<48>)meta.heartbeat_hold_us);
                }
            } else if (meta.backup_ld_id != 0) {
                bit<48> until;
                alive_until_us.read(until, (bit<32>)meta.ld_id);
                if (until < meta.now) {
                    meta.ld_id = meta.backup_ld_id;
                }
            }
        }
    }
}

// A checksum extern of v1model cannot start from what a checksum was before, so the sums are done by hand.
#include "../controls/address_rewrite.p4"
#include "../controls/address_rewrite_v6.p4"

#endif
