// Which network a frame came from, and whether it is for the gateway at all.
//
//   (port, VLAN) ──► network ──► network id, VRF
//   dst MAC ───────► my_mac ───► accepted
//
// Broadcast is let through for ARP only, IPv6 multicast (RFC 2464, section 7) for neighbour discovery only; the controls of
// own addresses answer them.
#ifndef SLUICE_NETWORK_P4
#define SLUICE_NETWORK_P4

control Network(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_NETWORK)
    action set_network(@id(1) network_id_t network_id, @id(2) vrf_id_t vrf_id) {
        meta.network_id = network_id;
        meta.vrf_id = vrf_id;
    }

    // An untagged frame has VLAN 0, and so has a priority-tagged one (IEEE 802.1Q, section 6.9).
    @id(TABLE_NETWORK)
    table network {
        key = {
            meta.ingress_port: exact @id(1) @name("port");
            hdr.vlan.vid: exact @id(2) @name("vlan_id");
        }
        actions = {
            @proto_id(1) set_network;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_NETWORK;
    }

    @id(ACTION_ACCEPT_MAC)
    action accept_mac() {}

    @id(TABLE_MY_MAC)
    table my_mac {
        key = {
            hdr.ethernet.dst_addr: exact @id(1) @name("mac") @format(MAC_ADDRESS);
        }
        actions = {
            @proto_id(1) accept_mac;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_MAC;
    }

    apply {
        if (meta.second_pass) {
            meta.network_id = hdr.recirculated.network_id;
            meta.now = hdr.recirculated.now;
            hdr.recirculated.setInvalid();
        } else if (!network.apply().hit) {
            DROP(DROP_UNKNOWN_NETWORK);
        } else if (!my_mac.apply().hit) {
            if (!(hdr.arp.isValid() && hdr.ethernet.dst_addr == 0xffffffffffff) &&
                !(hdr.packet.nd.isValid() && hdr.ethernet.dst_addr[47:32] == 0x3333)) {
                DROP(DROP_NOT_FOR_GATEWAY);
            }
        }
    }
}

#endif
