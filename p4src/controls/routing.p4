// The way out: longest prefix in the VRF, then a next hop, or one of a group by the flow's hash (ECMP).
//
//   (VRF, dst) ─► route ─┬─────────────────────────► next hop ─► nexthop ─► port, VLAN, MACs
//                        ├─► group ─► ecmp_group ──────┘
//                        ├─► discard
//                        ├─► hairpin: an EIP or VIP of this gateway, once more from the start
//                        └─► unresolved: a neighbour whose MAC is not known yet, punted (PuntGcra limits the rate)
//
// What is routed is the packet, or the tunnel around it. A group's members are a fixed number of slots, each of which names
// a next hop: a next hop that leaves is replaced in its own slots, so that only its own flows move.
#ifndef SLUICE_ROUTING_P4
#define SLUICE_ROUTING_P4

control Routing(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SELECT_NEXTHOP)
    action select_nexthop(@id(1) @refers_to(nexthop, nexthop_id) nexthop_id_t nexthop_id) {
        meta.nexthop_id = nexthop_id;
    }

    @id(ACTION_SET_NEXTHOP)
    action set_nexthop(@id(1) @refers_to(nexthop, nexthop_id) nexthop_id_t nexthop_id) {
        meta.nexthop_id = nexthop_id;
    }

    @id(ACTION_SET_GROUP)
    action set_group(@id(1) @refers_to(ecmp_group, group_id) bit<16> group_id) {
        meta.ecmp_group_id = group_id;
    }

    @id(ACTION_DISCARD)
    action discard() {
        DROP(DROP_ROUTE_DISCARD);
    }

    @id(ACTION_HAIRPIN)
    action hairpin(@id(1) network_id_t network_id) {
        meta.verdict = verdict_t.RECIRCULATE;
        hdr.recirculated.setValid();
        hdr.recirculated.network_id = network_id;
        hdr.recirculated.now = meta.now;
    }

    @id(ACTION_UNRESOLVED)
    action unresolved() {
        meta.verdict = verdict_t.PUNT;
        meta.punt = punt_t.UNRESOLVED;
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
            @proto_id(3) set_group;
            @proto_id(4) hairpin;
            @proto_id(5) unresolved;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_ROUTE;
    }

    @id(TABLE_ROUTE_V6)
    table route_v6 {
        key = {
            meta.vrf_id: exact @id(1) @name("vrf_id");
            meta.route_dst_v6: lpm @id(2) @name("prefix") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) set_nexthop;
            @proto_id(2) discard;
            @proto_id(3) set_group;
            @proto_id(4) hairpin;
            @proto_id(5) unresolved;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_ROUTE;
    }

    ECMP_SELECTOR(PROFILE_ECMP, ecmp_members)

    @id(TABLE_ECMP_GROUP)
    table ecmp_group {
        key = {
            meta.ecmp_group_id: exact @id(1) @name("group_id");
            meta.ecmp_hash: selector;
        }
        actions = {
            @proto_id(1) select_nexthop;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = ecmp_members;
        size = SIZE_ECMP_GROUP;
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
        bool found;
        if (meta.route_is_v6) {
            found = route_v6.apply().hit;
        } else {
            found = route.apply().hit;
        }
        meta.routed = true;
        if (!found) {
            DROP(DROP_NO_ROUTE);
        }
        if (IS_FORWARD(meta) && meta.ecmp_group_id != 0) {
            EcmpHash.apply(meta, hdr.packet.ipv6.isValid());
            if (!ecmp_group.apply().hit) {
                DROP(DROP_UNKNOWN_NEXTHOP);
            }
        }
        if (IS_FORWARD(meta)) {
            if (!nexthop.apply().hit) {
                DROP(DROP_UNKNOWN_NEXTHOP);
            }
        }
        if (meta.verdict == verdict_t.RECIRCULATE && meta.second_pass) {
            DROP(DROP_HAIRPIN_LOOP);
        }
    }
}

// The frame is tagged as its way out wants it, whatever it came with (VLAN 0: untagged).
control Tag(inout headers_t hdr, inout metadata_t meta) {
    action tag(bit<16> ether_type) {
        hdr.vlan.setValid();
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.vid = meta.egress_vlan_id;
        hdr.vlan.ether_type = ether_type;
        hdr.ethernet.ether_type = ETHERTYPE_VLAN;
    }

    action untag(bit<16> ether_type) {
        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = ether_type;
    }

    apply {
        bit<16> ether_type = ETHERTYPE_IPV4;
        if (meta.route_is_v6) {
            ether_type = ETHERTYPE_IPV6;
        }
        if (meta.egress_vlan_id != 0) {
            tag(ether_type);
        } else {
            untag(ether_type);
        }
    }
}

#endif
