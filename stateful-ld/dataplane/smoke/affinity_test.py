"""Where the threads of a running sluice-ld may run: workers each on its lcore's CPU and nowhere else, everything else (control,
heartbeats, health checks, telemetry and whom it answers, EAL's own) on none of the workers' CPUs.

    affinity_test.py SLUICE_LD

Takes two CPUs, or with root up to four: with root it has a probe device as well, in a network namespace of its own. Exits 77
(meson: skipped) on one CPU.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ending import clean_up_on_sigterm
from telemetry_test import START_SECONDS, connect, wait_for

SKIPPED = 77
WORKERS_MAX = 3
FIRST_WORKER = 7  # an lcore's number, of which the CPU is another matter
# The kernel cuts names of threads after 15 characters.
OTHERS = {"sluice-ld", "heartbeat", "telemetry-v2", "eal-intr-thread"}


def start(program, folder, control, data):
    lcores = ",".join([f"0@{control}", *(f"{FIRST_WORKER + i}@{cpu}" for i, cpu in enumerate(data))])
    eal = ["--lcores", lcores, "--no-pci", "--no-huge", "--no-shconf", "-m", "64", "--vdev", "net_null0"]
    own = ["--control-socket", f"{folder}/ld.sock", "--log-format", "json"]
    root = os.geteuid() == 0
    return subprocess.Popen(
        [*(["unshare", "--net"] if root else []), program, *eal, "--", *own, *(["--probe-device", "probe"] if root else [])],
        env={**os.environ, "RUNTIME_DIRECTORY": folder},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def cpu_list(text):
    """0-2,8 → {0, 1, 2, 8}"""
    ends = [part.partition("-") for part in text.split(",")]
    return {cpu for first, _, last in ends for cpu in range(int(first), int(last or first) + 1)}


def threads_of(process):
    """[(name, CPUs that it may run on)]"""
    found = []
    for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        found.append((fields["Name"], cpu_list(fields["Cpus_allowed_list"])))
    return found


def check_threads(process, data):
    threads = threads_of(process)
    workers = sorted(cpus.pop() for name, cpus in threads if "worker" in name and len(cpus) == 1)
    assert workers == data, f"workers are to be on CPUs {data}, each on one: {threads}"
    others = [(name, cpus) for name, cpus in threads_of(process) if "worker" not in name]
    assert OTHERS <= {name for name, _ in others}, others
    assert len([name for name, _ in others if name == "telemetry-v2"]) >= 2, f"one of them answers this test: {others}"
    trespassers = [(name, cpus) for name, cpus in others if cpus & set(data)]
    assert not trespassers, f"may run on the CPUs of workers: {trespassers}"


def check_log(lines, control, data):
    """This test itself may run where the workers do, which cannot be helped here."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    infos, warnings = ([item["msg"] for item in said if item["level"] == level] for level in (30, 40))
    assert any(msg.startswith(f"lcores: control on CPUs {control}, workers on CPUs {data[0]}") for msg in infos), infos
    assert any(msg.startswith("lcores: ") and "may run on the workers' CPUs" in msg for msg in warnings), warnings
    assert not any("a CPU of control" in msg or "share a CPU" in msg for msg in warnings), warnings


def main():
    clean_up_on_sigterm()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        print("affinity test: SKIPPED (takes two CPUs)")
        return SKIPPED
    control, data = cpus[0], cpus[1 : 1 + WORKERS_MAX]
    with tempfile.TemporaryDirectory() as folder:
        process = start(sys.argv[1], folder, control, data)
        try:
            query = connect(folder, process)
            wait_for(lambda: query("/sluice/workers"), lambda answer: answer and len(answer) == len(data))
            # It is answered before the heartbeat's thread is made.
            wait_for(lambda: [name for name, _ in threads_of(process)], lambda names: OTHERS <= set(names))
            check_threads(process, data)
            process.send_signal(signal.SIGTERM)
            assert process.wait(START_SECONDS) == 0
            check_log(process.stderr.read().splitlines(), control, data)
        finally:
            process.kill()
            process.communicate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
