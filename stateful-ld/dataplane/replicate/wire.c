#include "replicate/wire.h"

#include <string.h>

#include <rte_cycles.h>

#include "packet/bucket.h"
#include "session/tcp_state.h"

enum {
    RECORD_HEAD_BYTES = 16,
    SHORT_BYTES = sizeof(struct flow_short),
    V6_BYTES = sizeof(struct ip6_pair),
    NUMBERS = 12, /* of struct session_numbers */
};

/* Without holes, so that it can be copied as it is. */
struct header {
    uint8_t version;
    uint8_t type;
    uint8_t flags;
    uint8_t streams;
    rte_be32_t epoch;
    rte_be16_t from;
    rte_be16_t to;
    rte_be16_t worker;
    rte_be16_t records;
    rte_be64_t from_incarnation;
    rte_be64_t to_incarnation;
    rte_be64_t stream;
    rte_be32_t sequence;
    rte_be32_t reserved;
};

_Static_assert(sizeof(struct header) == WIRE_HEADER_BYTES, "no holes");
_Static_assert(WIRE_PAYLOAD_MAX - WIRE_HEADER_BYTES - WIRE_TAG_BYTES <= TAG_BODY_MAX,
               "in a packet");

struct record_head {
    uint8_t kind;
    uint8_t flags;
    rte_be16_t bucket;
    uint8_t state;
    uint8_t alter;
    uint8_t reserved[2];
    rte_be32_t idle_ms; /* of a mark: its count */
    rte_be32_t age_s;   /* of a mark: its epoch */
};

_Static_assert(sizeof(struct record_head) == RECORD_HEAD_BYTES, "no holes");

void wire_put_header(uint8_t *at, const struct wire_header *header) {
    const struct header wire = {
        .version = WIRE_VERSION,
        .type = header->type,
        .flags = header->flags,
        .streams = header->streams,
        .epoch = rte_cpu_to_be_32(header->epoch),
        .from = rte_cpu_to_be_16(header->from),
        .to = rte_cpu_to_be_16(header->to),
        .worker = rte_cpu_to_be_16(header->worker),
        .records = rte_cpu_to_be_16(header->records),
        .from_incarnation = rte_cpu_to_be_64(header->from_incarnation),
        .to_incarnation = rte_cpu_to_be_64(header->to_incarnation),
        .stream = rte_cpu_to_be_64(header->stream),
        .sequence = rte_cpu_to_be_32(header->sequence),
    };

    memcpy(at, &wire, sizeof(wire));
}

/* Ports and addresses are in network order already. */
static uint8_t *put_short(uint8_t *at, const void *key) {
    uint32_t from[SHORT_BYTES / sizeof(uint32_t)];

    memcpy(from, key, sizeof(from));
    from[3] = rte_cpu_to_be_32(from[3]);
    memcpy(at, from, sizeof(from));
    return at + sizeof(from);
}

static uint8_t *put_key(uint8_t *at, const struct flow_key *key) {
    at = put_short(at, key);
    if (!flow_is_v6(key))
        return at;
    memcpy(at, &key->v6, V6_BYTES);
    return at + V6_BYTES;
}

/* All but `syn_ms`, which is of this LD's clock. */
static uint8_t *put_numbers(uint8_t *at, const struct session_numbers *numbers) {
    const rte_be32_t wire[NUMBERS] = {
        rte_cpu_to_be_32(numbers->client_isn),
        rte_cpu_to_be_32(numbers->rs_isn),
        rte_cpu_to_be_32(numbers->rs_expects),
        rte_cpu_to_be_32(numbers->client_end),
        rte_cpu_to_be_32(numbers->client_delta),
        rte_cpu_to_be_32(numbers->rs_delta),
        rte_cpu_to_be_32(numbers->timestamp_delta),
        rte_cpu_to_be_32(numbers->cookie),
        rte_cpu_to_be_32(numbers->first),
        rte_cpu_to_be_32(numbers->client_timestamp),
        rte_cpu_to_be_32((uint32_t)numbers->mss << 16 | (uint32_t)numbers->window_scale << 8 |
                         numbers->rs_window_scale),
        rte_cpu_to_be_32((uint32_t)numbers->sack_permitted << 1 | numbers->timestamps),
    };

    memcpy(at, wire, sizeof(wire));
    return at + sizeof(wire);
}

