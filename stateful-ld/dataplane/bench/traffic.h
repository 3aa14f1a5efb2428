/**
 * @file
 * The load of the bench. DPDK's net_null port hands over buffers without data and forgets what it
 * is given; here the buffers are filled with the switch's frames on their way to the worker (a
 * receive callback), and for new connections the worker's answers are looked at on their way out (a
 * transmit callback). So driver, buffer pool and ethdev calls are those of `dpdk-testpmd` on
 * net_null, and the cost of making each frame is on top of the worker's.
 *
 * Frames are 64-byte ones (46 bytes of IPv4 and TCP, as Ethernet pads them) in VXLAN from a switch.
 * Thread safe as the port's queues are: each queue has its own traffic.
 */
#ifndef SLUICE_BENCH_TRAFFIC_H
#define SLUICE_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "forward/dataplane.h"

enum {
    TRAFFIC_IP_BYTES = 46,
    TRAFFIC_FRAME_BYTES = 14 + 20 + 8 + 8 + 14 + TRAFFIC_IP_BYTES,
    TRAFFIC_PHASES_OPEN = 3, /**< SYN, SYN+ACK, ACK */
    TRAFFIC_PHASES_ALL = 7,  /**< and FIN, ACK, FIN, ACK */
};

/** What tells one frame from the others. All of it as it is on the wire. */
struct traffic_frame {
    rte_be32_t src;
    rte_be32_t dst;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    rte_be16_t ip_checksum;
    rte_be16_t outer_port; /**< carries the bucket */
};

struct connection {
    struct traffic_frame from_client;
    struct traffic_frame from_rs;
    int8_t phase; /**< of its next frame; below 0: not yet begun */
};

/** Connections from SYN on, many in progress at a time, each burst a mix of all phases. */
struct connections {
    struct connection *slots;
    uint32_t count; /**< in progress at a time; 0: this queue replays */
    uint32_t at;
    int8_t phases;     /**< TRAFFIC_PHASES_… */
    uint64_t opened;   /**< connections begun */
    uint64_t finished; /**< connections that have had all their phases */
    uint64_t limit;    /**< of `opened` */
    uint64_t number;   /**< of the next connection: makes its client */
};

/** Everything one queue receives. */
struct traffic {
    struct connections connections;
    const struct traffic_frame *frames; /**< replayed round and round, in this order */
    uint32_t frame_count;
    uint32_t at;
    const struct dataplane *dataplane; /**< whose buckets are whose */
    uint32_t worker;                   /**< clients are chosen so that they are this worker's */
};

/** The services that traffic is for: service i of TRAFFIC_SERVICES is VIP 203.0.113.(i+1):80. */
enum {
    TRAFFIC_SERVICES = 16
};

/** What a flow's packets look like on the wire. */
struct traffic_frame traffic_frame_of(const struct flow_key *key, uint16_t bucket);

/**
 * Begin with connections: @p limit of them, @p in_progress at a time.
 *
 * @param phases TRAFFIC_PHASES_OPEN leaves them established, TRAFFIC_PHASES_ALL closes them
 * @return 0, or -ENOMEM
 */
int traffic_connect(struct traffic *traffic, uint32_t in_progress, int8_t phases, uint64_t limit);

/** Go over to replaying @p frames, which stay the caller's. */
void traffic_replay(struct traffic *traffic, const struct traffic_frame *frames, uint32_t count);

void traffic_free(struct traffic *traffic);

/** Make @p queue of a net_null port receive the traffic. @return 0, or -errno. */
int traffic_attach(struct traffic *traffic, uint16_t port, uint16_t queue);

#endif
