#include "packet/proxy_v2.h"

#include <netinet/in.h>
#include <string.h>

#include "packet/tcp_options.h"

enum {
    VERSION_2_PROXY = 0x21,
    IPV4_STREAM = 0x11,
    IPV4_DATAGRAM = 0x12,
    IPV6_STREAM = 0x21,
    IPV6_DATAGRAM = 0x22,
};

static uint8_t *put(uint8_t *at, const void *data, size_t bytes) {
    memcpy(at, data, bytes);
    return at + bytes;
}

static uint8_t family_of(const struct flow_key *client) {
    if (flow_protocol(client) == IPPROTO_TCP)
        return flow_is_v6(client) ? IPV6_STREAM : IPV4_STREAM;
    return flow_is_v6(client) ? IPV6_DATAGRAM : IPV4_DATAGRAM;
}

void proxy_v2_write(uint8_t *at, const struct flow_key *client) {
    static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";
    uint16_t rest = (uint16_t)(proxy_v2_bytes(client) - 16);

    at = put(at, signature, sizeof(signature));
    *at++ = VERSION_2_PROXY;
    *at++ = family_of(client);
    *at++ = (uint8_t)(rest >> 8);
    *at++ = (uint8_t)rest;
    if (flow_is_v6(client)) {
        at = put(at, client->v6.src.bytes, 16);
        at = put(at, client->v6.dst.bytes, 16);
    } else {
        at = put(at, &client->src, 4);
        at = put(at, &client->dst, 4);
    }
    at = put(at, &client->src_port, 2);
    put(at, &client->dst_port, 2);
}

void toa_write(uint8_t *at, const struct flow_key *client) {
    *at++ = TCP_OPTION_TOA;
    *at++ = (uint8_t)toa_bytes(client);
    at = put(at, &client->src_port, 2);
    if (flow_is_v6(client))
        put(at, client->v6.src.bytes, 16);
    else
        put(at, &client->src, 4);
}
