"""The programs of the lab and their command lines: the switch, the LDs with their agents, the real servers."""

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Sequence

from mininet.net import Mininet

from . import plan
from .errors import LabError
from .nodes import LabNode
from .processes import Parts, accepts, wait_for
from .run_dir import RunDir

ROOT = Path(__file__).resolve().parents[2]
_DATAPLANE = ROOT / "stateful-ld/dataplane/builddir/sluice-ld"

# Of an LD's worker that finds nothing. Waking up costs 15 to 30 us: at 200 us, idle LDs take a third of a CPU.
_IDLE_SLEEP_US = 500
# Of the socket an LD receives from: what comes while it waits for a CPU. The driver's 512 are full within milliseconds.
_RING_FRAMES = 4096
_SWITCH_NICE = -10
# Of an LD's worker.
_SESSIONS = 65_536
# Of a data plane that runs. Its peers' silence is waited for half a second.
_ONLINE_LIMIT_S = 60
# Makes an answer most of a packet long.
_PADDING_BYTES = 1000

_NGINX_CONF = """\
daemon off;
master_process off;
pid {run}/{name}.nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {run}/{name}.nginx.tmp;
  proxy_temp_path {run}/{name}.nginx.tmp;
  fastcgi_temp_path {run}/{name}.nginx.tmp;
  uwsgi_temp_path {run}/{name}.nginx.tmp;
  scgi_temp_path {run}/{name}.nginx.tmp;
  server {{
    {listen}
    default_type text/plain;
    location = / {{ return 200 "{name} $remote_addr:$remote_port\\n"; }}
    location = /padded {{ return 200 "{name} $remote_addr:$remote_port {padding}\\n"; }}
    location = /own {{ alias {run}/www/{name}; }}
    location / {{ root {run}/www; }}
  }}
  server {{
    {proxied}
    default_type text/plain;
    location / {{ return 200 "{name} $proxy_protocol_addr:$proxy_protocol_port\n"; }}
  }}
}}
"""


def switch_socket(run: RunDir, switch: str = plan.SWITCH) -> Path:
    return run / f"{switch}.sock"


def agent_socket(run: RunDir, ld: str) -> Path:
    return run / f"{ld}.agent.sock"


def check_target(target: str) -> None:
    """Raises LabError when the switch target is not on this machine."""
    if target == "bmv2" and shutil.which("simple_switch_grpc") is None:
        raise LabError(
            "--target bmv2: simple_switch_grpc is not on PATH. Build it from p4lang/behavioral-model,"
            " or leave the option out to use the soft switch"
        )


def start_switch(parts: Parts, run: RunDir, node: LabNode, target: str) -> None:
    """A gateway switch, on all ports of its node."""
    ports = []
    for interface in plan.interfaces_of(node.name):
        ports += ["-i", f"{interface.port}@{interface.name}"]
    address = f"unix:{switch_socket(run, node.name)}"
    device = ["--device-id", str(plan.DEVICE_ID)]
    cpu = ["--cpu-port", str(plan.CPU_PORT)]
    if target == "bmv2":
        grpc = ["--", "--grpc-server-addr", address, *cpu]
        notifications = ["--notifications-addr", f"ipc://{run.path}/{node.name}-notifications.ipc"]
        parts.start(node.name, node, "simple_switch_grpc", "--no-p4", *device, *notifications, *ports, *grpc)
    else:
        main = str(ROOT / "softswitch/dist/main.js")
        parts.start(node.name, node, "node", main, *device, "--grpc-addr", address, *ports, *cpu)


def wait_for_switch(parts: Parts, run: RunDir, switch: str) -> None:
    wait_for(lambda: accepts(switch_socket(run, switch)), f"{switch} accepts P4Runtime connections", parts)
    _favour(parts.part(switch).popen.pid)


def dataplane_socket(run: RunDir, ld: str) -> Path:
    return run / f"{ld}.dp.sock"


def start_dataplane(parts: Parts, run: RunDir, node: LabNode, sessions: int = _SESSIONS) -> None:
    """An LD's DPDK data plane, with one worker that has room for so many sessions."""
    # Both threads may run on any CPU: a lab has more threads than CPUs, and DPDK would pin them.
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0)))
    # fmt: off
    parts.start(
        node.name, node, "env", f"RUNTIME_DIRECTORY={run.path}", str(_DATAPLANE),
        "--lcores", f"(0-1)@({cpus})", "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "256",
        "--file-prefix", node.name, "--vdev", f"net_af_packet0,iface={node.name}-eth0,framecnt={_RING_FRAMES}",
        "--", "--control-socket", str(dataplane_socket(run, node.name)), "--idle-sleep-us", str(_IDLE_SLEEP_US),
        "--probe-device", "probe", "--sessions", str(sessions),
    )
    # fmt: on


def wait_for_dataplane(parts: Parts, run: RunDir, ld: str) -> None:
    wait_for(lambda: accepts(dataplane_socket(run, ld)), f"{ld} accepts connections", parts)
    _put_ahead(parts.part(ld).popen.pid)


def _put_ahead(pid: int) -> None:
    """An LD has CPUs of its own, and its heartbeats say so. Here it shares them with all that a lab runs: it goes first,
    where that is allowed (a container may lack CAP_SYS_NICE, a control group real-time bandwidth). It sleeps when it has
    nothing to do. While it starts it has a lot to do, and the others go on."""
    with contextlib.suppress(OSError):  # also: a thread that has ended
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))  # threads that it makes from now on have it from here
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(1))


