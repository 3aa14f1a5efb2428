/**
 * @file
 * Which queue the NIC puts a bucket's packets into, decided by us: with a Toeplitz key (Microsoft's
 * RSS specification) that looks at nothing but the bits of the bucket, and an indirection table to
 * go with it. So the owner of every bucket is known before the first packet comes, whatever the
 * addresses of switches and LD are.
 *
 * The hash of a tuple is the XOR of the key's 32-bit windows that begin at the tuple's 1 bits. A
 * key of a single 1 bit at p thus maps tuple bit i to hash bit i + 31 - p (0: the least
 * significant), and all other bits to nothing:
 *
 *     tuple of IPv4   0       32      64           80          96
 *                     source  dest.   source port  dest. port
 *     bucket in a tunnel's source port (bits 4..13)   i = 66..75 -> hash bits 0..9 with p = 97
 *     bucket in a reply's local port (bits 0..9)      i = 86..95 -> hash bits 0..9 with p = 117
 *
 *     tuple of IPv6   0       128     256          272         288
 *                     source  dest.   source port  dest. port
 *     the same                                        i = 258..267 with p = 289
 *                                                     i = 278..287 with p = 309
 *
 * Both together: the ports' parts are combined by XOR. In a tunnel the destination port is always
 * 4789, so its part is a constant. A reply that comes without a tunnel has the RS's port in the
 * other part: it reaches a queue that depends on the bucket and the RS's port alone, which need not
 * be the owner's, and is handed over. The client's packet without a tunnel has no bucket in it at
 * all.
 *
 * The bits for IPv4 would make hash bits of an IPv6 source address as well, so a key is for the
 * family of the tunnels, of which the configuration decides. The hash of a bucket is the same with
 * either key: which core owns it does not change when the tunnels' family does.
 */
#ifndef SLUICE_FORWARD_RSS_H
#define SLUICE_FORWARD_RSS_H

#include <stdint.h>

#include "packet/address.h"
#include "packet/bucket.h"

struct dataplane;

enum {
    RSS_KEY_BYTES_MAX = 64,
    RSS_KEY_BYTES_MIN = 16,    /**< what tuples of IPv4 use */
    RSS_KEY_V6_BYTES_MIN = 40, /**< of IPv6 */
    RSS_TABLE_MAX = 1024,      /**< entries; larger tables repeat theirs */
};

/** Fill a key of @p bytes, from the family's least number to RSS_KEY_BYTES_MAX, for its tunnels. */
void rss_key(uint8_t *key, uint32_t bytes, enum ip_family family);

/** The hash of a tunnelled packet of @p bucket; only its low 10 bits say anything. */
uint32_t rss_bucket_hash(uint16_t bucket);

/** Toeplitz hash of a tuple of IPv4 under its rss_key(). Addresses and ports in host order. */
uint32_t rss_hash_ip4(uint32_t src, uint32_t dst, uint16_t src_port, uint16_t dst_port);

/** The same of IPv6; addresses in network order. */
uint32_t rss_hash_ip6(const struct ip6_pair *addresses, uint16_t src_port, uint16_t dst_port);

/**
 * Share the table's entries, and with them the buckets, among the workers, as evenly as their
 * numbers allow.
 *
 * @param entries of the NIC's table, a power of two up to RSS_TABLE_MAX
 * @param[out] owner_of_entry worker id
 * @param[out] owner_of_bucket worker id
 */
void rss_share(uint32_t entries, uint32_t workers, uint8_t owner_of_entry[],
               uint8_t owner_of_bucket[BUCKET_COUNT]);

/**
 * Say so when the port does not do what it was told: tunnelled packets that come to a worker that
 * does not own their bucket. They are handed over and nothing is lost but speed. Control only, now
 * and then.
 */
void rss_watch(struct dataplane *dataplane, uint64_t now_ms);

#endif
