#include "testing/harness.h"

#include <rte_eal.h>

#include "control/apply.h"
#include "packet/room.h"
#include "testing/test.h"

enum {
    MBUFS = 2047
};

static struct rte_mempool *start_eal(void) {
    static char *arguments[] = { (char *)"test",
                                 (char *)"-l",
                                 (char *)"0",
                                 (char *)"--no-pci",
                                 (char *)"--no-huge",
                                 (char *)"-m",
                                 (char *)"64",
                                 (char *)"--no-shconf",
                                 (char *)"--no-telemetry",
                                 (char *)"--log-level=lib.eal:error",
                                 NULL };
    static struct rte_mempool *mbufs;

    if (mbufs != NULL)
        return mbufs;
    assert_true(rte_eal_init(10, arguments) >= 0);
    mbufs = rte_pktmbuf_pool_create("mbufs", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    assert_non_null(mbufs);
    return mbufs;
}

void harness_start(struct harness *harness, uint32_t workers, uint32_t sessions) {
    static const unsigned lcores[WORKERS_MAX] = { 1, 2, 3, 4 };
    struct dataplane_options options = {
        .mac = frame_ld_mac,
        .mbufs = start_eal(),
        .lcores = lcores,
        .workers = workers,
        .sessions_per_worker = sessions,
        .seed = 42,
        .now_ms = 1000000,
    };

    memset(harness, 0, sizeof(*harness));
    harness->now_ms = options.now_ms;
    assert_int_equal(dataplane_init(&harness->dataplane, &options), 0);
}

void harness_stop(struct harness *harness) {
    struct rte_mempool *mbufs = harness->dataplane.mbufs;

    dataplane_free(&harness->dataplane);
    assert_int_equal(rte_mempool_in_use_count(mbufs), 0);
}

void harness_apply(struct harness *harness, const struct message *message) {
    char reason[CONFIG_REASON_BYTES] = "";
    enum status_code code = apply_config(&harness->dataplane, &message->config, reason);

    if (code != STATUS_OK)
        fail_msg("refused: %s", reason);
}

struct rte_ether_addr harness_mac_of(const char *address) {
    struct ip_address bytes = ip_of(address);
    struct rte_ether_addr mac = { { 0x02 } };

    memcpy(mac.addr_bytes + 2, &bytes.word[3], sizeof(rte_be32_t));
    return mac;
}

struct neighbour *harness_neighbour(const struct harness *harness, const char *address) {
    struct ip_address wanted = ip_of(address);

    return neighbour_find(harness->dataplane.neighbours, &wanted);
}

void harness_resolve(struct harness *harness) {
    const struct neighbour_set *set = harness->dataplane.neighbours;

    for (uint32_t i = 0; i < set->count; i++) {
        struct rte_ether_addr mac = { { 0x02 } };

        memcpy(mac.addr_bytes + 2, &set->entries[i]->address.word[3], sizeof(rte_be32_t));
        neighbour_heard(set->entries[i], &mac, harness->now_ms);
    }
}

static struct rte_mbuf *mbuf_of(struct harness *harness, const struct frame *frame) {
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(harness->dataplane.mbufs);
    char *data;

