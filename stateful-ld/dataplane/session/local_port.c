#include "session/local_port.h"

#include <errno.h>
#include <string.h>

#include <rte_prefetch.h>

#include "packet/bucket.h"
#include "session/memory.h"

enum {
    NODES = LOCAL_IPS_MAX * LOCAL_PORTS_PER_BUCKET,
    ANCHOR = 0, /* before the front and behind the end of the list */
    /* Towards one RS. The next packet goes on where this one stopped, so every port is looked at
     * before any is looked at twice. */
    TRIES_MAX = 256,
};

struct node {
    uint16_t next;
    uint16_t previous;
};

struct local_port_bucket {
    uint64_t slots; /* local IP slots whose ports are in the list */
    struct node node[1 + NODES];
} __attribute__((aligned(64)));

static size_t buckets_bytes(void) {
    return BUCKET_COUNT * sizeof(struct local_port_bucket);
}

int local_ports_init(struct local_ports *ports, uint64_t seed) {
    ports->seed = seed;
    ports->buckets = memory_map(buckets_bytes());
    return ports->buckets != NULL ? 0 : -ENOMEM;
}

void local_ports_free(struct local_ports *ports) {
    memory_unmap(ports->buckets, buckets_bytes());
    ports->buckets = NULL;
}

static void unlink_node(struct local_port_bucket *list, uint16_t at) {
    struct node *node = &list->node[at];

    list->node[node->previous].next = node->next;
    list->node[node->next].previous = node->previous;
}

/* `before` is ANCHOR for the end of the list, or the present front for its front. */
static void link_before(struct local_port_bucket *list, uint16_t at, uint16_t before) {
    struct node *node = &list->node[at];

    node->next = before;
    node->previous = list->node[before].previous;
    list->node[node->previous].next = at;
    list->node[before].previous = at;
}

static void move_to_end(struct local_port_bucket *list, uint16_t at) {
    unlink_node(list, at);
    link_before(list, at, ANCHOR);
}

/* A node is 1 + slot * 63 + k, its port 1024 * (k + 1) + bucket. */
static uint16_t node_at(uint8_t slot, uint32_t k) {
    return (uint16_t)(1 + slot * LOCAL_PORTS_PER_BUCKET + k);
}

static uint16_t node_of(uint8_t slot, uint16_t port) {
    return node_at(slot, port / BUCKET_COUNT - 1u);
}

static uint16_t port_of(uint16_t node, uint16_t bucket) {
    return (uint16_t)(((node - 1) % LOCAL_PORTS_PER_BUCKET + 1) * BUCKET_COUNT + bucket);
}

/* Begin at another port after each start: what an earlier process used last may still be in
 * TIME-WAIT at the RS. */
static void add_slot(const struct local_ports *ports, struct local_port_bucket *list,
                     uint16_t bucket, uint8_t slot) {
    uint16_t front = list->node[ANCHOR].next;
    uint32_t first = (uint32_t)((ports->seed ^ bucket) % LOCAL_PORTS_PER_BUCKET);

    for (uint32_t i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        uint32_t k = (first + i) % LOCAL_PORTS_PER_BUCKET;

        link_before(list, node_at(slot, k), front);
    }
}

static void remove_slot(struct local_port_bucket *list, uint8_t slot) {
    for (uint16_t k = 0; k < LOCAL_PORTS_PER_BUCKET; k++)
        unlink_node(list, node_at(slot, k));
}

/* Buckets follow a change of the local IPs one by one, when they next open a session. */
static void follow_change(const struct local_ports *ports, struct local_port_bucket *list,
                          uint16_t bucket, uint64_t slots) {
    uint64_t changed = list->slots ^ slots;

    if (list->slots == 0)
        list->node[ANCHOR] = (struct node){ .next = ANCHOR, .previous = ANCHOR };
    for (; changed != 0; changed &= changed - 1) {
        uint8_t slot = (uint8_t)__builtin_ctzll(changed);

        if (slots >> slot & 1)
            add_slot(ports, list, bucket, slot);
        else
            remove_slot(list, slot);
    }
    list->slots = slots;
}

void local_ports_prefetch(const struct local_ports *ports, uint16_t bucket) {
    rte_prefetch0(&ports->buckets[bucket]);
}

void local_ports_prefetch_first(const struct local_ports *ports, uint16_t bucket) {
    const struct local_port_bucket *list = &ports->buckets[bucket];

    rte_prefetch0(&list->node[list->node[ANCHOR].next]);
}

void local_port_prefetch(const struct local_ports *ports, uint16_t bucket, uint8_t slot,
                         uint16_t port, int step) {
    const struct local_port_bucket *list = &ports->buckets[bucket];
    const struct node *node = &list->node[node_of(slot, port)];

    if (step == 0) {
        rte_prefetch0(list);
        rte_prefetch0(node);
        return;
    }
    rte_prefetch0(&list->node[list->node[ANCHOR].previous]);
    rte_prefetch0(&list->node[node->previous]);
    rte_prefetch0(&list->node[node->next]);
}

static void set_port(struct local_port *port, const struct local_ip_set *ips, uint16_t node,
                     uint16_t bucket) {
    port->slot = (uint8_t)((node - 1) / LOCAL_PORTS_PER_BUCKET);
    port->port = port_of(node, bucket);
    port->address = ips->address[port->slot];
}

bool local_port_first(const struct local_ports *ports, const struct local_ip_set *ips,
                      uint64_t slots, uint16_t bucket, struct local_port *first) {
    const struct local_port_bucket *list = &ports->buckets[bucket];

    if (list->slots != slots || slots == 0)
        return false;
    set_port(first, ips, list->node[ANCHOR].next, bucket);
    return true;
}

bool local_port_take(struct local_ports *ports, const struct local_ip_set *ips, uint64_t slots,
                     uint16_t bucket, local_port_is_free is_free, void *context, int *tries,
                     struct local_port *taken) {
    struct local_port_bucket *list = &ports->buckets[bucket];
    int most = __builtin_popcountll(slots) * LOCAL_PORTS_PER_BUCKET;

    if (__builtin_expect(list->slots != slots, 0))
        follow_change(ports, list, bucket, slots);
    if (most > TRIES_MAX)
        most = TRIES_MAX;
    for (; most > 0 && *tries > 0; most--, --*tries) {
        uint16_t front = list->node[ANCHOR].next;

        move_to_end(list, front);
        set_port(taken, ips, front, bucket);
        if (is_free(context, taken))
            return true;
    }
    return false;
}

void local_port_release(struct local_ports *ports, uint16_t bucket, uint8_t slot, uint16_t port) {
    struct local_port_bucket *list = &ports->buckets[bucket];

    if ((list->slots >> slot & 1) != 0 && port >= LOCAL_PORT_FIRST)
        move_to_end(list, node_of(slot, port));
}
