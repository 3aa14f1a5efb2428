/**
 * @file
 * A TUN device: the way of the agent's health checks into the data plane and back. IP packets
 * without Ethernet, from and to the kernel of the LD's network namespace. It is there as long as
 * the process.
 */
#ifndef SLUICE_PROBE_DEVICE_H
#define SLUICE_PROBE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

enum {
    DEVICE_ERROR_BYTES = 160,
    DEVICE_MTU_BYTES = 1500,
};

/**
 * Make the device, with the addresses of probe/address.h, and set it up.
 *
 * @param name of at most 15 characters
 * @param[out] error one line when it fails; IPv6 that is not there is no failure
 * @return its file descriptor, which does not block, or -1
 */
int device_open(const char *name, char error[DEVICE_ERROR_BYTES]);

/** One packet that the kernel has sent, behind the mbuf's headroom. @return false: there is none */
bool device_read(int device, struct rte_mbuf *mbuf);

/** Give the kernel an IP packet; one that it does not take is lost, as on any wire. */
void device_write(int device, const uint8_t *packet, uint16_t bytes);

#endif
