// What an IP header must be before anybody acts on it (RFC 1812, section 5.2.2; RFC 1122, section 3.2.1; RFC 8200).
// Applied to the packet as it came, and once more to what comes out of a tunnel.
#ifndef SLUICE_IP_CHECK_P4
#define SLUICE_IP_CHECK_P4

// No packet on a wire has such an address as source; as destination, neither broadcast nor multicast is routed here.
// "This" network, loopback, multicast and class E (RFC 6890).
#define IS_MARTIAN(addr) ((addr)[31:24] == 0 || (addr)[31:24] == 127 || (addr)[31:28] >= 14)
// Unspecified and loopback (both in ::/120, with all that is reserved there), IPv4-mapped, multicast (RFC 6890, RFC 4291).
#define IS_MARTIAN_V6(addr) ((addr)[127:8] == 0 || (addr)[127:32] == 0xffff || (addr)[127:120] == 0xff)
#define IS_LINK_LOCAL(addr) ((addr)[127:118] == 0x3fa)

control IpCheck(inout headers_t hdr, inout metadata_t meta) {
    action ipv4_bytes() {
        meta.packet_bytes = hdr.packet.ipv4.total_len;
    }

    action ipv6_bytes() {
        meta.packet_bytes = hdr.packet.ipv6.payload_len + IPV6_HEADER_BYTES;
    }

    apply {
        bool length_ok;
        bool checksum_ok;
        bool land = false; // both ends alike: whoever sends from the gateway's own address to it forges
        if (hdr.packet.ipv4.isValid()) {
            ipv4_bytes();
            Ipv4LengthCheck.apply(hdr, meta, length_ok);
            Ipv4ChecksumVerify.apply(hdr, meta, checksum_ok);
            SameAddress.apply(hdr.packet.ipv4.src_addr, hdr.packet.ipv4.dst_addr, land);
            if (hdr.packet.ipv4.version != 4 || hdr.packet.ipv4.ihl < 5) {
                DROP(DROP_IP_HEADER);
            } else if (!length_ok) {
                DROP(DROP_IP_LENGTH);
            } else if (!checksum_ok) {
                DROP(DROP_IPV4_CHECKSUM);
            } else if (land || IS_MARTIAN(hdr.packet.ipv4.src_addr) || IS_MARTIAN(hdr.packet.ipv4.dst_addr)) {
                DROP(DROP_MARTIAN);
            }
        } else {
            ipv6_bytes();
            Ipv6LengthCheck.apply(hdr, meta, length_ok);
            SameAddressV6.apply(hdr.packet.ipv6.src_addr, hdr.packet.ipv6.dst_addr, land);
            if (hdr.packet.ipv6.version != 6) {
                DROP(DROP_IP_HEADER);
            } else if (!length_ok) {
                DROP(DROP_IP_LENGTH);
            } else if (land || IS_MARTIAN_V6(hdr.packet.ipv6.src_addr) ||
                       (IS_MARTIAN_V6(hdr.packet.ipv6.dst_addr) && (!hdr.packet.nd.isValid() || meta.decapsulated)) ||
                       (meta.decapsulated && (IS_LINK_LOCAL(hdr.packet.ipv6.src_addr) ||
                                              IS_LINK_LOCAL(hdr.packet.ipv6.dst_addr)))) {
                DROP(DROP_MARTIAN); // of link-local ones outside a tunnel controls/own_address_v6.p4 takes its own first
            }
        }
    }
}

#endif
