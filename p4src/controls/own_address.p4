// The gateway's own addresses: ARP (RFC 826) and ping (RFC 792) are answered here, without any controller.
//
//   (network, ARP target or IPv4 destination) ──► my_address ──► MAC
//
// The answer leaves by the port the question came from. An ARP reply is punted: the controller learns neighbours by it.
#ifndef SLUICE_OWN_ADDRESS_P4
#define SLUICE_OWN_ADDRESS_P4

const bit<8> ANSWER_TTL = 64; // an answer has its own way to go, however far the question came (RFC 1122, section 3.2.1.7)

control OwnAddress(inout headers_t hdr, inout metadata_t meta) {
    HeartbeatCheck() heartbeat_check;
    mac_addr_t own_mac = 0;

    @id(ACTION_OWN_ADDRESS)
    action own_address(@id(1) @format(MAC_ADDRESS) mac_addr_t mac) {
        own_mac = mac;
    }

    @id(TABLE_MY_ADDRESS)
    table my_address {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.own_lookup: exact @id(2) @name("address") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) own_address;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_ADDRESS;
    }

    action answer_arp() {
        hdr.arp.operation = ARP_REPLY;
        hdr.arp.target_mac = hdr.arp.sender_mac;
        hdr.arp.target_ip = hdr.arp.sender_ip;
        hdr.arp.sender_mac = own_mac;
        hdr.arp.sender_ip = meta.own_lookup;
    }

    // 0x0800 -> 0x0000 in the first word. The old checksum cannot tell whether a sum of 0 stands for nothing but zeros;
    // 0xffff, which this gives then, verifies in either case (RFC 1624, equation 2).
    action answer_ping(bit<16> and_carry) {
        hdr.packet.ipv4.dst_addr = hdr.packet.ipv4.src_addr;
        hdr.packet.ipv4.src_addr = meta.own_lookup;
        hdr.packet.icmp.type = ICMP_ECHO_REPLY;
        hdr.packet.icmp.checksum = hdr.packet.icmp.checksum + and_carry;
    }

    action reflect() {
        hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = own_mac;
        meta.egress_port = meta.ingress_port;
        meta.reflected = true;
    }

    apply {
        if (hdr.arp.isValid()) {
            meta.own_lookup = hdr.arp.target_ip;
        } else {
            meta.own_lookup = hdr.packet.ipv4.dst_addr;
        }
        bool own = my_address.apply().hit;
        meta.to_own_address = own;
        if (hdr.arp.isValid()) {
            bool ipv4_over_ethernet = hdr.arp.hardware_type == ARP_HARDWARE_ETHERNET && hdr.arp.hardware_len == 6 &&
                                      hdr.arp.protocol_type == ETHERTYPE_IPV4 && hdr.arp.protocol_len == 4;
            if (!ipv4_over_ethernet || !own) {
                DROP(DROP_UNSUPPORTED_ARP);
            } else if (hdr.arp.operation == ARP_REQUEST) {
                answer_arp();
                reflect();
            } else if (hdr.arp.operation == ARP_REPLY) {
                meta.verdict = verdict_t.PUNT;
            } else {
                DROP(DROP_UNSUPPORTED_ARP);
            }
        } else if (own && meta.second_pass) {
            DROP(DROP_OWN_ADDRESS); // its sender is behind a tunnel, not at the port it came from
        } else if (own) {
            if (hdr.packet.icmp.isValid() && hdr.packet.icmp.type == ICMP_ECHO_REQUEST && hdr.packet.icmp.code == 0 &&
                hdr.packet.ipv4.more_fragments == 0) {
                if (hdr.packet.icmp.checksum[15:11] == 0x1f) {
                    answer_ping(0x0801);
                } else {
                    answer_ping(0x0800);
                }
                SetTtl.apply(hdr.packet.ipv4, ANSWER_TTL);
                reflect();
            } else if (hdr.heartbeat.isValid()) {
                heartbeat_check.apply(hdr, meta);
            } else if (!hdr.vxlan.isValid()) { // controls/tunnel.p4 decides on VXLAN
                DROP(DROP_OWN_ADDRESS);
            }
        }
    }
}

#endif
