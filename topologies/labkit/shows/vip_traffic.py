"""Real HTTP requests from the client to the VIP, and what came back."""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .. import plan
from ..errors import LabError
from ..nodes import LabNode
from ..run_dir import RunDir

REQUESTS = 240
CONCURRENCY = 8
LIMIT_S = 120
DOWNLOAD_BYTES = 256 * 1024


@dataclass
class Result:
    """Outcome of the requests, counted from the answers themselves."""

    requests: int = 0
    per_rs: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def small_requests(client: LabNode, run: RunDir) -> Result:
    """REQUESTS times GET /, each on a connection of its own, CONCURRENCY at a time."""
    return _get(client, run, plan.VIP, "", REQUESTS, CONCURRENCY)


def downloads(client: LabNode, run: RunDir, vip: str, count: int, parallel: int) -> Result:
    """Downloads of a file of random bytes, which fills whole packets; a byte that arrives wrong is a failure."""
    (run / "www/blob").write_bytes(os.urandom(DOWNLOAD_BYTES))
    result = _get(client, run, vip, "blob", count, parallel)
    wanted = _digest(run / "www/blob")
    for answer in sorted((run / f"answers-{vip}").glob("blob-*")):
        if not result.failures and _digest(answer) != wanted:
            result.failures.append(f"{answer.name}: arrived damaged")
    return result


def _get(client: LabNode, run: RunDir, vip: str, page: str, count: int, parallel: int) -> Result:
    # `?N` only numbers the requests, for the name of the file that takes the answer.
    template = "%{http_code} %{num_connects} %{exitcode} %{filename_effective} %{errormsg}\\n"
    answers = f"{run.path}/answers-{vip}/{page or 'root'}-#1"
    # Brackets are ranges to curl's globbing: those of an IPv6 address must not be.
    host = f"\\[{vip}\\]" if ":" in vip else vip
    listing = client.sh(
        # Line by line: what has ended when the time is over is then known.
        f"timeout {LIMIT_S} stdbuf --output=L curl --silent --http1.1 --max-time 60 --header 'Connection: close'"
        f" --parallel --parallel-immediate --parallel-max {parallel} --create-dirs --output '{answers}'"
        f" --write-out '{template}' 'http://{host}:{plan.VIP_PORT}/{page}?[1-{count}]' || true"
    )
    result = Result()
    for line in listing.splitlines():
        status, connects, exit_status, path, *error = line.split(" ", 4)
        result.requests += 1
        name = path.rpartition("/")[2]
        if status != "200" or exit_status != "0":
            result.failures.append(f"request {name}: HTTP status {status}: {''.join(error)}")
        elif connects != "1":
            result.failures.append(f"request {name}: used {connects} connections, not one of its own")
        elif not page:
            result.per_rs[Path(path).read_text(encoding="ascii").split()[0]] += 1
    if result.requests != count:
        first = "".join(f" ({failure})" for failure in result.failures[:1])
        raise LabError(f"only {result.requests} of {count} requests had ended after {LIMIT_S} s{first}")
    return result


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
