"""bgpq4: the argument vector, the one subprocess, and the verdict on what came out of it.

What is known of bgpq4 1.9 to 1.16, all measured, and why the verdict is as strict as it is: it
exits 0 with an empty or partial list when the server answers an error, when a source is unknown
in a `SOURCE::` name, and when a prefix of the answer is broken, and says so only on stderr; it
never ends when the server hangs; and it prints the same for a set that is empty and a set that
does not exist.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import IO, Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import Bgpq4MissingError
from irrgate.network import IrrServer
from irrgate.prefixes import Afi, parse_keys
from irrgate.rpsl import RpslObject, SetKind, SetName, SourceName

LIST_NAME: Final = "irrgate"
MAX_OUTPUT: Final = 512 * 1024 * 1024
"""bytes of stdout; the largest as-set known, 847,000 prefixes, gives 45 MB."""
PIPE_SIZE: Final = 1 << 20
"""bytes; what Linux grants without privileges."""
MAX_COMPLAINTS: Final = 64 * 1024
"""bytes of stderr that are kept; more is read and thrown away."""

_ONE_LENGTH = re.compile(r"(?P<prefix>[0-9a-f.:]+/[0-9]+)\^(?P<length>[0-9]{1,3})", re.IGNORECASE)

_OTHER_FAMILY = re.compile(rb"ERROR:Ignoring prefix \S+, wrong af \d+")
"""bgpq4's word on each member of a route-set of both families: no failure, there is no other way
to ask for one family of it."""


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """What one bgpq4 run asks; equal queries are run once."""

    object: RpslObject
    afi: Afi
    sources: tuple[SourceName, ...]
    max_length: int | None = None
    """only for route-sets: bgpq4 writes out every prefix of a range such as ^+ up to it"""

    def __str__(self) -> str:
        return f"{self.object} {self.afi}"


class Ending(Enum):
    """How a bgpq4 run came to its end; of all but the first nothing that was printed counts."""

    BY_ITSELF = auto()
    TIMED_OUT = auto()
    TOO_LARGE = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Output:
    """How a bgpq4 run ended."""

    exit_code: int
    """negative: the signal that ended it"""
    stdout: bytes
    stderr: bytes
    ending: Ending = Ending.BY_ITSELF


@dataclass(frozen=True, slots=True)
class Registered:
    """A whole expansion of at least one prefix: keys of single prefixes, sorted, and ranges."""

    keys: Sequence[int] = field(repr=False)
    ranges: Sequence[Entry] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NothingFound:
    """bgpq4 found no prefix and saw no error; what that means it cannot say."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of the run may be used, for this reason."""

    reason: str


def find_bgpq4(environ: Mapping[str, str]) -> str:
    """Return the path of bgpq4, or raise Bgpq4MissingError with what to do about it."""
    found = shutil.which("bgpq4", path=environ.get("PATH"))
    if found is None:
        raise Bgpq4MissingError(
            "bgpq4",
            "not found on the PATH; irrgate expands as-sets with it",
            hint="apt install bgpq4 (Debian, Ubuntu) or see https://github.com/bgp/bgpq4",
        )
    return found


def argv(program: str, query: Query, server: IrrServer) -> list[str]:
    """Return the argument vector for the query; each part of it is a parsed type's own text."""
    # -p: without it bgpq4 complains of each private ASN inside a set that is pinned to a source,
    # and passes over its routes, but not where the server expands the set. What is special is
    # sieved out by prefix, in one place.
    vector = [program, "-h", f"{server.host}:{server.port}", "-p", "-j", "-l", LIST_NAME]
    vector.append("-4" if query.afi is Afi.IPV4 else "-6")
    if query.sources:
        vector += ["-S", ",".join(map(str, query.sources))]
    if isinstance(query.object, SetName) and query.object.kind is SetKind.ROUTE_SET:
        vector += ["-m", str(query.max_length or query.afi.bits)]
    vector.append(str(query.object))
    return vector


