"""The program's counters over DPDK's telemetry socket. A net_null port hands it empty frames, which it drops, because it has
no configuration: so counters move.

    telemetry_test.py SLUICE_LD
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from ending import clean_up_on_sigterm

CORE = 7  # an lcore's number, of which the CPU is another matter
START_SECONDS = 60
LOSSES = {"rx_missed", "rx_no_mbuf", "rx_errors"}


def start(program, folder):
    return subprocess.Popen(
        [program, "--lcores", f"0@0,{CORE}@0", "--no-pci", "--no-huge", "--no-shconf", "-m", "64"]
        + ["--vdev", "net_null0", "--", "--control-socket", f"{folder}/ld.sock"],
        env={**os.environ, "RUNTIME_DIRECTORY": folder},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def connect(folder, process):
    path = f"{folder}/dpdk/rte/dpdk_telemetry.v2"
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.settimeout(START_SECONDS)
            client.connect(path)
            break
        except OSError:
            client.close()
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                sys.exit(f"telemetry: no socket at {path}\n{process.communicate()[1]}")
            time.sleep(0.05)
    limit = json.loads(client.recv(1024))["max_output_len"]
    return lambda command: ask(client, command, limit)


def ask(client, command, limit):
    client.send(command.encode())
    return json.loads(client.recv(limit))[command.split(",")[0]]


def wait_for(question, wanted):
    deadline = time.monotonic() + START_SECONDS
    while not wanted(answer := question()):
        assert time.monotonic() < deadline, f"still {answer}"
        time.sleep(0.05)
    return answer


def check(query):
    # Commands are registered when the workers are there.
    wait_for(lambda: query("/sluice/workers"), lambda answer: answer == [CORE])
    drops = wait_for(lambda: query("/sluice/drops"), bool)
    assert list(drops) == ["not_configured"], drops
    counters = query(f"/sluice/counters,{CORE}")
    assert counters["rx_packets"] >= drops["not_configured"] > 0, (counters, drops)
    # Of the port, which is nobody's own; net_null loses nothing.
    losses = {name: query("/sluice/counters").get(name) for name in LOSSES}
    assert losses == dict.fromkeys(LOSSES, 0) and not counters.keys() & LOSSES, (losses, counters)
    assert counters["tx_packets"] == 0 and counters["sessions_capacity"] == 65536, counters
    # EAL says null where there is nothing to say.
    assert query("/sluice/counters,8") is None and query("/sluice/drops,x") is None
    assert query("/sluice/drops")["not_configured"] >= drops["not_configured"]


def main():
    clean_up_on_sigterm()
    with tempfile.TemporaryDirectory() as folder:
        process = start(sys.argv[1], folder)
        try:
            check(connect(folder, process))
            process.send_signal(signal.SIGTERM)
            assert process.wait(START_SECONDS) == 0
        finally:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    main()
