"""An IRR server that fails on purpose: `python -m tests.lab.faulty_irr --fault NAME`.

Up to the query that asks for members or prefixes it behaves (bgpq4 says hello, asks for `!a` and
for the sources); then comes the fault. Every set and every AS that it is asked about has the same
prefixes; AS-BROKEN and AS65551 are where ERROR_ONE strikes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Final

from tests.lab.irr_process import running

IPV4 = b"192.0.2.0/24 198.51.100.0/24 203.0.113.0/25"
IPV6 = b"2001:db8::/32 2001:db8:1::/48"
MEMBERS = b"AS65536 AS65551"
SOURCES = b"TEST,OTHER"
HUGE_PREFIXES: Final = 2_000_000
BROKEN = (b"AS-BROKEN", b"AS65551")
OLDER: Final = {IPV4: b"192.0.2.0/24 203.0.113.0/25", IPV6: b"2001:db8::/32"}
"""what the registry had before it had all of the prefixes"""
BAD_SOURCE = b"BADSRC"


class Fault(StrEnum):
    """What goes wrong. "Data" is the answer to `!a4X`, `!a6X`, `!gX`, `!6X` and `!iX`."""

    NONE = "none"
    OLDER = "older"  # right, but as it was before: fewer prefixes
    ERROR_ALL = "error-all"  # F for every query, the hello included
    ERROR_DATA = "error-data"  # F for the data
    ERROR_ONE = "error-one"  # F for AS-BROKEN and AS65551, the rest is right
    ERROR_OBJECT = "error-object"  # D for the data, and F for !m
    HANG_OBJECT = "hang-object"  # D for the data, and silence for !m
    CLOSE_OBJECT = "close-object"  # D for the data, and a closed connection for !m
    UNKNOWN_SET = "unknown-set"  # D for the data and for !m
    EMPTY_SET = "empty-set"  # D for the data; !m has the object
    UNKNOWN_SOURCE = "unknown-source"  # F for !sX
    UNKNOWN_PINNED = "unknown-pinned"  # F for !sBADSRC alone, as BADSRC::AS-X asks for it
    GARBAGE = "garbage"  # a line that is no answer
    CLOSE_BEFORE = "close-before"
    CLOSE_MIDWAY = "close-midway"  # half of the data, then the end
    RESET_MIDWAY = "reset-midway"  # half of the data, then a reset
    NO_FINAL_CODE = "no-final-code"  # all data, then the end instead of C
    SHORT_LENGTH = "short-length"  # the length says less than there is
    LONG_LENGTH = "long-length"  # the length says more than there is
    HANG_ACCEPT = "hang-accept"  # not a word
    HANG_BEFORE = "hang-before"
    HANG_MIDWAY = "hang-midway"
    DRIP = "drip"  # one byte a second
    BAD_PREFIXES = "bad-prefixes"
    BAD_LENGTH = "bad-length"  # the last prefix is a /33 (IPv6: a /129): no complaint of bgpq4
    HUGE = "huge"  # 2,000,000 prefixes


@contextmanager
def start(fault: Fault | str, *, log: Path | None = None) -> Iterator[int]:
    """Run the server with a fault while the block lasts; yields its port on 127.0.0.1.

    `log` gets a line for every query, as it came.
    """
    options = ("--log", str(log)) if log else ()
    argv = ("-m", "tests.lab.faulty_irr", "--fault", str(Fault(fault)), *options)
    with running(*argv) as server:
        yield server.port


class Then(Enum):
    """What follows the bytes of an answer."""

    GO_ON = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


Strike = tuple[bytes, Then]

NO_DATA: Final = {
    Fault.ERROR_OBJECT,
    Fault.HANG_OBJECT,
    Fault.CLOSE_OBJECT,
    Fault.UNKNOWN_SET,
    Fault.EMPTY_SET,
}
OBJECT_STRIKES: Final[dict[Fault, Strike]] = {
    Fault.ERROR_OBJECT: (b"F Internal error\n", Then.GO_ON),
    Fault.HANG_OBJECT: (b"", Then.HANG),
    Fault.CLOSE_OBJECT: (b"", Then.CLOSE),
    Fault.UNKNOWN_SET: (b"D\n", Then.GO_ON),
}


def data_strikes(data: bytes) -> dict[Fault, Strike]:
    """What each fault makes of the right data."""
    half = b"A%d\n" % (len(data) + 1) + data[: len(data) // 2]
    return {
        **dict.fromkeys(NO_DATA, (b"D\n", Then.GO_ON)),
        Fault.ERROR_DATA: (b"F Internal error\n", Then.GO_ON),
        Fault.GARBAGE: (b"HTTP/1.1 400 Bad Request\n", Then.GO_ON),
        Fault.CLOSE_BEFORE: (b"", Then.CLOSE),
        Fault.CLOSE_MIDWAY: (half, Then.CLOSE),
        Fault.RESET_MIDWAY: (half, Then.RESET),
        Fault.NO_FINAL_CODE: (framed(data).removesuffix(b"C\n"), Then.CLOSE),
        # Exactly at a word's end: bgpq4 says nothing then. (In mid-word it prints an ERROR.)
        Fault.SHORT_LENGTH: (b"A%d\n" % (data.rindex(b" ") + 1) + data + b"\nC\n", Then.GO_ON),
        Fault.LONG_LENGTH: (b"A%d\n" % (len(data) + 17) + data + b"\nC\n", Then.GO_ON),
        Fault.HANG_BEFORE: (b"", Then.HANG),
        Fault.HANG_MIDWAY: (half, Then.HANG),
        Fault.OLDER: (framed(OLDER.get(data, data)), Then.GO_ON),
        Fault.BAD_LENGTH: (framed(_longer_than_can_be(data)), Then.GO_ON),
        Fault.BAD_PREFIXES: (
            framed(data + b" 999.0.2.0/24 192.0.2.0/33 nonsense"),
            Then.GO_ON,
        ),
    }


def _longer_than_can_be(data: bytes) -> bytes:
    longer = re.sub(rb"(:\S*/)\d+$", rb"\g<1>129", data)
    return re.sub(rb"(\.\S*/)\d+$", rb"\g<1>33", longer)


class FaultyServer:
    """Answers as an IRR server does until the fault strikes."""

    def __init__(self, fault: Fault, log: Path | None) -> None:
        self._fault = fault
        self._log = log

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError):
            if self._fault is Fault.HANG_ACCEPT:
                await asyncio.Event().wait()
            while (line := (await reader.readline()).strip()) and line != b"!q":
                self._note(line)
                if not await self._send(line, writer):
                    break
        writer.close()

    def _note(self, line: bytes) -> None:
        if self._log is not None:
            with self._log.open("ab") as file:
                file.write(line + b"\n")

    async def _send(self, line: bytes, writer: asyncio.StreamWriter) -> bool:
        is_data = line != b"!a" and line[:2] in {b"!a", b"!g", b"!6", b"!i"}
        if is_data and line[:2] != b"!i" and self._fault is Fault.HUGE:
            await send_huge(writer)
            return True
        answer, then = self._answer(line, is_data=is_data)
        if is_data and self._fault is Fault.DRIP:
            for byte in answer:
                writer.write(bytes([byte]))
                await asyncio.sleep(1)
            return True
        writer.write(answer)
        await writer.drain()
        if then is Then.HANG:
            await asyncio.Event().wait()
        if then is Then.RESET:
            reset(writer)
        return then is Then.GO_ON

    def _answer(self, line: bytes, *, is_data: bool) -> Strike:
        if is_data:
            right = healthy(line)
            if self._fault is Fault.ERROR_ONE and any(name in line.upper() for name in BROKEN):
                return b"F Internal error\n", Then.GO_ON
            return data_strikes(right).get(self._fault, (framed(right), Then.GO_ON))
        if line[:2] == b"!m" and self._fault in OBJECT_STRIKES:
            return OBJECT_STRIKES[self._fault]
        return self._hello(line), Then.GO_ON

    def _hello(self, line: bytes) -> bytes:
        """Answer what is asked before and beside the data."""
        selects = line[:2] == b"!s" and line != b"!s-lc"
        if line == b"!!":
            return b""
        if self._fault is Fault.ERROR_ALL:
            return b"F Internal error\n"
        pinned = BAD_SOURCE in line and self._fault is Fault.UNKNOWN_PINNED
        if selects and (pinned or self._fault is Fault.UNKNOWN_SOURCE):
            return b"F One or more selected sources are unavailable.\n"
        if line[:2] == b"!m":
            return framed(b"%b: %b\nsource: TEST" % tuple(line[2:].split(b",", 1)))
        return HELLO.get(line[:2] if line[:2] == b"!j" else line, b"C\n")


def healthy(line: bytes) -> bytes:
    """The right answer to a query for data."""
    if line[:2] == b"!i":
        return MEMBERS
    return IPV6 if line[:3] == b"!a6" or line[:2] == b"!6" else IPV4


def framed(data: bytes) -> bytes:
    return b"A%d\n%b\nC\n" % (len(data) + 1, data)


HELLO: Final = {
    b"!a": b"F Missing required set name for A query\n",
    b"!s-lc": framed(SOURCES),
    b"!v": framed(b"faulty -- version 0"),
    b"!j": framed(b"TEST:N:-\nOTHER:Y:1-9"),
}


async def send_huge(writer: asyncio.StreamWriter) -> None:
    """Send host routes out of 10.0.0.0/8 whose octets have three digits, so all are as long."""
    octets = range(100, 256)
    width = len(b"10.100.100.100/32 ")
    writer.write(b"A%d\n" % (HUGE_PREFIXES * width))
    left = HUGE_PREFIXES
    for second in octets:
        prefixes = [f"10.{second}.{c}.{d}/32" for c in octets for d in octets][:left]
        left -= len(prefixes)
        writer.write(" ".join(prefixes).encode() + (b" " if left else b"\nC\n"))
        await writer.drain()
        if not left:
            break


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def serve(fault: Fault, log: Path | None) -> None:
    server = await asyncio.start_server(FaultyServer(fault, log).handle, "127.0.0.1", 0)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", type=Fault, choices=list(Fault), default=Fault.NONE)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    asyncio.run(serve(options.fault, options.log))


if __name__ == "__main__":
    main()