class StopSignal:
    """Ends the bgpq4 processes of all threads at once: a pipe that becomes readable for good."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._lock = threading.Lock()
        self._given = False

    def fileno(self) -> int:
        """Return what to select on."""
        return self._read

    def give(self) -> None:
        """End what runs and whatever is started from now on; more than once is as good as once."""
        with self._lock:
            if not self._given:
                self._given = True
                os.write(self._write, b"x")

    def close(self) -> None:
        """Give the pipe back; nothing may wait on it any more."""
        os.close(self._read)
        os.close(self._write)


def run(vector: Sequence[str], timeout: float, stop: StopSignal | None = None) -> Output:
    """Run bgpq4 once, for at most `timeout` seconds; it is killed and reaped whatever happens.

    Raises Bgpq4MissingError when it cannot be started.
    """
    try:
        process = subprocess.Popen(
            vector,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C goes to irrgate, which ends its children itself.
            env={"LC_ALL": "C", "PATH": os.defpath},
        )
    except OSError as exc:
        raise Bgpq4MissingError(vector[0], f"cannot be started: {exc.strerror}") from exc
    with process:
        try:
            _widen(process)
            return _collect(process, time.monotonic() + timeout, stop)
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was not reaped yet, and what it started: bgpq4 may be a wrapper."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _widen(process: subprocess.Popen[bytes]) -> None:
    """Let bgpq4 print most lists without waiting for us: a pipe holds 64 KiB, 1,300 prefixes."""
    with contextlib.suppress(AttributeError, OSError):
        assert process.stdout is not None  # noqa: S101 - as in _collect
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_SIZE)


def _collect(process: subprocess.Popen[bytes], deadline: float, stop: StopSignal | None) -> Output:
    assert process.stdout is not None  # noqa: S101 - asked for as pipes just above
    assert process.stderr is not None  # noqa: S101
    printed: dict[IO[bytes], list[bytes]] = {process.stdout: [], process.stderr: []}
    room = {process.stdout: MAX_OUTPUT, process.stderr: MAX_COMPLAINTS}
    still_open = set(printed)
    ending = Ending.BY_ITSELF
    with selectors.DefaultSelector() as selector:
        for stream in printed:
            selector.register(stream, selectors.EVENT_READ)
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ)
        while still_open and ending is Ending.BY_ITSELF:
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                ending = Ending.TIMED_OUT
            for chosen, _ in ready:
                if chosen.fileobj is stop:
                    ending = Ending.STOPPED
                    break
                stream = chosen.fileobj  # type: ignore[assignment]
                chunk = os.read(chosen.fd, 1 << 18)
                if not chunk:
                    selector.unregister(stream)
                    still_open.discard(stream)
                elif room[stream] > 0:
                    printed[stream].append(chunk)
                    room[stream] -= len(chunk)
                elif stream is process.stdout:
                    ending = Ending.TOO_LARGE
    if ending is not Ending.BY_ITSELF:
        _kill(process)
    try:
        exit_code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(process)
        exit_code = process.wait()
        ending = Ending.TIMED_OUT if ending is Ending.BY_ITSELF else ending
    stdout, stderr = b"".join(printed[process.stdout]), b"".join(printed[process.stderr])
    return Output(exit_code, stdout, stderr, ending)


def judge(output: Output, afi: Afi, timeout: float) -> Registered | NothingFound | Refused:
    """Return what may be believed of the run: all of its prefixes, or that it is of no use.

    Every line on stderr is a complaint, since bgpq4 prints nothing else there without -d; only
    the one about the other family's members of a route-set is none.
    """
    reason = _why_useless(output, timeout)
    if reason:
        return Refused(reason)
    try:
        keys, ranges = parse_json(output.stdout, afi)
    except (ValueError, RecursionError) as exc:
        return Refused(f"bgpq4 printed what is not its JSON: {printable(str(exc))}")
    return Registered(keys, ranges) if keys or ranges else NothingFound()


def _why_useless(output: Output, timeout: float) -> str:
    if output.ending is Ending.TIMED_OUT:
        return f"no answer within {timeout:g} s"
    if output.ending is Ending.TOO_LARGE:
        return f"bgpq4 printed more than {MAX_OUTPUT >> 20} MiB"
    if output.ending is Ending.STOPPED:
        return "bgpq4 was interrupted"
    complaints = [
        line
        for line in output.stderr.splitlines()
        if line.strip() and not _OTHER_FAMILY.fullmatch(line.strip())
    ]
    if complaints:
        said = complaints[0].decode("ascii", "replace").strip()
        more = f" (and {len(complaints) - 1} more lines)" if len(complaints) > 1 else ""
        return f"bgpq4 says {printable(said)}{more}"
    return f"bgpq4 ended with {_ending(output.exit_code)}" if output.exit_code else ""


def _ending(exit_code: int) -> str:
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


def printable(text: str) -> str:
    """Return at most 200 characters of `text`, none of which a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])


