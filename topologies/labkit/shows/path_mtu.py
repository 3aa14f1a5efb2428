"""A path to the client that is narrower than its ends know."""

from contextlib import contextmanager
from typing import Iterator

from .. import plan, tools
from ..nodes import client_by
from ..show import Lab, Show
from ..terminal import named
from .vip_traffic import DOWNLOAD_BYTES, downloads

SMALL_MTU = 1300
_DOWNLOADS = 6


@contextmanager
def narrow(lab: Lab, ip: str) -> Iterator[None]:
    """While the block runs, no router passes on to the client what is longer than SMALL_MTU: it tells the sender.
    `ip` is `ip`'s option of the family."""
    ways = [(lab.node(router), *client_by(router)[ip]) for router in plan.ROUTERS]
    for router, address, via in ways:
        router.sh(f"ip {ip} route replace {address} via {via} mtu lock {SMALL_MTU}")
    try:
        yield
    finally:
        for router, address, via in ways:
            undo = f"del {address}" if address == via else f"replace {address} via {via}"
            router.sh(f"ip {ip} route {undo}")


def of_real_servers(show: Show, lab: Lab, vip: str, ip: str, wanted: "dict[str, tuple[str, int]]") -> list[str]:
    """What real servers send by a VIP is too long for the client's path. The router's ICMP error is for the VIP: the switch has to find
    the LD of the session by the packet that it quotes, and the LD the real server. `ip` is `ip`'s option of the VIP's family; `wanted`:
    that of each real server's, and the MTU it is to learn, if it has sent any of it. Returns lines of the report."""
    with narrow(lab, ip):
        got = downloads(lab.node(plan.CLIENT), lab.directory, vip, _DOWNLOADS, parallel=1)
    for failure in got.failures:
        show.fail(f"{vip} with a path MTU of {SMALL_MTU}: {failure}")
    learned = {}
    for name, (its, mtu) in wanted.items():
        server = lab.node(name)
        learned[name] = min(tools.path_mtus(server, its), default=0)
        server.sh(f"ip {its} route flush cache")
        if learned[name] not in (0, mtu):
            show.fail(f"{vip}: path MTU that {name} learned: {learned[name]}, not {mtu}")
    if not any(learned.values()):
        show.fail(f"{vip}: no real server learned a path MTU")
    return [
        f"  path MTU that real servers learned from a router's ICMP error to the VIP: {named(learned)}",
        f"  {_DOWNLOADS} downloads of {DOWNLOAD_BYTES // 1024} KiB over that path compared byte for byte",
    ]
