// Why a packet was dropped: the index of the counter `drops`. Numbers are part of the contract,
// like the ids in ids.p4, and never reused.
#ifndef SLUICE_DROP_REASONS_P4
#define SLUICE_DROP_REASONS_P4

typedef bit<8> drop_reason_t;

#define DROP_REASONS 64

const drop_reason_t NO_DROP = 0; // a heartbeat: it goes nowhere, but has done its work
const drop_reason_t DROP_PARSER_ERROR = 1;           // a header is cut short
const drop_reason_t DROP_UNKNOWN_NETWORK = 2;        // (port, VLAN) belongs to no network
const drop_reason_t DROP_NOT_FOR_GATEWAY = 3;        // destination MAC is not the gateway's
const drop_reason_t DROP_UNSUPPORTED_ETHERTYPE = 4;  // neither IP nor ARP
const drop_reason_t DROP_UNSUPPORTED_ARP = 5;        // not IPv4 over Ethernet, or for nobody here
const drop_reason_t DROP_IP_HEADER = 6;              // version or header length
const drop_reason_t DROP_IP_LENGTH = 7;              // length beyond the frame, below the header, too long for a tunnel
const drop_reason_t DROP_IPV4_CHECKSUM = 8;          // of the header
const drop_reason_t DROP_MARTIAN = 9;                // an address that no packet on a wire may have
const drop_reason_t DROP_TTL_EXCEEDED = 10;          // and no ICMP error was sent
const drop_reason_t DROP_OWN_ADDRESS = 11;           // for the gateway itself, and nothing there answers it
const drop_reason_t DROP_VXLAN_HEADER = 12;          // no VNI, or no IP inside
const drop_reason_t DROP_REPLY_WITHOUT_PORT = 13;    // to a local IP, but with no port that would tell the bucket
const drop_reason_t DROP_BUCKET_UNASSIGNED = 14;     // no LD owns the bucket
const drop_reason_t DROP_UNKNOWN_LD = 15;            // the LD of a bucket or a pinned flow has no tunnel
const drop_reason_t DROP_VNI_UNREACHABLE = 16;       // from a VPC, to nothing the gateway serves in that VPC
const drop_reason_t DROP_NO_ROUTE = 17;              // no prefix of the VRF matches
const drop_reason_t DROP_ROUTE_DISCARD = 18;         // a route that discards
const drop_reason_t DROP_UNKNOWN_NEXTHOP = 19;       // a route to a next hop or group that is none
const drop_reason_t DROP_ACL = 20;                   // an entry of the block list
const drop_reason_t DROP_SPOOFED_SOURCE = 21;        // an address that is not the sender's, or not from its host or network
const drop_reason_t DROP_RATE_LIMIT = 22;            // above the EIP's limit
const drop_reason_t DROP_ICMP_EMBEDDED = 23;         // an ICMP error about a packet that its receiver did not send
const drop_reason_t DROP_HEARTBEAT = 24;             // from no known LD, with a wrong key or epoch, or seen before
const drop_reason_t DROP_HAIRPIN_LOOP = 25;          // a hairpin route to what is neither an EIP nor a VIP
const drop_reason_t DROP_PUNT_LIMIT = 26;            // more for the controller than it gets
const drop_reason_t DROP_UNSUPPORTED_ND = 27;        // neighbour discovery that is for nobody here, or was routed
const drop_reason_t DROP_NO_TUNNEL_SOURCE = 28;      // to a VM's host, but the network has no address for its tunnels
const drop_reason_t DROP_UNKNOWN_VM = 29;            // from a VPC, but no VM that is known there has the sender's address

#endif
