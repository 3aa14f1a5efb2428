// The gateway's own IPv6 addresses: neighbour solicitations (RFC 4861) and pings (RFC 4443) are answered here.
//
//   (network, solicited target or IPv6 destination) ──► my_address_v6 ──► MAC
//
// An advertisement for the gateway is punted: the controller learns neighbours by it. A host that only checks whether its
// own address is free (source ::) is not answered: that is a conflict which the operator has to see, not the gateway.
#ifndef SLUICE_OWN_ADDRESS_V6_P4
#define SLUICE_OWN_ADDRESS_V6_P4

const bit<16> ND_ADVERTISEMENT_BYTES = 32; // ICMPv6 header, target, one option with the MAC
const bit<32> ND_SOLICITED_OVERRIDE = 0x60000000; // with the router bit: 0xe0000000
const bit<32> ND_ROUTER = 0x80000000;

control OwnAddressV6(inout headers_t hdr, inout metadata_t meta) {
    HeartbeatCheck() heartbeat_check;
    mac_addr_t own_mac = 0;
    ipv6_addr_t own_lookup = 0;

    @id(ACTION_OWN_ADDRESS_V6)
    action own_address_v6(@id(1) @format(MAC_ADDRESS) mac_addr_t mac) {
        own_mac = mac;
    }

    @id(TABLE_MY_ADDRESS_V6)
    table my_address_v6 {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            own_lookup: exact @id(2) @name("address") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) own_address_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_ADDRESS;
    }

    action answer_solicitation() {
        hdr.packet.ipv6.dst_addr = hdr.packet.ipv6.src_addr;
        hdr.packet.ipv6.src_addr = own_lookup;
        hdr.packet.ipv6.payload_len = ND_ADVERTISEMENT_BYTES;
        hdr.packet.icmp.type = ICMPV6_NEIGHBOR_ADVERTISEMENT;
        hdr.packet.icmp.rest = ND_ROUTER | ND_SOLICITED_OVERRIDE;
        hdr.packet.nd_option.setValid();
        hdr.packet.nd_option.type = ND_OPTION_TARGET_MAC;
        hdr.packet.nd_option.length = 1;
        hdr.packet.nd_option.mac = own_mac;
        meta.packet_bytes = ND_ADVERTISEMENT_BYTES + IPV6_HEADER_BYTES;
        meta.truncate = true; // options of the solicitation are not parsed and stay behind
    }

    // RFC 1624, equation 3, for 0x8000 -> 0x8100 in the first word.
    action answer_ping(bit<16> and_borrow) {
        hdr.packet.ipv6.dst_addr = hdr.packet.ipv6.src_addr;
        hdr.packet.ipv6.src_addr = own_lookup;
        hdr.packet.ipv6.hop_limit = ANSWER_TTL;
        hdr.packet.icmp.type = ICMPV6_ECHO_REPLY;
        hdr.packet.icmp.checksum = hdr.packet.icmp.checksum - and_borrow;
    }

    action reflect() {
        hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = own_mac;
        meta.egress_port = meta.ingress_port;
        meta.reflected = true;
    }

    apply {
        bool is_nd = hdr.packet.nd.isValid();
        if (is_nd && hdr.packet.icmp.type == ICMPV6_NEIGHBOR_SOLICITATION) {
            own_lookup = hdr.packet.nd.target;
        } else {
            own_lookup = hdr.packet.ipv6.dst_addr;
        }
        bool own = my_address_v6.apply().hit;
        meta.to_own_address = own;
        if (is_nd) {
            // Only from the same link, unrouted (RFC 4861, section 7.1).
            if (!own || hdr.packet.ipv6.hop_limit != 255 || hdr.packet.icmp.code != 0) {
                DROP(DROP_UNSUPPORTED_ND);
            } else if (hdr.packet.icmp.type == ICMPV6_NEIGHBOR_SOLICITATION) {
                answer_solicitation();
                reflect();
            } else {
                meta.verdict = verdict_t.PUNT;
            }
        } else if (own && meta.second_pass) {
            DROP(DROP_OWN_ADDRESS); // its sender is behind a tunnel, not at the port it came from
        } else if (own) {
            if (hdr.packet.icmp.isValid() && hdr.packet.icmp.type == ICMPV6_ECHO_REQUEST && hdr.packet.icmp.code == 0 &&
                !hdr.packet.ipv6_fragment.isValid()) {
                if (hdr.packet.icmp.checksum[15:8] == 0) {
                    answer_ping(0x0101);
                } else {
                    answer_ping(0x0100);
                }
                reflect();
            } else if (hdr.heartbeat.isValid()) {
                heartbeat_check.apply(hdr, meta);
            } else if (!hdr.vxlan.isValid()) { // controls/tunnel.p4 decides on VXLAN
                DROP(DROP_OWN_ADDRESS);
            }
        } else if (IS_LINK_LOCAL(hdr.packet.ipv6.src_addr) || IS_LINK_LOCAL(hdr.packet.ipv6.dst_addr)) {
            DROP(DROP_MARTIAN); // never leaves its link (RFC 4291, section 2.5.6)
        }
    }
}

#endif
