#include "replicate/receiver.h"

#include "forward/worker.h"
#include "replicate/install.h"
#include "replicate/replicate.h"

enum {
    RECORDS_BUDGET = 256
};

static struct copy_count *copy_of(const struct worker *worker, uint8_t peer, uint16_t from) {
    return &worker->dataplane->replication.copies[peer][from];
}

static void count_installed(struct copy_count *copy, const struct record *record, bool installed) {
    if ((record->flags & RECORD_COPY) != 0 && installed)
        __atomic_fetch_add(&copy->installed, 1, __ATOMIC_RELAXED);
}

static void do_record(struct worker *worker, const struct record *record) {
    bool installed = install_record(worker, record);

    worker->stats.replication_records_received++;
    worker->stats.replication_records_refused += !installed;
    count_installed(copy_of(worker, record->from, record->worker), record, installed);
}

void receiver_take_records(struct worker *worker) {
    struct record record;

    for (int i = 0; i < RECORDS_BUDGET; i++) {
        if (rte_ring_dequeue_elem(worker->replication.records, &record, sizeof(record)) != 0)
            return;
        do_record(worker, &record);
        __atomic_fetch_sub(&copy_of(worker, record.from, record.worker)->pending, 1,
                           __ATOMIC_RELEASE);
    }
}

/* To the worker that has the bucket here. False when its ring is full: the packet will be sent
 * again, and a record that is done twice does no harm. */
static bool pass_on(struct worker *worker, const struct record *record) {
    struct dataplane *dataplane = worker->dataplane;
    struct worker *owner = dataplane->workers[dataplane->owner_of_bucket[record->bucket]];
    struct copy_count *copy = copy_of(worker, record->from, record->worker);

    if (owner == worker) {
        do_record(worker, record);
        return true;
    }
    __atomic_fetch_add(&copy->pending, 1, __ATOMIC_RELAXED);
    if (rte_ring_enqueue_elem(owner->replication.records, (void *)(uintptr_t)record,
                              sizeof(*record)) == 0)
        return true;
    __atomic_fetch_sub(&copy->pending, 1, __ATOMIC_RELAXED);
    return false;
}

enum finish {
    FINISH_WHOLE,
    FINISH_LATER, /* other workers have records in hand */
    FINISH_AGAIN, /* sessions are missing: the copy has to be repeated */
};

static enum finish finish(struct worker *worker, struct receiver *receiver,
                          const struct record *record, const struct wire_header *header) {
    struct copy_count *copy = copy_of(worker, record->from, record->worker);

    if (__atomic_load_n(&copy->pending, __ATOMIC_ACQUIRE) != 0)
        return FINISH_LATER;
    /* More than were counted: one was installed twice because its packet had to be repeated. */
    if (__atomic_load_n(&copy->installed, __ATOMIC_RELAXED) < record->count) {
        worker->stats.replication_copies_short++;
        if (++receiver->attempts < COPY_ATTEMPTS) {
            receiver->short_copy = true;
            return FINISH_AGAIN;
        }
    }
    receiver->attempts = 0;
    /* The next copy in this stream is of what the next map adds. */
    __atomic_store_n(&copy->installed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&copy->whole_epoch, record->epoch, __ATOMIC_RELAXED);
    __atomic_store_n(&copy->whole_from, header->from_incarnation, __ATOMIC_RELAXED);
    __atomic_store_n(&copy->whole_incarnation, header->to_incarnation, __ATOMIC_RELEASE);
    return FINISH_WHOLE;
}

/* @return false when the packet cannot be acknowledged yet */
static bool take_records(struct worker *worker, uint8_t peer, const struct wire_header *header,
                         const uint8_t *at, uint16_t bytes) {
    struct receiver *receiver = &worker->replication.receivers[peer][header->worker];
    struct record record;

    for (uint16_t i = 0; i < header->records; i++) {
        uint16_t read = wire_get_record(at, bytes, &record);
        enum finish end;

        if (read == 0)
            return true; /* of a kind that this version does not know: the rest is lost on it */
        at += read;
        bytes = (uint16_t)(bytes - read);
        record.from = peer;
        record.worker = header->worker;
        if (record.kind == RECORD_SESSION) {
            if (!pass_on(worker, &record))
                return false;
            continue;
        }
        end = finish(worker, receiver, &record, header);
        if (end != FINISH_WHOLE)
            return false;
    }
    return true;
}

