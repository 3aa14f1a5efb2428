"""Connections that stay, and new ones all the time, to one address. Runs in a node until its standard input ends, then
prints what happened, as JSON. Times are of CLOCK_MONOTONIC, which all processes of the machine share.

    steady.py ADDRESS PORT CONNECTIONS INTERVAL_MS NEW_PER_S
"""

import asyncio
import json
import sys
import time
from typing import Any, Optional

# How long answers that are missing at the end are waited for: longer than TCP's first retransmissions.
_PATIENCE_S = 8.0


class Target:
    """Whom to ask, and what was answered."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.ending = asyncio.Event()

    async def get(self, streams: Any, close: bool) -> str:
        """One request and its answer's body."""
        reader, writer = streams
        connection = "close" if close else "keep-alive"
        writer.write(f"GET / HTTP/1.1\r\nHost: {self.address}\r\nConnection: {connection}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:"))
        return str((await reader.readexactly(length)).decode().strip())

    async def stay(self, interval_s: float) -> dict[str, Any]:
        """One connection: a request every `interval_s`, or when the one before has been answered."""
        seen: dict[str, Any] = {"answers": [], "peers": [], "error": None, "unanswered": 0}
        try:
            streams = await asyncio.open_connection(self.address, self.port)
            while not self.ending.is_set():
                begin = time.monotonic()
                seen["unanswered"] = 1
                body = await self.get(streams, close=False)
                seen["unanswered"] = 0
                seen["answers"].append((begin, time.monotonic() - begin))
                if body not in seen["peers"]:
                    seen["peers"].append(body)
                await asyncio.sleep(max(0.0, begin + interval_s - time.monotonic()))
            streams[1].close()
        except (OSError, asyncio.IncompleteReadError) as error:
            seen["error"] = f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            seen["error"] = "no answer"
        return seen

    async def come_and_go(self) -> tuple[float, float, Optional[str]]:
        """A connection for one request: when, how long, and what went wrong."""
        begin = time.monotonic()
        error = None
        try:
            streams = await asyncio.open_connection(self.address, self.port)
            await self.get(streams, close=True)
            streams[1].close()
        except (OSError, asyncio.IncompleteReadError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        except asyncio.CancelledError:
            error = "no answer"
        return begin, time.monotonic() - begin, error


async def _new_ones(target: Target, per_s: float) -> list[tuple[float, float, Optional[str]]]:
    tasks = []
    due = time.monotonic()
    while not target.ending.is_set():
        tasks.append(asyncio.ensure_future(target.come_and_go()))
        due += 1 / per_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return await _patiently(tasks)


async def _patiently(tasks: Any) -> list[Any]:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
    return [await task for task in tasks]


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def main() -> None:
    address, port, connections, interval_ms, new_per_s = sys.argv[1:]
    target = Target(address, int(port))
    staying = [asyncio.ensure_future(target.stay(int(interval_ms) / 1000)) for _ in range(int(connections))]
    coming = asyncio.ensure_future(_new_ones(target, float(new_per_s)))
    await _end_of_input()
    target.ending.set()
    json.dump({"stayed": await _patiently(staying), "came": await coming}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
