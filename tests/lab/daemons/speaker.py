"""A BGP speaker of our own: announces the routes of a file, and writes down all that it hears.

    python -m tests.lab.daemons.speaker --local 198.18.0.2 --peer 198.18.0.1 --asn 64500 \
        --local-v6 fd00::2 --announce routes.txt --log heard.jsonl

One session for IPv4 and IPv6 (RFC 4271, RFC 4760, RFC 2918, RFC 6793). It connects, again and again
until it is let in. `routes.txt` has a prefix a line and is read anew for SIGHUP: what is new is
announced, what is gone is withdrawn. Of what it hears each change is a line of JSON:
{"at": seconds, "event": "up" | "down" | "announce" | "withdraw" | "end", "prefix": ...}.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import signal
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from irrgate.prefixes import Afi

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
HOLD = 90
AFIS = {Afi.IPV4: 1, Afi.IPV6: 2}
MAX_NLRI = 3800
"""bytes of prefixes in one message of at most 4096"""


def message(kind: int, body: bytes = b"") -> bytes:
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def attribute(flags: int, kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value


def encode(prefix: str) -> bytes:
    net = ipaddress.ip_network(prefix)
    return bytes([net.prefixlen]) + net.network_address.packed[: (net.prefixlen + 7) // 8]


def decode(data: bytes, afi: Afi) -> Iterator[str]:
    size, at = afi.bits // 8, 0
    while at < len(data):
        length, held = data[at], (data[at] + 7) // 8
        packed = data[at + 1 : at + 1 + held].ljust(size, b"\0")
        yield str(ipaddress.ip_network((packed, length)))
        at += 1 + held


def chunks(prefixes: Iterable[str]) -> Iterator[bytes]:
    chunk = b""
    for prefix in prefixes:
        chunk += encode(prefix)
        if len(chunk) > MAX_NLRI:
            yield chunk
            chunk = b""
    if chunk:
        yield chunk


def afi_of(prefix: str) -> Afi:
    return Afi.IPV6 if ":" in prefix else Afi.IPV4


class Speaker:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.heard: set[str] = set()
        self.announced: list[str] = []
        self.writer: asyncio.StreamWriter | None = None
        self.log: list[str] = []

    def note(self, event: str, prefix: str = "") -> None:
        line = {"at": time.time(), "event": event, "prefix": prefix}
        self.log.append(f"{json.dumps(line)}\n")

    def routes(self) -> list[str]:
        path = self.options.announce
        return Path(path).read_text(encoding="utf-8").split() if path else []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.again)
        while True:
            with contextlib.suppress(OSError, EOFError):
                await self.session()
            if self.writer:
                self.writer.close()
                self.writer = None
                self.note("down")
                self.flush()
            await asyncio.sleep(0.1)

    def flush(self) -> None:
        if self.options.log and self.log:
            with Path(self.options.log).open("a", encoding="utf-8") as file:
                file.writelines(self.log)
        self.log.clear()

    async def session(self) -> None:
        reader, writer = await asyncio.open_connection(
            self.options.peer, 179, local_addr=(self.options.local, 0)
        )
        try:
            writer.write(self.open_message())
            up = False
            while True:
                header = await asyncio.wait_for(reader.readexactly(19), HOLD)
                length, kind = struct.unpack(">HB", header[16:])
                body = await reader.readexactly(length - 19)
                if kind == NOTIFICATION:
                    self.note("notification", body.hex())
                    return
                if kind == OPEN:
                    writer.write(message(KEEPALIVE))
                elif kind == KEEPALIVE:
                    writer.write(message(KEEPALIVE))
                    if not up:
                        up, self.writer, self.announced = True, writer, self.routes()
                        self.heard.clear()
                        self.note("up")
                        self.send(self.announced)
                elif kind == REFRESH:
                    afi = next(a for a, n in AFIS.items() if n == int.from_bytes(body[:2], "big"))
                    self.send([each for each in self.announced if afi_of(each) is afi])
                elif kind == UPDATE:
                    self.update(body)
                self.flush()
                await writer.drain()
        finally:
            if self.writer is None:
                writer.close()

    def open_message(self) -> bytes:
        asn = self.options.asn
        capabilities = b"".join(
            [struct.pack(">BBHBB", 1, 4, number, 0, 1) for number in AFIS.values()]
            + [b"\x02\x00", struct.pack(">BBI", 65, 4, asn)]
        )
        router_id = ipaddress.ip_address(self.options.local).packed[-4:]
        optional = bytes([2, len(capabilities)]) + capabilities
        fixed = struct.pack(">BHH", 4, asn if asn < 65536 else 23456, HOLD)
        return message(OPEN, fixed + router_id + bytes([len(optional)]) + optional)

    def again(self) -> None:
        """Read the file anew, and say what changed."""
        before, self.announced = self.announced, self.routes()
        if self.writer:
            new = set(self.announced).difference(before)
            self.send([each for each in self.announced if each in new])
            self.withdraw([each for each in before if each not in set(self.announced)])

    def send(self, prefixes: Sequence[str]) -> None:
        assert self.writer
        options = self.options
        path = struct.pack(">BBI", 2, 1, options.asn)
        base = attribute(0x40, 1, b"\0") + attribute(0x40, 2, path)
        hop4 = attribute(0x40, 3, ipaddress.ip_address(options.local).packed)
        hop6 = ipaddress.ip_address(options.local_v6).packed if options.local_v6 else b""
        for afi, group in groupby(sorted(prefixes, key=afi_of), afi_of):
            for nlri in chunks(group):
                if afi is Afi.IPV4:
                    body = b"\0\0" + struct.pack(">H", len(base + hop4)) + base + hop4 + nlri
                else:
                    reach = struct.pack(">HBB", 2, 1, 16) + hop6 + b"\0" + nlri
                    attributes = base + attribute(0x80, 14, reach)
                    body = b"\0\0" + struct.pack(">H", len(attributes)) + attributes
                self.writer.write(message(UPDATE, body))
        # End-of-RIB of either family (RFC 4724): a reader knows that this was all.
        self.writer.write(message(UPDATE, b"\0\0\0\0"))
        end = attribute(0x80, 15, struct.pack(">HB", 2, 1))
        self.writer.write(message(UPDATE, b"\0\0" + struct.pack(">H", len(end)) + end))

    def withdraw(self, prefixes: Sequence[str]) -> None:
        assert self.writer
        for afi, group in groupby(sorted(prefixes, key=afi_of), afi_of):
            for nlri in chunks(group):
                if afi is Afi.IPV4:
                    body = struct.pack(">H", len(nlri)) + nlri + b"\0\0"
                else:
                    gone = attribute(0x80, 15, struct.pack(">HB", 2, 1) + nlri)
                    body = b"\0\0" + struct.pack(">H", len(gone)) + gone
                self.writer.write(message(UPDATE, body))

    def update(self, body: bytes) -> None:
        held = int.from_bytes(body[:2], "big")
        gone = list(decode(body[2 : 2 + held], Afi.IPV4))
        at = 2 + held
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        come = list(decode(body[end:], Afi.IPV4))
        at += 2
        while at < end:
            flags, kind = body[at], body[at + 1]
            size = 2 if flags & 0x10 else 1
            length = int.from_bytes(body[at + 2 : at + 2 + size], "big")
            value = body[at + 2 + size : at + 2 + size + length]
            at += 2 + size + length
            if kind == 14 and value[:2] == b"\0\2":
                come += decode(value[5 + value[3] :], Afi.IPV6)
            elif kind == 15 and value[:2] == b"\0\2":
                gone += decode(value[3:], Afi.IPV6)
        for prefix in come:
            self.note("announce", prefix)
        for prefix in gone:
            self.note("withdraw", prefix)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines that a speaker has written so far."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--local", required=True)
    parser.add_argument("--local-v6", default="")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--asn", type=int, required=True)
    parser.add_argument("--announce", default="")
    parser.add_argument("--log", default="")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Speaker(parser.parse_args()).run())


if __name__ == "__main__":
    main()
