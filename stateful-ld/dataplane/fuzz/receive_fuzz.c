/* The whole receive path: a data plane of two workers, and an input that is a program for it. Each
 * step lets a frame come in (any bytes, or one that gets further because its lengths and checksums
 * are right), answers what the LD has sent, lets time pass, or applies a configuration. Sessions,
 * fragments and limits live from step to step; each input begins with an empty data plane, as it
 * was before the first one: what an input does depends on nothing but its bytes. */
#include <sys/prctl.h>

#include <rte_byteorder.h>

#include "control/apply.h"
#include "fuzz/input.h"
#include "fuzz/rewind.h"
#include "fuzz/steps.h"
#include "testing/harness.h"
#include "testing/test.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    STEPS_MAX = 64,
    SESSIONS = 16, /* few, so that tables fill up */
    /* Time passes in steps of so much, which is less than anything waits for. */
    PASS_STEP_MS = 400,
};

static struct harness harness;
static struct message message;
static struct frame last; /* that the LD has sent */

/* How the data plane is that is there. */
static enum {
    NONE,
    AS_MARKED, /* an input has not changed more than rewind_to_mark() can put back */
    RECONFIGURED,
} dataplane_is;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    /* To be given a huge page takes as long as a few inputs, and hardly a line of it is used. */
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        return -1;
    /* cmocka's assertions outside of a cmocka test: abort, so that the input is kept. */
    return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

/* Services that read and change TCP options, and more of TCP than its ports. */
static void configure_altering(void) {
    struct message_service *service;

    service = message_service(&message, "toa", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP,
                              FUZZ_TOA_PORT);
    service->message.client_address = SLUICE__LD__V1__CLIENT_ADDRESS__TOA;
    message_rs(&message, service, "rs1", "10.0.0.51", 8082, 1);
    service = message_service(&message, "proxy", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP,
                              FUZZ_PROXY_PORT);
    service->message.client_address = SLUICE__LD__V1__CLIENT_ADDRESS__PROXY_V2;
    message_rs(&message, service, "rs1", "10.0.0.51", 8083, 1);
    service = message_service(&message, "cookie", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP,
                              FUZZ_COOKIE_PORT);
    service->message.syn_cookie_threshold_per_s = 1;
    message_rs(&message, service, "rs1", "10.0.0.51", 8084, 1);
}

