#ifndef SLUICE_METADATA_P4
#define SLUICE_METADATA_P4

typedef bit<16> network_id_t;
typedef bit<16> vrf_id_t;
typedef bit<16> cluster_id_t;
typedef bit<16> ld_id_t;
typedef bit<16> nexthop_id_t;
typedef bit<16> port_id_t; // as a controller sees it: wide enough for every target
typedef bit<24> vni_t;

enum bit<2> verdict_t {
    FORWARD = 0, // to `egress_port`
    DROP = 1,    // for `drop_reason`
    PUNT = 2     // to the controller
}

struct metadata_t {
    verdict_t verdict;
    drop_reason_t drop_reason;
    port_id_t ingress_port;
    port_id_t egress_port;
    bit<12> egress_vlan_id;   // 0: untagged
    bit<16> frame_bytes;      // from the IPv4 header to the end of the frame or of the tunnel's payload
    bool parser_failed;
    bool answered;            // by the gateway itself; egress_port is set
    bool decapsulated;

    network_id_t network_id;
    vrf_id_t vrf_id;
    vni_t vni;                // 0: not inside a VPC
    ipv4_addr_t own_lookup;   // the address that may be the gateway's own
    bool to_own_address;      // it is: such a packet is answered, unwrapped or dropped, never forwarded

    // The 4-tuple's ports, or 0 where a packet has none (fragments after the first, ICMP, …).
    bit<16> l4_src_port;
    bit<16> l4_dst_port;
    bool has_ports;

    bool steered;
    bool is_reply;            // to a local IP: the bucket is in the port
    cluster_id_t cluster_id;
    bit<16> bucket;
    ld_id_t ld_id;

    ipv4_addr_t route_dst;
    nexthop_id_t nexthop_id;
}

#endif
