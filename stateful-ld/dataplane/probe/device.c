#include "probe/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "probe/address.h"

static int fail(char *error, const char *name, const char *what) {
    snprintf(error, DEVICE_ERROR_BYTES, "probe device %s: %s: %s (it takes CAP_NET_ADMIN)", name,
             what, strerror(errno));
    return -1;
}

static void set_ipv4(struct ifreq *request, rte_be32_t address) {
    struct sockaddr_in socket_address = { .sin_family = AF_INET };

    socket_address.sin_addr.s_addr = address;
    memcpy(&request->ifr_addr, &socket_address, sizeof(socket_address));
}

/* @param control any IPv4 socket: interfaces are asked through one */
static int set_up_ipv4(int control, const char *name, char *error) {
    struct ifreq request = { 0 };

    strcpy(request.ifr_name, name);
    set_ipv4(&request, RTE_BE32(PROBE_SOURCE_V4));
    if (ioctl(control, SIOCSIFADDR, &request) < 0)
        return fail(error, name, "its address cannot be set");
    set_ipv4(&request, RTE_BE32(PROBE_MASK_V4));
    if (ioctl(control, SIOCSIFNETMASK, &request) < 0)
        return fail(error, name, "its netmask cannot be set");
    request.ifr_mtu = DEVICE_MTU_BYTES;
    if (ioctl(control, SIOCSIFMTU, &request) < 0)
        return fail(error, name, "its MTU cannot be set");
    if (ioctl(control, SIOCGIFFLAGS, &request) < 0)
        return fail(error, name, "its flags cannot be read");
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(control, SIOCSIFFLAGS, &request) < 0 ? fail(error, name, "it cannot be set up")
                                                      : 0;
}

/* Hosts that have IPv6 off for interfaces to come (net.ipv6.conf.default.disable_ipv6) mean those
 * on a wire; this one is the LD's own. When it cannot be allowed, setting the address says so. */
static void allow_ipv6(const char *name) {
    char path[sizeof("/proc/sys/net/ipv6/conf//disable_ipv6") + IFNAMSIZ];
    int setting;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    setting = open(path, O_WRONLY | O_CLOEXEC);
    if (setting < 0)
        return;
    if (write(setting, "0", 1) < 0)
        log_debug("%s: %s", path, strerror(errno));
    close(setting);
}

/* Hosts without IPv6 check RSs of IPv4 all the same. */
static void set_up_ipv6(const char *name) {
    const struct ip_address source = probe_address(FAMILY_IPV6, PROBE_SOURCE);
    struct in6_ifreq request = { .ifr6_prefixlen = PROBE_PREFIX_LEN_V6 };
    int control = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    allow_ipv6(name);
    memcpy(&request.ifr6_addr, &source, sizeof(source));
    request.ifr6_ifindex = (int)if_nametoindex(name);
    if (control < 0 || ioctl(control, SIOCSIFADDR, &request) < 0)
        log_warning("probe device %s: no IPv6 (%s): services of IPv6 VIPs cannot be checked (is "
                    "net.ipv6.conf.%s.disable_ipv6 1, and read-only?)",
                    name, strerror(errno), name);
    if (control >= 0)
        close(control);
}

static int set_up(const char *name, char *error) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int status;

    if (control < 0)
        return fail(error, name, "no socket");
    status = set_up_ipv4(control, name, error);
    close(control);
    if (status == 0)
        set_up_ipv6(name);
    return status;
}

int device_open(const char *name, char error[DEVICE_ERROR_BYTES]) {
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    int device;

    if (strlen(name) >= sizeof(request.ifr_name)) {
        snprintf(error, DEVICE_ERROR_BYTES, "probe device %s: the name is too long (at most %zu)",
                 name, sizeof(request.ifr_name) - 1);
        return -1;
    }
    device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0)
        return fail(error, name, "/dev/net/tun cannot be opened");
    strcpy(request.ifr_name, name);
    if (ioctl(device, TUNSETIFF, &request) < 0) {
        fail(error, name, "it cannot be made");
    } else if (set_up(name, error) == 0) {
        return device;
    }
    close(device);
    return -1;
}

bool device_read(int device, struct rte_mbuf *mbuf) {
    ssize_t bytes = read(device, rte_pktmbuf_mtod(mbuf, void *), rte_pktmbuf_tailroom(mbuf));

    return bytes > 0 && rte_pktmbuf_append(mbuf, (uint16_t)bytes) != NULL;
}

void device_write(int device, const uint8_t *packet, uint16_t bytes) {
    if (write(device, packet, bytes) < 0)
        log_debug("probe device: a packet of %u bytes is lost: %s", bytes, strerror(errno));
}
