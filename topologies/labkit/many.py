"""Connections opened all at once, each with one HTTP request. A program of its own, that runs in a node:

    many.py ADDRESS PORT COUNT LIMIT_S ANSWERED DECIDED

Prints one JSON object: how many of COUNT were answered, how many were refused (RST), and how many heard nothing within LIMIT_S, or
until so many were answered and so many have heard anything, however long a busy machine takes for that; then keeps those that are open until it is ended. A SYN that is lost is sent again after a second: a
shorter limit shows what became of the first ones alone.
"""

import asyncio
import json
import signal
import sys
from collections import Counter

_LOOK_S, _PATIENCE_S = 0.1, 30.0

_open: "list[asyncio.StreamWriter]" = []


async def _one(address: str, port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection(address, port)
        _open.append(writer)
        writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        return "answered" if (await reader.readline()).startswith(b"HTTP/1.1 200") else "refused"
    except ConnectionError:
        return "refused"


async def _run(address: str, port: int, count: int, limit_s: float, answered: int, decided: int) -> "dict[str, int]":
    asked = [asyncio.create_task(_one(address, port)) for _ in range(count)]
    await asyncio.wait(asked, timeout=limit_s)
    waited_s = limit_s
    while waited_s < _PATIENCE_S:
        outcomes = _outcomes(asked)
        if outcomes["answered"] >= answered and count - outcomes["silent"] >= decided:
            break
        await asyncio.wait(asked, timeout=_LOOK_S)
        waited_s += _LOOK_S
    outcomes = _outcomes(asked)
    for one in asked:
        one.cancel()
    return {outcome: outcomes[outcome] for outcome in ("answered", "refused", "silent")}


def _outcomes(asked: "list[asyncio.Task[str]]") -> "Counter[str]":
    return Counter(one.result() if one.done() else "silent" for one in asked)


async def _main(address: str, port: int, count: int, limit_s: float, answered: int, decided: int) -> None:
    print(json.dumps(await _run(address, port, count, limit_s, answered, decided)), flush=True)
    signal.pause()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], *map(int, sys.argv[2:4]), float(sys.argv[4]), *map(int, sys.argv[5:7])))
