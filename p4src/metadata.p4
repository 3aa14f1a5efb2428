#ifndef SLUICE_METADATA_P4
#define SLUICE_METADATA_P4

typedef bit<16> network_id_t;
typedef bit<16> vrf_id_t;
typedef bit<16> cluster_id_t;
typedef bit<16> ld_id_t;
typedef bit<16> nexthop_id_t;
typedef bit<16> port_id_t; // as a controller sees it: wide enough for every target
typedef bit<16> host_id_t; // of a VM's host that is reached over IPv6; 0: none
typedef bit<24> vni_t;
typedef bit<24> eip_index_t;

enum bit<2> verdict_t {
    FORWARD = 0,     // to `egress_port`
    DROP = 1,        // for `drop_reason`; 0: it has done its work (a heartbeat)
    PUNT = 2,        // to the controller
    RECIRCULATE = 3  // once more through the gateway (hairpin)
}

// Why a packet is for the controller. Each has a limit of its own: strangers' packets must not keep neighbours' answers away.
enum bit<1> punt_t {
    NEIGHBOR_ANSWER = 0, // an ARP reply or a neighbour advertisement
    UNRESOLVED = 1       // its next hop's MAC is not known
}

enum bit<2> eip_direction_t {
    NONE = 0,
    IN = 1,
    OUT = 2
}

// What controls/flow.p4 makes of a packet.
struct flow_t {
    ipv4_addr_t src;
    ipv4_addr_t dst;
    bit<8> protocol;
    bit<16> src_port;
    bit<16> dst_port;
    bool has_ports;
    bool is_fragment;         // and so has no ports, though its datagram has
}

struct flow_v6_t {
    ipv6_addr_t src;
    ipv6_addr_t dst;
}

// A tunnel to be put around the packet.
struct tunnel_t {
    bool wanted;
    bool over_v6;
    ipv4_addr_t src;
    ipv4_addr_t dst;
    ipv6_addr_t src_v6; // once a tunnel over IPv6 was taken off: the way back through it, until another is wanted
    ipv6_addr_t dst_v6;
    mac_addr_t src_mac;
    mac_addr_t mac;
    bit<16> src_port;
    bit<24> reserved;
}

// The EIP of a packet: what eip_in says of the address that it goes to or that eip_out found for its sender.
struct eip_t {
    eip_direction_t direction;
    bool found;
    network_id_t network_id;
    vrf_id_t vrf_id;
    ipv4_addr_t address;
    eip_index_t index;
    vni_t vni;
    ipv4_addr_t owner; // the VM's address, or the internal VIP
    ipv4_addr_t translation; // what takes the place of the other one
    bool owner_is_vip;
    mac_addr_t mac;
    ipv4_addr_t host;  // or, over IPv6, `host_id`
    host_id_t host_id;
    bool is_sender;    // the packet is its owner's: from its address, VPC and host, or by an LD where the owner is a VIP
    bool translated;
}

struct eip_v6_t {
    ipv6_addr_t address;
    ipv6_addr_t owner;
    ipv6_addr_t translation;
}

#define DROP(reason) meta.verdict = verdict_t.DROP; meta.drop_reason = reason
#define IS_FORWARD(meta) (meta.verdict == verdict_t.FORWARD)
// Still the packet that came: neither dropped nor answered.
#define GOES_ON(meta) (meta.verdict == verdict_t.FORWARD && !meta.reflected && !meta.answered && !meta.is_heartbeat)
// Inside a VPC, and from there; a packet to an EIP gets there only now.
#define OUT_OF_VPC(meta) ((meta).vni != 0 && (meta).eip.direction != eip_direction_t.IN)
// a + b in 16-bit ones' complement (RFC 1071)
#define ONES_ADD(a, b) ((a) + (b) + (((((bit<17>)(a)) + ((bit<17>)(b)))[16:16] == 1) ? 16w1 : 16w0))

struct metadata_t {
    verdict_t verdict;
    drop_reason_t drop_reason;
    port_id_t ingress_port;
    port_id_t egress_port;
    bit<12> egress_vlan_id;   // 0: untagged
    bit<16> frame_bytes;      // from the IP header to the end of the frame or of the tunnel's payload
    bit<16> packet_bytes;     // total length of the IP packet
    bit<48> now;
    bool parser_failed;
    bit<16> ether_type;       // of the packet, where the parser finds it out
    bit<1> ipv4_checksum_bad; // where the parser finds it out
    bool second_pass;
    bool reflected;           // answered to the port it came from; egress_port is set
    bool answered;            // by an ICMP error, which has the packet's way back

    network_id_t network_id;
    vrf_id_t vrf_id;
    vni_t vni;                // 0: not inside a VPC
    ipv4_addr_t own_lookup;   // the address that may be the gateway's own
    bool to_own_address;      // it is: such a packet is answered, unwrapped or dropped, never forwarded

    bool decapsulated;
    ipv4_addr_t sender_vtep;  // where the tunnel came from
    ipv4_addr_t own_vtep;     // the address it came to
    bool came_over_v6;        // over IPv6: those two are in `tunnel`
    host_id_t sender_host_id; // the host it came from, over IPv6
    mac_addr_t sender_mac;

    bool from_ld;
    bool is_heartbeat;
    ld_id_t heartbeat_ld_id;
    bit<32> heartbeat_key;
    bit<32> heartbeat_epoch;
    bit<32> heartbeat_hold_us;
    bit<32> liveness_time;      // where a target makes these two of `now` and of the heartbeat
    bit<32> heartbeat_sequence;

    flow_t flow;              // of IPv6 the protocol and ports
    flow_v6_t flow_v6;
    eip_t eip;
    eip_v6_t eip_v6;
    bool high_priority;

    bool to_vpc;              // from an LD to a VM inside the VPC, unless it is steered
    bool to_host;             // to the host of a VM: eip.host or eip.host_id, eip.mac
    bool steered;
    bool pinned;
    bool is_reply;            // to a local IP: the bucket is in the port
    cluster_id_t cluster_id;
    cluster_id_t previous_cluster_id;
    bit<16> bucket;
    ld_id_t ld_id;
    ld_id_t backup_ld_id;
    ld_id_t previous_ld_id;

    tunnel_t tunnel;
    ipv4_addr_t route_dst;
    ipv6_addr_t route_dst_v6;
    bool route_is_v6;
    bool routed;
    nexthop_id_t nexthop_id;
    bit<16> ecmp_group_id;
    bit<16> ecmp_hash;
    punt_t punt;              // why, when the verdict is PUNT
    bool truncate;            // to packet_bytes: an ICMP error quotes no more, an answer drops what it does not know
}

#endif
