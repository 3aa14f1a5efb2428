#include "replicate/sender.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forward/worker.h"
#include "replicate/install.h"
#include "replicate/replicate.h"

enum {
    /** Marks between asking for a session's memory and telling of it. */
    MARKS_AHEAD = 8,
    /** Records that fill a packet. */
    FULL_PACKET = (WIRE_PAYLOAD_MAX - WIRE_HEADER_BYTES - WIRE_RECORD_MAX - WIRE_TAG_BYTES) /
                      WIRE_RECORD_IPV4 +
                  1,
    /** Sessions looked through for marks in one turn. */
    SWEEP_BUDGET = 64,
};

static bool ring_init(struct mark_ring *ring, uint32_t room) {
    ring->room = room;
    ring->numbers = calloc(room, sizeof(*ring->numbers));
    return ring->numbers != NULL;
}

static bool ring_is_full(const struct mark_ring *ring) {
    return ring->tail - ring->head == ring->room;
}

static uint32_t *ring_at(const struct mark_ring *ring, uint32_t position) {
    return &ring->numbers[position & (ring->room - 1)];
}

struct sender *sender_create(void) {
    struct sender *sender = calloc(1, sizeof(*sender));

    if (sender == NULL)
        return NULL;
    sender->window = calloc(SENDER_WINDOW, sizeof(*sender->window));
    if (ring_init(&sender->soon, SENDER_MARKS) && ring_init(&sender->later, SENDER_LATER_MARKS) &&
        sender->window != NULL)
        return sender;
    sender_free(sender);
    return NULL;
}

void sender_free(struct sender *sender) {
    if (sender == NULL)
        return;
    free(sender->soon.numbers);
    free(sender->later.numbers);
    free(sender->window);
    free(sender);
}

static uint64_t us_since_1970(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint32_t in_flight(const struct sender *sender) {
    return sender->next - 1 - sender->acknowledged;
}

static struct sender_packet *packet_of(struct sender *sender, uint32_t sequence) {
    return &sender->window[sequence % SENDER_WINDOW];
}

static uint8_t marked_bit(const struct worker *worker, const struct sender *sender,
                          const struct session *session) {
    if (sender->twin)
        return REPLICA_MARKED_TWIN;
    return cluster_partner(&worker->snapshot->cluster, session->bucket) == sender->peer
               ? REPLICA_MARKED
               : REPLICA_MARKED_FORMER;
}

/* Who leaves a bucket was its partner when the mark was made, perhaps, and the bit was another one:
 * better twice than never. */
static bool is_marked(const struct worker *worker, const struct sender *sender,
                      const struct session *session) {
    uint8_t bit = marked_bit(worker, sender, session);

    return bit == REPLICA_MARKED_FORMER || (session->replica & bit) != 0;
}

/* Seal the packet that has `bytes` of header and records, number it, send it. */
static void send_new(struct worker *worker, struct sender *sender, uint16_t bytes,
                     uint16_t records) {
    struct sender_packet *packet = packet_of(sender, sender->next);
    struct wire_header header = replicate_header(worker, sender->peer, WIRE_DATA);

    header.worker = (uint8_t)worker->id;
    header.records = records;
    header.stream = sender->stream;
    header.sequence = sender->next;
    header.to_incarnation = sender->peer_incarnation;
    wire_put_header(packet->payload, &header);
    packet->bytes = wire_seal(packet->payload, bytes, replicate_key(worker, sender->peer));
    sender->sent_ms = worker->now_ms;
    if (in_flight(sender) == 0)
        sender->progress_ms = worker->now_ms;
    if (in_flight(sender) == 0 || sender->retry_ms == 0) {
        sender->sent_again_ms = worker->now_ms;
        sender->retry_ms = SENDER_RETRY_MS;
    }
    sender->next++;
    worker->stats.replication_records_sent += records;
    replicate_send(worker, sender->peer, sender->bucket, packet->payload, packet->bytes);
}

static uint64_t peer_incarnation(const struct worker *worker, const struct sender *sender) {
    return __atomic_load_n(&worker->dataplane->replication.peers[sender->peer].incarnation,
                           __ATOMIC_RELAXED);
}

static void begin_copy(struct sender *sender) {
    sender->copied_up_to = 0;
    __atomic_store_n(&sender->copied, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&sender->looked_at, 0, __ATOMIC_RELAXED);
}

void sender_begin(struct worker *worker, struct sender *sender) {
    uint64_t incarnation =
        __atomic_load_n(&worker->dataplane->replication.incarnation, __ATOMIC_RELAXED);
    uint64_t now_us = us_since_1970();

    sender->stream = sender->stream < now_us ? now_us : sender->stream + 1;
    if (sender->own_incarnation != incarnation) /* who begins again claims nothing */
        memset(sender->to_claim, 0, sizeof(sender->to_claim));
    sender->own_incarnation = incarnation;
    sender->peer_incarnation = peer_incarnation(worker, sender);
    sender->phase = SENDER_HELLO;
    sender->next = 1;
    sender->acknowledged = 0;
    sender->soon.head = sender->soon.tail = 0;
    sender->later.head = sender->later.tail = 0;
    memset(sender->later_tail, 0, sizeof(sender->later_tail));
    sender->retry_ms = 0;
    sender->sweep = SWEEP_NONE;
    memset(sender->to_copy, 0xff, sizeof(sender->to_copy));
    begin_copy(sender);
    worker->stats.replication_streams++;
    send_new(worker, sender, WIRE_HEADER_BYTES, 0);
}

void sender_end(struct sender *sender) {
    sender->runs = false; /* its number stays: the next stream's must be higher */
    sender->phase = SENDER_HELLO;
}

static bool is_empty(const uint64_t buckets[BUCKET_COUNT / 64]) {
    for (int i = 0; i < BUCKET_COUNT / 64; i++)
        if (buckets[i] != 0)
            return false;
    return true;
}

void sender_follow(struct worker *worker, struct sender *sender,
                   const uint64_t gained[BUCKET_COUNT / 64],
                   const uint64_t left[BUCKET_COUNT / 64]) {
    uint32_t epoch = replicate_epoch(worker->snapshot, sender->peer);
    bool same_map = sender->epoch == epoch && is_empty(gained);

    sender->epoch = epoch;
    if (!sender->runs || (!same_map && sender->phase != SENDER_STEADY)) {
        sender->runs = true;
        sender_begin(worker, sender);
        memcpy(sender->to_claim, left, sizeof(sender->to_claim));
        return;
    }
    for (uint32_t sequence = sender->acknowledged + 1; sequence != sender->next; sequence++) {
        struct sender_packet *packet = packet_of(sender, sequence);

        wire_seal_again(packet->payload, packet->bytes, sender->epoch,
                        replicate_key(worker, sender->peer));
    }
    if (same_map)
        return;
    sender->phase = SENDER_COPY;
    memcpy(sender->to_copy, gained, sizeof(sender->to_copy));
    memcpy(sender->to_claim, left, sizeof(sender->to_claim));
    begin_copy(sender);
}

/* A mark that finds no room is not lost: it is found in the session. */
void sender_mark(struct worker *worker, struct sender *sender, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];

    if (sender->phase == SENDER_HELLO)
        return;
    session->replica |= marked_bit(worker, sender, session);
    if (ring_is_full(&sender->soon)) {
        sender->sweep = SWEEP_FROM_START;
        return;
    }
    *ring_at(&sender->soon, sender->soon.tail++) = number;
}

