"""What a show is: traffic through the lab, what came back, and what the parts counted of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mininet.net import Mininet

from .load import BY_TARGET, Load
from .nodes import LabNode
from .processes import Parts
from .run_dir import RunDir
from .sluice import Sluice

if TYPE_CHECKING:
    from .measure import Measured


@dataclass
class Lab:
    """The running lab, as the shows see it."""

    net: Mininet
    directory: RunDir
    programs: Parts
    sluice: Sluice
    target: str

    @property
    def load(self) -> Load:
        return BY_TARGET[self.target]

    def node(self, name: str) -> LabNode:
        return self.net[name]


class Show(ABC):
    """One scenario. `run` is called once, `report` after all shows of this lab have run."""

    name: str  # in catalogue.SCENARIOS

    def __init__(self) -> None:
        self.failures: list[str] = []

    @abstractmethod
    def run(self, lab: Lab) -> str:
        """Sends its traffic, and leaves the lab as it was unless it raises. Returns what it did, in a line."""

    @abstractmethod
    def report(self, measured: "Measured") -> str:
        """What it shows, as text; adds to `failures` what the counters say is wrong."""

    def expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.fail(f"{what}: {found}, not {wanted}")

    def fail(self, message: str) -> None:
        self.failures.append(f"{self.name}: {message}")