/* Put together in registers: what is copied at once from where several stores have just written it
 * waits for them. */
static uint8_t *put_words(uint8_t *at, uint64_t first, uint64_t second) {
    const rte_be64_t head[] = { rte_cpu_to_be_64(first), rte_cpu_to_be_64(second) };

    memcpy(at, head, sizeof(head));
    return at + sizeof(head);
}

static uint8_t *put_head(uint8_t *at, const struct record *record) {
    bool session = record->kind == RECORD_SESSION;
    uint32_t idle_ms = session ? record->idle_ms : record->count;
    uint32_t age_s = session ? (uint32_t)(record->age_ms / MS_PER_S) : record->epoch;

    return put_words(at,
                     (uint64_t)record->kind << 56 | (uint64_t)record->flags << 48 |
                         (uint64_t)record->bucket << 32 | (uint64_t)record->state << 24 |
                         (uint64_t)record->alter << 16,
                     (uint64_t)idle_ms << 32 | age_s);
}

/* Thousands for a burst of new connections: straight from the session to the packet. */
uint16_t wire_put_usual(uint8_t *at, const struct session *session, uint8_t flags,
                        uint64_t now_ms) {
    uint32_t idle_ms = (uint32_t)now_ms - session->last_seen_ms;
    uint32_t age_s = (uint32_t)((now_ms - session->created_ms) / MS_PER_S);

    at = put_words(at,
                   (uint64_t)RECORD_SESSION << 56 | (uint64_t)flags << 48 |
                       (uint64_t)session->bucket << 32 | (uint64_t)session->state << 24,
                   (uint64_t)idle_ms << 32 | age_s);
    at = put_short(at, &session->key[FROM_CLIENT]);
    put_short(at, &session->key[FROM_RS]);
    return WIRE_RECORD_IPV4;
}

uint16_t wire_put_record(uint8_t *at, const struct record *record) {
    uint8_t *end = put_head(at, record);

    if (record->kind == RECORD_SESSION)
        end = put_key(put_key(end, &record->client), &record->rs);
    if (record->kind == RECORD_SESSION && record->alter != 0)
        end = put_numbers(end, &record->numbers);
    if (unlikely((record->flags & RECORD_BY_ENTRY) != 0)) {
        memcpy(end, &record->entry, sizeof(record->entry));
        end += sizeof(record->entry);
    }
    return (uint16_t)(end - at);
}

uint16_t wire_seal(uint8_t *at, uint16_t bytes, const struct tag_key *key) {
    rte_be64_t tag =
        rte_cpu_to_be_64(tag_of(key, at, at + WIRE_HEADER_BYTES, bytes - WIRE_HEADER_BYTES));

    memcpy(at + bytes, &tag, sizeof(tag));
    return (uint16_t)(bytes + sizeof(tag));
}

void wire_seal_again(uint8_t *at, uint16_t bytes, uint32_t epoch, const struct tag_key *key) {
    rte_be32_t wire = rte_cpu_to_be_32(epoch);

    memcpy(at + offsetof(struct header, epoch), &wire, sizeof(wire));
    wire_seal(at, (uint16_t)(bytes - WIRE_TAG_BYTES), key);
}

bool wire_is_of_another_version(const uint8_t *at, uint16_t bytes) {
    return bytes >= WIRE_HEADER_BYTES + WIRE_TAG_BYTES &&
           at[offsetof(struct header, version)] != WIRE_VERSION;
}

bool wire_open(const uint8_t *at, uint16_t bytes, const struct tag_key *key,
               struct wire_header *header) {
    struct header wire;
    rte_be64_t tag;
    uint16_t body;

    if (bytes < WIRE_HEADER_BYTES + WIRE_TAG_BYTES || bytes > WIRE_PAYLOAD_MAX)
        return false;
    body = (uint16_t)(bytes - WIRE_HEADER_BYTES - WIRE_TAG_BYTES);
    memcpy(&tag, at + bytes - sizeof(tag), sizeof(tag));
    memcpy(&wire, at, sizeof(wire));
    if (wire.version != WIRE_VERSION || body % TAG_UNIT_BYTES != 0 ||
        rte_be_to_cpu_64(tag) != tag_of(key, at, at + WIRE_HEADER_BYTES, body))
        return false;
    *header = (struct wire_header){
        .type = wire.type,
        .flags = wire.flags,
        .streams = wire.streams,
        .worker = (uint8_t)rte_be_to_cpu_16(wire.worker),
        .from = rte_be_to_cpu_16(wire.from),
        .to = rte_be_to_cpu_16(wire.to),
        .records = rte_be_to_cpu_16(wire.records),
        .epoch = rte_be_to_cpu_32(wire.epoch),
        .sequence = rte_be_to_cpu_32(wire.sequence),
        .stream = rte_be_to_cpu_64(wire.stream),
        .from_incarnation = rte_be_to_cpu_64(wire.from_incarnation),
        .to_incarnation = rte_be_to_cpu_64(wire.to_incarnation),
    };
    return rte_be_to_cpu_16(wire.worker) <= UINT8_MAX;
}

