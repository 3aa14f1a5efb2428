// Into a VPC: the answers of an internal VIP to the VMs that are its clients.
//
//   (VNI, destination) ─► vm, vm_v6 ─► the VM's MAC and host ─► tunnel to the host
//
// VMs of one VPC reach each other without the gateway, so only LDs are served. `vm` goes before eip_out: a client inside the VPC
// gets its answer from the VIP that it asked, also when an EIP is bound to that VIP.
#ifndef SLUICE_VPC_P4
#define SLUICE_VPC_P4

control VpcLookup(inout headers_t hdr, inout metadata_t meta) {
    // The tunnel's source is the address that the LD's tunnel came to: this switch's own.
    @id(ACTION_TO_HOST)
    action to_host(@id(1) @format(MAC_ADDRESS) mac_addr_t mac, @id(2) @format(IPV4_ADDRESS) ipv4_addr_t host) {
        meta.to_vpc = true;
        meta.tunnel.wanted = true;
        meta.tunnel.src = meta.own_vtep;
        meta.tunnel.dst = host;
        meta.tunnel.mac = mac;
    }

    @id(TABLE_VM)
    table vm {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.packet.ipv4.dst_addr: exact @id(2) @name("address") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) to_host;
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
        if (meta.to_vpc) {
            FlowEntropy.apply(meta, hdr.packet.ipv6.isValid());
        }
    }
}

#endif
