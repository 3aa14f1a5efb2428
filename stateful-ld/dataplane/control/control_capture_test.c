/* Captures, by the control socket: all of what workers have copied arrives, however much it is. */
#include <rte_eth_ring.h>

#include "control/control_test.h"

enum {
    PACKETS = 511, /* as many as wait for control */
    PAYLOAD_BYTES = 1950,
    ENHANCED_PACKET = 6,
};

/* The library names the port of a packet: there has to be one. */
static void make_port(void) {
    struct rte_ring *ring = rte_ring_create("port", 64, SOCKET_ID_ANY, 0);

    assert_non_null(ring);
    assert_int_equal(rte_eth_from_ring(ring), 0);
}

static void capture(uint32_t packets) {
    Request request = SLUICE__LD__V1__DATAPLANE_REQUEST__INIT;
    Sluice__Ld__V1__CaptureRequest body = SLUICE__LD__V1__CAPTURE_REQUEST__INIT;

    body.packets = packets;
    request.request_case = SLUICE__LD__V1__DATAPLANE_REQUEST__REQUEST_CAPTURE;
    request.capture = &body;
    send_request(fd, &request);
    while (harness.dataplane.capture == NULL)
        turn();
}

/* @return bytes of the file, from malloc() */
static uint8_t *take_file(size_t *bytes) {
    uint8_t *file = NULL;

    *bytes = 0;
    for (bool last = false; !last;) {
        Response *response = receive_response(fd);
        const ProtobufCBinaryData *part = &response->capture->pcapng;

        assert_int_equal(response->capture->missed, 0);
        file = realloc(file, *bytes + part->len + 1);
        assert_non_null(file);
        if (part->len > 0) /* the last part may be empty, and its data NULL */
            memcpy(file + *bytes, part->data, part->len);
        *bytes += part->len;
        last = response->capture->last;
        release(response);
    }
    return file;
}

/* Blocks one behind the other, each with its length at both ends. @return those of packets */
static uint32_t count_packets(const uint8_t *file, size_t bytes) {
    uint32_t packets = 0;

    for (size_t at = 0; at < bytes;) {
        uint32_t head[2], tail;

        assert_true(bytes - at >= sizeof(head));
        memcpy(head, file + at, sizeof(head));
        assert_in_range(head[1], sizeof(head) + sizeof(tail), bytes - at);
        memcpy(&tail, file + at + head[1] - sizeof(tail), sizeof(tail));
        assert_int_equal(tail, head[1]);
        packets += head[0] == ENHANCED_PACKET;
        at += head[1];
    }
    return packets;
}

static void many_long_packets_at_once_are_all_written(void **state) {
    const struct flow_spec flow = {
        .src = "192.0.2.77",
        .dst = "203.0.113.10",
        .src_port = 10000,
        .dst_port = 53,
        .protocol = FRAME_UDP,
        .payload = PAYLOAD_BYTES,
    };
    const struct tunnel_spec tunnel = { .bucket = bucket_for(0, 0) };
    const struct frame frame = frame_tunnelled(&flow, &tunnel);
    uint8_t *file;
    size_t bytes;

    (void)state;
    make_port();
    apply_well();
    capture(PACKETS);
    for (int i = 0; i < PACKETS; i++)
        harness_receive_burst(&harness, 0, &frame, 1);
    file = take_file(&bytes);
    assert_int_equal(count_packets(file, bytes), PACKETS);
    free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_long_packets_at_once_are_all_written, set_up,
                                        tear_down),
    };

    return run_control_tests(tests);
}
