/**
 * @file
 * MSS clamping: so that no segment of a session has to be fragmented in the fabric's tunnels.
 */
#ifndef SLUICE_PACKET_TCP_MSS_H
#define SLUICE_PACKET_TCP_MSS_H

#include <stdint.h>

#include <rte_tcp.h>

/**
 * Lower the MSS option (RFC 9293 3.7.1) of a SYN to @p mss_max and fix the TCP checksum. A SYN
 * without the option, or with malformed options, is left as it is.
 *
 * @param tcp header and all its options, as far as the data offset says, must be readable
 */
void tcp_clamp_mss(struct rte_tcp_hdr *tcp, uint16_t mss_max);

#endif
