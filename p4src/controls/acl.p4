// The operator's block list, for every packet that goes through the gateway (one out of a tunnel: the packet inside). The
// highest priority wins; no match passes. An ICMP error is matched by the protocol and ports of the packet it is about.
#ifndef SLUICE_ACL_P4
#define SLUICE_ACL_P4

control Acl(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_ACL, acl_packets)

    @id(ACTION_ACL_ALLOW)
    action acl_allow() {
        COUNT(acl_packets);
    }

    @id(ACTION_ACL_DENY)
    action acl_deny() {
        DROP(DROP_ACL);
        COUNT(acl_packets);
    }

    @id(TABLE_ACL)
    table acl {
        key = {
            meta.network_id: ternary @id(1) @name("network_id");
            hdr.packet.ipv4.src_addr: ternary @id(2) @name("src") @format(IPV4_ADDRESS);
            hdr.packet.ipv4.dst_addr: ternary @id(3) @name("dst") @format(IPV4_ADDRESS);
            meta.flow.protocol: ternary @id(4) @name("protocol");
            meta.flow.src_port: ternary @id(5) @name("src_port");
            meta.flow.dst_port: ternary @id(6) @name("dst_port");
        }
        actions = {
            @proto_id(1) acl_allow;
            @proto_id(2) acl_deny;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = acl_packets;
        size = SIZE_ACL;
    }

    DIRECT_COUNTER(COUNTER_ACL_V6, acl_v6_packets)

    @id(ACTION_ACL_ALLOW_V6)
    action acl_allow_v6() {
        COUNT(acl_v6_packets);
    }

    @id(ACTION_ACL_DENY_V6)
    action acl_deny_v6() {
        DROP(DROP_ACL);
        COUNT(acl_v6_packets);
    }

    @id(TABLE_ACL_V6)
    table acl_v6 {
        key = {
            meta.network_id: ternary @id(1) @name("network_id");
            hdr.packet.ipv6.src_addr: ternary @id(2) @name("src") @format(IPV6_ADDRESS);
            hdr.packet.ipv6.dst_addr: ternary @id(3) @name("dst") @format(IPV6_ADDRESS);
            meta.flow.protocol: ternary @id(4) @name("protocol");
            meta.flow.src_port: ternary @id(5) @name("src_port");
            meta.flow.dst_port: ternary @id(6) @name("dst_port");
        }
        actions = {
            @proto_id(1) acl_allow_v6;
            @proto_id(2) acl_deny_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = acl_v6_packets;
        size = SIZE_ACL;
    }

    apply {
        if (hdr.packet.ipv4.isValid()) {
            acl.apply();
        } else {
            acl_v6.apply();
        }
    }
}

#endif
