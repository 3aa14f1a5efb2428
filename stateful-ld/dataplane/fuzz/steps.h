/**
 * @file
 * The steps of a receive_fuzz input, and the frames some of them make. The seeds are written with
 * the same names (make_seeds.c).
 */
#ifndef SLUICE_FUZZ_STEPS_H
#define SLUICE_FUZZ_STEPS_H

#include "fuzz/input.h"
#include "testing/frame.h"

/** First byte of a step: what, and which worker receives. */
enum {
    STEP_MASK = 0x07,
    STEP_WORKER_SHIFT = 3,

    STEP_FRAME = 0, /**< u16 length, bytes: a frame as it is */
    STEP_FLOW = 1, /**< a client's packet: u8 client, u8 service, u8 TCP flags, u8 shape, patches */
    STEP_ANSWER = 2,   /**< the last frame sent, turned round: u8 TCP flags, u8 shape, patches */
    STEP_ERROR = 3,    /**< ICMP about the last frame sent: u8 type, u8 code, u8 quoted, patches */
    STEP_FRAGMENT = 4, /**< of a client's packet: as STEP_FLOW, u8 offset / 8, u8 bytes / 8 */
    STEP_PACKET = 5,   /**< u16 length, bytes: an IPv4 packet, wrapped, its checksum made right */
    STEP_PASS = 6,     /**< u16: so many times 8 ms */
    STEP_APPLY = 7,    /**< u16 length, bytes: a packed LdConfig */
};

/** `shape` of a packet. */
enum {
    SHAPE_PLAIN = 0x01,   /**< not in a tunnel */
    SHAPE_BUCKET = 0x02,  /**< tunnelled without its bucket */
    SHAPE_OPTIONS = 0x04, /**< 8 bytes of IP options */
    SHAPE_TTL = 0x08,     /**< TTL 1 */
    SHAPE_LARGE = 0x10,   /**< 1500 bytes of payload */
    SHAPE_VLAN = 0x20,
    SHAPE_DF = 0x40,
    SHAPE_TCP_OPTIONS = 0x80, /**< TCP options follow, before the patches (fuzz/segment.h) */
};

extern const char fuzz_vip[];       /**< of the services fuzz inputs begin with */
extern const char fuzz_vip6[];      /**< the same of IPv6, with an RS of IPv6 */
extern const char fuzz_vip_nat64[]; /**< with an RS of IPv4 */

/** `service` of a step: of fuzz_vip by TCP and by UDP, fuzz_vip6 by TCP, fuzz_vip_nat64 by UDP;
 * then of fuzz_vip by TCP with TOA, with PROXY headers, and with SYN cookies from the second SYN
 * on. */
enum {
    SERVICE_TCP = 0,
    SERVICE_UDP = 1,
    SERVICE_TCP6 = 6,
    SERVICE_NAT64 = 7,
    SERVICE_TOA = 8,
    SERVICE_PROXY = 9,
    SERVICE_COOKIE = 10,
};

enum {
    FUZZ_TOA_PORT = 82,
    FUZZ_PROXY_PORT = 83,
    FUZZ_COOKIE_PORT = 84,
};

/**
 * The frame of a step that is none of STEP_PASS and STEP_APPLY. Patches: u8 how many, then for each
 * u8 offset from the end of the tunnel and u8 value; afterwards the IP header's checksum is right.
 *
 * @param last what the LD has sent before; length 0: nothing
 * @return length 0: no frame
 */
struct frame step_frame(uint8_t what, struct input *input, const struct frame *last);

#endif
