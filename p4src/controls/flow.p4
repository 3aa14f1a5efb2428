// The flow a packet belongs to: what steering, limits and the block list look at.
//
//   TCP, UDP          its own addresses and ports
//   ICMP error        those of the packet it is about, with its ends exchanged: that flow's own direction to the same end
//   fragments, else   its addresses; ports 0 (the ports of a fragmented datagram are in its first fragment only, so none
//                     of its fragments uses them: all go one way)
#ifndef SLUICE_FLOW_P4
#define SLUICE_FLOW_P4

control Flow(inout headers_t hdr, inout metadata_t meta) {
    action ipv4_flow() {
        meta.flow.src = hdr.packet.ipv4.src_addr;
        meta.flow.dst = hdr.packet.ipv4.dst_addr;
        meta.flow.protocol = hdr.packet.ipv4.protocol;
    }

    action ipv6_flow() {
        meta.flow_v6.src = hdr.packet.ipv6.src_addr;
        meta.flow_v6.dst = hdr.packet.ipv6.dst_addr;
        meta.flow.protocol = hdr.packet.ipv6.next_header;
    }

    action ports(bit<16> src_port, bit<16> dst_port) {
        meta.flow.src_port = src_port;
        meta.flow.dst_port = dst_port;
        meta.flow.has_ports = true;
    }

    apply {
        bool is_error = hdr.packet.embedded_ipv4.isValid() || hdr.packet.embedded_ipv6.isValid();
        bool about_sender = true;
        if (hdr.packet.ipv4.isValid()) {
            ipv4_flow();
            if (hdr.packet.ipv4.more_fragments == 1 || hdr.packet.ipv4.fragment_offset != 0) {
                meta.flow.is_fragment = true;
            }
            if (is_error) {
                meta.flow.src = hdr.packet.embedded_ipv4.dst_addr;
                meta.flow.protocol = hdr.packet.embedded_ipv4.protocol;
                SameAddress.apply(hdr.packet.embedded_ipv4.src_addr, hdr.packet.ipv4.dst_addr, about_sender);
            }
        } else {
            ipv6_flow();
            if (hdr.packet.ipv6_fragment.isValid()) {
                meta.flow.is_fragment = true;
                meta.flow.protocol = hdr.packet.ipv6_fragment.next_header;
            }
            if (is_error) {
                meta.flow_v6.src = hdr.packet.embedded_ipv6.dst_addr;
                meta.flow.protocol = hdr.packet.embedded_ipv6.next_header;
                SameAddressV6.apply(hdr.packet.embedded_ipv6.src_addr, hdr.packet.ipv6.dst_addr, about_sender);
            }
        }

        meta.flow.src_port = 0;
        meta.flow.dst_port = 0;
        meta.flow.has_ports = false;
        if (is_error) {
            // An error is for the sender of the packet it is about; one that is not tells nothing that can be trusted.
            if (!about_sender) {
                DROP(DROP_ICMP_EMBEDDED);
            } else if (hdr.packet.embedded_tcp.isValid()) {
                ports(hdr.packet.embedded_tcp.dst_port, hdr.packet.embedded_tcp.src_port);
            } else if (hdr.packet.embedded_udp.isValid()) {
                ports(hdr.packet.embedded_udp.dst_port, hdr.packet.embedded_udp.src_port);
            }
        } else if (!meta.flow.is_fragment) {
            if (hdr.packet.tcp.isValid()) {
                ports(hdr.packet.tcp.src_port, hdr.packet.tcp.dst_port);
            } else if (hdr.packet.udp.isValid()) {
                ports(hdr.packet.udp.src_port, hdr.packet.udp.dst_port);
            }
        }
    }
}

#endif
