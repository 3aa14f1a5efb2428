// ICMP time exceeded (RFC 792; RFC 1812, section 5.3.1), so that traceroute shows the gateway.
//
//   (network, VNI) ─► icmp_source ─► the address the gateway answers from
//
//   ethernet | ipv4 | …   ──►   ethernet | error ipv4 | error icmp | ipv4 | first 8 bytes or more
//
// Back the way the packet came: routed, or into the tunnel it came by. Never about an ICMP error, a later fragment or a
// multicast (RFC 1122, section 3.2.2), and at a limited rate.
#ifndef SLUICE_ICMP_ERROR_P4
#define SLUICE_ICMP_ERROR_P4

const bit<8> ICMP_ERROR_TTL = 64;

control TimeExceeded(inout headers_t hdr, inout metadata_t meta) {
    ipv4_addr_t own_address = 0;
    bool has_source = false;
    IcmpGcra() gcra;

    @id(ACTION_ANSWER_FROM)
    action answer_from(@id(1) @format(IPV4_ADDRESS) ipv4_addr_t address) {
        own_address = address;
        has_source = true;
    }

    @id(TABLE_ICMP_SOURCE)
    table icmp_source {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.vni: exact @id(2) @name("vni");
        }
        actions = {
            @proto_id(1) answer_from;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_ADDRESS;
    }

    // What is quoted: the header and all of the transport header that was parsed, at least the 8 bytes RFC 792 asks for.
    action make_error() {
        bit<16> quoted_bytes = (((bit<16>)hdr.packet.ipv4.ihl) << 2) + (hdr.packet.tcp.isValid() ? 16w20 : 16w8);
        hdr.error_ipv4.setValid();
        hdr.error_ipv4.version = 4;
        hdr.error_ipv4.ihl = 5;
        hdr.error_ipv4.dscp = 48; // network control (RFC 1812, section 4.3.2.5: precedence 6)
        hdr.error_ipv4.total_len = quoted_bytes + 28;
        hdr.error_ipv4.ttl = ICMP_ERROR_TTL;
        hdr.error_ipv4.protocol = IP_PROTOCOL_ICMP;
        hdr.error_ipv4.src_addr = own_address;
        hdr.error_ipv4.dst_addr = hdr.packet.ipv4.src_addr;
        hdr.error_icmp.setValid();
        hdr.error_icmp.type = ICMP_TIME_EXCEEDED;
        meta.packet_bytes = quoted_bytes + 28;
        meta.truncate = true;
        meta.route_dst = hdr.packet.ipv4.src_addr;
        meta.answered = true;
    }

    action into_tunnel() {
        meta.tunnel.wanted = true;
        meta.tunnel.dst = meta.sender_vtep;
        meta.tunnel.mac = meta.sender_mac;
        meta.tunnel.src_port = 0xc000;
    }

    apply {
        bool conforms = false;
        bool quotable = hdr.packet.tcp.isValid() || hdr.packet.udp.isValid() ||
                        (hdr.packet.icmp.isValid() && !hdr.packet.embedded_ipv4.isValid());
        if (quotable) {
            icmp_source.apply();
        }
        if (has_source) {
            gcra.apply(meta.now_us, (bit<32>)meta.network_id, conforms);
        }
        if (conforms) {
            make_error();
            if (meta.decapsulated) {
                into_tunnel();
            }
        } else {
            DROP(DROP_TTL_EXCEEDED);
        }
    }
}

#endif