    assert_non_null(mbuf);
    data = rte_pktmbuf_append(mbuf, (uint16_t)frame->length);
    assert_non_null(data);
    memcpy(data, frame->bytes, frame->length);
    return mbuf;
}

static void collect(struct harness *harness, struct worker *worker) {
    harness->sent_count = worker->tx_count;
    for (uint32_t i = 0; i < worker->tx_count; i++) {
        struct rte_mbuf *mbuf = worker->tx[i];

        assert_int_equal(mbuf->pkt_len, mbuf->data_len);
        assert_true(mbuf->data_len <= FRAME_BYTES_MAX);
        harness->sent[i].length = mbuf->data_len;
        memcpy(harness->sent[i].bytes, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
        rte_pktmbuf_free(mbuf);
    }
    worker->tx_count = 0;
}

static uint8_t *tail_of(struct rte_mbuf *mbuf) {
    return rte_pktmbuf_mtod(mbuf, uint8_t *) + mbuf->data_len;
}

/* Under AddressSanitizer a read behind the end of a frame is an error, as it is behind malloc()ed
 * memory. */
uint32_t harness_receive_burst(struct harness *harness, uint32_t worker, const struct frame *frames,
                               uint16_t count) {
    struct worker *receiver = harness->dataplane.workers[worker];
    struct rte_mbuf *mbufs[BURST * 2];
    uint8_t *tails[BURST * 2];

    for (uint16_t i = 0; i < count; i++) {
        mbufs[i] = mbuf_of(harness, &frames[i]);
        tails[i] = tail_of(mbufs[i]);
        ROOM_POISON(tails[i], rte_pktmbuf_tailroom(mbufs[i]));
    }
    worker_refresh(receiver, harness->now_ms);
    ld_process(receiver, mbufs, count);
    for (uint16_t i = 0; i < count; i++)
        ROOM_UNPOISON(tails[i], RTE_MBUF_DEFAULT_DATAROOM - frames[i].length);
    collect(harness, receiver);
    return harness->sent_count;
}

uint32_t harness_run_mbuf(struct harness *harness, uint32_t worker, struct rte_mbuf *mbuf) {
    struct worker *receiver = harness->dataplane.workers[worker];

    worker_refresh(receiver, harness->now_ms);
    ld_process(receiver, &mbuf, 1);
    collect(harness, receiver);
    return harness->sent_count;
}

uint32_t harness_receive(struct harness *harness, const struct frame *frame) {
    return harness_receive_burst(harness, 0, frame, 1);
}

uint32_t harness_poll(struct harness *harness, uint32_t worker) {
    struct worker *polled = harness->dataplane.workers[worker];

    worker_refresh(polled, harness->now_ms);
    replicate_poll(polled);
    collect(harness, polled);
    return harness->sent_count;
}

void harness_pass(struct harness *harness, uint64_t ms) {
    uint64_t until_ms = harness->now_ms + ms;

    while (harness->now_ms < until_ms) {
        harness->now_ms = RTE_MIN(harness->now_ms + 50, until_ms);
        for (uint32_t id = 0; id < harness->dataplane.worker_count; id++) {
            worker_refresh(harness->dataplane.workers[id], harness->now_ms);
            worker_housekeeping(harness->dataplane.workers[id]);
        }
    }
}

uint16_t harness_bucket_of(const struct harness *harness, uint32_t worker) {
    uint16_t bucket = 0;

    while (harness->dataplane.owner_of_bucket[bucket] != worker)
        bucket++;
    return bucket;
}

uint64_t harness_drops(struct harness *harness) {
    uint64_t sum = 0;

    for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
        sum += harness_worker(harness)->stats.drops[reason];
    return sum;
}

void harness_expect_drop(struct harness *harness, const struct frame *frame,
                         enum drop_reason reason) {
    uint64_t all = harness_drops(harness);
    uint64_t before = harness_worker(harness)->stats.drops[reason];

    assert_int_equal(harness_receive(harness, frame), 0);
    if (harness_worker(harness)->stats.drops[reason] != before + 1)
        for (int other = 0; other < DROP_REASON_COUNT; other++)
            if (harness_worker(harness)->stats.drops[other] != 0)
                print_message("%s: %lu\n", drop_reason_name((enum drop_reason)other),
                              (unsigned long)harness_worker(harness)->stats.drops[other]);
    assert_int_equal(harness_worker(harness)->stats.drops[reason], before + 1);
    assert_int_equal(harness_drops(harness), all + 1);
}

uint32_t harness_mbufs_in_use(const struct harness *harness) {
    return rte_mempool_in_use_count(harness->dataplane.mbufs);
}
