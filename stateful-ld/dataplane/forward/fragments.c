#include "forward/fragments.h"

#include <errno.h>

#include <rte_mbuf_dyn.h>

#include "forward/fullnat.h"
#include "forward/worker.h"
#include "session/memory.h"

/* What the tracker tells the session's owner, in the mbuf. */
struct note {
    rte_be16_t src_port;
    rte_be16_t dst_port;
    uint32_t new_id;
};

static int note_offset;
static uint64_t noted; /* bit of rte_mbuf.ol_flags, which drivers overwrite on receipt */

static size_t table_bytes(void) {
    return (size_t)FRAGMENT_SETS * FRAGMENT_WAYS * sizeof(struct datagram);
}

static size_t held_bytes(void) {
    return FRAGMENTS_HELD_MAX * sizeof(struct held_fragment);
}

static bool register_note(void) {
    static const struct rte_mbuf_dynfield field = {
        .name = "sluice_fragment_note",
        .size = sizeof(struct note),
        .align = _Alignof(struct note),
    };
    static const struct rte_mbuf_dynflag flag = { .name = "sluice_fragment_noted" };
    int bit;

    note_offset = rte_mbuf_dynfield_register(&field);
    bit = rte_mbuf_dynflag_register(&flag);
    if (note_offset < 0 || bit < 0)
        return false;
    noted = RTE_BIT64(bit);
    return true;
}

int fragments_init(struct fragments *fragments, uint64_t seed) {
    memset(fragments, 0, sizeof(*fragments));
    if (!register_note())
        return -ENOSPC;
    fragments->seed = seed;
    fragments->next_id = (uint32_t)(seed >> 32);
    fragments->table = memory_map(table_bytes());
    fragments->held = memory_map(held_bytes());
    return fragments->table == NULL || fragments->held == NULL ? -ENOMEM : 0;
}

void fragments_free(struct fragments *fragments) {
    for (uint32_t i = 0; fragments->held != NULL && i < FRAGMENTS_HELD_MAX; i++)
        rte_pktmbuf_free(fragments->held[i].mbuf);
    memory_unmap(fragments->table, table_bytes());
    memory_unmap(fragments->held, held_bytes());
    memset(fragments, 0, sizeof(*fragments));
}

/* On the worker that owns the session: translate. */
static void forward(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet,
                    uint32_t new_id) {
    enum drop_reason reason = fullnat_translate_fragment(worker, mbuf, packet, new_id);

    if (reason != DROP_NONE)
        worker_drop(worker, mbuf, reason);
}

/* On the tracker, with the ports known: the rest is for the session's owner. The tunnel's bucket
 * was computed without ports and is not the session's. */
static void pass_on(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet,
                    const struct datagram *datagram) {
    packet->key.src_port = datagram->src_port;
    packet->key.dst_port = datagram->dst_port;
    packet->bucket = BUCKET_NONE;
    packet->bucket = worker_bucket_of(worker->snapshot, packet);
    *RTE_MBUF_DYNFIELD(mbuf, note_offset, struct note *) = (struct note){
        .src_port = datagram->src_port,
        .dst_port = datagram->dst_port,
        .new_id = datagram->new_id,
    };
    mbuf->ol_flags |= noted;
    if (worker_hand_off(worker, mbuf, packet))
        return;
    mbuf->ol_flags &= ~noted;
    forward(worker, mbuf, packet, datagram->new_id);
}

/* Take the fragments of a datagram that have waited, and pass them on or, when `reason` says so,
 * drop them. Their order may change; the receiver has to sort them anyway. */
static void release(struct worker *worker, struct datagram *datagram, enum drop_reason reason) {
    struct fragments *fragments = &worker->fragments;

    for (uint32_t i = 0; datagram->held > 0 && i < FRAGMENTS_HELD_MAX; i++) {
        struct held_fragment *held = &fragments->held[i];
        struct rte_mbuf *mbuf = held->mbuf;

        if (mbuf == NULL || held->datagram != datagram)
            continue;
        held->mbuf = NULL;
        fragments->held_count--;
        datagram->held--;
        if (reason == DROP_NONE)
            pass_on(worker, mbuf, &held->packet, datagram);
        else
            worker_drop(worker, mbuf, reason);
    }
}

static bool in_use(const struct datagram *datagram, uint64_t now_ms) {
    return datagram->name.vni_protocol != 0 && now_ms - datagram->since_ms < FRAGMENT_REMEMBER_MS;
}

