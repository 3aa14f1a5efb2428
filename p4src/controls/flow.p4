// The flow a packet belongs to: what steering, limits and the block list look at.
//
//   TCP, UDP          its own addresses and ports
//   ICMP error        those of the packet it is about, with its ends exchanged: that flow's own direction to the same end
//   fragments, else   its addresses; ports 0 (the ports of a fragmented datagram are in its first fragment only, so none
//                     of its fragments uses them: all go one way)
#ifndef SLUICE_FLOW_P4
#define SLUICE_FLOW_P4

control Flow(inout headers_t hdr, inout metadata_t meta) {
    apply {
        meta.packet_bytes = hdr.packet.ipv4.total_len;
        meta.flow.src = hdr.packet.ipv4.src_addr;
        meta.flow.dst = hdr.packet.ipv4.dst_addr;
        meta.flow.protocol = hdr.packet.ipv4.protocol;
        meta.flow.src_port = 0;
        meta.flow.dst_port = 0;
        meta.flow.has_ports = false;

        if (hdr.packet.embedded_ipv4.isValid()) {
            // Only an error about a packet of the address it comes to; about any other there is nothing to tell here.
            if (hdr.packet.embedded_ipv4.src_addr != hdr.packet.ipv4.dst_addr) {
                DROP(DROP_ICMP_EMBEDDED);
            }
            meta.flow.src = hdr.packet.embedded_ipv4.dst_addr;
            meta.flow.protocol = hdr.packet.embedded_ipv4.protocol;
            if (hdr.packet.embedded_tcp.isValid()) {
                meta.flow.src_port = hdr.packet.embedded_tcp.dst_port;
                meta.flow.dst_port = hdr.packet.embedded_tcp.src_port;
                meta.flow.has_ports = true;
            } else if (hdr.packet.embedded_udp.isValid()) {
                meta.flow.src_port = hdr.packet.embedded_udp.dst_port;
                meta.flow.dst_port = hdr.packet.embedded_udp.src_port;
                meta.flow.has_ports = true;
            }
        } else if (hdr.packet.ipv4.more_fragments == 0) {
            if (hdr.packet.tcp.isValid()) {
                meta.flow.src_port = hdr.packet.tcp.src_port;
                meta.flow.dst_port = hdr.packet.tcp.dst_port;
                meta.flow.has_ports = true;
            } else if (hdr.packet.udp.isValid()) {
                meta.flow.src_port = hdr.packet.udp.src_port;
                meta.flow.dst_port = hdr.packet.udp.dst_port;
                meta.flow.has_ports = true;
            }
        }
    }
}

#endif
