#include "packet/bucket.h"

/* crc_table[k][b]: the CRC of byte b followed by k zero bytes, so eight bytes go in one step. */
static uint32_t crc_table[8][256];

__attribute__((constructor)) static void crc_table_fill(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
        crc_table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int k = 1; k < 8; k++) {
            uint32_t previous = crc_table[k - 1][byte];

            crc_table[k][byte] = previous >> 8 ^ crc_table[0][previous & 0xff];
        }
    }
}

static uint32_t crc_step8(uint32_t crc, const uint8_t *at) {
    return crc_table[7][at[0] ^ (crc & 0xff)] ^ crc_table[6][at[1] ^ (crc >> 8 & 0xff)] ^
           crc_table[5][at[2] ^ (crc >> 16 & 0xff)] ^ crc_table[4][at[3] ^ crc >> 24] ^
           crc_table[3][at[4]] ^ crc_table[2][at[5]] ^ crc_table[1][at[6]] ^ crc_table[0][at[7]];
}

uint32_t crc32_ieee(const void *data, size_t bytes) {
    const uint8_t *at = data;
    uint32_t crc = 0xffffffff;

    for (; bytes >= 8; bytes -= 8, at += 8)
        crc = crc_step8(crc, at);
    for (; bytes > 0; bytes--, at++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 0xff];
    return crc ^ 0xffffffff;
}

/* @return bytes written */
static size_t put_addresses(uint8_t *at, const struct flow_key *key) {
    if (flow_is_v6(key)) {
        memcpy(at, &key->v6, sizeof(key->v6));
        return sizeof(key->v6);
    }
    memcpy(at, &key->src, 4);
    memcpy(at + 4, &key->dst, 4);
    return 8;
}

uint16_t bucket_of_flow(const struct flow_key *key) {
    uint32_t vni = flow_vni(key);
    uint8_t tuple[3 + sizeof(key->v6) + 5];
    size_t at = 3;

    tuple[0] = (uint8_t)(vni >> 16);
    tuple[1] = (uint8_t)(vni >> 8);
    tuple[2] = (uint8_t)vni;
    at += put_addresses(tuple + at, key);
    tuple[at++] = flow_protocol(key);
    memcpy(tuple + at, &key->src_port, 2);
    memcpy(tuple + at + 2, &key->dst_port, 2);
    return crc32_ieee(tuple, at + 4) & BUCKET_MASK;
}
