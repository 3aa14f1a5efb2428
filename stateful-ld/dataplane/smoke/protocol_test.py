#!/usr/bin/python3
"""Every protocol case through the real sluice-ld: frames built by scapy, checked field by field.

Usage: protocol_test.py PATH_TO_SLUICE_LD [--over-ipv6] [part of a case's name]

With --over-ipv6 the fabric's tunnels go over IPv6 (underlay.py), and the LD has no IPv4 on the fabric.

Needs root and Debian's python3-scapy; exits 77 (meson: skipped) without them.
"""

import os
import socket
import sys
import tempfile
import traceback

SKIPPED = 77

try:
    import scapy.all  # noqa: F401
except ImportError:
    print("protocol test: SKIPPED (python3-scapy is missing: apt-get install python3-scapy)")
    sys.exit(SKIPPED)

import protocol_capture
import protocol_errors
import protocol_flows
import protocol_hosts
from ending import clean_up_on_sigterm
from net import Wire, connect, enter_namespace, equal, namespace, sluice_ld
from paths import ENTRY, GATEWAY, GATEWAY6, GATEWAY_VTEP, NEIGHBOURS, PROXIED, SERVED, Net
from underlay import OVER_IPV6, VTEP
from wire import message

PROXY_V2 = 2
NAMESPACE = f"sluice-ld-protocol-{os.getpid()}"


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def service(path, protocol, *more):
    location = ()
    if path.host:
        location = ((5, message((1, path.rs_vni), (2, packed(path.host)), (3, bytes.fromhex("02000000aa01")))),)
    rs = message((1, "rs"), (2, packed(path.rs)), (3, path.rs_port), (4, 1), *location)
    name = f"{path.name}-{protocol}"
    return message((1, name), (2, path.vni), (3, packed(path.vip)), (4, protocol), (5, path.port), (6, 1), (7, rs), *more)


def ipv6_of_its_own():
    """Beside the VTEP, where that is IPv4."""
    return () if OVER_IPV6 else ((20, message((1, packed("fd00:10::11")), (2, 64), (3, packed(GATEWAY6)))),)


def config():
    return message(
        (1, packed(VTEP)),
        (2, 64 if OVER_IPV6 else 24),
        (3, packed(GATEWAY)),
        (5, packed(GATEWAY_VTEP)),
        (6, packed("198.18.1.1")),
        (6, packed("fd00:18::1")),
        (7, message((1, 0), (2, 1023))),
        (8, 1),
        *((9, service(path, protocol)) for path in SERVED for protocol in (6, 17)),
        *((9, service(path, 17, (16, PROXY_V2))) for path in PROXIED),
        (21, packed(ENTRY)),
        *ipv6_of_its_own(),
    )


def cases():
    for module in protocol_hosts, protocol_flows, protocol_errors, protocol_capture:
        yield from module.CASES


def run_cases(net, part):
    failed = count = 0
    for name, case, arguments in cases():
        if part not in name:
            continue
        count += 1
        try:
            net.begin()
            case(net, *arguments)
            net.end()
        except Exception:
            failed += 1
            print(f"FAILED: {name}\n{traceback.format_exc()}")
    print(f"protocol test: {count - failed} of {count} cases passed")
    return failed


def main():
    clean_up_on_sigterm()
    if os.geteuid() != 0:
        print("protocol test: SKIPPED (needs root, for a network namespace)")
        return SKIPPED
    binary = os.path.abspath(sys.argv[1])
    with namespace(NAMESPACE), tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ld.sock")
        with sluice_ld(binary, NAMESPACE, path) as process:
            control = connect(path, process)
            enter_namespace(NAMESPACE)
            net = Net(process, control, Wire(NEIGHBOURS))
            equal("apply", control.apply_config(config()), (0, ""))
            net.wait_until_resolved()
            parts = [argument for argument in sys.argv[2:] if not argument.startswith("--")]
            return 1 if run_cases(net, *(parts[:1] or [""])) else 0


if __name__ == "__main__":
    sys.exit(main())
