#include "replicate/wire.h"

#include <arpa/inet.h>

#include "testing/frame.h"
#include "testing/test.h"

enum {
    NOW_MS = 5000000,
};

static void records_survive_the_wire(void **state) {
    const struct record session = {
        .kind = RECORD_SESSION,
        .flags = RECORD_COPY | RECORD_BY_ENTRY,
        .state = STATE_FIN_WAIT,
        .bucket = 1023,
        .idle_ms = 12345,
        .age_ms = 77000,
        .alter = ALTER_PROXY,
        .numbers = { .client_isn = 1,
                     .rs_isn = 0x80000002,
                     .rs_expects = 3,
                     .client_end = 4,
                     .client_delta = 0x80000005,
                     .rs_delta = 6,
                     .timestamp_delta = 7,
                     .cookie = 8,
                     .first = 9,
                     .client_timestamp = 10,
                     .mss = 0x8001,
                     .window_scale = 0x82,
                     .rs_window_scale = 0x83,
                     .sack_permitted = true },
        .client = { .src_port = htons(1),
                    .dst_port = htons(2),
                    .vni_protocol = 0x123486,
                    .v6 = { .src = ip_of("2001:db8::1"), .dst = ip_of("2001:db8::2") } },
        .rs = { .src = ip4("10.0.0.31"),
                .dst = ip4("198.18.1.1"),
                .src_port = htons(80),
                .dst_port = htons(1023),
                .vni_protocol = 6 },
        .entry = ip_of("2001:db8::99"),
    };
    struct record read;
    uint8_t bytes[WIRE_RECORD_MAX];
    uint16_t length = wire_put_record(bytes, &session);

    (void)state;
    assert_int_equal(wire_get_record(bytes, length, &read), length);
    assert_true(flow_equal(&read.client, &session.client));
    assert_true(flow_equal(&read.rs, &session.rs));
    assert_int_equal(read.state, session.state);
    assert_int_equal(read.flags, session.flags);
    assert_int_equal(read.bucket, session.bucket);
    assert_int_equal(read.idle_ms, session.idle_ms);
    assert_int_equal(read.age_ms, session.age_ms);
    assert_int_equal(read.alter, session.alter);
    assert_memory_equal(&read.numbers, &session.numbers, sizeof(read.numbers));
    assert_true(ip_equal(&read.entry, &session.entry));
    for (uint16_t cut = 0; cut < length; cut++)
        assert_int_equal(wire_get_record(bytes, cut, &read), 0);
}

static struct session usual_session(void) {
    return (struct session){
        .key = { [FROM_CLIENT] = { ip4("192.0.2.1"), ip4("203.0.113.1"), htons(40000), htons(80),
                                   6 },
                 [FROM_RS] = { ip4("10.0.0.2"), ip4("198.18.1.1"), htons(8080), htons(1024 + 77),
                               0x12345606 } },
        .last_seen_ms = (uint32_t)NOW_MS - 1234,
        .bucket = 77,
        .state = STATE_ESTABLISHED,
        .replica = 0xff,
        .created_ms = NOW_MS - 98765,
    };
}

static void keep_short(struct flow_key *key, const struct flow_short *from) {
    memcpy(key, from, sizeof(*from));
}

/* There are two ways to write a record, and one record. */
static void a_usual_session_is_written_as_every_other_one(void **state) {
    const struct session session = usual_session();
    struct record record = { .kind = RECORD_SESSION,
                             .flags = RECORD_COPY,
                             .state = session.state,
                             .bucket = session.bucket,
                             .idle_ms = 1234,
                             .age_ms = 98765 };
    uint8_t expected[WIRE_RECORD_MAX], written[WIRE_RECORD_MAX];

    (void)state;
    keep_short(&record.client, &session.key[FROM_CLIENT]);
    keep_short(&record.rs, &session.key[FROM_RS]);
    assert_true(wire_is_usual(&session));
    assert_int_equal(wire_put_usual(written, &session, RECORD_COPY, NOW_MS), WIRE_RECORD_IPV4);
    assert_int_equal(wire_put_record(expected, &record), WIRE_RECORD_IPV4);
    assert_memory_equal(written, expected, WIRE_RECORD_IPV4);
}

