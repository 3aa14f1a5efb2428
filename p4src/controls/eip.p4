// Elastic IPs: a public address that is one VM (or one internal VIP), by stateless 1:1 translation.
//
//   in:   (network, EIP) ───────────► eip_in ─► VM: dst := its address, VXLAN to its host
//                                            └► internal VIP: dst := VIP, on to steering inside the VNI
//   out:  (VNI, source) ─► eip_out ─► eip_in ─► is the EIP bound to this source?  src := EIP, on to routing
//
// `eip_in` alone says whose an address is. `eip_out` only finds the address back from its owner, and is believed when
// eip_in agrees, host included. So one write to eip_in moves an EIP, both ways at once, and a VM can send from nothing but
// its own address and its own host.
#ifndef SLUICE_EIP_P4
#define SLUICE_EIP_P4

#include "eip_limit.p4"

control EipLookup(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_EIP)
    action set_eip(@id(1) network_id_t network_id,
                   @id(2) vrf_id_t vrf_id,
                   @id(3) @format(IPV4_ADDRESS) ipv4_addr_t eip) {
        meta.eip.direction = eip_direction_t.OUT;
        meta.eip.network_id = network_id;
        meta.eip.vrf_id = vrf_id;
        meta.eip.address = eip;
        meta.eip.translation = eip;
    }

    @id(TABLE_EIP_OUT)
    table eip_out {
        key = {
            meta.vni: exact @id(1) @name("vni");
            hdr.packet.ipv4.src_addr: exact @id(2) @name("address") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) set_eip;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_EIP;
    }

    @id(ACTION_BIND_VM)
    action bind_vm(@id(1) eip_index_t index,
                   @id(2) vni_t vni,
                   @id(3) @format(IPV4_ADDRESS) ipv4_addr_t address,
                   @id(4) @format(MAC_ADDRESS) mac_addr_t mac,
                   @id(5) @format(IPV4_ADDRESS) ipv4_addr_t host) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip.owner = address;
        meta.eip.mac = mac;
        meta.eip.host = host;
    }

    @id(ACTION_BIND_VM_BY_HOST_ID)
    action bind_vm_by_host_id(@id(1) eip_index_t index,
                              @id(2) vni_t vni,
                              @id(3) @format(IPV4_ADDRESS) ipv4_addr_t address,
                              @id(4) @format(MAC_ADDRESS) mac_addr_t mac,
                              @id(5) @refers_to(host_v6, host_id) host_id_t host_id) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip.owner = address;
        meta.eip.mac = mac;
        meta.eip.host_id = host_id;
    }

    @id(ACTION_BIND_VIP)
    action bind_vip(@id(1) eip_index_t index, @id(2) vni_t vni, @id(3) @format(IPV4_ADDRESS) ipv4_addr_t vip) {
        meta.eip.index = index;
        meta.eip.vni = vni;
        meta.eip.owner = vip;
        meta.eip.owner_is_vip = true;
    }

    @id(TABLE_EIP_IN)
    table eip_in {
        key = {
            meta.eip.network_id: exact @id(1) @name("network_id");
            meta.eip.address: exact @id(2) @name("eip") @format(IPV4_ADDRESS);
        }
        actions = {
            @proto_id(1) bind_vm;
            @proto_id(2) bind_vip;
            @proto_id(3) bind_vm_by_host_id;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_EIP;
    }

    apply {
        if (meta.vni == 0) {
            meta.eip.direction = eip_direction_t.IN;
            meta.eip.network_id = meta.network_id;
            meta.eip.address = hdr.packet.ipv4.dst_addr;
        } else {
            eip_out.apply();
        }
        if (meta.eip.direction != eip_direction_t.NONE) {
            meta.eip.found = eip_in.apply().hit;
        }
        // A packet to an EIP is its owner's: from here on it is looked up as one inside the owner's VPC.
        if (meta.eip.found && meta.eip.direction == eip_direction_t.IN) {
            meta.vni = meta.eip.vni;
            meta.flow.dst = meta.eip.owner;
            meta.eip.translation = meta.eip.owner;
        }
    }
}

// Did a tunnel come from the host of the VM that eip_in or `vm` has found?
control IsPlace(inout metadata_t meta, out bool is_place) {
    apply {
        is_place = false;
        if (meta.eip.host_id != 0) {
            if (meta.eip.host_id == meta.sender_host_id) {
                is_place = true;
            }
        } else {
            SameAddress.apply(meta.eip.host, meta.sender_vtep, is_place);
        }
    }
}

// May the sender of a packet speak for the EIP that eip_out found? The address, the VPC and the host must be the ones it is bound
// to; LDs answer for a VIP.
control EipSender(inout headers_t hdr, inout metadata_t meta) {
    apply {
        bool is_address;
        bool is_place;
        if (hdr.packet.ipv4.isValid()) {
            SameAddress.apply(meta.eip.owner, hdr.packet.ipv4.src_addr, is_address);
        } else {
            SameAddressV6.apply(meta.eip_v6.owner, hdr.packet.ipv6.src_addr, is_address);
        }
        IsPlace.apply(meta, is_place);
        if (meta.eip.owner_is_vip) {
            is_place = meta.from_ld;
        }
        if (meta.eip.vni == meta.vni && is_address && is_place) {
            meta.eip.is_sender = true;
        }
    }
}

// The way of a packet of an EIP: out of the VPC by the EIP's network, or to the VM's host.
control EipPath(inout headers_t hdr, inout metadata_t meta) {
    apply {
        if (meta.eip.direction == eip_direction_t.IN) {
            if (!meta.eip.owner_is_vip) {
                meta.to_host = true;
            }
        } else {
            meta.vni = 0;
            meta.network_id = meta.eip.network_id;
            meta.vrf_id = meta.eip.vrf_id;
        }
        meta.eip.translated = true;
    }
}

// Translates the packet of an EIP, within its limit.
control EipTranslate(inout headers_t hdr, inout metadata_t meta) {
    EipLimit() limit;
    AddressRewrite() rewrite;
    AddressRewriteV6() rewrite_v6;

    apply {
        limit.apply(hdr, meta);
        if (meta.verdict != verdict_t.DROP) {
            bool is_out = meta.eip.direction == eip_direction_t.OUT;
            if (hdr.packet.ipv4.isValid()) {
                rewrite.apply(hdr.packet, is_out, meta.eip.translation);
            } else {
                rewrite_v6.apply(hdr.packet, is_out, meta.eip_v6.translation);
            }
        }
    }
}

#endif
