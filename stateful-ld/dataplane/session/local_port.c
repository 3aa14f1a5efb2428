#include "session/local_port.h"

#include <errno.h>
#include <string.h>

#include <rte_prefetch.h>

#include "packet/bucket.h"
#include "session/memory.h"

enum {
    NODES = LOCAL_IPS_MAX * LOCAL_PORTS_PER_BUCKET,
    ANCHOR = 0,         /* before the front and behind the end of the list */
    OTHERS = 1 + NODES, /* the same of a second one: ports of shares that are another LD's */
    /* Towards one RS. The next packet goes on where this one stopped, so every port is looked at
     * before any is looked at twice. */
    TRIES_MAX = 256,
    PORTS_OF_SHARE = (LOCAL_PORTS_PER_BUCKET + 1) / PORT_SHARES,
};

struct node {
    uint16_t next;
    uint16_t previous;
};

struct local_port_bucket {
    struct local_port_range range; /* that is in the list; of the same slots are the others */
    struct node node[1 + NODES + 1];
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

/* `before` is ANCHOR for the end of the list, or the present front for its front; OTHERS for the
 * end of the other one. */
static void link_before(struct local_port_bucket *list, uint16_t at, uint16_t before) {
    struct node *node = &list->node[at];

    node->next = before;
    node->previous = list->node[before].previous;
    list->node[node->previous].next = at;
    list->node[before].previous = at;
}

static void move_to_end(struct local_port_bucket *list, uint16_t at, uint16_t anchor) {
    unlink_node(list, at);
    link_before(list, at, anchor);
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

/* In which of the two a port of a slot in use is. */
static uint16_t anchor_of(uint8_t shares, uint16_t port) {
    return shares_have_port(shares, port) ? ANCHOR : OTHERS;
}

static void remove_slot(struct local_port_bucket *list, uint8_t slot) {
    for (uint16_t k = 0; k < LOCAL_PORTS_PER_BUCKET; k++)
        unlink_node(list, node_at(slot, k));
}

/* Begin at another port after each start: what an earlier process used last may still be in
 * TIME-WAIT at the RS. */
static void add_slot(const struct local_ports *ports, struct local_port_bucket *list,
                     uint16_t bucket, uint8_t slot, uint8_t shares) {
    uint32_t first = (uint32_t)((ports->seed ^ bucket) % LOCAL_PORTS_PER_BUCKET);
    uint16_t front = list->node[ANCHOR].next;

    for (uint32_t i = 0; i < LOCAL_PORTS_PER_BUCKET; i++) {
        uint16_t node = node_at(slot, (first + i) % LOCAL_PORTS_PER_BUCKET);
        bool own = anchor_of(shares, port_of(node, bucket)) == ANCHOR;

        link_before(list, node, own ? front : OTHERS);
    }
}

/* What has another place by the new shares goes there, behind what is there: the other LD has used
 * it until now, or will. */
static void move_shares(struct local_port_bucket *list, uint16_t bucket, uint16_t from,
                        uint8_t shares) {
    uint16_t next;

    for (uint16_t at = list->node[from].next; at != from; at = next) {
        uint16_t to = anchor_of(shares, port_of(at, bucket));

        next = list->node[at].next;
        if (to != from)
            move_to_end(list, at, to);
    }
}

/* Buckets follow a change of the local IPs and of the map one by one, when they next open a
 * session. */
static void follow_change(const struct local_ports *ports, struct local_port_bucket *list,
                          uint16_t bucket, struct local_port_range range) {
    if (list->range.slots == 0) {
        list->node[ANCHOR] = (struct node){ .next = ANCHOR, .previous = ANCHOR };
        list->node[OTHERS] = (struct node){ .next = OTHERS, .previous = OTHERS };
    }
    for (uint64_t slots = list->range.slots & ~range.slots; slots != 0; slots &= slots - 1)
        remove_slot(list, (uint8_t)__builtin_ctzll(slots));
    move_shares(list, bucket, ANCHOR, range.shares);
    move_shares(list, bucket, OTHERS, range.shares);
    for (uint64_t slots = range.slots & ~list->range.slots; slots != 0; slots &= slots - 1)
        add_slot(ports, list, bucket, (uint8_t)__builtin_ctzll(slots), range.shares);
    list->range = range;
}

static bool is_followed(const struct local_port_bucket *list, struct local_port_range range) {
    return list->range.slots == range.slots && list->range.shares == range.shares;
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

/* Share 0 would have another one, below LOCAL_PORT_FIRST. */
static int ports_in(struct local_port_range range) {
    int of_slot = __builtin_popcount(range.shares) * PORTS_OF_SHARE - (range.shares & 1);

    return __builtin_popcountll(range.slots) * of_slot;
}

bool local_port_first(const struct local_ports *ports, const struct local_ip_set *ips,
                      struct local_port_range range, uint16_t bucket, struct local_port *first) {
    const struct local_port_bucket *list = &ports->buckets[bucket];
    uint16_t front = list->node[ANCHOR].next;

    if (!is_followed(list, range) || front == ANCHOR)
        return false;
    set_port(first, ips, front, bucket);
    return true;
}

bool local_port_take(struct local_ports *ports, const struct local_ip_set *ips,
                     struct local_port_range range, uint16_t bucket, local_port_is_free is_free,
                     void *context, int *tries, struct local_port *taken) {
    struct local_port_bucket *list = &ports->buckets[bucket];
    int most = ports_in(range);

    if (__builtin_expect(!is_followed(list, range), 0))
        follow_change(ports, list, bucket, range);
    if (most > TRIES_MAX)
        most = TRIES_MAX;
    for (; most > 0 && *tries > 0; most--, --*tries) {
        uint16_t front = list->node[ANCHOR].next;

        move_to_end(list, front, ANCHOR);
        set_port(taken, ips, front, bucket);
        if (is_free(context, taken))
            return true;
    }
    return false;
}

void local_port_release(struct local_ports *ports, uint16_t bucket, uint8_t slot, uint16_t port) {
    struct local_port_bucket *list = &ports->buckets[bucket];

    if ((list->range.slots >> slot & 1) != 0 && port >= LOCAL_PORT_FIRST)
        move_to_end(list, node_of(slot, port), anchor_of(list->range.shares, port));
}
