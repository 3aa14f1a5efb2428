// Which LDs serve a packet, and which of their buckets it falls into; most specific first.
//
//   (VNI, protocol, src, dst, ports) ─► flow_pin ─► one LD
//   (VNI, VIP, protocol, port) ───────► service ─┐
//   (VNI, VIP) ───────────────────────► vip ─────┼─► cluster, bucket = crc32(VNI, src, dst, protocol, ports) mod 1024
//   (VNI, dst prefix) ────────────────► local_ip ┴─► cluster, bucket = low 10 bits of the local port (a reply)
//
// An ICMP error is steered as the packet it is about would be if it went the same way: the embedded header with its ends
// exchanged. So it reaches the LD that holds the session.
//
// Fragments have no ports: all of a datagram meet at one LD by the hash of their addresses, to a VIP and to a local IP alike.
// That LD reads the ports in the first one and passes them on to the LD of the datagram's own bucket.
#ifndef SLUICE_STEERING_P4
#define SLUICE_STEERING_P4

control Steering(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_FLOW_PIN, flow_pin_packets)
    DIRECT_COUNTER(COUNTER_SERVICE, service_packets)
    DIRECT_COUNTER(COUNTER_VIP, vip_packets)
    DIRECT_COUNTER(COUNTER_LOCAL_IP, local_ip_packets)

    @id(ACTION_PIN_FLOW)
    action pin_flow(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id) {
        meta.ld_id = ld_id;
        meta.pinned = true;
        meta.steered = true;
        COUNT(flow_pin_packets);
    }

    @id(TABLE_FLOW_PIN)
    table flow_pin {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow.src: exact @id(2) @name("src") @format(IPV4_ADDRESS);
            meta.flow.dst: exact @id(3) @name("dst") @format(IPV4_ADDRESS);
            meta.flow.protocol: exact @id(4) @name("protocol");
            meta.flow.src_port: exact @id(5) @name("src_port");
            meta.flow.dst_port: exact @id(6) @name("dst_port");
        }
        actions = {
            @proto_id(1) pin_flow;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = flow_pin_packets;
        size = SIZE_FLOW_PIN;
    }

    // `previous_cluster_id` is 0 but while the service migrates.
    @id(ACTION_STEER_SERVICE)
    action steer_service(@id(1) cluster_id_t cluster_id, @id(2) cluster_id_t previous_cluster_id) {
        meta.cluster_id = cluster_id;
        meta.previous_cluster_id = previous_cluster_id;
        meta.steered = true;
        COUNT(service_packets);
    }

    @id(TABLE_SERVICE)
    table service {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow.dst: exact @id(2) @name("vip") @format(IPV4_ADDRESS);
            meta.flow.protocol: exact @id(3) @name("protocol");
            meta.flow.dst_port: exact @id(4) @name("port");
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
            meta.flow.dst: exact @id(2) @name("vip") @format(IPV4_ADDRESS);
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
            meta.flow.dst: lpm @id(2) @name("prefix") @format(IPV4_ADDRESS);
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
        if (meta.flow.has_ports) {
            if (!flow_pin.apply().hit) {
                service.apply();
            }
        }
        if (!meta.steered) {
            if (!vip.apply().hit) {
                local_ip.apply();
            }
        }

        if (meta.is_reply && !meta.flow.is_fragment) {
            meta.bucket = (bit<16>)meta.flow.dst_port[BUCKET_BITS - 1:0];
            if (!meta.flow.has_ports) {
                DROP(DROP_REPLY_WITHOUT_PORT);
            }
        } else if (meta.steered) {
            BucketHash.apply(meta);
        }
    }
}

#endif
