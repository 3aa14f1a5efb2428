// The tunnel to an LD. All switches send from the cluster's one steering address, so an LD's plain RSS is a function of the
// bucket alone, which is in the UDP source port.
//
//   LD ──► ld ──► tunnel source, VTEP, MAC
#ifndef SLUICE_LD_TUNNEL_P4
#define SLUICE_LD_TUNNEL_P4

const bit<16> TUNNEL_SRC_PORT_BASE = 0xc000; // the IANA dynamic range, as RFC 7348 (section 5) advises

control LdTunnel(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_LD, ld_packets)

    @id(ACTION_TUNNEL_TO_LD)
    action tunnel_to_ld(@id(1) @format(IPV4_ADDRESS) ipv4_addr_t steering_address,
                        @id(2) @format(IPV4_ADDRESS) ipv4_addr_t vtep,
                        @id(3) @format(MAC_ADDRESS) mac_addr_t mac) {
        meta.tunnel.wanted = true;
        meta.tunnel.src = steering_address;
        meta.tunnel.dst = vtep;
        meta.tunnel.mac = mac;
        meta.tunnel.src_port = TUNNEL_SRC_PORT_BASE;
        meta.tunnel.reserved = (bit<24>)meta.previous_ld_id;
        COUNT(ld_packets);
    }

    @id(ACTION_TUNNEL_TO_LD_V6)
    action tunnel_to_ld_v6(@id(1) @format(IPV6_ADDRESS) ipv6_addr_t steering_address,
                           @id(2) @format(IPV6_ADDRESS) ipv6_addr_t vtep,
                           @id(3) @format(MAC_ADDRESS) mac_addr_t mac) {
        meta.tunnel.wanted = true;
        meta.tunnel.over_v6 = true;
        meta.tunnel.src_v6 = steering_address;
        meta.tunnel.dst_v6 = vtep;
        meta.tunnel.mac = mac;
        meta.tunnel.src_port = TUNNEL_SRC_PORT_BASE;
        meta.tunnel.reserved = (bit<24>)meta.previous_ld_id;
        COUNT(ld_packets);
    }

    @id(TABLE_LD)
    table ld {
        key = {
            meta.ld_id: exact @id(1) @name("ld_id");
        }
        actions = {
            @proto_id(1) tunnel_to_ld;
            @proto_id(2) tunnel_to_ld_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = ld_packets;
        size = SIZE_LD;
    }

    action bucket_in_port() {
        meta.tunnel.src_port[BUCKET_BITS + 3:4] = meta.bucket[BUCKET_BITS - 1:0];
    }

    apply {
        if (ld.apply().hit) {
            bucket_in_port();
        } else {
            DROP(DROP_UNKNOWN_LD);
        }
    }
}

#endif
