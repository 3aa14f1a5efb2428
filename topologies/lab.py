"""Real HTTP requests from a client through router, P4 switch, LDs and hosts to real servers, and what each part counted.

Everything runs in network namespaces of its own and is gone afterwards.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn, Optional

from labkit import catalogue, uninterrupted

ROOT = Path(__file__).resolve().parents[1]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="npm run lab --",
        description=__doc__,
        epilog=catalogue.listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--scenario",
        action="append",
        choices=(*catalogue.SCENARIOS, "all"),
        metavar="NAME",
        help="what is shown; may be given several times",
    )
    parser.add_argument(
        "--target",
        choices=("softswitch", "bmv2"),
        default="softswitch",
        help="what runs the P4 program: Sluice's soft switch, or BMv2's simple_switch_grpc (default: softswitch)",
    )
    parser.add_argument("--keep", action="store_true", help="leave the lab up, with a Mininet prompt, until `exit`")
    return parser.parse_args()


def fail(message: str, status: int = 1) -> NoReturn:
    sys.stdout.flush()
    print(f"lab: {message}", file=sys.stderr)
    sys.exit(status)


def prepare() -> None:
    """Installs and builds what is missing. Ends with one line when this machine cannot run the lab."""
    if os.geteuid() != 0:
        fail("network namespaces need root: run the same command as root")
    status = uninterrupted.run(str(ROOT / "scripts/setup"))
    if status != 0:
        sys.exit(status if status > 0 else 128 - status)
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        fail("no right to make network namespaces here (a container?): use a VM, or a container with --privileged")


def end(signum: int, _frame: Optional[FrameType]) -> None:
    """SIGTERM and SIGHUP end the lab as Ctrl-C does, by an exception, so that everything is cleaned up."""
    sys.exit(128 + signum)


def main() -> None:
    options = parse_options()
    try:
        prepare()
        from labkit import scenario, shows  # only now is Mininet sure to be there

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGHUP, end)
        for name, why in catalogue.left_out(options.scenario, options.target).items():
            print(f"lab: {name} is left out on {options.target}: {why} (--scenario {name} shows it)")
        wanted = [shows.BY_NAME[name]() for name in catalogue.chosen(options.scenario, options.target)]
        scenario.run(options.target, wanted, options.keep)
    except KeyboardInterrupt:
        fail("interrupted", 128 + signal.SIGINT)


if __name__ == "__main__":
    main()
