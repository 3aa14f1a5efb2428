// The gateway's ingress, the same on every architecture. Read `apply` first: it is the pipeline.
//
//   frame ─► network, my_mac ─► IP check ─► own address ─► tunnel end, IP check ─► flow ─► source, ACL ─► TTL
//                                           │ ARP, ND, ping: answered                                     │ expired: answered
//                                           │ heartbeat ─────────────────────────────┐                    ▼
//                                                                                    │      eip lookup, vm: is it the sender?
//            ┌── to a VM ◄────────────────────────────────────────────────────────── │ ───────────────────┤
//            │                                                                       │                    ▼
//            │                                                                       │   flow_pin, service, vip, local_ip
//            │   ┌── from a VM ◄──────────────────────────────────────────────────── │ ───────────────────┤
//            │   │         vm: an LD to a client in its VPC ◄─────────────────────── │ ───────────────────┤
//            ▼   ▼                                │                                  ▼                    ▼ steered
//      limit, translate ────────────────────┐     │                             LD liveness ◄────── bucket's LD
//            │ to a VM's host               │     │                                  │
//            └────────────► tunnel start ◄──┼─────┴──────────────────────────────────┘
//                                │          ▼
//                                └────► routing ─► nexthop ─► frame
//                                          └ hairpin: once more from the start, as if it had come from upstream
#ifndef SLUICE_GATEWAY_P4
#define SLUICE_GATEWAY_P4

#include "controls/network.p4"
#include "controls/ip_check.p4"
#include "controls/failover.p4"
#include "controls/own_address.p4"
#include "controls/own_address_v6.p4"
#include "controls/source_policy.p4"
#include "controls/acl.p4"
#include "controls/tunnel.p4"
#include "controls/icmp_error.p4"
#include "controls/flow.p4"
#include "controls/eip.p4"
#include "controls/eip_v6.p4"
#include "controls/steering.p4"
#include "controls/steering_v6.p4"
#include "controls/vpc.p4"
#include "controls/host_tunnel.p4"
#include "controls/ld_select.p4"
#include "controls/ld_tunnel.p4"
#include "controls/routing.p4"

// Four parts, one after the other. A target that has to cut the pipeline does it between them: each works on a whole packet and
// on what metadata_t says, and none reads a table that another one reads.

// What came, and is it for the gateway itself? Works on the frame as it came; takes a tunnel off.
control Arrival(inout headers_t hdr, inout metadata_t meta) {
    Network() network;
    IpCheck() ip_check;
    LdSource() ld_source;
    OwnAddress() own_address;
    OwnAddressV6() own_address_v6;
    TunnelEnd() tunnel_end;

    apply {
        if (meta.parser_failed) {
            DROP(DROP_PARSER_ERROR);
        } else {
            network.apply(hdr, meta);
        }
        if (IS_FORWARD(meta)) {
            if (hdr.packet.ipv4.isValid() || hdr.packet.ipv6.isValid()) {
                ip_check.apply(hdr, meta);
                ld_source.apply(hdr, meta);
            } else if (!hdr.arp.isValid()) {
                DROP(DROP_UNSUPPORTED_ETHERTYPE);
            }
        }
        if (IS_FORWARD(meta)) {
            if (hdr.packet.ipv6.isValid()) {
                own_address_v6.apply(hdr, meta);
            } else {
                own_address.apply(hdr, meta);
            }
        }
        if (GOES_ON(meta)) {
            tunnel_end.apply(hdr, meta);
        }
    }
}

// Which packet is it, whose, and may it pass?
control Admission(inout headers_t hdr, inout metadata_t meta) {
    IpCheck() ip_check;
    Flow() flow;
    SourcePolicy() source_policy;
    Acl() acl;
    TimeExceeded() time_exceeded;
    EipLookup() eip_lookup;
    EipLookupV6() eip_lookup_v6;
    EipSender() eip_sender;
    VpcLookup() vpc_lookup;

    // RFC 1624, equation 3, for 0x0100 less in the word of the TTL. (Equation 2 would give 0xffff where it is 0x0000.)
    action decrement_ttl(bit<16> and_carry) {
        hdr.packet.ipv4.ttl = hdr.packet.ipv4.ttl - 1;
        hdr.packet.ipv4.checksum = hdr.packet.ipv4.checksum + and_carry;
    }

    action decrement_hop_limit() {
        hdr.packet.ipv6.hop_limit = hdr.packet.ipv6.hop_limit - 1;
    }

    apply {
        if (GOES_ON(meta) && meta.decapsulated) {
            ip_check.apply(hdr, meta);
        }
        if (GOES_ON(meta)) {
            flow.apply(hdr, meta);
        }
        if (GOES_ON(meta) && !meta.second_pass) {
            source_policy.apply(hdr, meta);
        }
        if (GOES_ON(meta)) {
            acl.apply(hdr, meta);
        }
        if (GOES_ON(meta) && !meta.second_pass) { // the gateway is one hop, also to those who meet it twice
            bool expired;
            if (hdr.packet.ipv4.isValid()) {
                expired = hdr.packet.ipv4.ttl <= 1;
            } else {
                expired = hdr.packet.ipv6.hop_limit <= 1;
            }
            if (expired) {
                time_exceeded.apply(hdr, meta);
            } else if (hdr.packet.ipv4.isValid()) {
                if (hdr.packet.ipv4.checksum[15:8] == 0xff || hdr.packet.ipv4.checksum == 0xfeff) {
                    decrement_ttl(0x0101);
                } else {
                    decrement_ttl(0x0100);
                }
            } else {
                decrement_hop_limit();
            }
        }
        if (GOES_ON(meta)) {
            if (hdr.packet.ipv4.isValid()) {
                eip_lookup.apply(hdr, meta);
            } else {
                eip_lookup_v6.apply(hdr, meta);
            }
            eip_sender.apply(hdr, meta);
            if (OUT_OF_VPC(meta)) {
                vpc_lookup.apply(hdr, meta);
            }
        }
    }
}

