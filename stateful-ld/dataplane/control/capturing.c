#define ALLOW_EXPERIMENTAL_API /* rte_pcapng, of DPDK 22.11 */
#include "control/capturing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_pcapng.h>
#include <rte_rcu_qsbr.h>

#include "control/filter.h"
#include "forward/capture.h"

enum {
    COPIES = 512, /* that wait for control; one is the pool's */
    WRITE_BURST = 64,
    OUTPUT_HIGH_BYTES = 1 << 20,
    KEEPALIVE_MS = 1000,
    READER_LATE_MS = 10 * 1000, /* behind the end; one that takes nothing more is given up */
    PACKETS_DEFAULT = 10000,
    PACKETS_MAX = 1000000,
    BYTES_DEFAULT = 64 << 20,
    BYTES_MAX = 1 << 30,
    DURATION_DEFAULT_MS = 60 * 1000,
    DURATION_MAX_MS = 3600 * 1000,
    FRAME_BYTES_LEAST = 64,
    FILE_HEAD_BYTES_MAX = 64 << 10, /* what stands before the packets: what ports there are */
};

struct capturing {
    struct dataplane *dataplane;
    struct capture capture;
    bool armed;
    rte_pcapng_t *pcapng;
    int file;       /* in memory: what the library has written and nobody has taken */
    uint8_t *chunk; /* room for all that one step writes */
    size_t chunk_bytes;
    uint64_t packets_left;
    uint64_t bytes_left;
    uint64_t deadline_ms;
    uint64_t said_ms;
};

static uint64_t or_default(uint64_t value, uint64_t otherwise) {
    return value != 0 ? value : otherwise;
}

static bool validate(const Sluice__Ld__V1__CaptureRequest *request, uint32_t frame_bytes,
                     char reason[CONFIG_REASON_BYTES]) {
    if (request->packets > PACKETS_MAX)
        snprintf(reason, CONFIG_REASON_BYTES, "capture: %u packets (at most %d)", request->packets,
                 PACKETS_MAX);
    else if (request->bytes > BYTES_MAX)
        snprintf(reason, CONFIG_REASON_BYTES, "capture: %llu bytes (at most %d)",
                 (unsigned long long)request->bytes, BYTES_MAX);
    else if (request->duration_ms > DURATION_MAX_MS)
        snprintf(reason, CONFIG_REASON_BYTES, "capture: %u ms (at most %d)", request->duration_ms,
                 DURATION_MAX_MS);
    else if (request->snap_bytes != 0 &&
             (request->snap_bytes < FRAME_BYTES_LEAST || request->snap_bytes > frame_bytes))
        snprintf(reason, CONFIG_REASON_BYTES, "capture: %u bytes of a frame (%d to %u)",
                 request->snap_bytes, FRAME_BYTES_LEAST, frame_bytes);
    else
        return request->filter == NULL || filter_validate(request->filter, reason);
    return false;
}

/* Of an mbuf's data: a packet in the file is no longer. */
static size_t copy_bytes(const struct capture *capture) {
    return rte_pcapng_mbuf_size(capture->snap_bytes);
}

/* Names are global to the process. */
static bool make_room(struct capture *capture) {
    static uint32_t serial;
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "capture%u", serial++);
    capture->mbufs = rte_pktmbuf_pool_create(name, COPIES - 1, 0, 0, (uint16_t)copy_bytes(capture),
                                             SOCKET_ID_ANY);
    capture->ring = rte_ring_create(name, COPIES, SOCKET_ID_ANY, RING_F_SC_DEQ);
    return capture->mbufs != NULL && capture->ring != NULL;
}

static bool open_file(struct capturing *capturing) {
    int fd = memfd_create("capture", MFD_CLOEXEC);

    capturing->file = fd < 0 ? -1 : dup(fd); /* the library closes its own */
    capturing->pcapng =
        fd < 0 ? NULL : rte_pcapng_fdopen(fd, NULL, NULL, "sluice-ld " SLUICE_LD_VERSION, NULL);
    if (capturing->pcapng == NULL && fd >= 0)
        close(fd);
    return capturing->file >= 0 && capturing->pcapng != NULL;
}

static bool prepare(struct capturing *capturing, const Sluice__Ld__V1__CaptureRequest *request,
                    uint32_t frame_bytes) {
    static const Sluice__Ld__V1__SessionFilter all = SLUICE__LD__V1__SESSION_FILTER__INIT;
    const Sluice__Ld__V1__SessionFilter *filter = request->filter != NULL ? request->filter : &all;
    struct capture *capture = &capturing->capture;

    if (!filter_build(&capture->filter, &capturing->dataplane->registry, filter))
        return false;
    capture->all = filter_is_empty(filter);
    capture->snap_bytes = (uint32_t)or_default(request->snap_bytes, frame_bytes);
    capturing->chunk_bytes = FILE_HEAD_BYTES_MAX + COPIES * copy_bytes(capture);
    capturing->chunk = malloc(capturing->chunk_bytes);
    return capturing->chunk != NULL && make_room(capture) && open_file(capturing);
}

