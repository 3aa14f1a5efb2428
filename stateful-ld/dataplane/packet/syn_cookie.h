/**
 * @file
 * SYN cookies (RFC 4987 3.6): the sequence number of a SYN-ACK says all that has to be known when
 * its acknowledgement comes, so a SYN costs no memory.
 *
 * 3 bits are the client's MSS, rounded down to one of eight; 29 bits are a keyed hash of it, the
 * flow, the client's sequence number and the time. Window scale and SACK have no room there: they
 * travel in the timestamp of clients that use timestamps, which give it back, and are refused to
 * others.
 */
#ifndef SLUICE_PACKET_SYN_COOKIE_H
#define SLUICE_PACKET_SYN_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "packet/address.h"
#include "packet/siphash.h"
#include "packet/tcp_options.h"

enum {
    /** A cookie holds for this long, and at most twice as long; as much longer where the clock of
     * who checks it is behind. */
    SYN_COOKIE_PERIOD_MS = 64 * 1000,
};

/** What a cookie is bound to. Hashed as bytes: no padding, zeroed before it is filled in. */
struct syn_cookie_flow {
    struct ip_address client;
    struct ip_address vip;
    rte_be16_t client_port;
    rte_be16_t vip_port;
    uint32_t vni;
    uint32_t client_isn;
    uint32_t period; /**< set by make and check */
    uint64_t mss_index;
};

/**
 * @param now_ms since 1970: whoever has the key can check it
 * @return the sequence number for the SYN-ACK
 */
uint32_t syn_cookie_make(const struct siphash_key *key, struct syn_cookie_flow flow, uint16_t mss,
                         uint64_t now_ms);

/**
 * @param now_ms since 1970, as of a clock that is wrong by less than a period
 * @return the MSS the client has announced, rounded down; 0 when @p cookie is none of ours
 */
uint16_t syn_cookie_check(const struct siphash_key *key, struct syn_cookie_flow flow,
                          uint32_t cookie, uint64_t now_ms);

/** The timestamp value of a SYN-ACK: the time in ms, but for the last 64, with the options in it.
 */
uint32_t syn_cookie_timestamp(const struct tcp_options *client, uint64_t now_ms);

/** What syn_cookie_timestamp() was given of window scale and SACK. */
void syn_cookie_from_timestamp(uint32_t timestamp, struct tcp_options *client);

#endif
