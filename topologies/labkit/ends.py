"""TCP connections that stay open, and how either end sees them end. A program of its own, with two ends; both run until standard
input ends (background.py):

    ends.py serve NAME ADDRESS PORT     answers each line with NAME. Tells how many connections were reset, and how many closed.
    ends.py hold ADDRESS PORT COUNT [FROM]  opens COUNT connections, from source ports FROM, FROM + 1 and so on (IPv4; default: any). At
                                        each "report" sends a line on each of them, and tells what came: a NAME, "reset", "closed", or
                                        "silent".
"""

import asyncio
import json
import sys
from collections import Counter

_PATIENCE_S = 3.0
# For all of them, on a machine that is busy.
_OPEN_S = 30.0


async def _serve(name: str, address: str, port: int) -> "dict[str, int]":
    ends: "Counter[str]" = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readline():
                writer.write(f"{name}\n".encode())
            ends["closed"] += 1
        except ConnectionResetError:
            ends["reset"] += 1
        writer.close()

    await asyncio.start_server(answer, address, port)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    return {"reset": ends["reset"], "closed": ends["closed"]}


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    try:
        writer.write(b"?\n")
        line = await asyncio.wait_for(reader.readline(), _PATIENCE_S)
        return line.decode().strip() or "closed"
    except ConnectionResetError:
        return "reset"
    except asyncio.TimeoutError:
        return "silent"


async def _hold(address: str, port: int, count: int, first: "int | None") -> "list[str]":
    sources = [first if first is None else ("0.0.0.0", first + i) for i in range(count)]
    opening = (asyncio.open_connection(address, port, local_addr=source) for source in sources)
    held = await asyncio.wait_for(asyncio.gather(*opening), _OPEN_S)
    said: "list[str]" = []
    while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        said = list(await asyncio.gather(*(_ask(*one) for one in held)))
        print(json.dumps(said), flush=True)
    for _, writer in held:
        writer.close()
    return said


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "serve":
        print(json.dumps(asyncio.run(_serve(rest[0], rest[1], int(rest[2])))))
    else:
        first = int(rest[3]) if len(rest) > 3 else None
        print(json.dumps(asyncio.run(_hold(rest[0], int(rest[1]), int(rest[2]), first))))
