// The LD that owns the bucket, and the tunnel to it. The map is the same on every switch of the cluster.
//
//   (cluster, bucket) ──► ld_of_bucket ──► LD ──► ld ──► VXLAN around the packet, bucket in the UDP source port
//
// All switches send from the cluster's one steering address: the LD's plain RSS is then a function of the bucket alone.
#ifndef SLUICE_LD_TUNNEL_P4
#define SLUICE_LD_TUNNEL_P4

const bit<16> TUNNEL_SRC_PORT_BASE = 0xc000; // the IANA dynamic range, as RFC 7348 (section 5) advises
#define TUNNEL_SRC_PORT_SHIFT 4
const bit<8> TUNNEL_TTL = 64;

control LdTunnel(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_LD, ld_packets)

    @id(ACTION_ASSIGN_LD)
    action assign_ld(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id) {
        meta.ld_id = ld_id;
    }

    @id(TABLE_LD_OF_BUCKET)
    table ld_of_bucket {
        key = {
            meta.cluster_id: exact @id(1) @name("cluster_id");
            meta.bucket: exact @id(2) @name("bucket");
        }
        actions = {
            @proto_id(1) assign_ld;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_LD_OF_BUCKET;
    }

    @id(ACTION_TUNNEL_TO_LD)
    action tunnel_to_ld(@id(1) @format(IPV4_ADDRESS) ipv4_addr_t steering_address,
                        @id(2) @format(IPV4_ADDRESS) ipv4_addr_t vtep,
                        @id(3) @format(MAC_ADDRESS) mac_addr_t mac) {
        hdr.encap_ethernet.setValid();
        hdr.encap_ethernet.dst_addr = mac;
        hdr.encap_ethernet.src_addr = hdr.ethernet.dst_addr; // the gateway's own: it is what the frame came to
        hdr.encap_ethernet.ether_type = ETHERTYPE_IPV4;

        hdr.encap_vxlan.setValid();
        hdr.encap_vxlan.flags = VXLAN_FLAG_VNI;
        hdr.encap_vxlan.vni = meta.vni;

        hdr.encap_udp.setValid();
        hdr.encap_udp.src_port = TUNNEL_SRC_PORT_BASE | (meta.bucket << TUNNEL_SRC_PORT_SHIFT);
        hdr.encap_udp.dst_port = UDP_PORT_VXLAN;
        hdr.encap_udp.length = hdr.ipv4.total_len + (VXLAN_OVERHEAD_BYTES - IPV4_MIN_HEADER_BYTES);
        hdr.encap_udp.checksum = 0; // RFC 7348, section 5

        hdr.encap_ipv4.setValid();
        hdr.encap_ipv4.version = 4;
        hdr.encap_ipv4.ihl = 5;
        hdr.encap_ipv4.dscp = hdr.ipv4.dscp;
        hdr.encap_ipv4.ecn = hdr.ipv4.ecn; // RFC 6040, normal mode
        hdr.encap_ipv4.total_len = hdr.ipv4.total_len + VXLAN_OVERHEAD_BYTES;
        hdr.encap_ipv4.dont_fragment = 1;
        hdr.encap_ipv4.ttl = TUNNEL_TTL;
        hdr.encap_ipv4.protocol = IP_PROTOCOL_UDP;
        hdr.encap_ipv4.src_addr = steering_address;
        hdr.encap_ipv4.dst_addr = vtep;

        meta.route_dst = vtep;
        meta.vrf_id = 0; // the fabric's
        COUNT(ld_packets);
    }

    @id(TABLE_LD)
    table ld {
        key = {
            meta.ld_id: exact @id(1) @name("ld_id");
        }
        actions = {
            @proto_id(1) tunnel_to_ld;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = ld_packets;
        size = SIZE_LD;
    }

    apply {
        if (!ld_of_bucket.apply().hit) {
            DROP(DROP_BUCKET_UNASSIGNED);
        } else if (hdr.ipv4.total_len > 0xffff - VXLAN_OVERHEAD_BYTES) {
            DROP(DROP_IPV4_LENGTH);
        } else if (!ld.apply().hit) {
            DROP(DROP_UNKNOWN_LD);
        }
    }
}

#endif
