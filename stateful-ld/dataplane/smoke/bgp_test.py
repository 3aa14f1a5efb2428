#!/usr/bin/python3
"""Two LDs behind a router that learns by BGP which of them are there: one dies, is withdrawn, and comes back.

Usage: bgp_test.py PATH_TO_SLUICE_LD

    client ── router ──┬── bridge ── LD 1: buckets 0 to 511      the network of routers_test.py; the router has no static routes,
                 │ │   │  └───── LD 2: buckets 512 to 1023       but a BGP session with the speaker of each LD's host, over
                 │ │   RS                                        an interface that sluice-ld does not have
                 │ └── LD 1's speaker
                 └──── LD 2's speaker

The speakers are FRR's, with the configuration that stateful-ld/README.md shows. An LD's speaker is stopped when its sluice-ld ends,
as systemd's BindsTo= does it. Needs root and Debian's frr; exits 77 (meson: skipped) without. Cleans up by name and pid, also
when it fails.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

from real_stack_test import PATIENCE_S, SERVER, SKIPPED, connect, inside, main, run
from routers_test import BUCKETS, BYTES, CLIENT, FABRIC, HUB, LD1, LD2, LOCAL_IPS, ROUTER, RS, VIP, VTEPS
from routers_test import check_counters, check_datagrams, check_downloads, config, dataplane, make_cables, running
from wire import named

DAEMONS = "/usr/lib/frr"
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")
SPEAKERS = {LD1: "10.9.1", LD2: "10.9.2"}  # the subnet between the router (.1) and an LD's host (.2)
EVERYTHING = (0, 1023)
DATAGRAMS, DOWNLOADS = 1000, 20


def make_network():
    make_cables()
    # RS and LDs are on one subnet: by redirects (RFC 792) the RS would learn one LD as its own way, which nobody withdraws.
    run(*inside(ROUTER, "sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.fabric.send_redirects=0"))
    for number, (ld, subnet) in enumerate(SPEAKERS.items(), 1):
        run("ip", "-n", ROUTER, "link", "add", "name", f"speaker{number}", "type", "veth", "peer", "name", "speaker", "netns", ld)
        for namespace, interface, host in ((ROUTER, f"speaker{number}", 1), (ld, "speaker", 2)):
            run("ip", "-n", namespace, "address", "add", f"{subnet}.{host}/30", "dev", interface)
            run("ip", "-n", namespace, "link", "set", "dev", interface, "up")


def documented():
    """{namespace: FRR's configuration}. The document has LD 1's, and the router's; LD 2's differs by its addresses."""
    with open(README, encoding="utf-8") as readme:
        ld, router = re.findall(r"^```frr\n(.*?)^```$", readme.read(), re.DOTALL | re.MULTILINE)
    other = ld.replace(VTEPS[LD1], VTEPS[LD2]).replace(f"{SPEAKERS[LD1]}.", f"{SPEAKERS[LD2]}.")
    return {LD1: ld, LD2: other, ROUTER: router}


@contextlib.contextmanager
def speaking(namespace, folder):
    """FRR in a namespace, with all that it has in a folder below `folder`; it gives up root, so that is its own."""
    own = f"{folder}/frr-{namespace}"
    os.makedirs(own, exist_ok=True)
    with open(f"{own}/frr.conf", "w", encoding="utf-8") as file:
        file.write(documented()[namespace])
    for path in own, f"{own}/frr.conf":
        shutil.chown(path, "frr", "frr")
    with contextlib.ExitStack() as stack:
        for daemon in "zebra", "bgpd":
            place = ["-z", f"{own}/zebra.sock", "-i", f"{own}/{daemon}.pid", "--vty_socket", own, "-P", "0"]
            command = (f"{DAEMONS}/{daemon}", "-f", f"{own}/frr.conf", *place, "--log", f"file:{own}/{daemon}.log")
            stack.enter_context(running(*inside(namespace, *command)))
        yield


class Announced:
    """An LD's speaker, from now until the LD's process ends."""

    def __init__(self, ld, process, folder):
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(speaking(ld, folder))
        self._bound = threading.Thread(target=self._follow, args=(process,))
        self._bound.start()

    def _follow(self, process):
        process.wait()
        self._stack.close()

    def join(self):
        self._bound.join()


def ways(prefix):
    """The next hops that the router has for a prefix."""
    said = subprocess.run(["ip", "-j", "-n", ROUTER, "route", "show", prefix], capture_output=True, text=True, check=True).stdout
    return {hop["gateway"] for route in json.loads(said or "[]") for hop in route.get("nexthops", [route])}


def wait_for_ways(*lds):
    """Until the router's ways to the VIP and to the local IPs are by these LDs, and no others. Returns how long it took."""
    began, wanted = time.monotonic(), {VTEPS[ld] for ld in lds}
    while any(ways(prefix) != wanted for prefix in (VIP, LOCAL_IPS)):
        waited = time.monotonic() - began
        assert waited < PATIENCE_S, f"ways to the VIP: {ways(VIP)}, to the local IPs: {ways(LOCAL_IPS)}; wanted {wanted}"
        time.sleep(0.02)
    return time.monotonic() - began


class Lds:
    """The data planes that run, and what they are told."""

    def __init__(self, stack, binary, folder):
        self.stack, self.binary, self.folder = stack, binary, folder
        self.processes, self.controls = {}, {}

    def start(self, ld):
        path = f"{self.folder}/{ld}.sock"
        self.processes[ld] = self.stack.enter_context(dataplane(self.binary, self.folder, ld))
        self.controls[ld] = connect(path, self.processes[ld])

    def kill(self, ld):
        self.processes[ld].kill()
        self.processes[ld].wait()
        self.controls.pop(ld).close()
        os.unlink(f"{self.folder}/{ld}.sock")

    def configure(self, epoch, buckets, *order):
        """Tells LDs a map, one after the other: who loses buckets comes before who gets them."""
        for ld in order:
            code, reason = self.controls[ld].apply_config(config(ld, buckets, epoch))
            assert code == 0, reason

    def announce(self, ld):
        return Announced(ld, self.processes[ld], self.folder)


def check_both(lds):
    check_datagrams(DATAGRAMS)
    check_downloads(DOWNLOADS)
    check_counters(lds.controls)


def check_death(lds, announced):
    """kill -9. The buckets of the dead are given to the other one by whoever has the configuration."""
    before = named(lds.controls[LD2].counters(), 2)["sessions_opened"]
    lds.kill(LD1)
    took_s = wait_for_ways(LD2)
    announced.join()
    lds.configure(2, {LD2: EVERYTHING}, LD2)
    check_downloads(DOWNLOADS)
    opened = named(lds.controls[LD2].counters(), 2)["sessions_opened"] - before
    print(f"{LD1} killed: the router has one way {took_s:.2f} s later; {opened} sessions at {LD2}")


def check_return(lds):
    """It is announced when it has its buckets, not before."""
    lds.start(LD1)
    lds.configure(3, BUCKETS, LD2, LD1)
    announced = lds.announce(LD1)
    print(f"{LD1} is back: the router has two ways {wait_for_ways(LD1, LD2):.2f} s later")
    check_both(lds)
    return announced


def test(binary, folder):
    os.chmod(folder, 0o711)  # FRR's user has a folder of its own in it
    announced = []
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [one.join() for one in announced])  # last of all, when the LDs have ended
        stack.enter_context(running(*inside(RS, "/usr/bin/python3", "-c", SERVER, str(BYTES))))
        stack.enter_context(speaking(ROUTER, folder))
        lds = Lds(stack, binary, folder)
        for ld in VTEPS:
            lds.start(ld)
        lds.configure(1, BUCKETS, *VTEPS)
        announced += [lds.announce(ld) for ld in VTEPS]
        wait_for_ways(*VTEPS)
        check_both(lds)
        check_death(lds, announced[0])
        announced.append(check_return(lds))


if __name__ == "__main__":
    if not os.path.exists(f"{DAEMONS}/bgpd"):
        print("BGP test: SKIPPED (FRR is missing: apt-get install frr)")
        sys.exit(SKIPPED)
    sys.exit(main("BGP test", (HUB, CLIENT, *FABRIC), make_network, test))
