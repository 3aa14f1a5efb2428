"""The scenarios of the lab."""

from ..show import Show
from .eip import EipShow
from .ipv6 import Ipv6Show
from .networks import NetworksShow
from .vip import VipShow

_SHOWS: tuple[type[Show], ...] = (VipShow, EipShow, Ipv6Show, NetworksShow)
BY_NAME = {show.name: show for show in _SHOWS}
