// controls/eip.p4 for IPv6 addresses.
#ifndef SLUICE_EIP_V6_P4
#define SLUICE_EIP_V6_P4

control EipLookupV6(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_EIP_V6)
    action set_eip_v6(@id(1) network_id_t network_id,
                   @id(2) vrf_id_t vrf_id,
                   @id(3) @format(IPV6_ADDRESS) ipv6_addr_t eip) {
        meta.eip.direction = eip_direction_t.OUT;
        meta.eip.network_id = network_id;
        meta.eip.vrf_id = vrf_id;
        meta.eip_v6.address = eip;
        meta.eip_v6.translation = eip;
    }

    @id(TABLE_EIP_OUT_V6)
    table eip_out_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.packet.ipv6.src_addr: exact @id(2) @name("address") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) set_eip_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_EIP;
    }

    @id(ACTION_BIND_VM_V6)
    action bind_vm_v6(@id(1) eip_index_t index,
                   @id(2) vni_t vni,
                   @id(3) @format(IPV6_ADDRESS) ipv6_addr_t address,
                   @id(4) @format(MAC_ADDRESS) mac_addr_t mac,
                   @id(5) @format(IPV4_ADDRESS) ipv4_addr_t host) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip_v6.owner = address;
        meta.eip.mac = mac;
        meta.eip.host = host;
    }

    @id(ACTION_BIND_VM_BY_HOST_ID_V6)
    action bind_vm_by_host_id_v6(@id(1) eip_index_t index,
                              @id(2) vni_t vni,
                              @id(3) @format(IPV6_ADDRESS) ipv6_addr_t address,
                              @id(4) @format(MAC_ADDRESS) mac_addr_t mac,
                              @id(5) @refers_to(host_v6, host_id) host_id_t host_id) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip_v6.owner = address;
        meta.eip.mac = mac;
        meta.eip.host_id = host_id;
    }

    @id(ACTION_BIND_VIP_V6)
    action bind_vip_v6(@id(1) eip_index_t index, @id(2) vni_t vni, @id(3) @format(IPV6_ADDRESS) ipv6_addr_t vip) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip_v6.owner = vip;
        meta.eip.owner_is_vip = true;
    }

    @id(TABLE_EIP_IN_V6)
    table eip_in_v6 {
        key = {
            meta.eip.network_id: exact @id(1) @name("network_id");
            meta.eip_v6.address: exact @id(2) @name("eip") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) bind_vm_v6;
            @proto_id(2) bind_vip_v6;
            @proto_id(3) bind_vm_by_host_id_v6;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_EIP;
    }

    apply {
        if (meta.vni == 0) {
            meta.eip.direction = eip_direction_t.IN;
            meta.eip.network_id = meta.network_id;
            meta.eip_v6.address = hdr.packet.ipv6.dst_addr;
        } else {
            eip_out_v6.apply();
        }
        if (meta.eip.direction != eip_direction_t.NONE) {
            meta.eip.found = eip_in_v6.apply().hit;
        }
        // A packet to an EIP is its owner's: from here on it is looked up as one inside the owner's VPC.
        if (meta.eip.found && meta.eip.direction == eip_direction_t.IN) {
            meta.vni = meta.eip.vni;
            meta.flow_v6.dst = meta.eip_v6.owner;
            meta.eip_v6.translation = meta.eip_v6.owner;
        }
    }
}

#endif
