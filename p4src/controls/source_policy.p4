// What the source of a packet may be where it comes from, and by which VRF it leaves.
//
//   (network, VNI, src prefix) ─► source_policy ─┬─► accepted
//                                                ├─► denied: the gateway's own addresses, VIPs, LDs seen from upstream
//                                                └─► routed in another VRF: answers of a VIP leave by its own upstream network
//
// The longest prefix decides; no match accepts. Of a packet out of a tunnel it is the packet inside.
#ifndef SLUICE_SOURCE_POLICY_P4
#define SLUICE_SOURCE_POLICY_P4

control SourcePolicy(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_SOURCE_POLICY, source_policy_packets)

    @id(ACTION_ACCEPT_SOURCE)
    action accept_source() {
        COUNT(source_policy_packets);
    }

    @id(ACTION_DENY_SOURCE)
    action deny_source() {
        DROP(DROP_SPOOFED_SOURCE);
        COUNT(source_policy_packets);
    }

    @id(ACTION_ROUTE_IN_VRF)
    action route_in_vrf(@id(1) vrf_id_t vrf_id) {
        meta.vrf_id = vrf_id;
        COUNT(source_policy_packets);
    }

    @id(TABLE_SOURCE_POLICY)
    table source_policy {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.vni: exact @id(2) @name("vni");
            hdr.packet.ipv4.src_addr: lpm @id(3) @name("prefix") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) accept_source;
            @proto_id(2) deny_source;
            @proto_id(3) route_in_vrf;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = source_policy_packets;
        size = SIZE_SOURCE_POLICY;
    }

    DIRECT_COUNTER(COUNTER_SOURCE_POLICY_V6, source_policy_v6_packets)

    @id(ACTION_ACCEPT_SOURCE_V6)
    action accept_source_v6() {
        COUNT(source_policy_v6_packets);
    }

    @id(ACTION_DENY_SOURCE_V6)
    action deny_source_v6() {
        DROP(DROP_SPOOFED_SOURCE);
        COUNT(source_policy_v6_packets);
    }

    @id(ACTION_ROUTE_IN_VRF_V6)
    action route_in_vrf_v6(@id(1) vrf_id_t vrf_id) {
        meta.vrf_id = vrf_id;
        COUNT(source_policy_v6_packets);
    }

    @id(TABLE_SOURCE_POLICY_V6)
    table source_policy_v6 {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
            meta.vni: exact @id(2) @name("vni");
            hdr.packet.ipv6.src_addr: lpm @id(3) @name("prefix") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) accept_source_v6;
            @proto_id(2) deny_source_v6;
            @proto_id(3) route_in_vrf_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = source_policy_v6_packets;
        size = SIZE_SOURCE_POLICY;
    }

    apply {
        if (hdr.packet.ipv4.isValid()) {
            source_policy.apply();
        } else {
            source_policy_v6.apply();
        }
    }
}

#endif
