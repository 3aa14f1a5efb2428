// Who is inside a VPC, and where. An entry is one VM (a real server is one, too) in both of its roles:
//
//   from a host:  (VNI, source) ───────► vm, vm_v6 ─► the sender's host: did the tunnel come from there?
//   from an LD:   (VNI, destination) ──► vm, vm_v6 ─► the receiver's MAC and host ─► tunnel to the host
//
// VMs of one VPC reach each other without the gateway, so only LDs are served, and each packet is looked up in one of the two
// roles. A sender that `vm` does not know may be one that an EIP is bound to (controls/eip.p4); nobody else sends from a VPC.
// The sender of an ICMP error is, for this, the VM that the packet it is about was for (controls/flow.p4): routers between that
// VM and its host may complain, but of no other host's traffic.
//
// What is served goes before eip_out: a client inside the VPC gets its answer from the VIP that it asked, also when an EIP is
// bound to that VIP.
#ifndef SLUICE_VPC_P4
#define SLUICE_VPC_P4

control VpcLookup(inout headers_t hdr, inout metadata_t meta) {
    ipv4_addr_t address = 0;
    ipv6_addr_t address_v6 = 0;

    @id(ACTION_TO_HOST)
    action to_host(@id(1) @format(MAC_ADDRESS) mac_addr_t mac, @id(2) @format(IPV4_ADDRESS) ipv4_addr_t host) {
        meta.eip.mac = mac;
        meta.eip.host = host;
        meta.eip.host_id = 0; // whatever the EIP of the sender says
    }

    @id(ACTION_TO_HOST_BY_ID)
    action to_host_by_id(@id(1) @format(MAC_ADDRESS) mac_addr_t mac, @id(2) @refers_to(host_v6, host_id) host_id_t host_id) {
        meta.eip.mac = mac;
        meta.eip.host_id = host_id;
    }

    @id(TABLE_VM)
    table vm {
        key = {
            meta.vni: exact @id(1) @name("vni");
            address: exact @id(2) @name("address") @format(IPV4_ADDRESS);
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
            address_v6: exact @id(2) @name("address") @format(IPV6_ADDRESS);
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
        bool found;
        bool is_place;
        if (hdr.packet.ipv4.isValid()) {
            if (meta.from_ld) {
                address = meta.flow.dst;
            } else {
                address = meta.flow.src;
            }
            found = vm.apply().hit;
        } else {
            if (meta.from_ld) {
                address_v6 = meta.flow_v6.dst;
            } else {
                address_v6 = meta.flow_v6.src;
            }
            found = vm_v6.apply().hit;
        }
        IsPlace.apply(meta, is_place);
        if (meta.from_ld) {
            meta.to_vpc = found;
        } else if (!meta.eip.is_sender && !(found && is_place)) {
            if (found || meta.eip.found) {
                DROP(DROP_SPOOFED_SOURCE);
            } else {
                DROP(DROP_UNKNOWN_VM);
            }
        }
    }
}

#endif
