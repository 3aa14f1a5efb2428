/* The parser and what reads packets right behind it, on any bytes. The frame is in memory of its
 * own, of its own size, so that AddressSanitizer sees a read behind its end. */
#include <stdlib.h>
#include <string.h>

#include "packet/nd.h"
#include "packet/parse.h"
#include "testing/frame.h"
#include "testing/packet.h"
#include "testing/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* parse.h promises it of every frame it accepts. */
static void check(const struct packet *packet, size_t size) {
    if (packet->kind == PACKET_ARP) {
        assert_true(packet->l3_off + 28u <= size);
        return;
    }
    assert_true(packet->l3_off + (size_t)packet->l3_len <= size);
    assert_in_range(packet->l4_off, packet->l3_off, packet->l3_off + packet->l3_len);
    assert_true(packet->bucket == 0xffff || packet->bucket < 1024);
}

/* As an LD does whose tunnels end in `vtep`. */
static void parse(const uint8_t *frame, size_t size, const char *vtep) {
    struct own_address own = { .mac = frame_ld_mac, .address_v6 = ip_of(frame_vtep_v6) };
    enum drop_reason reason;
    struct packet packet = { 0 };
    struct nd_heard heard;

    own_address_set_vtep(&own, ip_of(vtep));
    reason = parse_frame(frame, (uint32_t)size, &own, &packet);
    if (reason == DROP_NONE)
        check(&packet, size);
    if (reason == DROP_NONE && packet.kind == PACKET_ND)
        (void)nd_read(frame, &packet, &own, &heard);
    (void)assert_usual_agrees(frame, (uint32_t)size, &own, reason, &packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *frame;

    if (size == 0)
        return 0;
    frame = malloc(size);
    memcpy(frame, data, size);
    parse(frame, size, frame_vtep);
    parse(frame, size, frame_vtep_v6);
    free(frame);
    return 0;
}
