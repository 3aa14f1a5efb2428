// What an IPv4 header must be before anybody acts on it (RFC 1812, section 5.2.2; RFC 1122, section 3.2.1).
// Applied to the packet as it came, and once more to what comes out of a tunnel.
#ifndef SLUICE_IPV4_CHECK_P4
#define SLUICE_IPV4_CHECK_P4

// An address that may be in no packet on a wire as source; as destination, limited broadcast and multicast are not routed here.
#define IS_MARTIAN(addr) ((addr)[31:24] == 0 || (addr)[31:24] == 127 || (addr)[31:28] >= 14)

control Ipv4Check(inout headers_t hdr, inout metadata_t meta) {
    apply {
        bool checksum_ok;
        bit<16> header_bytes = ((bit<16>)hdr.packet.ipv4.ihl) << 2;
        if (hdr.packet.ipv4.version != 4 || hdr.packet.ipv4.ihl < 5) {
            DROP(DROP_IPV4_HEADER);
        } else if (hdr.packet.ipv4.total_len < header_bytes || hdr.packet.ipv4.total_len > meta.frame_bytes) {
            DROP(DROP_IPV4_LENGTH);
        } else {
            Ipv4ChecksumVerify.apply(hdr, checksum_ok);
            if (!checksum_ok) {
                DROP(DROP_IPV4_CHECKSUM);
            } else if (IS_MARTIAN(hdr.packet.ipv4.src_addr) || IS_MARTIAN(hdr.packet.ipv4.dst_addr)) {
                DROP(DROP_MARTIAN);
            }
        }
    }
}

#endif