static void configure(void) {
    struct message_service *service;

    message_begin(&message);
    service = message_service(&message, "tcp", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs1", "10.0.0.51", 8080, 1);
    message_rs(&message, service, "rs2", "10.1.0.52", 8080, 1);
    service = message_service(&message, "udp", 0, fuzz_vip, SLUICE__LD__V1__IP_PROTOCOL__UDP, 53);
    message_rs(&message, service, "rs3", "192.168.0.3", 53, 1);
    message_vpc(&message, service, 100, "10.0.0.60");
    service =
        message_service(&message, "vpc", 100, "192.168.0.80", SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs4", "192.168.0.4", 80, 1);
    message_vpc(&message, service, 100, "10.0.0.60");
    message_ipv6(&message, "fd00:10::11", 64, "fd00:10::1");
    message_local_ip(&message, "fd00:18::1");
    service = message_service(&message, "tcp6", 0, fuzz_vip6, SLUICE__LD__V1__IP_PROTOCOL__TCP, 80);
    message_rs(&message, service, "rs5", "fd00:10::51", 8080, 1);
    service =
        message_service(&message, "nat64", 0, fuzz_vip_nat64, SLUICE__LD__V1__IP_PROTOCOL__UDP, 53);
    message_rs(&message, service, "rs3", "10.0.0.53", 53, 1);
    configure_altering();
    harness_apply(&harness, &message);
    harness_resolve(&harness);
}

/* The data plane that every input begins with. */
static void begin(void) {
    if (dataplane_is == AS_MARKED) {
        rewind_to_mark(&harness);
        return;
    }
    if (dataplane_is == RECONFIGURED) {
        rewind_forget();
        harness_stop(&harness);
    }
    harness_start(&harness, 2, SESSIONS);
    /* Another one in each process would make other cookies. */
    harness.dataplane.cookie_key = (struct siphash_key){ { 1, 2 } };
    configure();
    rewind_mark(&harness);
    dataplane_is = AS_MARKED;
}

static void pass(uint64_t ms) {
    uint64_t until_ms = harness.now_ms + ms;

    while (harness.now_ms < until_ms) {
        harness.now_ms = RTE_MIN(harness.now_ms + PASS_STEP_MS, until_ms);
        for (uint32_t id = 0; id < harness.dataplane.worker_count; id++) {
            worker_refresh(harness.dataplane.workers[id], harness.now_ms);
            worker_housekeeping(harness.dataplane.workers[id]);
        }
    }
}

static bool is_ip(const uint8_t *ether) {
    return ether[12] == 0x08 && ether[13] == 0x00;
}

/* Whatever came in: what goes out has lengths that are true and a right IP header checksum. */
static void check_sent(const struct frame *sent) {
    uint16_t sum = 0;
    uint32_t folded = 0, header_bytes;

    assert_in_range(sent->length, 14, FRAME_BYTES_MAX);
    if (!is_ip(sent->bytes))
        return;
    header_bytes = (sent->bytes[14] & 0xf) * 4u;
    assert_in_range(header_bytes, 20, sent->length - 14);
    assert_true((sent->bytes[16] << 8 | sent->bytes[17]) <= (int)sent->length - 14);
    for (uint32_t i = 14; i < 14 + header_bytes; i += 2)
        folded += (uint32_t)(sent->bytes[i] << 8 | sent->bytes[i + 1]);
    sum = (uint16_t)(folded + (folded >> 16));
    assert_int_equal(sum, 0xffff);
}

static void check_all_sent(void) {
    for (uint32_t i = 0; i < harness.sent_count; i++)
        check_sent(&harness.sent[i]);
    if (harness.sent_count > 0)
        last = harness.sent[harness.sent_count - 1];
}

/* Packets for the other worker, and what comes back from it. */
static void deliver_handed_over(void) {
    for (uint32_t round = 0; round < 4; round++)
        for (uint32_t id = 0; id < harness.dataplane.worker_count; id++) {
            void *mbuf;

            while (rte_ring_dequeue(harness.dataplane.workers[id]->handoff, &mbuf) == 0) {
                harness_run_mbuf(&harness, id, mbuf);
                check_all_sent();
            }
        }
}

static void receive(const struct frame *frame, uint32_t worker) {
    if (frame->length == 0)
        return;
    harness_receive_burst(&harness, worker, frame, 1);
    check_all_sent();
    deliver_handed_over();
}

static void apply(struct input *input) {
    char reason[CONFIG_REASON_BYTES];
    enum status_code code;
    size_t bytes;
    const uint8_t *packed = input_bytes(input, input_u16(input), &bytes);
    Sluice__Ld__V1__LdConfig *config = sluice__ld__v1__ld_config__unpack(NULL, bytes, packed);

    if (config == NULL)
        return;
    code = apply_config(&harness.dataplane, config, reason);
    if (code != STATUS_INVALID_ARGUMENT)
        dataplane_is = RECONFIGURED;
    if (code == STATUS_OK)
        harness_resolve(&harness);
    sluice__ld__v1__ld_config__free_unpacked(config, NULL);
}

/* Every RS counts the sessions it has, so the sums agree with the tables. */
static void check_sessions(void) {
    uint64_t active = 0, counted = 0;

    for (uint32_t id = 0; id < harness.dataplane.worker_count; id++)
        active += harness.dataplane.workers[id]->sessions.active;
    for (uint32_t target = 0; target < harness.dataplane.registry.used_up_to; target++)
        counted += apply_rs_totals(&harness.dataplane, target).sessions_active;
    assert_int_equal(active, counted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { .at = data, .left = size };

    begin();
    last.length = 0;
    for (int step = 0; step < STEPS_MAX && input.left > 0; step++) {
        uint8_t what = input_u8(&input);
        struct frame frame;

        if ((what & STEP_MASK) == STEP_PASS) {
            pass(input_u16(&input) * 8u);
        } else if ((what & STEP_MASK) == STEP_APPLY) {
            apply(&input);
        } else {
            frame = step_frame(what & STEP_MASK, &input, &last);
            receive(&frame, what >> STEP_WORKER_SHIFT & 1);
        }
    }
    check_sessions();
    begin(); /* fails when an mbuf is missing, while the input is at hand */
    return 0;
}
