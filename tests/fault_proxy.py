"""A proxy in front of an S3 server that fails a share of all requests, as a program.

    python fault_proxy.py PORT_OF_SERVER SHARE KINDS [SEED]

Prints its port. KINDS, by commas: `429` and `503` refuse a request; `cut` ends an answer midway;
`lost` carries a request out and drops the answer. `GET /__counts__` tells how many of each.
"""

import asyncio
import collections
import json
import random
import sys

COUNTS: collections.Counter[str] = collections.Counter()
REASONS = {"429": "Too Many Requests", "503": "Slow Down"}
BODY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>"


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, list[bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    fields = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in lines}
    assert b"chunked" not in fields.get(b"transfer-encoding", b""), "not needed so far"
    kept = [line for line in lines if not line.lower().startswith((b"expect:", b"connection:"))]
    if b"expect" in fields:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(fields.get(b"content-length", 0)))
    return first.decode(), kept, body


def answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


async def forward(upstream: int, first: str, lines: list[bytes], body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", upstream)
    writer.write(b"\r\n".join([first.encode(), *lines, b"Connection: close", b"", b""]) + body)
    await writer.drain()
    whole = await reader.read()
    writer.close()
    return whole


async def serve(upstream: int, share: float, kinds: list[str], seed: int) -> None:
    dice = random.Random(seed)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, lines, body = await read_request(reader, writer)
            if first.startswith("GET /__counts__"):
                writer.write(answer("200 OK", json.dumps(COUNTS).encode()))
                return
            kind = dice.choice(kinds) if dice.random() < share else "passed"
            COUNTS[kind] += 1
            if kind in REASONS:
                writer.write(answer(f"{kind} {REASONS[kind]}", BODY))
                return
            whole = await forward(upstream, first, lines, body)
            head_end = whole.find(b"\r\n\r\n") + 4
            cut = {"lost": 0, "cut": head_end + (len(whole) - head_end) // 2}
            writer.write(whole[: cut.get(kind, len(whole))])
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client was killed
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, port, named_share, named_kinds, *named_seed = sys.argv
    run = serve(int(port), float(named_share), named_kinds.split(","), int(*named_seed or "0"))
    asyncio.run(run)
