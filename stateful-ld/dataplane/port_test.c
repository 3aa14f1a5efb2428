/* What a port counts as lost. It reads a file of frames (net_pcap), so that it is known what can be
 * lost, and when. */
#include "port.h"

#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "packet/vxlan.h"
#include "testing/test.h"

enum {
    MBUFS = 3,
    FRAMES = 5,
    FRAME_BYTES = 60,
    BURST = 8,
};

static char frames_path[] = "/tmp/sluice-port-test-XXXXXX";
static struct rte_mempool *mbufs;
static struct port port;

/* libpcap's format: so many frames, and the header of one more, which is not there. */
static void write_frames(FILE *file) {
    static const uint32_t file_header[] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1 };
    static const uint32_t frame_header[] = { 0, 0, FRAME_BYTES, FRAME_BYTES };
    static const uint8_t frame[FRAME_BYTES];

    assert_int_equal(fwrite(file_header, sizeof(file_header), 1, file), 1);
    for (int i = 0; i <= FRAMES; i++) {
        assert_int_equal(fwrite(frame_header, sizeof(frame_header), 1, file), 1);
        if (i < FRAMES)
            assert_int_equal(fwrite(frame, sizeof(frame), 1, file), 1);
    }
}

static int start(void **state) {
    char device[128], error[PORT_ERROR_BYTES];
    char *arguments[] = {
        (char *)"port_test",
        (char *)"--no-pci",
        (char *)"--no-huge",
        (char *)"-m",
        (char *)"64",
        (char *)"--no-shconf",
        (char *)"--no-telemetry",
        (char *)"--log-level=lib.eal:error",
        (char *)"--vdev",
        device,
        NULL,
    };
    int descriptor = mkstemp(frames_path);
    FILE *file = fdopen(descriptor, "w");

    (void)state;
    assert_non_null(file);
    write_frames(file);
    fclose(file);
    snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,tx_pcap=/dev/null", frames_path);
    assert_true(rte_eal_init(10, arguments) >= 0);
    mbufs = rte_pktmbuf_pool_create("mbufs", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    assert_non_null(mbufs);
    assert_int_equal(port_start(&port, 1, mbufs, error), 0);
    return 0;
}

static int stop(void **state) {
    (void)state;
    port_stop(&port);
    unlink(frames_path);
    return 0;
}

static void expect_losses(uint64_t no_mbuf, uint64_t errors) {
    struct port_losses losses;

    port_losses(&port, &losses);
    assert_int_equal(losses.rx_missed, 0);
    assert_int_equal(losses.rx_no_mbuf, no_mbuf);
    assert_int_equal(losses.rx_errors, errors);
}

static void frames_without_a_buffer_and_a_damaged_one_are_counted(void **state) {
    struct rte_mbuf *received[BURST];

    (void)state;
    expect_losses(0, 0);
    assert_int_equal(rte_eth_rx_burst(port.id, 0, received, BURST), MBUFS);
    expect_losses(1, 0);
    assert_int_equal(rte_eth_rx_burst(port.id, 0, received + MBUFS, BURST - MBUFS), 0);
    expect_losses(2, 0); /* of five frames, three were received */
    rte_pktmbuf_free_bulk(received, MBUFS);
    assert_int_equal(rte_eth_rx_burst(port.id, 0, received, BURST), 0);
    expect_losses(2, 1);
}

/* A client's packet of 1500 bytes, in a tunnel over IPv6. */
static void packets_in_tunnels_fit(void **state) {
    uint16_t mtu;

    (void)state;
    assert_int_equal(rte_eth_dev_get_mtu(port.id, &mtu), 0);
    assert_in_range(mtu, 1500 + VXLAN_OUTER_BYTES + VXLAN_V6_MORE_BYTES,
                    RTE_MBUF_DEFAULT_DATAROOM - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN);
}

static void where_there_is_no_port_nothing_is_lost(void **state) {
    struct port_losses losses = { 1, 1, 1 };

    (void)state;
    port_losses(NULL, &losses);
    assert_int_equal(losses.rx_missed + losses.rx_no_mbuf + losses.rx_errors, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_without_a_buffer_and_a_damaged_one_are_counted),
        cmocka_unit_test(packets_in_tunnels_fit),
        cmocka_unit_test(where_there_is_no_port_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
