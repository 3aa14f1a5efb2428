// Generated from the P4 program by `npm run generate -w controller`. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated

/** Buckets of a cluster; a power of two. */
export const BUCKETS = 1024;

/** Slots of an ECMP group. */
export const ECMP_SLOTS = 128;

/** Why the pipeline drops: cells of its counter `drops`. */
export const DROP_REASONS: readonly { index: number; name: string; meaning: string }[] = [
  { index: 1, name: "parser_error", meaning: "a header is cut short" },
  { index: 2, name: "unknown_network", meaning: "(port, VLAN) belongs to no network" },
  { index: 3, name: "not_for_gateway", meaning: "destination MAC is not the gateway's" },
  { index: 4, name: "unsupported_ethertype", meaning: "neither IP nor ARP" },
  { index: 5, name: "unsupported_arp", meaning: "not IPv4 over Ethernet, or for nobody here" },
  { index: 6, name: "ip_header", meaning: "version or header length" },
  { index: 7, name: "ip_length", meaning: "length beyond the frame, below the header, too long for a tunnel" },
  { index: 8, name: "ipv4_checksum", meaning: "of the header" },
  { index: 9, name: "martian", meaning: "an address that no packet on a wire may have" },
  { index: 10, name: "ttl_exceeded", meaning: "and no ICMP error was sent" },
  { index: 11, name: "own_address", meaning: "for the gateway itself, and nothing there answers it" },
  { index: 12, name: "vxlan_header", meaning: "no VNI, or no IP inside" },
  { index: 13, name: "reply_without_port", meaning: "to a local IP, but with no port that would tell the bucket" },
  { index: 14, name: "bucket_unassigned", meaning: "no LD owns the bucket" },
  { index: 15, name: "unknown_ld", meaning: "the LD of a bucket or a pinned flow has no tunnel" },
  { index: 16, name: "vni_unreachable", meaning: "from a VPC, to nothing the gateway serves in that VPC" },
  { index: 17, name: "no_route", meaning: "no prefix of the VRF matches" },
  { index: 18, name: "route_discard", meaning: "a route that discards" },
  { index: 19, name: "unknown_nexthop", meaning: "a route to a next hop or group that is none" },
  { index: 20, name: "acl", meaning: "an entry of the block list" },
  { index: 21, name: "spoofed_source", meaning: "an address that is not the sender's, or not from its host or network" },
  { index: 22, name: "rate_limit", meaning: "above the EIP's limit" },
  { index: 23, name: "icmp_embedded", meaning: "an ICMP error about a packet that its receiver did not send" },
  { index: 24, name: "heartbeat", meaning: "from no known LD, with a wrong key or epoch, or seen before" },
  { index: 25, name: "hairpin_loop", meaning: "a hairpin route to what is neither an EIP nor a VIP" },
  { index: 26, name: "punt_limit", meaning: "more for the controller than it gets" },
  { index: 27, name: "unsupported_nd", meaning: "neighbour discovery that is for nobody here, or was routed" },
  { index: 28, name: "no_tunnel_source", meaning: "to a VM's host, but the network has no address for its tunnels" },
  { index: 29, name: "unknown_vm", meaning: "from a VPC, but no VM that is known there has the sender's address" },
];
