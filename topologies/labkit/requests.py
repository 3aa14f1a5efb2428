"""HTTP requests at a steady rate, each on a connection of its own, until standard input ends: who has answered them, and when.

    requests.py ADDRESS PORT PER_SECOND

Prints one JSON list: for each request when it began (monotonic clock, seconds), the first word of the answer's body, null when there
was none within LIMIT_S, and when it ended. Runs in a node, so it needs nothing but Python.
"""

import asyncio
import json
import sys
import time

# Longer than any machine is busy with other things.
LIMIT_S = 10.0


async def _answer(address: str, port: int) -> "str | None":
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return None
    try:
        host = f"[{address}]" if ":" in address else address
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return body.decode().split(" ")[0] or None
    except OSError:
        return None
    finally:
        writer.close()


async def _timed(address: str, port: int, found: "list[tuple[float, str | None, float]]") -> None:
    began = time.monotonic()
    try:
        name = await asyncio.wait_for(_answer(address, port), LIMIT_S)
    except asyncio.TimeoutError:
        name = None
    found.append((began, name, time.monotonic()))


async def _run(address: str, port: int, per_second: float) -> "list[tuple[float, str | None, float]]":
    found: "list[tuple[float, str | None, float]]" = []
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    requests = set()
    while not over.done():
        requests.add(asyncio.create_task(_timed(address, port, found)))
        requests = {request for request in requests if not request.done()}
        await asyncio.sleep(1 / per_second)
    await asyncio.gather(*requests)
    return sorted(found)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