void sender_mark_later(struct worker *worker, struct sender *sender, uint32_t number) {
    struct session *session = &worker->sessions.sessions[number];

    uint8_t bit = marked_bit(worker, sender, session);

    /* A bit for who leaves a bucket may be from another time that it was left. */
    if (sender->phase == SENDER_HELLO ||
        (bit != REPLICA_MARKED_FORMER && (session->replica & bit) != 0))
        return;
    if (ring_is_full(&sender->later)) {
        sender_mark(worker, sender, number);
        return;
    }
    session->replica |= bit;
    *ring_at(&sender->later, sender->later.tail++) = number;
}

/* Up to where the marks in `later` have waited for long enough. */
static uint32_t later_due(const struct worker *worker, struct sender *sender) {
    uint64_t step = worker->now_ms / (SENDER_LATER_MS / SENDER_LATER_STEPS);

    if (step - sender->later_step > SENDER_LATER_STEPS) /* the worker has had a pause */
        sender->later_step = step - SENDER_LATER_STEPS;
    while (sender->later_step < step)
        sender->later_tail[sender->later_step++ % SENDER_LATER_STEPS] = sender->later.tail;
    return sender->later_tail[step % SENDER_LATER_STEPS];
}

void sender_acknowledged(struct worker *worker, struct sender *sender,
                         const struct wire_header *header) {
    if (header->stream != sender->stream)
        return;
    if ((header->flags & WIRE_BEGIN_AGAIN) != 0) {
        sender_begin(worker, sender);
        return;
    }
    /* Of those in flight: numbers go round. */
    if (header->sequence - sender->acknowledged - 1 >= in_flight(sender))
        return;
    sender->acknowledged = header->sequence;
    sender->progress_ms = sender->sent_again_ms = worker->now_ms;
    sender->retry_ms = SENDER_RETRY_MS;
    /* A hello that told nobody's name has only asked who is there; sender_poll() begins again. */
    if (sender->phase == SENDER_HELLO && sender->peer_incarnation != 0)
        sender->phase = SENDER_COPY;
}

