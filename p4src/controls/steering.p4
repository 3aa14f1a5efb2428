// Which cluster of LDs serves a packet, and which of its buckets the packet falls into; most specific first.
//
//   (VNI, VIP, protocol, port) ─► service ─┐
//   (VNI, VIP) ─────────────────► vip ─────┼─► cluster, bucket = crc32(VNI, src, dst, protocol, ports) mod 1024
//   (VNI, dst prefix) ──────────► local_ip ┴─► cluster, bucket = low 10 bits of the destination port (a reply)
#ifndef SLUICE_STEERING_P4
#define SLUICE_STEERING_P4

control Steering(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_SERVICE, service_packets)
    DIRECT_COUNTER(COUNTER_VIP, vip_packets)
    DIRECT_COUNTER(COUNTER_LOCAL_IP, local_ip_packets)

    @id(ACTION_STEER_SERVICE)
    action steer_service(@id(1) cluster_id_t cluster_id) {
        meta.cluster_id = cluster_id;
        meta.steered = true;
        COUNT(service_packets);
    }

    @id(TABLE_SERVICE)
    table service {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.ipv4.dst_addr: exact @id(2) @name("vip") @format(IPV4_ADDRESS);
            hdr.ipv4.protocol: exact @id(3) @name("protocol");
            meta.l4_dst_port: exact @id(4) @name("port");
        }
        actions = {
            @proto_id(1) steer_service;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = service_packets;
        size = SIZE_SERVICE;
    }

    @id(ACTION_STEER_VIP)
    action steer_vip(@id(1) cluster_id_t cluster_id) {
        meta.cluster_id = cluster_id;
        meta.steered = true;
        COUNT(vip_packets);
    }

    @id(TABLE_VIP)
    table vip {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.ipv4.dst_addr: exact @id(2) @name("vip") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) steer_vip;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = vip_packets;
        size = SIZE_VIP;
    }

    @id(ACTION_STEER_REPLY)
    action steer_reply(@id(1) cluster_id_t cluster_id) {
        meta.cluster_id = cluster_id;
        meta.steered = true;
        meta.is_reply = true;
        COUNT(local_ip_packets);
    }

    @id(TABLE_LOCAL_IP)
    table local_ip {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.ipv4.dst_addr: lpm @id(2) @name("prefix") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) steer_reply;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = local_ip_packets;
        size = SIZE_LOCAL_IP;
    }

    apply {
        // The ports of a fragmented datagram are in its first fragment only: all of it goes by the VIP.
        meta.has_ports = (hdr.tcp.isValid() || hdr.udp.isValid()) && hdr.ipv4.more_fragments == 0;
        if (meta.has_ports && hdr.tcp.isValid()) {
            meta.l4_src_port = hdr.tcp.src_port;
            meta.l4_dst_port = hdr.tcp.dst_port;
        } else if (meta.has_ports) {
            meta.l4_src_port = hdr.udp.src_port;
            meta.l4_dst_port = hdr.udp.dst_port;
        }

        if (!(meta.has_ports && service.apply().hit)) {
            if (!vip.apply().hit) {
                local_ip.apply();
            }
        }

        if (meta.is_reply) {
            meta.bucket = meta.l4_dst_port & (BUCKETS - 1);
            if (!meta.has_ports) {
                DROP(DROP_REPLY_WITHOUT_PORT);
            }
        } else if (meta.steered) {
            BucketHash.apply(hdr, meta);
        }
    }
}

#endif
