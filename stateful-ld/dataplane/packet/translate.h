/**
 * @file
 * Translation of packets with IPv6 on one side or both: IPv6 to IPv6, and between IPv6 and IPv4 as
 * RFC 7915 has it, with the addresses and ports of a session.
 */
#ifndef SLUICE_PACKET_TRANSLATE_H
#define SLUICE_PACKET_TRANSLATE_H

#include <stdint.h>

#include "packet/parse.h"

enum {
    /** What a translated header may need in front of packet->l4_off: IPv6 and fragment header. */
    TRANSLATE_ROOM_BYTES = 40 + 8,
    /** RFC 7915 5.1: an IPv4 packet up to this came from an IPv6 one that every link takes, and may
     * be fragmented again. */
    TRANSLATE_DF_CLEAR_MAX_BYTES = 1260,
};

struct translation {
    const struct flow_key
        *other;       /**< tuple of the session's other side: turned round, the new one */
    uint16_t mss_max; /**< for SYNs */
    uint32_t id;      /**< host order: identification of fragments, and of IPv4 packets from IPv6 */
};

/**
 * What the other tuple, turned round, in place of the packet's own adds to a checksum over the
 * pseudo header and the ports. Turning a tuple round changes no sum.
 */
uint64_t translate_delta(const struct flow_key *before, const struct flow_key *other);

/**
 * Give a TCP or UDP header its ports, and update its checksum if it is there.
 *
 * @param bytes of the segment that are there, at least 8
 */
void translate_l4(uint8_t *l4, uint32_t bytes, uint8_t protocol, rte_be16_t src_port,
                  rte_be16_t dst_port, uint64_t delta);

/** Bytes by which the packet grows; negative when it shrinks. */
int translate_growth(const struct packet *packet, const struct flow_key *other);

/**
 * Translate a packet in place; the offsets and the length in @p packet follow.
 *
 * @param frame with TRANSLATE_ROOM_BYTES to be overwritten in front of packet->l4_off
 * @return DROP_NONE, or why the packet cannot be translated
 */
enum drop_reason translate_packet(uint8_t *frame, struct packet *packet,
                                  const struct translation *translation);

#endif
