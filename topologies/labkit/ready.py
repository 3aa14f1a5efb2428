"""When traffic may start: the real conditions, looked at from where they matter."""

from mininet.net import Mininet

from . import plan
from .errors import LabError
from .nodes import LabNode
from .processes import Parts, wait_for


def wait(net: Mininet, parts: Parts) -> None:
    """Returns when every neighbour of the switch has an answer from the switch's address on its link: the pipeline runs,
    ARP and ping are answered, and the frames get through in both directions."""
    for name, address in (*plan.SWITCH_ADDRESS.items(), *plan.SWITCH_ADDRESS_V6.items()):
        what = f"{plan.SWITCH} answers {name} for {address}"
        wait_for(lambda node=net[name], to=address: _pings(node, to), what, parts)


def _pings(node: LabNode, address: str) -> bool:
    try:
        node.sh(f"ping -c 1 -W 1 {address}")
    except LabError:
        return False
    return True
