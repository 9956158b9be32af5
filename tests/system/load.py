"""Many clients at once, each asking again as soon as it has its answer: `python load.py ADDRESS CLIENTS SECONDS`.

Reads the body of a request and the expected answer from standard input, as two lines of JSON; prints what came.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


async def main() -> None:
    address, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    body, expected = (line.strip().encode() for line in sys.stdin)
    end = time.monotonic() + seconds
    counts = await asyncio.gather(*(client(urlsplit(address), body, json.loads(expected), end) for _ in range(clients)))
    sent, right, slowest = (list(each) for each in zip(*counts, strict=True))
    print(json.dumps({"sent": sum(sent), "right": sum(right), "fewest": min(right), "slowest": max(slowest)}))


async def client(address, body: bytes, expected: dict, end: float) -> tuple[int, int, float]:
    """Ask until it is time to end; says how many requests were sent and answered rightly, and the longest wait."""
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    sent = right = 0
    slowest = 0.0
    while time.monotonic() < end:
        begun = time.monotonic()
        writer.write(request)
        sent += 1
        status, answer = await read(reader)
        right += status == 200 and json.loads(answer) == expected
        slowest = max(slowest, time.monotonic() - begun)
    writer.close()
    return sent, right, slowest


async def read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
    return int(head.split()[1]), await reader.readexactly(length)


if __name__ == "__main__":
    asyncio.run(main())
