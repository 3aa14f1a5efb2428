"""A path to the client that is narrower than its ends know."""

from contextlib import contextmanager
from typing import Iterator

from .. import plan
from ..nodes import client_by
from ..show import Lab

SMALL_MTU = 1300


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
