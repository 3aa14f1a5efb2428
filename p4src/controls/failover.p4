// Which LDs are alive, known in the data plane alone.
//
//   heartbeat (UDP 53793 to an own address) ─► ld_source: is it an LD's, with its key? ─► alive until now + hold time
//   steered packet ─► is the bucket's primary late? ─► backup
//
// The registers are in arch/: `LdLiveness` is one place where a heartbeat is entered or a primary is looked up.
#ifndef SLUICE_FAILOVER_P4
#define SLUICE_FAILOVER_P4

// Who sent a packet to the gateway itself, or a tunnel: a known LD on its fabric port, or not.
control LdSource(inout headers_t hdr, inout metadata_t meta) {
    DIRECT_COUNTER(COUNTER_LD_SOURCE, ld_source_packets)

    @id(ACTION_KNOWN_LD)
    action known_ld(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id,
                    @id(2) bit<32> key,
                    @id(3) bit<32> epoch,
                    @id(4) bit<32> hold_us) {
        meta.from_ld = true;
        meta.heartbeat_ld_id = ld_id;
        meta.heartbeat_key = key;
        meta.heartbeat_epoch = epoch;
        meta.heartbeat_hold_us = hold_us;
        COUNT(ld_source_packets);
    }

    @id(TABLE_LD_SOURCE)
    table ld_source {
        key = {
            meta.ingress_port: exact @id(1) @name("port");
            meta.network_id: exact @id(2) @name("network_id");
            hdr.packet.ipv4.src_addr: exact @id(3) @name("address") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) known_ld;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = ld_source_packets;
        size = SIZE_LD;
    }

    DIRECT_COUNTER(COUNTER_LD_SOURCE_V6, ld_source_v6_packets)

    @id(ACTION_KNOWN_LD_V6)
    action known_ld_v6(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id,
                       @id(2) bit<32> key,
                       @id(3) bit<32> epoch,
                       @id(4) bit<32> hold_us) {
        meta.from_ld = true;
        meta.heartbeat_ld_id = ld_id;
        meta.heartbeat_key = key;
        meta.heartbeat_epoch = epoch;
        meta.heartbeat_hold_us = hold_us;
        COUNT(ld_source_v6_packets);
    }

    @id(TABLE_LD_SOURCE_V6)
    table ld_source_v6 {
        key = {
            meta.ingress_port: exact @id(1) @name("port");
            meta.network_id: exact @id(2) @name("network_id");
            hdr.packet.ipv6.src_addr: exact @id(3) @name("address") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) known_ld_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = ld_source_v6_packets;
        size = SIZE_LD;
    }

    apply {
        if (hdr.packet.ipv4.isValid()) {
            ld_source.apply();
        } else {
            ld_source_v6.apply();
        }
    }
}

// A heartbeat that reached one of the gateway's own addresses. It is believed when it comes from a known LD, carries that
// LD's key, is of the LD's epoch and newer than the last one believed; anything else is dropped and counted.
control HeartbeatCheck(inout headers_t hdr, inout metadata_t meta) {
    apply {
        if (meta.from_ld && hdr.heartbeat.key == meta.heartbeat_key && hdr.heartbeat.ld_id == meta.heartbeat_ld_id &&
            hdr.heartbeat.epoch == meta.heartbeat_epoch) {
            meta.ld_id = meta.heartbeat_ld_id;
            meta.is_heartbeat = true;
        } else {
            DROP(DROP_HEARTBEAT);
        }
    }
}

#endif
