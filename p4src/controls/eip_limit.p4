// Bandwidth of an EIP, each direction by itself: virtual scheduling (GCRA, ITU-T I.371, annex A).
//
//   (EIP index, direction) ─► eip_limit ─► time a byte takes at the rate, two tolerances
//   (protocol, the owner's port) ─► priority_port ─► high priority
//
// One register cell a direction holds the theoretical arrival time (TAT): when everything let through so far will have been
// sent at the limit's rate. A packet passes while TAT is no further ahead than the tolerance of its class, the higher class
// having the larger one, and then moves TAT on by its own length. A dropped packet moves nothing: however much low-priority
// traffic there is, the gap between the two tolerances is left to high priority alone. Two-rate meters cannot do that, since
// they charge a packet before anyone decides to drop it.
#ifndef SLUICE_EIP_LIMIT_P4
#define SLUICE_EIP_LIMIT_P4

control EipLimit(inout headers_t hdr, inout metadata_t meta) {
    EipGcra() gcra;
    INDIRECT_COUNTER(COUNTER_EIP, EIP_LIMIT_CELLS, eip_packets)
    bool limited = false;
    bit<32> time_per_byte = 0;
    bit<32> tolerance_us = 0;
    bit<32> high_priority_tolerance_us = 0;
    bit<16> owner_port = 0;

    @id(ACTION_SET_LIMIT)
    action set_limit(@id(1) bit<32> byte_time, // at the limit's rate, in 2^-20 us
                     @id(2) bit<32> low_tolerance_us,
                     @id(3) bit<32> high_tolerance_us) {
        limited = true;
        time_per_byte = byte_time;
        tolerance_us = low_tolerance_us;
        high_priority_tolerance_us = high_tolerance_us;
    }

    @id(TABLE_EIP_LIMIT)
    table eip_limit {
        key = {
            meta.eip.index: exact @id(1) @name("index");
            meta.eip.direction: exact @id(2) @name("direction");
        }
        actions = {
            @proto_id(1) set_limit;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_EIP_LIMIT;
    }

    @id(ACTION_HIGH_PRIORITY)
    action high_priority() {
        meta.high_priority = true;
    }

    @id(TABLE_PRIORITY_PORT)
    table priority_port {
        key = {
            meta.flow.protocol: exact @id(1) @name("protocol");
            owner_port: exact @id(2) @name("port");
        }
        actions = {
            @proto_id(1) high_priority;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_PRIORITY_PORT;
    }

    apply {
        bool is_out = meta.eip.direction == eip_direction_t.OUT;
        bit<32> cell;
        if (is_out) {
            cell = 7w0 ++ meta.eip.index ++ 1w1;
            owner_port = meta.flow.src_port;
        } else {
            cell = 7w0 ++ meta.eip.index ++ 1w0;
            owner_port = meta.flow.dst_port;
        }
        if (meta.flow.has_ports) {
            priority_port.apply();
        }
        eip_limit.apply();
        bool conforms = true;
        if (meta.high_priority) {
            tolerance_us = high_priority_tolerance_us;
        }
        if (limited) {
            gcra.apply(meta.now, cell, meta.packet_bytes, time_per_byte, tolerance_us, conforms);
        }
        if (conforms) {
            eip_packets.count(cell);
        } else {
            DROP(DROP_RATE_LIMIT);
        }
    }
}

#endif
