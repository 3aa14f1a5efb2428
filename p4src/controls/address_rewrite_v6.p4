// controls/address_rewrite.p4 for IPv6. There is no header checksum; ICMPv6 has a pseudo-header like TCP and UDP (RFC 4443,
// section 2.3), and a UDP checksum is never "none" (RFC 8200, section 8.1) but inside tunnels, where 0 stays 0 (RFC 6935).
#ifndef SLUICE_ADDRESS_REWRITE_V6_P4
#define SLUICE_ADDRESS_REWRITE_V6_P4

#define WORDS_SUM(a) \
    (((bit<32>)(a)[127:112]) + ((bit<32>)(a)[111:96]) + ((bit<32>)(a)[95:80]) + ((bit<32>)(a)[79:64]) + \
     ((bit<32>)(a)[63:48]) + ((bit<32>)(a)[47:32]) + ((bit<32>)(a)[31:16]) + ((bit<32>)(a)[15:0]))

control AddressRewriteV6(inout ip_packet_t packet, in bool source, in ipv6_addr_t after) {
    bit<32> sum;

    action adjust_udp(inout bit<16> checksum, in bit<32> delta) {
        ADJUST(checksum, delta);
        checksum = checksum == 0 ? 16w0xffff : checksum;
    }

    action adjust(inout bit<16> checksum, in bit<32> delta) {
        ADJUST(checksum, delta);
    }

    apply {
        ipv6_addr_t before = source ? packet.ipv6.src_addr : packet.ipv6.dst_addr;
        ipv6_addr_t inverse = ~before;
        bit<32> delta = WORDS_SUM(inverse) + WORDS_SUM(after);

        if (source) {
            packet.ipv6.src_addr = after;
        } else {
            packet.ipv6.dst_addr = after;
        }
        if (packet.tcp.isValid()) {
            adjust(packet.tcp.checksum, delta);
        } else if (packet.udp.isValid() && packet.udp.checksum != 0) {
            adjust_udp(packet.udp.checksum, delta);
        } else if (packet.icmp.isValid()) {
            adjust(packet.icmp.checksum, delta);
        }

        // The packet an ICMPv6 error is about: its address counts in the ICMPv6 checksum, and so do the checksums in it.
        if (packet.embedded_ipv6.isValid()) {
            bit<32> error_delta = delta;
            if (source) {
                packet.embedded_ipv6.dst_addr = after;
            } else {
                packet.embedded_ipv6.src_addr = after;
            }
            if (packet.embedded_udp.isValid() && packet.embedded_udp.checksum != 0) {
                bit<16> udp_before = packet.embedded_udp.checksum;
                adjust_udp(packet.embedded_udp.checksum, delta);
                error_delta = delta + (bit<32>)(~udp_before) + (bit<32>)packet.embedded_udp.checksum;
            } else if (packet.embedded_tcp_rest.isValid()) {
                bit<16> tcp_before = packet.embedded_tcp_rest.checksum;
                adjust(packet.embedded_tcp_rest.checksum, delta);
                error_delta = delta + (bit<32>)(~tcp_before) + (bit<32>)packet.embedded_tcp_rest.checksum;
            } else if (packet.embedded_icmp.isValid()) {
                bit<16> icmp_before = packet.embedded_icmp.checksum;
                adjust(packet.embedded_icmp.checksum, delta);
                error_delta = delta + (bit<32>)(~icmp_before) + (bit<32>)packet.embedded_icmp.checksum;
            }
            adjust(packet.icmp.checksum, error_delta);
        }
    }
}

#endif
