// Into a VPC: the answers of an internal VIP to the VMs that are its clients.
//
//   (VNI, destination) ─► vm, vm_v6 ─► the VM's MAC and host ─► tunnel to the host
//
// VMs of one VPC reach each other without the gateway, so only LDs are served. `vm` goes before eip_out: a client inside the VPC
// gets its answer from the VIP that it asked, also when an EIP is bound to that VIP.
#ifndef SLUICE_VPC_P4
#define SLUICE_VPC_P4

control VpcLookup(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_TO_HOST)
    action to_host(@id(1) @format(MAC_ADDRESS) mac_addr_t mac, @id(2) @format(IPV4_ADDRESS) ipv4_addr_t host) {
        meta.to_vpc = true;
        meta.to_host = true;
        meta.eip.mac = mac;
        meta.eip.host = host;
        meta.eip.host_id = 0; // whatever the EIP of the sender says
    }

    @id(ACTION_TO_HOST_BY_ID)
    action to_host_by_id(@id(1) @format(MAC_ADDRESS) mac_addr_t mac, @id(2) @refers_to(host_v6, host_id) host_id_t host_id) {
        meta.to_vpc = true;
        meta.to_host = true;
        meta.eip.mac = mac;
        meta.eip.host_id = host_id;
    }

    @id(TABLE_VM)
    table vm {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.packet.ipv4.dst_addr: exact @id(2) @name("address") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) to_host;
            @proto_id(2) to_host_by_id;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_VM;
    }

    @id(TABLE_VM_V6)
    table vm_v6 {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.packet.ipv6.dst_addr: exact @id(2) @name("address") @format(IPV6_ADDRESS);
        }
        actions = {
            @proto_id(1) to_host;
            @proto_id(2) to_host_by_id;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_VM;
    }

    apply {
        if (hdr.packet.ipv4.isValid()) {
            vm.apply();
        } else {
            vm_v6.apply();
        }
    }
}

#endif
