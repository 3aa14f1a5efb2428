#include "forward/rss.h"

#include <string.h>

#include <rte_thash.h>

#include "forward/worker.h"
#include "log.h"

enum {
    WATCH_MS = 10 * 1000,
    ONE_OF_TUNNELS = 97,
    ONE_OF_REPLIES = 117,
    /* The ports of IPv6 are so many bits further behind. */
    PORTS_V6_MORE = 2 * (128 - 32),
};

static void set_bit(uint8_t *key, uint32_t bit) {
    key[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

void rss_key(uint8_t *key, uint32_t bytes, enum ip_family family) {
    uint32_t more = family == FAMILY_IPV6 ? PORTS_V6_MORE : 0;

    memset(key, 0, bytes);
    set_bit(key, ONE_OF_TUNNELS + more);
    set_bit(key, ONE_OF_REPLIES + more);
}

uint32_t rss_hash_ip4(uint32_t src, uint32_t dst, uint16_t src_port, uint16_t dst_port) {
    uint32_t tuple[3] = { src, dst, (uint32_t)src_port << 16 | dst_port };
    uint8_t key[RSS_KEY_BYTES_MIN];

    rss_key(key, sizeof(key), FAMILY_IPV4);
    return rte_softrss(tuple, RTE_DIM(tuple), key);
}

uint32_t rss_hash_ip6(const struct ip6_pair *addresses, uint16_t src_port, uint16_t dst_port) {
    uint32_t tuple[9];
    uint8_t key[RSS_KEY_V6_BYTES_MIN];

    for (int i = 0; i < 4; i++) {
        tuple[i] = rte_be_to_cpu_32(addresses->src.word[i]);
        tuple[4 + i] = rte_be_to_cpu_32(addresses->dst.word[i]);
    }
    tuple[8] = (uint32_t)src_port << 16 | dst_port;
    rss_key(key, sizeof(key), FAMILY_IPV6);
    return rte_softrss(tuple, RTE_DIM(tuple), key);
}

uint32_t rss_bucket_hash(uint16_t bucket) {
    return rss_hash_ip4(0, 0, bucket_to_udp_port(bucket), UDP_PORT_VXLAN);
}

/* Not simply every n-th, or each n-th in a row: CRC is linear, so a client that counts its ports up
 * stays in buckets with the same low bits for long. The factor is odd: every number comes up once.
 */
void rss_share(uint32_t entries, uint32_t workers, uint8_t owner_of_entry[],
               uint8_t owner_of_bucket[BUCKET_COUNT]) {
    for (uint32_t entry = 0; entry < entries; entry++) {
        uint32_t mixed = entry * 0x9e3779b1u & (entries - 1);

        owner_of_entry[entry] = (uint8_t)(mixed * workers / entries);
    }
    for (uint16_t bucket = 0; bucket < BUCKET_COUNT; bucket++)
        owner_of_bucket[bucket] = owner_of_entry[rss_bucket_hash(bucket) & (entries - 1)];
}

void rss_watch(struct dataplane *dataplane, uint64_t now_ms) {
    uint64_t sum = 0, example = 0;
    uint16_t bucket;

    if (dataplane->rss_entries == 0 || now_ms - dataplane->rss_watched_ms < WATCH_MS)
        return;
    dataplane->rss_watched_ms = now_ms;
    for (uint32_t id = 0; id < dataplane->worker_count; id++) {
        const struct worker *worker = dataplane->workers[id];

        if (counter_read(&worker->stats.misdirected) != 0)
            example = counter_read(&worker->misdirected);
        sum += counter_read(&worker->stats.misdirected);
    }
    if (sum == dataplane->misdirected)
        return;
    bucket = (uint16_t)(example >> 32);
    log_warning(
        "RSS: %lu tunnelled packets came to the wrong core since the last such line and were "
        "handed over, such as one of bucket %u with the NIC's hash %08x, ours %08x (the NIC "
        "does not hash as its key says, or not these tunnels)",
        (unsigned long)(sum - dataplane->misdirected), bucket, (uint32_t)example,
        rss_bucket_hash(bucket));
    dataplane->misdirected = sum;
}
