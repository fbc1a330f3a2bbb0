"""An IRR server that only looks its answers up: the yardstick for the embedded one.

`python -m tests.lab.memory_irr --answers FILE` reads a recording: for each query the bytes that
another server answered. It does nothing else, so what bgpq4 takes longer against another server
is that server's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.lab.irr_process import running

Answers = dict[bytes, bytes]


def record(port: int, queries: Iterable[bytes]) -> Answers:
    """Ask the IRR server on a port of 127.0.0.1, and keep its answers as they came."""
    answers: Answers = {b"!!": b"", b"!nbgpq4 1.9": b"C\n", b"!q": b""}
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        stream = connection.makefile("rwb")
        stream.write(b"!!\n")
        for query in queries:
            stream.write(query + b"\n")
            stream.flush()
            answer = status = stream.readline()
            if status[:1] == b"A":
                answer += stream.read(int(status[1:])) + stream.readline()
            answers[query] = answer
    return answers


@contextmanager
def start(answers: Answers, recording: Path) -> Iterator[int]:
    """Run the server while the block lasts; yields its port. `recording` is written for it."""
    texts = {query.decode("latin-1"): answer.decode("latin-1") for query, answer in answers.items()}
    recording.write_text(json.dumps(texts))
    with running("-m", "tests.lab.memory_irr", "--answers", str(recording)) as server:
        yield server.port


async def serve(answers: Answers) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while (line := (await reader.readline()).rstrip(b"\n")) and line != b"!q":
                writer.write(answers.get(line, b"F not recorded\n"))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=Path, required=True)
    texts = json.loads(parser.parse_args().answers.read_text())
    answers = {query.encode("latin-1"): answer.encode("latin-1") for query, answer in texts.items()}
    asyncio.run(serve(answers))


if __name__ == "__main__":
    main()
