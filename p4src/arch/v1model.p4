// What v1model (BMv2, the soft switch) does in its own way. arch/tna.p4 has the same names for Tofino.
#ifndef SLUICE_ARCH_V1MODEL_P4
#define SLUICE_ARCH_V1MODEL_P4

#include <v1model.p4>

#define DIRECT_COUNTER(counter_id, name) @id(counter_id) direct_counter(CounterType.packets_and_bytes) name;
#define COUNT(name) name.count()

// bucket = crc32(VNI, source, destination, protocol, source port, destination port) mod BUCKETS
control BucketHash(in headers_t hdr, inout metadata_t meta) {
    apply {
        hash(meta.bucket, HashAlgorithm.crc32, 16w0,
             { meta.vni, hdr.ipv4.src_addr, hdr.ipv4.dst_addr, hdr.ipv4.protocol, meta.l4_src_port, meta.l4_dst_port },
             (bit<32>)BUCKETS);
    }
}

#define IPV4_HEADER_FIELDS(ipv4) \
    (ipv4).version, (ipv4).ihl, (ipv4).dscp, (ipv4).ecn, (ipv4).total_len, \
    (ipv4).identification, (ipv4).reserved, (ipv4).dont_fragment, (ipv4).more_fragments, (ipv4).fragment_offset, \
    (ipv4).ttl, (ipv4).protocol, (ipv4).checksum, (ipv4).src_addr, (ipv4).dst_addr

// The ones' complement sum over a good header, its checksum included, is 0xffff: its complement is 0 (RFC 1071).
control Ipv4ChecksumVerify(in headers_t hdr, out bool ok) {
    apply {
        bit<16> sum;
        if (hdr.ipv4_options.isValid()) {
            hash(sum, HashAlgorithm.csum16, 16w0,
                 { IPV4_HEADER_FIELDS(hdr.ipv4), hdr.ipv4_options.options }, 32w0x10000);
        } else {
            hash(sum, HashAlgorithm.csum16, 16w0, { IPV4_HEADER_FIELDS(hdr.ipv4) }, 32w0x10000);
        }
        ok = sum == 0;
    }
}

#endif
