// The tunnel to the host of a VM. Hosts answer through the switch a tunnel came from, so its source is this switch's own.
//
//   network ─► tunnel_source, tunnel_source_v6 ─► its source; the host over IPv4 is an address, over IPv6 a number: host_v6
//
// The network is the one that the EIP belongs to, or for an LD's answer inside a VPC the one that it came from.
#ifndef SLUICE_HOST_TUNNEL_P4
#define SLUICE_HOST_TUNNEL_P4

control HostTunnel(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_TUNNEL_SOURCE)
    action set_tunnel_source(@id(1) @format(IPV4_ADDRESS) ipv4_addr_t address) {
        meta.tunnel.wanted = true;
        meta.tunnel.src = address;
        meta.tunnel.dst = meta.eip.host;
        meta.tunnel.mac = meta.eip.mac;
    }

    @id(TABLE_TUNNEL_SOURCE)
    table tunnel_source {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
        }
        actions = {
            @proto_id(1) set_tunnel_source;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_NETWORK;
    }

    @id(ACTION_SET_TUNNEL_SOURCE_V6)
    action set_tunnel_source_v6(@id(1) @format(IPV6_ADDRESS) ipv6_addr_t address) {
        meta.tunnel.wanted = true;
        meta.tunnel.over_v6 = true;
        meta.tunnel.src_v6 = address;
        meta.tunnel.mac = meta.eip.mac;
    }

    @id(TABLE_TUNNEL_SOURCE_V6)
    table tunnel_source_v6 {
        key = {
            meta.network_id: exact @id(1) @name("network_id");
        }
        actions = {
            @proto_id(1) set_tunnel_source_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_NETWORK;
    }

    @id(ACTION_SET_HOST_V6)
    action set_host_v6(@id(1) @format(IPV6_ADDRESS) ipv6_addr_t address) {
        meta.tunnel.dst_v6 = address;
    }

    @id(TABLE_HOST_V6)
    table host_v6 {
        key = {
            meta.eip.host_id: exact @id(1) @name("host_id");
        }
        actions = {
            @proto_id(1) set_host_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_HOST;
    }

    apply {
        bool found;
        if (meta.eip.host_id == 0) {
            found = tunnel_source.apply().hit;
        } else if (host_v6.apply().hit) {
            found = tunnel_source_v6.apply().hit;
        } else {
            found = false;
        }
        if (found) {
            FlowEntropy.apply(meta, hdr.packet.ipv6.isValid());
        } else {
            DROP(DROP_NO_TUNNEL_SOURCE);
        }
    }
}

#endif