def lost_ranges(members: Iterable[str], query: Query) -> list[Entry]:
    """Return what bgpq4 loses of a route-set's members: those with `^n`, as ranges.

    It reads `192.0.2.0/24^26` as a range from 26 to 0 and drops it without a word (1.9, measured;
    the same in the newest source), and IRRd sends such members as they are registered. Raises
    ValueError for a member that is none.
    """
    longest = query.max_length or query.afi.bits
    found = []
    for match in filter(None, map(_ONE_LENGTH.fullmatch, members)):
        if (":" in match["prefix"]) == (query.afi is Afi.IPV6):
            [key] = parse_keys(query.afi, [match["prefix"]])
            length = int(match["length"])
            if key & LENGTH_MASK <= length <= longest:
                found.append((key >> LENGTH_BITS, key & LENGTH_MASK, length, length))
    return found


_EXACT_HEAD: Final = f'{{ "{LIST_NAME}": [\n    {{ "prefix": "'
_EXACT_BETWEEN: Final = '", "exact": true },\n    { "prefix": "'
_EXACT_TAIL: Final = '", "exact": true }\n] }\n'


def parse_json(stdout: bytes, afi: Afi) -> tuple[list[int], list[Entry]]:
    r"""Return the keys of the single prefixes, sorted, and the ranges that bgpq4 -j printed.

    The form is `{"NAME":[{"prefix":"192.0.2.0\/24","exact":true}]}`, with greater-equal and
    less-equal in place of exact for ranges. Raises ValueError on anything else. Without -A and -R
    bgpq4 prints single prefixes only, always laid out alike, so the text is first taken apart at
    its fixed parts: a third of the time and memory of a JSON parser, which sees the rest.
    """
    text = stdout.decode("ascii")
    if text.startswith(_EXACT_HEAD) and text.endswith(_EXACT_TAIL):
        body = text[len(_EXACT_HEAD) : -len(_EXACT_TAIL)].replace("\\/", "/")
        with contextlib.suppress(ValueError):
            return sorted(parse_keys(afi, body.split(_EXACT_BETWEEN))), []
    return _parse_any_json(text, afi)


def _parse_any_json(text: str, afi: Afi) -> tuple[list[int], list[Entry]]:
    loaded = json.loads(text)
    if not isinstance(loaded, dict) or list(loaded) != [LIST_NAME]:
        raise ValueError(f"an object with the one key {LIST_NAME} was expected")
    items = loaded[LIST_NAME]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("a list of objects was expected")
    exact: list[str] = []
    ranges: list[Entry] = []
    for item in items:
        prefix = item.get("prefix")
        if not isinstance(prefix, str):
            raise ValueError(f"no prefix in {item!r}")  # noqa: TRY004 - one kind of error here
        if item == {"prefix": prefix, "exact": True}:
            exact.append(prefix)
        else:
            ranges.append(_range(item, prefix, afi))
    return sorted(parse_keys(afi, exact)), sorted(ranges)


def _range(item: Mapping[str, object], prefix: str, afi: Afi) -> Entry:
    [key] = parse_keys(afi, [prefix])
    length = key & LENGTH_MASK
    ge, le = item.get("greater-equal", length), item.get("less-equal")
    if (
        not isinstance(ge, int)
        or not isinstance(le, int)
        or not item.keys() <= {"prefix", "exact", "greater-equal", "less-equal"}
        or item.get("exact", False) is not False
        or not length <= ge <= le <= afi.bits
    ):
        raise ValueError(f"not a prefix or range: {item!r}")
    return key >> LENGTH_BITS, length, ge, le
