#include "packet/tcp_mss.h"

#include <stddef.h>

#include <rte_byteorder.h>

#include "packet/checksum.h"
#include "packet/tcp_options.h"

enum {
    MSS_BYTES = 4
};

/* The option may start at an odd offset: then its value straddles two of the checksum's 16-bit
 * words, and each byte counts in the other half of its word. */
static uint16_t as_summed(uint16_t value, ptrdiff_t offset) {
    return offset % 2 == 0 ? value : rte_bswap16(value);
}

void tcp_clamp_mss(struct rte_tcp_hdr *tcp, uint16_t mss_max) {
    uint8_t *start = (uint8_t *)tcp;
    uint8_t *option = tcp_option_find(tcp, TCP_OPTION_MSS, MSS_BYTES);
    uint16_t before, after = rte_cpu_to_be_16(mss_max);
    ptrdiff_t offset;

    if (option == NULL || option[1] != MSS_BYTES)
        return;
    memcpy(&before, option + 2, 2);
    if (rte_be_to_cpu_16(before) <= mss_max)
        return;
    memcpy(option + 2, &after, 2);
    offset = option + 2 - start;
    tcp->cksum = checksum_update(
        tcp->cksum, checksum_delta16(as_summed(before, offset), as_summed(after, offset)));
}