enum status_code capturing_begin(struct capturing **made, struct dataplane *dataplane,
                                 const Sluice__Ld__V1__CaptureRequest *request, uint64_t now_ms,
                                 char reason[CONFIG_REASON_BYTES]) {
    uint32_t frame_bytes = rte_pktmbuf_data_room_size(dataplane->mbufs) - RTE_PKTMBUF_HEADROOM;
    struct capturing *capturing;

    if (!validate(request, frame_bytes, reason))
        return STATUS_INVALID_ARGUMENT;
    capturing = calloc(1, sizeof(*capturing));
    if (capturing != NULL) {
        capturing->file = -1;
        capturing->dataplane = dataplane;
    }
    if (capturing == NULL || !prepare(capturing, request, frame_bytes)) {
        snprintf(reason, CONFIG_REASON_BYTES,
                 "capture: out of memory for %d packets (more with EAL's -m)", COPIES);
        capturing_end(capturing);
        return STATUS_RESOURCE_EXHAUSTED;
    }
    capturing->packets_left = or_default(request->packets, PACKETS_DEFAULT);
    capturing->bytes_left = or_default(request->bytes, BYTES_DEFAULT);
    capturing->deadline_ms = now_ms + or_default(request->duration_ms, DURATION_DEFAULT_MS);
    capturing->armed = true;
    __atomic_store_n(&dataplane->capture, &capturing->capture, __ATOMIC_RELEASE);
    *made = capturing;
    return STATUS_OK;
}

/* After this no worker looks at it any more. */
static void disarm(struct capturing *capturing) {
    if (!capturing->armed)
        return;
    capturing->armed = false;
    __atomic_store_n(&capturing->dataplane->capture, NULL, __ATOMIC_RELEASE);
    rte_rcu_qsbr_synchronize(capturing->dataplane->rcu, RTE_QSBR_THRID_INVALID);
}

/* @return false when nothing waits, or no more is wanted */
static bool write_burst(struct capturing *capturing) {
    struct rte_mbuf *mbufs[WRITE_BURST];
    uint32_t wanted = (uint32_t)RTE_MIN(capturing->packets_left, (uint64_t)WRITE_BURST);
    uint32_t count = rte_ring_dequeue_burst(capturing->capture.ring, (void **)mbufs, wanted, NULL);
    ssize_t bytes = 0;

    if (count == 0)
        return false;
    bytes = rte_pcapng_write_packets(capturing->pcapng, mbufs, (uint16_t)count);
    rte_pktmbuf_free_bulk(mbufs, count);
    capturing->packets_left -= count;
    if (bytes > 0)
        capturing->bytes_left -= RTE_MIN(capturing->bytes_left, (uint64_t)bytes);
    return capturing->bytes_left > 0;
}

static bool encode_chunk(struct capturing *capturing, struct output *output, size_t bytes,
                         bool last) {
    Sluice__Ld__V1__DataplaneResponse response = SLUICE__LD__V1__DATAPLANE_RESPONSE__INIT;
    Sluice__Ld__V1__CaptureBatch batch = SLUICE__LD__V1__CAPTURE_BATCH__INIT;

    batch.pcapng = (ProtobufCBinaryData){ .len = bytes, .data = capturing->chunk };
    batch.last = last;
    batch.missed = __atomic_load_n(&capturing->capture.missed, __ATOMIC_RELAXED);
    response.response_case = SLUICE__LD__V1__DATAPLANE_RESPONSE__RESPONSE_CAPTURE;
    response.capture = &batch;
    return encode_response(output, &response);
}

/* What the library has written so far, from the file's beginning on; then the file is empty. */
static bool take_chunk(struct capturing *capturing, struct output *output, uint64_t now_ms,
                       bool last) {
    ssize_t bytes = pread(capturing->file, capturing->chunk, capturing->chunk_bytes, 0);

    if (bytes < 0 || ftruncate(capturing->file, 0) != 0 || lseek(capturing->file, 0, SEEK_SET) != 0)
        return false;
    if (bytes == 0 && !last && now_ms - capturing->said_ms < KEEPALIVE_MS)
        return true;
    capturing->said_ms = now_ms;
    return encode_chunk(capturing, output, (size_t)bytes, last);
}

static bool is_over(const struct capturing *capturing, uint64_t now_ms) {
    return capturing->packets_left == 0 || capturing->bytes_left == 0 ||
           now_ms >= capturing->deadline_ms;
}

enum capturing_status capturing_step(struct capturing *capturing, struct output *output,
                                     uint64_t now_ms) {
    bool last = is_over(capturing, now_ms);

    if (last)
        disarm(capturing);
    if (output_pending(output) >= OUTPUT_HIGH_BYTES)
        return now_ms < capturing->deadline_ms + READER_LATE_MS ? CAPTURING_GOES_ON
                                                                : CAPTURING_FAILED;
    for (uint32_t i = 0; i < COPIES / WRITE_BURST && write_burst(capturing); i++)
        ;
    if (!take_chunk(capturing, output, now_ms, last))
        return CAPTURING_FAILED;
    return last ? CAPTURING_DONE : CAPTURING_GOES_ON;
}

void capturing_end(struct capturing *capturing) {
    void *mbuf;

    if (capturing == NULL)
        return;
    disarm(capturing);
    while (capturing->capture.ring != NULL && rte_ring_dequeue(capturing->capture.ring, &mbuf) == 0)
        rte_pktmbuf_free(mbuf);
    rte_ring_free(capturing->capture.ring);
    rte_mempool_free(capturing->capture.mbufs);
    if (capturing->pcapng != NULL)
        rte_pcapng_close(capturing->pcapng);
    if (capturing->file >= 0)
        close(capturing->file);
    filter_free(&capturing->capture.filter);
    free(capturing->chunk);
    free(capturing);
}