static void send_again(struct worker *worker, struct sender *sender) {
    sender->sent_again_ms = worker->now_ms;
    sender->retry_ms = RTE_MIN(sender->retry_ms * 2, (uint32_t)SENDER_RETRY_MAX_MS);
    for (uint32_t sequence = sender->acknowledged + 1; sequence != sender->next; sequence++) {
        const struct sender_packet *packet = packet_of(sender, sequence);

        worker->stats.replication_packets_again++;
        replicate_send(worker, sender->peer, sender->bucket, packet->payload, packet->bytes);
    }
}

/* A packet being filled. */
struct filling {
    struct worker *worker;
    struct sender *sender;
    uint16_t bytes;
    uint16_t records;
};

static bool has_room(const struct filling *filling) {
    return filling->records > 0 || in_flight(filling->sender) < SENDER_WINDOW;
}

static void flush(struct filling *filling) {
    if (filling->records > 0)
        send_new(filling->worker, filling->sender, filling->bytes, filling->records);
    filling->bytes = WIRE_HEADER_BYTES;
    filling->records = 0;
}

/* Where the next record goes. */
static uint8_t *end_of(const struct filling *filling) {
    return packet_of(filling->sender, filling->sender->next)->payload + filling->bytes;
}

static void added(struct filling *filling, uint16_t bytes) {
    filling->bytes = (uint16_t)(filling->bytes + bytes);
    filling->records++;
    if (filling->bytes + WIRE_RECORD_MAX + WIRE_TAG_BYTES > WIRE_PAYLOAD_MAX)
        flush(filling);
}

static bool is_shared(const struct filling *filling, uint32_t number) {
    const struct worker *worker = filling->worker;
    const struct session *session = &worker->sessions.sessions[number];
    const struct cluster *cluster = &worker->snapshot->cluster;

    if (!session_is_open(&worker->sessions, number))
        return false;
    if (filling->sender->twin)
        return cluster->twin[session->bucket] == filling->sender->peer &&
               snapshot_policy(worker->snapshot, session->target)->migrates;
    return cluster_tells(cluster, session->bucket, filling->sender->peer);
}

static void add_session(struct filling *filling, uint32_t number, uint8_t flags) {
    const struct worker *worker = filling->worker;
    struct session *session = &worker->sessions.sessions[number];
    bool usual = wire_is_usual(session);
    struct record record;

    /* Not before: bytes around one that has just been written wait for it when they are read. */
    session->replica &= (uint8_t)~marked_bit(worker, filling->sender, session);
    if (likely(usual)) {
        added(filling, wire_put_usual(end_of(filling), session, flags, worker->now_ms));
        return;
    }
    install_describe(worker, number, &record);
    record.flags |= flags;
    added(filling, wire_put_record(end_of(filling), &record));
}

/* A session whose packet has left the caches meanwhile: both of its lines are told of. */
static void prefetch_marked(const struct worker *worker, const struct mark_ring *ring,
                            uint32_t mark) {
    const struct session *session = &worker->sessions.sessions[*ring_at(ring, mark)];

    rte_prefetch0(session);
    rte_prefetch0(&session->created_ms);
}

/* One packet a millisecond, or full ones. */
static bool may_leave(const struct worker *worker, const struct sender *sender) {
    return sender->sent_ms != worker->now_ms ||
           sender->soon.tail - sender->soon.head >= FULL_PACKET;
}

/* A packet that has begun is filled up; what does not fill one may have to wait. */
static bool is_due(const struct filling *filling, const struct mark_ring *ring) {
    const struct sender *sender = filling->sender;

    return filling->records > 0 || ring == &sender->later || may_leave(filling->worker, sender);
}

static void fill_marks(struct filling *filling, struct mark_ring *ring, uint32_t up_to) {
    struct sender *sender = filling->sender;

    for (uint32_t i = 0; i < MARKS_AHEAD; i++)
        prefetch_marked(filling->worker, ring, ring->head + i);
    while (ring->head != up_to && has_room(filling) && is_due(filling, ring)) {
        uint32_t number;

        prefetch_marked(filling->worker, ring, ring->head + MARKS_AHEAD);
        number = *ring_at(ring, ring->head++);

        /* Closed since, its number perhaps used again and marked again, or told by the copy. */
        if (is_shared(filling, number) &&
            is_marked(filling->worker, sender, &filling->worker->sessions.sessions[number]))
            add_session(filling, number, 0);
    }
}