static void what_a_short_record_has_no_room_for_is_not_usual(void **state) {
    struct session session;

    (void)state;
    session = usual_session();
    session.alter = 1;
    assert_false(wire_is_usual(&session));
    session = usual_session();
    session.by_entry = 1;
    assert_false(wire_is_usual(&session));
    for (int direction = 0; direction < 2; direction++) {
        session = usual_session();
        session.key[direction].vni_protocol |= FLOW_V6;
        assert_false(wire_is_usual(&session));
    }
}

/* A packet of @p records that can be told from each other. @return bytes */
static uint16_t make_packet(uint8_t *at, uint16_t records, const struct tag_key *key) {
    const struct wire_header header = { .type = WIRE_DATA, .records = records, .sequence = 7 };
    struct session session = usual_session();
    uint16_t bytes = WIRE_HEADER_BYTES;

    wire_put_header(at, &header);
    for (uint16_t i = 0; i < records; i++) {
        session.bucket = i;
        bytes = (uint16_t)(bytes + wire_put_usual(at + bytes, &session, 0, NOW_MS));
    }
    return wire_seal(at, bytes, key);
}

/* The longest packet that a sender makes, and a byte more than a sender may. */
static void only_whole_packets_are_believed(void **state) {
    const uint16_t most =
        (WIRE_PAYLOAD_MAX - WIRE_HEADER_BYTES - WIRE_TAG_BYTES) / WIRE_RECORD_IPV4;
    struct siphash_key secret = { { 1, 2 } };
    uint8_t packet[2 * WIRE_PAYLOAD_MAX] = { 0 };
    struct wire_header header;
    struct tag_key key;
    uint16_t bytes;

    (void)state;
    tag_key_init(&key, &secret);
    bytes = make_packet(packet, most, &key);
    assert_in_range(bytes, WIRE_PAYLOAD_MAX - WIRE_RECORD_IPV4, WIRE_PAYLOAD_MAX);
    assert_true(wire_open(packet, bytes, &key, &header));
    assert_int_equal(header.records, most);
    assert_int_equal(header.sequence, 7);
    for (uint16_t cut = 0; cut < bytes; cut++)
        assert_false(wire_open(packet, cut, &key, &header));
    for (uint16_t more = (uint16_t)(bytes + 1); more < sizeof(packet); more++)
        assert_false(wire_open(packet, more, &key, &header));
    packet[0]--; /* the version before */
    wire_seal(packet, (uint16_t)(bytes - WIRE_TAG_BYTES), &key);
    assert_false(wire_open(packet, bytes, &key, &header));
}

/* What waits when the map changes goes out in the new epoch. */
static void a_packet_can_be_sealed_again(void **state) {
    struct siphash_key secret = { { 3, 4 } };
    uint8_t packet[WIRE_PAYLOAD_MAX];
    struct wire_header header;
    struct tag_key key, other;
    uint16_t bytes;

    (void)state;
    tag_key_init(&key, &secret);
    secret.word[0]++;
    tag_key_init(&other, &secret);
    bytes = make_packet(packet, 3, &key);
    wire_seal_again(packet, bytes, 99, &other);
    assert_false(wire_open(packet, bytes, &key, &header));
    assert_true(wire_open(packet, bytes, &other, &header));
    assert_int_equal(header.epoch, 99);
    assert_int_equal(header.records, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_survive_the_wire),
        cmocka_unit_test(a_usual_session_is_written_as_every_other_one),
        cmocka_unit_test(what_a_short_record_has_no_room_for_is_not_usual),
        cmocka_unit_test(only_whole_packets_are_believed),
        cmocka_unit_test(a_packet_can_be_sealed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