/* Find a datagram, or make room for it in its set: where nobody is, or where the oldest was. */
static struct datagram *datagram_of(struct worker *worker, const struct flow_key *name) {
    uint32_t set = flow_hash(name, worker->fragments.seed) % FRAGMENT_SETS;
    struct datagram *ways = &worker->fragments.table[set * FRAGMENT_WAYS];
    struct datagram *victim = &ways[0];

    for (int i = 0; i < FRAGMENT_WAYS; i++) {
        if (in_use(&ways[i], worker->now_ms) && flow_equal(&ways[i].name, name))
            return &ways[i];
        if (!in_use(&ways[i], worker->now_ms) ||
            (in_use(victim, worker->now_ms) && ways[i].since_ms < victim->since_ms))
            victim = &ways[i];
    }
    release(worker, victim, DROP_FRAGMENT_NO_FIRST);
    *victim = (struct datagram){ .name = *name, .since_ms = worker->now_ms };
    return victim;
}

/* FULLNAT brings the datagrams of many clients together under one pair of addresses, where their
 * identifications could meet: RFC 6864 5.3.1 has who rewrites addresses see to that. Workers count
 * in steps, so that none takes another's; datagrams that are whole keep what they have. */
uint32_t fragments_next_id(struct worker *worker) {
    return worker->fragments.next_id++ * worker->dataplane->worker_count + worker->id;
}

static void learn(struct worker *worker, struct datagram *datagram, const struct packet *packet) {
    bool same = datagram->known && datagram->src_port == packet->key.src_port &&
                datagram->dst_port == packet->key.dst_port;

    datagram->src_port = packet->key.src_port;
    datagram->dst_port = packet->key.dst_port;
    datagram->since_ms = worker->now_ms;
    if (!same) /* not just the first fragment once more */
        datagram->new_id = fragments_next_id(worker);
    datagram->known = true;
}

static void hold(struct worker *worker, struct rte_mbuf *mbuf, const struct packet *packet,
                 struct datagram *datagram) {
    struct fragments *fragments = &worker->fragments;
    struct held_fragment *held = fragments->held;

    if (fragments->held_count == FRAGMENTS_HELD_MAX ||
        datagram->held == FRAGMENTS_HELD_PER_DATAGRAM_MAX) {
        worker_drop(worker, mbuf, DROP_FRAGMENT_HOLD_FULL);
        return;
    }
    while (held->mbuf != NULL)
        held++;
    *held = (struct held_fragment){ .mbuf = mbuf, .datagram = datagram, .packet = *packet };
    datagram->held++;
    fragments->held_count++;
}

static void track(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet) {
    struct flow_key name = packet->key;
    struct datagram *datagram;

    name.src_port = (rte_be16_t)packet->fragment_id;
    name.dst_port = (rte_be16_t)(packet->fragment_id >> 16);
    datagram = datagram_of(worker, &name);
    if (packet_fragment_offset(packet) == 0) {
        learn(worker, datagram, packet);
        pass_on(worker, mbuf, packet, datagram);
        release(worker, datagram, DROP_NONE);
    } else if (datagram->known) {
        pass_on(worker, mbuf, packet, datagram);
    } else {
        hold(worker, mbuf, packet, datagram);
    }
}

/* The bucket that all fragments of a datagram share, tunnel or not: that of its addresses alone. */
static uint16_t tracking_bucket(const struct packet *packet) {
    struct flow_key key = packet->key;

    if (packet->bucket != BUCKET_NONE)
        return packet->bucket;
    key.src_port = key.dst_port = 0;
    return bucket_of_flow(&key);
}

void fragment_process(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet) {
    const struct note *note = RTE_MBUF_DYNFIELD(mbuf, note_offset, const struct note *);

    if ((mbuf->ol_flags & noted) != 0) {
        mbuf->ol_flags &= ~noted;
        packet->key.src_port = note->src_port;
        packet->key.dst_port = note->dst_port;
        packet->bucket = BUCKET_NONE;
        packet->bucket = worker_bucket_of(worker->snapshot, packet);
        forward(worker, mbuf, packet, note->new_id);
        return;
    }
    packet->bucket = tracking_bucket(packet);
    if (!worker_hand_off(worker, mbuf, packet))
        track(worker, mbuf, packet);
}

void fragments_expire(struct worker *worker) {
    struct fragments *fragments = &worker->fragments;

    for (uint32_t i = 0; fragments->held_count > 0 && i < FRAGMENTS_HELD_MAX; i++) {
        const struct held_fragment *held = &fragments->held[i];

        if (held->mbuf == NULL || worker->now_ms - held->datagram->since_ms < FRAGMENT_HOLD_MS)
            continue;
        held->datagram->name.vni_protocol = 0; /* forgotten */
        release(worker, held->datagram, DROP_FRAGMENT_NO_FIRST);
    }
}