static const uint8_t *get_key(const uint8_t *at, const uint8_t *end, struct flow_key *key) {
    if (at == NULL || end - at < SHORT_BYTES)
        return NULL;
    memset(key, 0, sizeof(*key));
    memcpy(key, at, SHORT_BYTES);
    key->vni_protocol = rte_be_to_cpu_32(key->vni_protocol);
    at += SHORT_BYTES;
    if (!flow_is_v6(key))
        return at;
    if (end - at < V6_BYTES)
        return NULL;
    memcpy(&key->v6, at, V6_BYTES);
    return at + V6_BYTES;
}

static const uint8_t *get_numbers(const uint8_t *at, const uint8_t *end, struct record *record) {
    rte_be32_t wire[NUMBERS];

    if (at == NULL || record->alter == 0)
        return at;
    if (end - at < (ptrdiff_t)sizeof(wire))
        return NULL;
    memcpy(wire, at, sizeof(wire));
    for (int i = 0; i < NUMBERS; i++)
        wire[i] = rte_be_to_cpu_32(wire[i]);
    record->numbers = (struct session_numbers){
        .client_isn = wire[0],
        .rs_isn = wire[1],
        .rs_expects = wire[2],
        .client_end = wire[3],
        .client_delta = wire[4],
        .rs_delta = wire[5],
        .timestamp_delta = wire[6],
        .cookie = wire[7],
        .first = wire[8],
        .client_timestamp = wire[9],
        .mss = (uint16_t)(wire[10] >> 16),
        .window_scale = (uint8_t)(wire[10] >> 8),
        .rs_window_scale = (uint8_t)wire[10],
        .sack_permitted = (wire[11] & 2) != 0,
        .timestamps = (wire[11] & 1) != 0,
    };
    return at + sizeof(wire);
}

static const uint8_t *get_entry(const uint8_t *at, const uint8_t *end, struct record *record) {
    if (at == NULL || (record->flags & RECORD_BY_ENTRY) == 0)
        return at;
    if (end - at < (ptrdiff_t)sizeof(record->entry))
        return NULL;
    memcpy(&record->entry, at, sizeof(record->entry));
    return at + sizeof(record->entry);
}

uint16_t wire_get_record(const uint8_t *at, uint16_t bytes, struct record *record) {
    const uint8_t *next = at + RECORD_HEAD_BYTES;
    struct record_head head;

    if (bytes < RECORD_HEAD_BYTES)
        return 0;
    memcpy(&head, at, sizeof(head));
    *record = (struct record){
        .kind = head.kind,
        .flags = head.flags,
        .state = head.state,
        .alter = head.alter,
        .bucket = rte_be_to_cpu_16(head.bucket),
        .idle_ms = rte_be_to_cpu_32(head.idle_ms),
        .count = rte_be_to_cpu_32(head.idle_ms),
        .epoch = rte_be_to_cpu_32(head.age_s),
        .age_ms = (uint64_t)rte_be_to_cpu_32(head.age_s) * MS_PER_S,
    };
    if (head.kind == RECORD_FINISH)
        return RECORD_HEAD_BYTES;
    if (head.kind != RECORD_SESSION || record->bucket >= BUCKET_COUNT ||
        record->state == STATE_NONE || record->state >= STATE_COUNT)
        return 0;
    next = get_key(next, at + bytes, &record->client);
    next = get_key(next, at + bytes, &record->rs);
    next = get_numbers(next, at + bytes, record);
    next = get_entry(next, at + bytes, record);
    return next == NULL ? 0 : (uint16_t)(next - at);
}
