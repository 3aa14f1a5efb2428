/**
 * @file
 * Why a packet was dropped. Every packet that comes in and does not go out is counted under exactly
 * one of these names.
 */
#ifndef SLUICE_PACKET_DROP_REASON_H
#define SLUICE_PACKET_DROP_REASON_H

/** X(constant suffix, name as operators see it) */
#define DROP_REASONS(X)                                                                            \
    X(NOT_CONFIGURED, "not_configured")                                                            \
    X(MULTI_SEGMENT, "multi_segment")                                                              \
    X(TRUNCATED, "truncated")                                                                      \
    X(NOT_OUR_MAC, "not_our_mac")                                                                  \
    X(UNKNOWN_ETHERTYPE, "unknown_ethertype")                                                      \
    X(BAD_ARP, "bad_arp")                                                                          \
    X(BAD_IP_VERSION, "bad_ip_version")                                                            \
    X(BAD_IP_HEADER_LENGTH, "bad_ip_header_length")                                                \
    X(BAD_IP_TOTAL_LENGTH, "bad_ip_total_length")                                                  \
    X(BAD_IP_CHECKSUM, "bad_ip_checksum")                                                          \
    X(BAD_IP_SOURCE, "bad_ip_source")                                                              \
    X(TTL_EXPIRED, "ttl_expired")                                                                  \
    X(FRAGMENT, "fragment")                                                                        \
    X(FRAGMENT_NO_FIRST, "fragment_no_first")                                                      \
    X(FRAGMENT_HOLD_FULL, "fragment_hold_full")                                                    \
    X(BAD_IP_EXTENSION, "bad_ip_extension")                                                        \
    X(BAD_ND, "bad_nd")                                                                            \
    X(ICMP, "icmp")                                                                                \
    X(BAD_ICMP, "bad_icmp")                                                                        \
    X(ICMP_EMBEDDED, "icmp_embedded")                                                              \
    X(ECHO_LIMITED, "echo_limited")                                                                \
    X(UNKNOWN_PROTOCOL, "unknown_protocol")                                                        \
    X(BAD_TCP_HEADER, "bad_tcp_header")                                                            \
    X(BAD_TCP_FLAGS, "bad_tcp_flags")                                                              \
    X(BAD_UDP_LENGTH, "bad_udp_length")                                                            \
    X(UDP_WITHOUT_CHECKSUM, "udp_without_checksum")                                                \
    X(BAD_VXLAN, "bad_vxlan")                                                                      \
    X(BAD_REPLICATION, "bad_replication")                                                          \
    X(REPLICATION_EPOCH, "replication_epoch")                                                      \
    X(REPLICATION_VERSION, "replication_version")                                                  \
    X(NOT_FOR_US, "not_for_us")                                                                    \
    X(NO_SERVICE, "no_service")                                                                    \
    X(NO_SESSION, "no_session")                                                                    \
    X(NOT_SYN, "not_syn")                                                                          \
    X(NOT_ONLINE, "not_online")                                                                    \
    X(BUCKET_NOT_OWNED, "bucket_not_owned")                                                        \
    X(NO_RS_AVAILABLE, "no_rs_available")                                                          \
    X(NO_LOCAL_PORT, "no_local_port")                                                              \
    X(SESSION_TABLE_FULL, "session_table_full")                                                    \
    X(ACCESS_LIST, "access_list")                                                                  \
    X(SOURCE_LIMIT, "source_limit")                                                                \
    X(NEW_SESSION_LIMIT, "new_session_limit")                                                      \
    X(SESSION_LIMIT, "session_limit")                                                              \
    X(BANDWIDTH_LIMIT, "bandwidth_limit")                                                          \
    X(SYN_COOKIE, "syn_cookie")                                                                    \
    X(SYN_DATA, "syn_data")                                                                        \
    X(RS_REMOVED, "rs_removed")                                                                    \
    X(NEIGHBOUR_UNRESOLVED, "neighbour_unresolved")                                                \
    X(MTU_EXCEEDED, "mtu_exceeded")                                                                \
    X(NO_HEADROOM, "no_headroom")                                                                  \
    X(HANDOFF_FULL, "handoff_full")                                                                \
    X(STALE_HEARTBEAT, "stale_heartbeat")                                                          \
    X(TX_FULL, "tx_full")

enum drop_reason {
    DROP_NONE = 0,
#define DROP_ENUM(suffix, name) DROP_##suffix,
    DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
    DROP_REASON_COUNT,
};

/** Name as operators see it, such as "no_service"; "none" for DROP_NONE. */
const char *drop_reason_name(enum drop_reason reason);

#endif
