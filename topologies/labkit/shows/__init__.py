"""The scenarios of the lab."""

from ..show import Show
from .capture import CaptureShow
from .clb import ClbShow
from .drain import DrainShow
from .ecmp import EcmpShow
from .eip import EipShow
from .entry import EntryShow
from .failover import FailoverShow
from .guard import GuardShow
from .health import HealthShow
from .ipv6 import Ipv6Show
from .limits import LimitsShow
from .stacks import StacksShow
from .stacks6 import Stacks6Show
from .migrate import MigrateShow
from .migrate_many import MigrateManyShow
from .move import MoveShow
from .neighbors import NeighborsShow
from .networks import NetworksShow
from .protection import ProtectionShow
from .scale import ScaleShow
from .underlay6 import Underlay6Show
from .vip import VipShow
from .vpcs import VpcsShow

_SHOWS: tuple[type[Show], ...] = (
    VipShow,
    EipShow,
    Ipv6Show,
    NetworksShow,
    ClbShow,
    VpcsShow,
    LimitsShow,
    EcmpShow,
    NeighborsShow,
    ProtectionShow,
    MoveShow,
    HealthShow,
    DrainShow,
    FailoverShow,
    ScaleShow,
    MigrateShow,
    MigrateManyShow,
    StacksShow,
    Stacks6Show,
    GuardShow,
    CaptureShow,
    EntryShow,
    Underlay6Show,
)
BY_NAME = {show.name: show for show in _SHOWS}
