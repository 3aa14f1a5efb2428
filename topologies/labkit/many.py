"""Connections opened all at once, each with one HTTP request. A program of its own, that runs in a node:

    many.py ADDRESS PORT COUNT LIMIT_S

Prints one JSON object: how many of COUNT were answered within LIMIT_S, how many were refused (RST), and how many heard nothing;
then keeps those that are open until it is ended. A SYN that is lost is sent again after a second: a shorter limit shows what
became of the first ones alone.
"""

import asyncio
import json
import signal
import sys
from collections import Counter

_open: "list[asyncio.StreamWriter]" = []


async def _one(address: str, port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection(address, port)
        _open.append(writer)
        writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        return "answered" if (await reader.readline()).startswith(b"HTTP/1.1 200") else "refused"
    except ConnectionError:
        return "refused"


async def _limited(address: str, port: int, limit_s: float) -> str:
    try:
        return await asyncio.wait_for(_one(address, port), limit_s)
    except asyncio.TimeoutError:
        return "silent"


async def _run(address: str, port: int, count: int, limit_s: float) -> "dict[str, int]":
    outcomes = Counter(await asyncio.gather(*(_limited(address, port, limit_s) for _ in range(count))))
    return {outcome: outcomes[outcome] for outcome in ("answered", "refused", "silent")}


async def _main(address: str, port: int, count: int, limit_s: float) -> None:
    print(json.dumps(await _run(address, port, count, limit_s)), flush=True)
    signal.pause()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
