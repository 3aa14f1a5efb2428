// The gateway's ingress, the same on every architecture. Read `apply` first: it is the pipeline.
//
//              ┌─────────┐  ┌────────────┐  ┌────────┐  ┌──────────┐  ┌───────────┐  ┌─────────┐
//  frame ────► │ network ├─►│ ipv4 check ├─►│ tunnel ├─►│ steering ├─►│ LD tunnel ├─►│ routing ├──► frame
//              │ my_mac  │  │ my_address │  │  end   │  │ service  │  │ bucket→LD │  │ nexthop │
//              └─────────┘  └─────┬──────┘  └────────┘  │ vip      │  └─────▲─────┘  └────▲────┘
//                                 ▼                     │ local_ip ├────────┘             │
//                          ARP, ping answered           └────┬─────┘   steered            │
//                                                            └────────────────────────────┘ all else
#ifndef SLUICE_GATEWAY_P4
#define SLUICE_GATEWAY_P4

#define DROP(reason) meta.verdict = verdict_t.DROP; meta.drop_reason = reason
#define IS_FORWARD(meta) (meta.verdict == verdict_t.FORWARD)
// a + b in 16-bit ones' complement (RFC 1071)
#define ONES_ADD(a, b) ((a) + (b) + (((((bit<17>)(a)) + ((bit<17>)(b)))[16:16] == 1) ? 16w1 : 16w0))

#include "controls/network.p4"
#include "controls/ipv4_check.p4"
#include "controls/own_address.p4"
#include "controls/tunnel.p4"
#include "controls/steering.p4"
#include "controls/ld_tunnel.p4"
#include "controls/routing.p4"

control Gateway(inout headers_t hdr, inout metadata_t meta) {
    Network() network;
    Ipv4Check() ipv4_check;
    OwnAddress() own_address;
    TunnelTermination() tunnel_termination;
    Steering() steering;
    LdTunnel() ld_tunnel;
    Routing() routing;

    action decrement_ttl() {
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        // RFC 1624, equation 3, for 0x0100 less in the word of the TTL. (Equation 2 would give 0xffff where it is 0x0000.)
        hdr.ipv4.checksum = ~ONES_ADD(~hdr.ipv4.checksum, 16w0xfeff);
    }

    // An IPv4 packet with a good header, decapsulated where it ends a tunnel: by an LD or straight on.
    action route_packet() {
        meta.route_dst = hdr.ipv4.dst_addr;
    }

    apply {
        if (meta.parser_failed) {
            DROP(DROP_PARSER_ERROR);
        } else {
            network.apply(hdr, meta);
        }

        if (IS_FORWARD(meta)) {
            if (hdr.ipv4.isValid()) {
                ipv4_check.apply(hdr, meta);
            } else if (!hdr.arp.isValid()) {
                DROP(DROP_UNSUPPORTED_ETHERTYPE);
            }
        }
        if (IS_FORWARD(meta)) {
            own_address.apply(hdr, meta);
        }
        if (IS_FORWARD(meta) && !meta.answered) {
            tunnel_termination.apply(hdr, meta);
            if (IS_FORWARD(meta) && meta.decapsulated) {
                ipv4_check.apply(hdr, meta);
            }
            if (IS_FORWARD(meta) && hdr.ipv4.ttl <= 1) {
                DROP(DROP_TTL_EXCEEDED);
            }
            if (IS_FORWARD(meta)) {
                decrement_ttl();
                route_packet();
                steering.apply(hdr, meta);
                if (IS_FORWARD(meta) && meta.steered) {
                    ld_tunnel.apply(hdr, meta);
                } else if (IS_FORWARD(meta) && meta.vni != 0) {
                    DROP(DROP_VNI_UNREACHABLE);
                }
            }
            if (IS_FORWARD(meta)) {
                routing.apply(hdr, meta);
            }
        }
    }
}

#endif
