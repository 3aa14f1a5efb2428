// controls/steering.p4 for IPv6: the same order, the same bucket rules.
#ifndef SLUICE_STEERING_V6_P4
#define SLUICE_STEERING_V6_P4

control SteeringV6(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_FLOW_PIN_V6, flow_pin_v6_packets)
    DIRECT_COUNTER(COUNTER_SERVICE_V6, service_v6_packets)
    DIRECT_COUNTER(COUNTER_VIP_V6, vip_v6_packets)
    DIRECT_COUNTER(COUNTER_LOCAL_IP_V6, local_ip_v6_packets)

    @id(ACTION_PIN_FLOW_V6)
    action pin_flow_v6(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id) {
        meta.ld_id = ld_id;
        meta.pinned = true;
        meta.steered = true;
        COUNT(flow_pin_v6_packets);
    }

    @id(TABLE_FLOW_PIN_V6)
    table flow_pin_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow_v6.src: exact @id(2) @name("src") @format(IPV6_ADDRESS);
            meta.flow_v6.dst: exact @id(3) @name("dst") @format(IPV6_ADDRESS);
            meta.flow.protocol: exact @id(4) @name("protocol");
            meta.flow.src_port: exact @id(5) @name("src_port");
            meta.flow.dst_port: exact @id(6) @name("dst_port");
        }
        actions = {
            @proto_id(1) pin_flow_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = flow_pin_v6_packets;
        size = SIZE_FLOW_PIN;
    }

    @id(ACTION_STEER_SERVICE_V6)
    action steer_service_v6(@id(1) cluster_id_t cluster_id, @id(2) cluster_id_t previous_cluster_id) {
        meta.cluster_id = cluster_id;
        meta.previous_cluster_id = previous_cluster_id;
        meta.steered = true;
        COUNT(service_v6_packets);
    }

    @id(TABLE_SERVICE_V6)
    table service_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow_v6.dst: exact @id(2) @name("vip") @format(IPV6_ADDRESS);
            meta.flow.protocol: exact @id(3) @name("protocol");
            meta.flow.dst_port: exact @id(4) @name("port");
        }
        actions = {
            @proto_id(1) steer_service_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = service_v6_packets;
        size = SIZE_SERVICE;
    }

    @id(ACTION_STEER_VIP_V6)
    action steer_vip_v6(@id(1) cluster_id_t cluster_id) {
        meta.cluster_id = cluster_id;
        meta.steered = true;
        COUNT(vip_v6_packets);
    }

    @id(TABLE_VIP_V6)
    table vip_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow_v6.dst: exact @id(2) @name("vip") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) steer_vip_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = vip_v6_packets;
        size = SIZE_VIP;
    }

    @id(ACTION_STEER_REPLY_V6)
    action steer_reply_v6(@id(1) cluster_id_t cluster_id) {
        meta.cluster_id = cluster_id;
        meta.steered = true;
        meta.is_reply = true;
        COUNT(local_ip_v6_packets);
    }

    @id(TABLE_LOCAL_IP_V6)
    table local_ip_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            meta.flow_v6.dst: lpm @id(2) @name("prefix") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) steer_reply_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = local_ip_v6_packets;
        size = SIZE_LOCAL_IP;
    }

    apply {
        if (meta.flow.has_ports) {
            if (!flow_pin_v6.apply().hit) {
                service_v6.apply();
            }
        }
        if (!meta.steered) {
            if (!vip_v6.apply().hit) {
                local_ip_v6.apply();
            }
        }

        if (meta.is_reply && !meta.flow.is_fragment) {
            meta.bucket = (bit<16>)meta.flow.dst_port[BUCKET_BITS - 1:0];
            if (!meta.flow.has_ports) {
                DROP(DROP_REPLY_WITHOUT_PORT);
            }
        } else if (meta.steered) {
            BucketHashV6.apply(meta);
        }
    }
}

#endif
