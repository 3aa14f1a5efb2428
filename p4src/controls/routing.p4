// The way out: longest prefix in the VRF, then the next hop's port, VLAN and MACs.
//
//   (VRF, dst) ──► route ──► next hop ──► nexthop ──► port, VLAN, source and destination MAC
//
// What is routed is the packet, or the tunnel that controls/ld_tunnel.p4 has put around it.
#ifndef SLUICE_ROUTING_P4
#define SLUICE_ROUTING_P4

control Routing(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_ROUTE, route_packets)

    @id(ACTION_SET_NEXTHOP)
    action set_nexthop(@id(1) @refers_to(nexthop, nexthop_id) nexthop_id_t nexthop_id) {
        meta.nexthop_id = nexthop_id;
        COUNT(route_packets);
    }

    @id(ACTION_DISCARD)
    action discard() {
        DROP(DROP_ROUTE_DISCARD);
        COUNT(route_packets);
    }

    @id(TABLE_ROUTE)
    table route {
        key = {
            meta.vrf_id: exact @id(1) @name("vrf_id");
            meta.route_dst: lpm @id(2) @name("prefix") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) set_nexthop;
            @proto_id(2) discard;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = route_packets;
        size = SIZE_ROUTE;
    }

    @id(ACTION_FORWARD)
    action forward(@id(1) port_id_t port,
                   @id(2) bit<12> vlan_id,
                   @id(3) @format(MAC_ADDRESS) mac_addr_t src_mac,
                   @id(4) @format(MAC_ADDRESS) mac_addr_t dst_mac) {
        meta.egress_port = port;
        meta.egress_vlan_id = vlan_id;
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
    }

    @id(TABLE_NEXTHOP)
    table nexthop {
        key = {
            meta.nexthop_id: exact @id(1) @name("nexthop_id");
        }
        actions = {
            @proto_id(1) forward;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_NEXTHOP;
    }

    apply {
        if (!route.apply().hit) {
            DROP(DROP_NO_ROUTE);
        } else if (IS_FORWARD(meta)) {
            if (!nexthop.apply().hit) {
                DROP(DROP_UNKNOWN_NEXTHOP);
            }
        }

        // The frame is tagged as its way out wants it, whatever it came with (VLAN 0: untagged).
        if (meta.egress_vlan_id == 0) {
            hdr.vlan.setInvalid();
            hdr.ethernet.ether_type = ETHERTYPE_IPV4;
        } else {
            hdr.vlan.setValid();
            hdr.vlan.pcp = 0;
            hdr.vlan.dei = 0;
            hdr.vlan.vid = meta.egress_vlan_id;
            hdr.vlan.ether_type = ETHERTYPE_IPV4;
            hdr.ethernet.ether_type = ETHERTYPE_VLAN;
        }
    }
}

#endif