def _favour(pid: int) -> None:
    """A switch has a chip of its own. Here every packet waits for it four times on its way to a server and back, so it gets
    a larger share of the CPUs than others (not all it wants: it may have as much to do as there is time)."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), _SWITCH_NICE)
        # Where sessions share CPUs first, as on a desktop, and processes what their session gets (sched(7)).
        Path(f"/proc/{pid}/autogroup").write_text(str(_SWITCH_NICE), encoding="ascii")


def wait_for_configuration(parts: Parts, ld: str) -> None:
    """Returns when a data plane has a configuration, from whomever."""
    log = parts.part(ld).log
    wait_for(lambda: b"configuration in force" in log.read_bytes(), f"{ld} is configured", parts)
    _put_ahead(parts.part(ld).popen.pid)


def times_online(parts: Parts, ld: str) -> int:
    """How often a data plane has come online, by its log: at first, and each time that it has lost touch."""
    return parts.part(ld).log.read_bytes().count(b"replication: online")


def wait_until_online(parts: Parts, ld: str, before: int = 0) -> None:
    """Returns when it has come online once more than `before`."""
    wait_for(lambda: times_online(parts, ld) > before, f"{ld} is online", parts, _ONLINE_LIMIT_S)


def start_ld(parts: Parts, run: RunDir, node: LabNode, sessions: int = _SESSIONS) -> None:
    """An LD: its data plane, and its agent."""
    start_dataplane(parts, run, node, sessions)
    (run / f"{node.name}.state").mkdir()
    start_agent(parts, run, node)


def start_agent(parts: Parts, run: RunDir, node: LabNode) -> None:
    """An LD's agent, with what one before it has kept."""
    # fmt: off
    agent = str(ROOT / "stateful-ld/agent/dist/main.js")
    parts.start(
        f"{node.name}-agent", node, "node", agent,
        "--listen", f"unix:{agent_socket(run, node.name)}", "--dataplane", str(dataplane_socket(run, node.name)),
        "--state", str(run / f"{node.name}.state"),
    )
    # fmt: on


def start_spare_lds(
    parts: Parts, run: RunDir, nodes: Sequence[LabNode], sessions: int = _SESSIONS
) -> None:
    """More LDs, which know nothing of a show before; returns when their agents listen."""
    for node in nodes:
        shutil.rmtree(run / f"{node.name}.state", ignore_errors=True)
        start_ld(parts, run, node, sessions)
    for node in nodes:
        _wait_for_ld(parts, run, node.name)


def end_spare_lds(parts: Parts, names: Sequence[str]) -> None:
    """Ends them, once they are in no cluster any more."""
    for name in names:
        parts.end(f"{name}-agent", signal.SIGTERM)
        parts.end(name, signal.SIGTERM)


def _wait_for_ld(parts: Parts, run: RunDir, ld: str) -> None:
    wait_for_dataplane(parts, run, ld)
    wait_for(lambda: accepts(agent_socket(run, ld)), f"the agent of {ld} accepts connections", parts)


def start_web_server(parts: Parts, run: RunDir, node: LabNode) -> None:
    """nginx that answers with its node's name and the peer it sees."""
    interface = plan.interfaces_of(node.name)[0]
    addresses = [plan.host_of(address) for address in (interface.address, *interface.also) if address]
    if interface.address_v6:
        addresses.append(f"[{plan.host_of(interface.address_v6)}]")
    listen = " ".join(f"listen {address}:80;" for address in addresses)
    proxied = " ".join(f"listen {address}:{plan.PROXIED_PORT} proxy_protocol;" for address in addresses)
    conf = run / f"{node.name}.nginx.conf"
    padding = "." * _PADDING_BYTES
    conf.write_text(
        _NGINX_CONF.format(run=run.path, name=node.name, listen=listen, proxied=proxied, padding=padding)
    )
    # -e: nginx opens its log before it reads the configuration, by default one in /var/log
    parts.start(node.name, node, "nginx", "-e", "stderr", "-c", str(conf), "-p", str(run.path))


def start_carrier(parts: Parts, node: LabNode) -> None:
    """The VLAN device of the carrier's router."""
    program = str(ROOT / "topologies/labkit/vlan_device.py")
    link = plan.interfaces_of(node.name)[1].name
    parts.start(node.name, node, sys.executable, "-B", program, link, str(plan.CARRIER_VLAN), plan.CARRIER_DEVICE)


def start_all(parts: Parts, run: RunDir, net: Mininet, target: str) -> None:
    """Starts every program and returns when each listens."""
    (run / "www").mkdir()
    start_switch(parts, run, net[plan.SWITCH], target)
    start_carrier(parts, net[plan.CARRIER_ROUTER])
    for ld in plan.LDS:
        start_ld(parts, run, net[ld])
    for name in plan.WEB_SERVERS:
        start_web_server(parts, run, net[name])
    wait_for_switch(parts, run, plan.SWITCH)
    for ld in plan.LDS:
        _wait_for_ld(parts, run, ld)
    for name in plan.WEB_SERVERS:
        wait_for(lambda node=net[name]: _listens(node), f"nginx of {name} answers", parts)


def _listens(node: LabNode) -> bool:
    try:
        node.sh(f"curl --silent --output /dev/null http://{plan.address_of(node.name)}/")
    except LabError:
        return False
    return True
