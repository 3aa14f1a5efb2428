/**
 * @file
 * What LDs of a cluster tell each other, on the wire: UDP from VTEP to VTEP, all numbers big
 * endian.
 *
 *     header 48 | record | record | … | tag 8
 *
 * The UDP source port carries a bucket as a tunnel's does, so a packet arrives on the core that
 * has this bucket. The tag (packet/tag.h) is of everything before it.
 */
#ifndef SLUICE_REPLICATE_WIRE_H
#define SLUICE_REPLICATE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/flow.h"
#include "packet/tag.h"
#include "session/session.h"

enum {
    WIRE_VERSION = 2,
    WIRE_HEADER_BYTES = TAG_HEADER_BYTES,
    WIRE_TAG_BYTES = 8,
    /** A packet's UDP payload; fits the smallest MTU an underlay has. */
    WIRE_PAYLOAD_MAX = 1400,
    WIRE_RECORD_MAX = 16 + 2 * (16 + 32) + 48 + 16,
    WIRE_RECORD_IPV4 = 16 + 2 * 16, /**< of a session whose packets are not altered */
};

enum wire_type {
    WIRE_DATA = 1,
    WIRE_ACK = 2,
};

enum {
    /** Acknowledgement: begin again with a new stream, there is nothing to go on with here. */
    WIRE_BEGIN_AGAIN = 1,
};

struct wire_header {
    uint8_t type;
    uint8_t flags;
    /** That the LD this comes from has to the one it is for: one for each of its workers that has a
     * bucket they share. 0: it has just got another map, and does not say. */
    uint8_t streams;
    uint8_t worker; /**< whose stream it is: of the LD that sends the data */
    uint16_t from;  /**< LD ids */
    uint16_t to;
    uint16_t records;
    uint32_t epoch;
    uint32_t sequence;         /**< from 1 in each stream; acknowledgement: the last in order */
    uint64_t stream;           /**< rises from stream to stream of a worker, also over restarts */
    uint64_t from_incarnation; /**< rises with each loss of state of the LD this comes from */
    uint64_t to_incarnation;   /**< of the LD it is for, as far as it is known; 0: not at all */
};

enum record_kind {
    RECORD_SESSION = 1,
    RECORD_FINISH = 2, /**< all sessions there were to copy have been, `count` of them */
};

enum {
    RECORD_COPY = 1,     /**< of the copy a stream begins with, not of a change */
    RECORD_BY_ENTRY = 2, /**< the client's packets come by a region entry, and answers go there */
};

/**
 * A session as it is told, or a mark in the stream.
 *
 * The first fields are bytes on the wire. Were they bytes here, what the compiler would read at
 * once when it writes them there would come from several stores, and has to wait for them.
 */
struct record {
    uint16_t kind;
    uint16_t flags;
    uint16_t state; /**< enum session_state */
    uint16_t alter; /**< enum session_alter */
    uint16_t bucket;
    uint8_t from;     /**< receiver's: index of the LD it came from */
    uint8_t worker;   /**< receiver's: worker of that LD */
    uint32_t idle_ms; /**< since its last packet */
    uint32_t count;   /**< of a mark */
    uint32_t epoch;   /**< of a mark: whose map the copy was made by */
    uint64_t age_ms;
    struct flow_key client;
    struct flow_key rs;
    struct session_numbers numbers; /**< where `alter` asks for them */
    struct ip_address entry;        /**< its tunnel endpoint, with RECORD_BY_ENTRY */
};

_Static_assert(sizeof(struct record) % 4 == 0, "elements of a ring are 32-bit words");

/** Write a header to @p at. */
void wire_put_header(uint8_t *at, const struct wire_header *header);

/** Write a record. @return bytes written, at most WIRE_RECORD_MAX */
uint16_t wire_put_record(uint8_t *at, const struct record *record);

/** Most sessions are: of IPv4, with packets that are not altered, and answers that go straight. */
static inline bool wire_is_usual(const struct session *session) {
    return session->alter == 0 && !session->by_entry &&
           ((session->key[FROM_CLIENT].vni_protocol | session->key[FROM_RS].vni_protocol) &
            FLOW_V6) == 0;
}

/**
 * Write the record of a session that is usual, as wire_put_record() would.
 *
 * @param flags of the record
 * @return bytes written: WIRE_RECORD_IPV4
 */
uint16_t wire_put_usual(uint8_t *at, const struct session *session, uint8_t flags, uint64_t now_ms);

/** Append the tag to @p bytes of header and records. @return bytes with it */
uint16_t wire_seal(uint8_t *at, uint16_t bytes, const struct tag_key *key);

/** Let a packet that was sealed go out in another epoch. @param bytes with the tag */
void wire_seal_again(uint8_t *at, uint16_t bytes, uint32_t epoch, const struct tag_key *key);

/** What may well be a packet of an LD that speaks another version: it cannot be told, for its tag
 * is that version's. */
bool wire_is_of_another_version(const uint8_t *at, uint16_t bytes);

/** Check version, length and tag, and read the header. @return false: not to be believed */
bool wire_open(const uint8_t *at, uint16_t bytes, const struct tag_key *key,
               struct wire_header *header);

/**
 * Read the record at @p at of a packet wire_open() has accepted.
 *
 * @param bytes from there to the tag
 * @return bytes read; 0: it is none
 */
uint16_t wire_get_record(const uint8_t *at, uint16_t bytes, struct record *record);

#endif
