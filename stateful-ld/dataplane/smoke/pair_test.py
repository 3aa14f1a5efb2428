#!/usr/bin/python3
"""Two real LDs that tell each other their sessions over a network that loses, repeats and mixes up, and that one after the other die,
hang, and cannot hear each other: what the models say of the hand-over of a bucket, with the real programs.

Usage: pair_test.py PATH_TO_SLUICE_LD

Needs root and Debian's python3-scapy; exits 77 (meson: skipped) without them. Leaves no process and no namespace behind, also when
it fails.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77

try:
    import scapy.all  # noqa: F401
except ImportError:
    print("pair test: SKIPPED (python3-scapy is missing: apt-get install python3-scapy)")
    sys.exit(SKIPPED)

from ending import clean_up_on_sigterm
from net import enter_namespace
from pair import HOLD_MS, PATIENCE_S, Connection, Network, Pair, cables

HOLD_THREAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../topologies/labkit/hold_thread.py")
CONNECTIONS = 120
BUCKET = {1: 5, 2: 700}  # one of each LD
AT_EACH, NEW = 8, 2  # a backup has 16 ports
numbers = iter(range(10_000))


def some(count, bucket):
    return [Connection(next(numbers), bucket) for _ in range(count)]


def wait_for(what, holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.02)


def check_replication(pair):
    """Loss, repetition and reordering are survived."""
    connections = [Connection(next(numbers), number * 37 % 512) for number in range(CONNECTIONS // 2)]
    others = [Connection(next(numbers), 512 + number * 37 % 512) for number in range(CONNECTIONS // 2)]
    pair.establish(1, connections)
    pair.establish(2, others)
    wait_for("both know all", lambda: pair.know_all(connections + others))
    return connections + others


def check_partition(pair):
    """Switches that take the other LD for dead, each another one: both LDs open connections in the same buckets, and no two get one port."""
    pair.network.cut = True
    opened = []
    for bucket in BUCKET.values():
        at_each = {ld: some(AT_EACH, bucket) for ld in (1, 2)}
        for ld, connections in at_each.items():
            pair.establish(ld, connections)
        ports = [one.local_port for connections in at_each.values() for one in connections]
        assert len(set(ports)) == len(ports), f"bucket {bucket}: a port was given out twice: {sorted(ports)}"
        opened += [one for connections in at_each.values() for one in connections]
    pair.network.cut = False
    wait_for("both know all, once they hear each other", lambda: pair.know_all(opened))
    return opened


def check_death(pair, dead, connections):
    """kill -9: the other one goes on with all of them, opens new ones, and the one that returns has them all before it is online."""
    other = 3 - dead
    pair.kill(dead)
    pair.go_on(other, connections)
    new = some(NEW, BUCKET[dead])
    pair.establish(other, new)
    used = {one.local_port for one in connections if one.bucket == BUCKET[dead]}
    assert not used & {one.local_port for one in new}, "a new connection has an old one's port"
    pair.start(dead)
    wait_for(f"LD {dead} is online again", lambda: pair.is_online(dead))
    assert pair.knows(dead, connections + new), f"LD {dead} is online, and not all sessions are there"
    pair.go_on(dead, connections + new)
    return connections + new


@contextlib.contextmanager
def worker_held(process):
    """The thread that moves packets stands still, and no other."""
    tasks = f"/proc/{process.pid}/task"
    (worker,) = (task for task in os.listdir(tasks) if "worker" in open(f"{tasks}/{task}/comm").read())
    holder = subprocess.Popen([sys.executable, HOLD_THREAD, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"ready\n", "the worker is not held"
        yield
    finally:
        holder.communicate()


def check_stuck_worker(pair, connections):
    """It says nothing meanwhile, and nothing afterwards of before: a switch would turn to it before it has what the other one has opened."""
    beats = pair.network.beats[1]
    with worker_held(pair.processes[1]):
        time.sleep(3 * HOLD_MS / 1000)
        assert not pair.is_online(1), "a worker is stuck for longer than the hold time, and the LD is online"
        new = some(NEW, BUCKET[1])
        pair.establish(2, new)
        before = len(beats)
        released_us = time.time() * 1e6
    wait_for("a heartbeat of LD 1", lambda: len(beats) > before)
    assert beats[before] >= released_us, f"a heartbeat that is {(released_us - beats[before]) / 1000:.0f} ms old"
    assert pair.knows(1, connections + new), "a heartbeat, and not all sessions are there"
    pair.go_on(1, connections + new)


def check_pause(pair, connections):
    """It stood still for longer than the hold time, and may open nothing until it has the copies. What would open a connection comes
    to it nevertheless, from a switch that has not turned yet: the other one opens it."""
    process = pair.processes[1]
    process.send_signal(signal.SIGSTOP)
    time.sleep(2 * HOLD_MS / 1000)
    pair.network.cut = True
    process.send_signal(signal.SIGCONT)
    wait_for("LD 1 is offline", lambda: not pair.is_online(1))
    new = some(NEW, BUCKET[1])
    pair.establish(1, new)
    pair.network.cut = False
    wait_for("both know all, and LD 1 is online", lambda: pair.is_online(1) and pair.know_all(connections + new))
    pair.go_on(1, connections + new)
    return new


def check(pair):
    for ld in 1, 2:
        pair.start(ld)
    for ld in 1, 2:
        wait_for(f"LD {ld} is online", lambda: pair.is_online(ld))
    pair.network.loss, pair.network.repeat, pair.network.delay_s = 0.2, 0.2, 0.008
    connections = check_replication(pair)
    connections += check_partition(pair)
    for dead in 1, 2:
        connections = check_death(pair, dead, connections)
    connections += check_pause(pair, connections)
    check_stuck_worker(pair, connections)
    network = pair.network
    assert network.lost > 20 and network.repeated > 20, (network.lost, network.repeated)
    print(
        f"{len(connections)} connections, none lost; of what the LDs told each other {network.carried} packets were carried,"
        f" {network.repeated} of them twice, and {network.lost} lost"
    )


def main():
    clean_up_on_sigterm()
    if os.geteuid() != 0:
        print("pair test: SKIPPED (needs root, for network namespaces)")
        return SKIPPED
    binary, name = os.path.abspath(sys.argv[1]), f"sluice-pair-{os.getpid()}"
    with cables(name), tempfile.TemporaryDirectory() as folder:
        enter_namespace(name)
        network = Network()
        pair = Pair(binary, name, folder, network)
        network.start()
        try:
            check(pair)
        finally:
            pair.end()
            network.close()
    print("pair test: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
