// The end of a VXLAN tunnel: the outer headers go, the packet inside takes their place.
//
//   ethernet | ipv4 | udp | vxlan | inner ethernet | inner ipv4 | …     ──►     ethernet | ipv4 | …   and meta.vni
#ifndef SLUICE_TUNNEL_P4
#define SLUICE_TUNNEL_P4

control TunnelTermination(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_TERMINATE_TUNNEL)
    action terminate_tunnel() {}

    @id(TABLE_MY_TUNNEL)
    table my_tunnel {
        key = {
            hdr.ipv4.dst_addr: exact @id(1) @name("address") @format(IPV4_ADDRESS);
            hdr.udp.dst_port: exact @id(2) @name("udp_port");
        }
        actions = {
            @proto_id(1) terminate_tunnel;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_MY_TUNNEL;
    }

    // A header copied from an invalid one becomes invalid, so what is not inside goes too.
    action decapsulate() {
        meta.vni = hdr.vxlan.vni;
        meta.frame_bytes =
            hdr.ipv4.total_len - (((bit<16>)hdr.ipv4.ihl) << 2) - (VXLAN_OVERHEAD_BYTES - IPV4_MIN_HEADER_BYTES);
        hdr.ipv4 = hdr.inner_ipv4;
        hdr.ipv4_options = hdr.inner_ipv4_options;
        hdr.tcp = hdr.inner_tcp;
        hdr.udp = hdr.inner_udp;
        hdr.icmp = hdr.inner_icmp;
        hdr.vxlan.setInvalid();
        hdr.inner_ethernet.setInvalid();
        hdr.inner_ipv4.setInvalid();
        hdr.inner_ipv4_options.setInvalid();
        hdr.inner_tcp.setInvalid();
        hdr.inner_udp.setInvalid();
        hdr.inner_icmp.setInvalid();
    }

    apply {
        if (hdr.vxlan.isValid()) {
            if (my_tunnel.apply().hit) {
                // The parser follows the frame; what lies beyond the outer total length is padding and no inner frame.
                bit<16> payload_bytes = hdr.ipv4.total_len - (((bit<16>)hdr.ipv4.ihl) << 2);
                if (hdr.vxlan.flags & VXLAN_FLAG_VNI == 0 || !hdr.inner_ipv4.isValid() ||
                    payload_bytes < VXLAN_OVERHEAD_BYTES - IPV4_MIN_HEADER_BYTES) {
                    DROP(DROP_VXLAN_HEADER);
                } else {
                    decapsulate();
                    meta.decapsulated = true;
                }
            } else if (meta.to_own_address) {
                DROP(DROP_OWN_ADDRESS);
            }
        }
    }
}

#endif