static void acknowledge(struct worker *worker, uint8_t peer, uint8_t from, uint16_t bucket,
                        uint64_t stream, uint8_t flags) {
    const struct receiver *receiver = &worker->replication.receivers[peer][from];
    struct wire_header header = replicate_header(worker, peer, WIRE_ACK);
    uint8_t payload[WIRE_HEADER_BYTES + WIRE_TAG_BYTES];

    header.flags = flags;
    header.worker = from;
    header.stream = stream;
    header.sequence = receiver->sequence;
    header.to_incarnation =
        __atomic_load_n(&worker->dataplane->replication.peers[peer].incarnation, __ATOMIC_RELAXED);
    wire_put_header(payload, &header);
    replicate_send(worker, peer, bucket, payload,
                   wire_seal(payload, WIRE_HEADER_BYTES, replicate_key(worker, peer)));
}

void receiver_acknowledge(struct worker *worker) {
    struct worker_replication *replication = &worker->replication;

    if (replication->owed_packets < ACKNOWLEDGED_TOGETHER &&
        replication->owed_since_ms == worker->now_ms)
        return;
    replication->owed_packets = 0;
    for (; replication->owed_peers != 0; replication->owed_peers &= replication->owed_peers - 1) {
        uint8_t peer = (uint8_t)__builtin_ctzll(replication->owed_peers);

        for (; replication->owed[peer] != 0;
             replication->owed[peer] &= replication->owed[peer] - 1) {
            uint8_t from = (uint8_t)__builtin_ctzll(replication->owed[peer]);

            acknowledge(worker, peer, from, replication->owed_bucket[peer],
                        replication->receivers[peer][from].stream, 0);
        }
    }
}

static void owe(struct worker *worker, uint8_t peer, uint8_t from, uint16_t bucket) {
    struct worker_replication *replication = &worker->replication;

    if (replication->owed_packets++ == 0)
        replication->owed_since_ms = worker->now_ms;
    replication->owed[peer] |= 1ULL << from;
    replication->owed_bucket[peer] = bucket;
    replication->owed_peers |= 1ULL << peer;
}

static void begin(struct worker *worker, uint8_t peer, const struct wire_header *header) {
    struct receiver *receiver = &worker->replication.receivers[peer][header->worker];
    struct copy_count *copy = copy_of(worker, peer, header->worker);

    receiver->stream = header->stream;
    receiver->incarnation = header->from_incarnation;
    receiver->sequence = 0;
    receiver->short_copy = false;
    __atomic_store_n(&copy->installed, 0, __ATOMIC_RELAXED);
    /* Until its copy has come, there may be sessions that it has not told: no map may change. */
    __atomic_store_n(&copy->whole_incarnation, 0, __ATOMIC_RELEASE);
}

/* Within an incarnation streams rise. Between two, the clock that numbers them may have been set
 * back, by less than it has run in the first. */
static bool is_before(const struct wire_header *header, const struct receiver *receiver) {
    return header->stream < receiver->stream && header->from_incarnation <= receiver->incarnation;
}

void receiver_data(struct worker *worker, uint8_t peer, const struct wire_header *header,
                   const uint8_t *records, uint16_t bytes, uint16_t bucket) {
    struct receiver *receiver = &worker->replication.receivers[peer][header->worker];
    uint64_t incarnation =
        __atomic_load_n(&worker->dataplane->replication.incarnation, __ATOMIC_RELAXED);

    if (is_before(header, receiver))
        return; /* has been on its way for long */
    if (header->stream != receiver->stream && header->sequence == 1)
        begin(worker, peer, header);
    if (header->stream == receiver->stream && !receiver->short_copy &&
        header->sequence == receiver->sequence + 1 &&
        (header->sequence == 1 || header->to_incarnation == incarnation)) {
        if (take_records(worker, peer, header, records, bytes))
            receiver->sequence++;
        else if (!receiver->short_copy)
            return; /* it comes again */
    }
    /* A stream whose beginning we have forgotten, that is for who we were before, or short. */
    if (header->stream != receiver->stream || receiver->short_copy ||
        (header->sequence > 1 && header->to_incarnation != incarnation)) {
        acknowledge(worker, peer, header->worker, bucket, header->stream, WIRE_BEGIN_AGAIN);
        return;
    }
    owe(worker, peer, header->worker, bucket);
}
