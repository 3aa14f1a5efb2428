"""Two VPCs with the same addresses at the same time: VM, VIP, real server, its MAC and its host are the same, and only the VNI tells whose
packets they are."""

import hashlib
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Sequence

from .. import background, measure, parts, plan, tools
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, named, table

REQUESTS = 20
CONNECTIONS = 20
# The source ports of either VM.
FIRST_PORT = 20_000
DOWNLOAD_PORT = 21_000
DOWNLOAD_BYTES = 16 * 2**20
DOWNLOAD_LIMIT_S = 120
PATIENCE_S = 60


@dataclass(frozen=True)
class Vpc:
    name: str
    vni: int
    vm: str
    servers: Sequence[str]  # of the VIP's port 80
    eip: str
    held: str  # the service whose connections are held


BLUE = Vpc("blue", plan.VNI, plan.OTHER_VM, plan.APP_SERVERS, plan.APP_EIP, "held")
GREEN = Vpc("green", plan.GREEN_VNI, plan.GREEN_VM, (plan.GREEN_SERVER,), plan.GREEN_EIP, "held-green")
VPCS = (BLUE, GREEN)


class VpcsShow(Show):
    name = "vpcs"

    def run(self, lab: Lab) -> str:
        self._held(lab)
        self._downloads(lab)
        self.by_eip = self._requests(lab)
        self._health(lab)
        return f"VIP {plan.APP_VIP} of two VPCs at the same time: held connections, a download, requests, health checks"

    def _held(self, lab: Lab) -> None:
        """The same 5-tuples in both VPCs. Each connection is open when the other VPC's are asked."""
        address = plan.address_of(plan.GREEN_SERVER)
        servers = [
            background.start(lab.node(name), "ends", "serve", name, address, plan.HELD_PORT)
            for name in plan.HELD_SERVERS.values()
        ]
        for name in plan.HELD_SERVERS.values():
            tools.wait_for_listener(lab.node(name), plan.HELD_PORT)
        what = ("ends", "hold", plan.APP_VIP, plan.HELD_PORT, CONNECTIONS, FIRST_PORT)
        clients = {vpc: background.start(lab.node(vpc.vm), *what) for vpc in VPCS}
        for _ in range(2):  # the first time opens them, one VPC after the other
            for vpc, client in clients.items():
                answered = Counter(background.report(client))
                wanted = Counter({plan.HELD_SERVERS[vpc.held]: CONNECTIONS})
                self.expect(f"answers on held connections of {vpc.name}", answered, wanted)
        sessions = [measure.sessions(lab.sluice, vpc.held, 2 * CONNECTIONS) for vpc in VPCS]
        for program in (*clients.values(), *servers):
            background.end(program)
        blue, green = ({(s.client, s.vip, s.rs_address) for s in of_vpc} for of_vpc in sessions)
        self.shared = len(blue & green)
        self.expect("connections of the same 5-tuple and real server's address in both VPCs", self.shared, CONNECTIONS)
        self.example = min(blue)

    def _downloads(self, lab: Lab) -> None:
        """At the same time, from the same address and port to the same address and port; each server has a file of its own."""
        self.octets = min(DOWNLOAD_BYTES, lab.load.transfer_bytes)
        servers = {name: os.urandom(self.octets) for vpc in VPCS for name in vpc.servers}
        owner = {hashlib.sha256(data).hexdigest(): name for name, data in servers.items()}
        for name, data in servers.items():
            (lab.directory / f"www/{name}").write_bytes(data)
        command = f"curl --silent --local-port {DOWNLOAD_PORT} http://{plan.APP_VIP}/own | sha256sum | cut -d ' ' -f 1"
        with ExitStack() as stack:
            running = [stack.enter_context(tools.running(lab.node(vpc.vm), "sh", "-c", command)) for vpc in VPCS]
            digests = [tools.output_of(popen, DOWNLOAD_LIMIT_S).strip() for popen in running]
        self.downloads = [owner.get(digest, f"nobody's SHA-256, {digest}") for digest in digests]
        for name in servers:
            (lab.directory / f"www/{name}").unlink()
        for vpc, found in zip(VPCS, self.downloads):
            if found not in vpc.servers:
                self.fail(f"{vpc.name}: the file that came is {found}'s")

    def _requests(self, lab: Lab) -> "list[Counter[str]]":
        """By the EIPs that are bound to the VIP, both at the same time."""
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda vpc: _ask(lab, vpc), VPCS))
        for vpc, per_rs in zip(VPCS, found):
            self._expect_own(vpc, per_rs, REQUESTS)
        return found

    def _expect_own(self, vpc: Vpc, per_rs: "Counter[str]", wanted: int) -> None:
        strangers = {name: count for name, count in per_rs.items() if name not in vpc.servers}
        self.expect(f"answers of others than {vpc.name}'s by {vpc.eip}", strangers, {})
        self.expect(f"answers by {vpc.eip}", sum(per_rs.values()), wanted)

    def _health(self, lab: Lab) -> None:
        """The one in green stops. The one in blue that has its address, port and host is well, and stays so."""
        lab.programs.end(plan.GREEN_SERVER, signal.SIGKILL)
        wait_for(lambda: _health_of(lab, GREEN) == {"down"}, f"{plan.GREEN_SERVER} is down", lab.programs, PATIENCE_S)
        self.meanwhile = _health_of(lab, BLUE)
        self.expect(f"health of {BLUE.servers[0]} meanwhile", self.meanwhile, {"up"})
        self.while_down = [sum(_ask(lab, vpc).values()) for vpc in VPCS]
        self.expect("answers of blue and green while green's server is down", self.while_down, [REQUESTS, 0])
        parts.start_web_server(lab.programs, lab.directory, lab.node(plan.GREEN_SERVER))
        wait_for(lambda: _health_of(lab, GREEN) == {"up"}, f"{plan.GREEN_SERVER} is up", lab.programs, PATIENCE_S)
        self._expect_own(GREEN, _ask(lab, GREEN), REQUESTS)

    def report(self, measured: Measured) -> str:
        rows = [
            (vpc.name, vpc.vni, vpc.vm, plan.HELD_SERVERS[vpc.held], download, f"{vpc.eip}: {named(answers)}")
            for vpc, download, answers in zip(VPCS, self.downloads, self.by_eip)
        ]
        columns = ("VPC", "VNI", "VM", "held connections by", f"{self.octets >> 20} MiB by", "requests by EIP")
        return "\n".join(
            [
                heading(f"VIP {plan.APP_VIP} of two VPCs, whose VMs are both {plan.address_of(plan.GREEN_VM)} (from the answers)"),
                table(columns, rows),
                f"  {self.shared} connections of each, open at the same time: {' → '.join(self.example)}"
                " and so on, in either",
                f"  {plan.GREEN_SERVER} stopped: down in {GREEN.name}; {BLUE.servers[0]}, which has its address in {BLUE.name}, was"
                f" {' and '.join(sorted(self.meanwhile))}; {self.while_down[0]} of {REQUESTS} requests to {BLUE.name} answered,"
                f" {self.while_down[1]} to {GREEN.name}",
            ]
        )


def _ask(lab: Lab, vpc: Vpc) -> "Counter[str]":
    """Who has answered requests by the EIP."""
    return Counter(answer.split(" ")[0] for answer in tools.http_answers(lab.node(plan.CLIENT), vpc.eip, REQUESTS))


def _health_of(lab: Lab, vpc: Vpc) -> "set[str]":
    """What the LDs say of the real server that has the same address in both."""
    service, rs = (plan.SERVICE, plan.HELD_SERVERS[vpc.held]) if vpc is BLUE else (plan.GREEN_SERVICE, plan.GREEN_SERVER)
    return {item["health"] for item in lab.sluice.get("rs") if (item["service"], item["rs"]) == (service, rs)}