// Where does it go? The VM, the LD, the next hop. Nothing of the packet is changed here but its Ethernet header.
control Decision(inout headers_t hdr, inout metadata_t meta) {
    Steering() steering;
    SteeringV6() steering_v6;
    EipPath() eip_path;
    HostTunnel() host_tunnel;
    LdSelect() ld_select;
    LdLiveness() ld_liveness;
    LdTunnel() ld_tunnel;
    TunnelRoute() tunnel_route;
    Routing() routing;
    PuntGcra() punt_gcra;

    action route_ipv4() {
        meta.route_dst = meta.flow.dst;
    }

    action route_ipv6() {
        meta.route_dst_v6 = meta.flow_v6.dst;
        meta.route_is_v6 = true;
    }

    apply {
        // An ICMP error of the gateway itself is steered and routed like any other, unless it has its way back: the tunnel.
        if (IS_FORWARD(meta) && !meta.reflected && !meta.is_heartbeat && !meta.tunnel.wanted) {
            bool to_vm = meta.eip.found && meta.eip.direction == eip_direction_t.IN && !meta.eip.owner_is_vip;
            if (!to_vm) {
                if (hdr.packet.ipv4.isValid()) {
                    steering.apply(hdr, meta);
                } else {
                    steering_v6.apply(hdr, meta);
                }
            }
            if (IS_FORWARD(meta) && meta.steered) {
                ld_select.apply(hdr, meta);
                if (!OUT_OF_VPC(meta) && meta.eip.found) {
                    meta.eip.translated = true;
                }
            } else if (IS_FORWARD(meta)) {
                if (meta.to_vpc) {
                    meta.to_host = true;
                } else if (to_vm || (OUT_OF_VPC(meta) && meta.eip.is_sender)) {
                    eip_path.apply(hdr, meta);
                } else if (OUT_OF_VPC(meta) && meta.eip.found) {
                    DROP(DROP_SPOOFED_SOURCE); // the EIP is another's by now
                } else if (meta.vni != 0) {
                    DROP(DROP_VNI_UNREACHABLE);
                }
                if (IS_FORWARD(meta) && meta.to_host) {
                    host_tunnel.apply(hdr, meta);
                }
            }
            if (hdr.packet.ipv4.isValid()) {
                route_ipv4();
            } else {
                route_ipv6();
            }
        }

        // Which LD, and is it alive?
        if (IS_FORWARD(meta) && (meta.steered || meta.is_heartbeat)) {
            ld_liveness.apply(hdr, meta);
            if (IS_FORWARD(meta) && meta.steered) {
                ld_tunnel.apply(hdr, meta);
            }
        }

        // The way out.
        if (IS_FORWARD(meta) && meta.is_heartbeat) {
            meta.verdict = verdict_t.DROP; // it has done its work
        } else if (IS_FORWARD(meta) && !meta.reflected) {
            if (meta.tunnel.wanted) {
                tunnel_route.apply(hdr, meta);
            }
            if (meta.second_pass && !meta.tunnel.wanted) {
                DROP(DROP_HAIRPIN_LOOP);
            }
            if (IS_FORWARD(meta)) {
                routing.apply(hdr, meta);
            }
        }
        if (meta.verdict == verdict_t.PUNT) {
            bool conforms;
            punt_gcra.apply(meta.now, meta.network_id, meta.punt, conforms);
            if (!conforms) {
                DROP(DROP_PUNT_LIMIT);
            }
        }
    }
}

// What leaves: the packet translated, within the EIP's limit, in its tunnel, tagged.
control Departure(inout headers_t hdr, inout metadata_t meta) {
    EipTranslate() eip_translate;
    TunnelStart() tunnel_start;
    Tag() tag;

    apply {
        if (meta.verdict != verdict_t.DROP && meta.eip.translated) {
            eip_translate.apply(hdr, meta);
        }
        if (meta.verdict != verdict_t.DROP && meta.routed) {
            if (meta.tunnel.wanted) {
                tunnel_start.apply(hdr, meta);
            }
            tag.apply(hdr, meta);
        }
    }
}

control Gateway(inout headers_t hdr, inout metadata_t meta) {
    Arrival() arrival;
    Admission() admission;
    Decision() decision;
    Departure() departure;

    apply {
        arrival.apply(hdr, meta);
        admission.apply(hdr, meta);
        decision.apply(hdr, meta);
        departure.apply(hdr, meta);
    }
}

#endif
