// 1:1 address translation of a whole packet: the header, its checksums, and the packet inside an ICMP error.
//
// Every checksum is updated incrementally (RFC 1624, equation 3), so damage done on the way stays visible to the receiver.
// A UDP checksum of 0 means "none" and stays 0; one that becomes 0 is sent as 0xffff (RFC 768).
#ifndef SLUICE_ADDRESS_REWRITE_P4
#define SLUICE_ADDRESS_REWRITE_P4

// The 16-bit ones' complement of a sum of 16-bit words.
#define FOLD(sum) ((sum) & 0xffff) + ((sum) >> 16)

// What replacing `before` by `after` adds to a ones' complement sum: at most four 16-bit words, not folded.
#define ADDRESS_DELTA(before, after) \
    ((bit<32>)(~(before)[31:16])) + ((bit<32>)(~(before)[15:0])) + \
    ((bit<32>)(after)[31:16]) + ((bit<32>)(after)[15:0])

// HC' = ~(~HC + delta)
#define ADJUST(checksum, delta) \
    sum = ((bit<32>)(~(checksum))) + (delta); \
    sum = FOLD(sum); \
    sum = FOLD(sum); \
    checksum = ~sum[15:0]

control AddressRewrite(inout ip_packet_t packet, in bool source, in ipv4_addr_t after) {
    bit<32> sum;

    // UDP's checksum, unless the sender made none.
    action adjust_udp(inout bit<16> checksum, in bit<32> delta) {
        ADJUST(checksum, delta);
        checksum = checksum == 0 ? 16w0xffff : checksum;
    }

    action adjust(inout bit<16> checksum, in bit<32> delta) {
        ADJUST(checksum, delta);
    }

    apply {
        ipv4_addr_t before = source ? packet.ipv4.src_addr : packet.ipv4.dst_addr;
        bit<32> delta = ADDRESS_DELTA(before, after);

        adjust(packet.ipv4.checksum, delta);
        if (source) {
            packet.ipv4.src_addr = after;
        } else {
            packet.ipv4.dst_addr = after;
        }
        if (packet.tcp.isValid()) {
            adjust(packet.tcp.checksum, delta);
        } else if (packet.udp.isValid() && packet.udp.checksum != 0) {
            adjust_udp(packet.udp.checksum, delta);
        }

        // The packet an ICMP error is about went the other way: its destination is our source, and the reverse.
        // Its address and its header checksum cancel out in the ICMP checksum; an adjusted UDP or TCP checksum is left over.
        if (packet.embedded_ipv4.isValid()) {
            adjust(packet.embedded_ipv4.checksum, delta);
            if (source) {
                packet.embedded_ipv4.dst_addr = after;
            } else {
                packet.embedded_ipv4.src_addr = after;
            }
            if (packet.embedded_udp.isValid() && packet.embedded_udp.checksum != 0) {
                bit<16> udp_before = packet.embedded_udp.checksum;
                adjust_udp(packet.embedded_udp.checksum, delta);
                adjust(packet.icmp.checksum, ((bit<32>)(~udp_before)) + (bit<32>)packet.embedded_udp.checksum);
            } else if (packet.embedded_tcp_rest.isValid()) {
                bit<16> tcp_before = packet.embedded_tcp_rest.checksum;
                adjust(packet.embedded_tcp_rest.checksum, delta);
                adjust(packet.icmp.checksum, ((bit<32>)(~tcp_before)) + (bit<32>)packet.embedded_tcp_rest.checksum);
            }
        }
    }
}

#endif