/* Marks have found no room: all sessions are looked through for them, as often as that happens. */
static void fill_sweep(struct filling *filling) {
    const struct worker *worker = filling->worker;
    struct sender *sender = filling->sender;

    if (sender->sweep == SWEEP_FROM_START) {
        sender->sweep = SWEEP_ON;
        sender->swept_up_to = 0;
    }
    for (int i = 0; i < SWEEP_BUDGET && has_room(filling); i++) {
        uint32_t number = session_next(&worker->sessions, sender->swept_up_to);
        const struct session *session = &worker->sessions.sessions[number];

        if (number == 0) {
            sender->sweep = SWEEP_NONE;
            return;
        }
        sender->swept_up_to = number;
        if ((session->replica & marked_bit(worker, sender, session)) != 0 &&
            is_shared(filling, number))
            add_session(filling, number, 0);
    }
}

static bool has_bucket(const uint64_t buckets[BUCKET_COUNT / 64], uint16_t bucket) {
    return buckets[bucket / 64] >> bucket % 64 & 1;
}

static void count(uint32_t *counter) {
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED); /* control reads it */
}

/* The LD that has had the session's packets has left the bucket: the session is ours now, whether a
 * packet of it has come or not. */
static void claim(struct worker *worker, const struct sender *sender, uint32_t number) {
    const struct session *session = &worker->sessions.sessions[number];
    const struct cluster *cluster = &worker->snapshot->cluster;

    if (has_bucket(sender->to_claim, session->bucket) &&
        (session->replica & REPLICA_STANDBY) != 0 &&
        cluster->primary[session->bucket] == cluster->self)
        install_activate(worker, number);
}

static void fill_copy(struct filling *filling) {
    struct worker *worker = filling->worker;
    struct sender *sender = filling->sender;
    struct record finish = { .kind = RECORD_FINISH, .epoch = sender->epoch };
    bool nothing = is_empty(sender->to_copy);

    for (int looked_at = 0; looked_at < SENDER_COPY_BUDGET; looked_at++) {
        uint32_t number;

        if (!has_room(filling))
            return;
        number = nothing ? 0 : session_next(&worker->sessions, sender->copied_up_to);
        if (number == 0) {
            /* In a packet of its own: it is repeated until records that came before have been
             * taken, and nothing must be repeated with it. */
            flush(filling);
            if (!has_room(filling))
                return;
            finish.count = sender->copied;
            added(filling, wire_put_record(end_of(filling), &finish));
            flush(filling);
            sender->phase = SENDER_STEADY;
            memset(sender->to_claim, 0, sizeof(sender->to_claim));
            return;
        }
        sender->copied_up_to = number;
        if (!session_is_open(&worker->sessions, number))
            continue;
        count(&sender->looked_at);
        if (!has_bucket(sender->to_copy, worker->sessions.sessions[number].bucket) ||
            !is_shared(filling, number))
            continue;
        count(&sender->copied);
        install_presume(worker, &worker->sessions.sessions[number]);
        claim(worker, sender, number);
        add_session(filling, number, RECORD_COPY);
    }
}

/* Who hears nothing takes us for gone: a twin takes its sessions back (forward/peer.h), any other
 * LD will not wait for us (replicate/online.c). */
static bool has_to_speak(const struct worker *worker, const struct sender *sender) {
    uint32_t keepalive_ms = sender->twin ? SENDER_TWIN_KEEPALIVE_MS : SENDER_KEEPALIVE_MS;

    return in_flight(sender) == 0 && worker->now_ms - sender->sent_ms >= keepalive_ms;
}

static bool out_of_date(const struct worker *worker, const struct sender *sender) {
    const struct replication *replication = &worker->dataplane->replication;

    return sender->peer_incarnation != peer_incarnation(worker, sender) ||
           sender->own_incarnation != __atomic_load_n(&replication->incarnation, __ATOMIC_RELAXED);
}

void sender_poll(struct worker *worker, struct sender *sender) {
    struct filling filling = { worker, sender, WIRE_HEADER_BYTES, 0 };
    uint32_t due;

    if (out_of_date(worker, sender)) {
        sender_begin(worker, sender);
        return;
    }
    if (in_flight(sender) > 0) {
        if (sender->phase != SENDER_HELLO &&
            worker->now_ms - sender->progress_ms > SENDER_GONE_MS) {
            sender_begin(worker, sender);
            return;
        }
        if (worker->now_ms - sender->sent_again_ms >= sender->retry_ms)
            send_again(worker, sender);
    }
    if (sender->phase == SENDER_HELLO)
        return;
    if (sender->soon.head != sender->soon.tail && is_due(&filling, &sender->soon))
        fill_marks(&filling, &sender->soon, sender->soon.tail);
    due = later_due(worker, sender);
    if (sender->later.head != due)
        fill_marks(&filling, &sender->later, due);
    if (unlikely(sender->sweep != SWEEP_NONE))
        fill_sweep(&filling);
    if (sender->phase == SENDER_COPY)
        fill_copy(&filling);
    flush(&filling);
    if (has_to_speak(worker, sender))
        send_new(worker, sender, WIRE_HEADER_BYTES, 0);
}
