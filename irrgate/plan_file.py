"""Writing and reading plan files, as streams: a router's candidate may have 30 MB."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import PlanError
from irrgate.plan import SCHEMA, DeltaMember, FilterMember, Plan
from irrgate.prefixes import Afi, PrefixSet, format_entry, parse_keys
from irrgate.printable import printable

T = TypeVar("T")

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""every member's time: a plan's bytes do not depend on the clock"""
_MAX_PLAN_JSON: Final = 256 << 20
MAX_MEMBER: Final = 1 << 30
"""bytes; a candidate of 30 million lines. What is larger is refused before it is unpacked."""
_CHUNK: Final = 1 << 20
_SUMS: Final = "plan.sha256"
_SUM = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")


class PlanWriter:
    """Collects a plan's members on disk and makes the file from them; a context manager.

    The target appears whole or not at all, readable by its owner only. Safe for many threads.
    Raises PlanError where the disk cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._target.is_dir():
            raise PlanError(str(self._target), "cannot be written: it is a directory")
        with self._written():
            # Beside the target, so that the last step is a rename; 0700 by mkdtemp.
            self._spool = Path(tempfile.mkdtemp(prefix=".plan-", dir=self._target.parent))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._spool, ignore_errors=True)

    def add_host(self, host: str, candidate: str, diff: str, delta: DeltaMember) -> dict[str, str]:
        """Keep a router's members; return their digests by kind, as `HostRecord` names them."""
        dumped = TypeAdapter(DeltaMember).dump_json(dict(sorted(delta.items())), indent=1)
        return {
            "candidate": self._add(f"hosts/{host}/candidate", _bytes(candidate)),
            "diff": self._add(f"hosts/{host}/diff", _bytes(diff)),
            "delta": self._add(f"hosts/{host}/delta.json", dumped),
        }

    def add_filter(self, prefixes: PrefixSet) -> str:
        """Keep a filter, once; return its digest."""
        name = f"filters/{prefixes.digest}.json"
        with self._lock:
            known = name in self._digests
            self._digests.setdefault(name, "")
        if not known:
            entries = [format_entry(prefixes.afi, entry) for entry in prefixes.entries()]
            content = {"afi": str(prefixes.afi), "entries": entries}
            self._add(name, json.dumps(content, indent=0).encode())
        return prefixes.digest

    def _add(self, name: str, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with self._written():
            (self._spool / digest).write_bytes(content)
        with self._lock:
            self._digests[name] = digest
        return digest

    def finish(self, plan: Plan) -> str:
        """Write the file and return the plan's digest, the SHA-256 of plan.json.

        Raises PlanError when the members that were added are not those of `plan`.
        """
        planned = plan.members()
        if planned.keys() != self._digests.keys() or any(
            digest not in {None, self._digests[name]} for name, digest in planned.items()
        ):
            raise PlanError(str(self._target), "its members are not those that the plan names")
        body = plan.model_dump_json(by_alias=True, indent=1).encode()
        digest = hashlib.sha256(body).hexdigest()
        members = sorted(self._digests.items())
        sums = "".join(f"{of}  {name}\n" for name, of in [("plan.json", digest), *members])
        made = self._spool / "plan.zip"
        with self._written():
            with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                _write_member(archive, "plan.json", body)
                _write_member(archive, _SUMS, sums.encode())
                for name, of_member in members:
                    with (self._spool / of_member).open("rb") as source:
                        _write_member(archive, name, source)
            made.chmod(0o600)
            with made.open("rb") as written:
                os.fsync(written.fileno())
            made.replace(self._target)
        return digest

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            reason = f"cannot be written: {exc.strerror or exc}"
            raise PlanError(str(self._target), reason) from exc


def _bytes(text: str) -> bytes:
    # A router may print what is no Unicode text; the plan keeps it all the same.
    return text.encode(errors="surrogatepass")


def _write_member(archive: zipfile.ZipFile, name: str, content: bytes | IO[bytes]) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        if isinstance(content, bytes):
            member.write(content)
        else:
            shutil.copyfileobj(content, member, _CHUNK)


def _entries(member: FilterMember) -> Iterator[Entry]:
    """Yield what `format_entry` wrote, or raise ValueError; as fast as a filter is long."""
    afi = Afi(member.afi)
    words = [entry.split(" ") for entry in member.entries]
    for key, (_, *bounds) in zip(parse_keys(afi, [each[0] for each in words]), words, strict=True):
        length = key & LENGTH_MASK
        given = dict(zip(bounds[::2], map(int, bounds[1::2]), strict=True))
        ge, le = given.get("ge", length), given.get("le", length)
        if not length <= ge <= le <= afi.bits:
            raise ValueError(f"{bounds} cannot be")
        yield key >> LENGTH_BITS, length, ge, le


class PlanFile:
    """A plan that was read and found whole; a context manager, safe for many threads.

    Opening it checks every digest in it, so that nothing later comes as a surprise: raises
    PlanError for a file that is no plan, truncated, altered, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise PlanError(
                str(path), "no such file", hint="irrgate plan --out writes one"
            ) from None
        except OSError as exc:
            raise PlanError(str(path), f"cannot be read: {exc.strerror or exc}") from exc
        except Exception as exc:
            # BadZipFile, and whatever else zipfile stumbles on in a damaged directory.
            raise PlanError(
                str(path),
                "is not a whole plan file; it may be truncated",
                hint="make the plan again, and copy it in binary",
            ) from exc
        try:
            self.plan, self.digest = self._load()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._archive.close()

    def candidate(self, host: str) -> str:
        """Return the exact text that was reviewed for the router."""
        return self._text(f"hosts/{host}/candidate")

    def diff(self, host: str) -> str:
        """Return the router's own diff from the dry run."""
        return self._text(f"hosts/{host}/diff")

    def delta(self, host: str) -> DeltaMember:
        """Return the prefixes that each filter of the router gains and loses."""
        return self._validated(f"hosts/{host}/delta.json", TypeAdapter(DeltaMember))

    def prefixes(self, digest: str) -> PrefixSet:
        """Return the filter with this digest, and check that it has it."""
        name = f"filters/{digest}.json"
        member = self._validated(name, TypeAdapter(FilterMember))
        try:
            prefixes = PrefixSet.from_entries(Afi(member.afi), _entries(member))
        except ValueError as exc:
            raise self._altered(name) from exc
        if prefixes.digest != digest:
            raise self._altered(name)
        return prefixes

    def _load(self) -> tuple[Plan, str]:
        names = self._archive.namelist()
        if "plan.json" not in names or _SUMS not in names:
            raise PlanError(str(self._path), "is not an irrgate plan: it has no plan.json")
        for info in self._archive.infolist():
            limit = _MAX_PLAN_JSON if info.filename in {"plan.json", _SUMS} else MAX_MEMBER
            if info.file_size > limit:
                name = ascii(info.filename)
                raise PlanError(str(self._path), f"{name} is larger than a plan's can be")
        body = self._read("plan.json")
        sums = self._sums()
        digest = hashlib.sha256(body).hexdigest()
        if sums.pop("plan.json", "") != digest:
            raise self._altered("plan.json")
        plan = self._plan(body)
        self._check(plan, names, sums)
        return plan, digest

    def _sums(self) -> dict[str, str]:
        text = self._text(_SUMS)
        sums = {name: digest for digest, name in _SUM.findall(text)}
        if text != "".join(f"{digest}  {name}\n" for name, digest in sums.items()):
            raise self._altered(_SUMS)
        return sums

    def _plan(self, body: bytes) -> Plan:
        found = None
        with suppress(ValueError, AttributeError, RecursionError):
            found = json.loads(body).get("schema")
        if found != SCHEMA:
            raise PlanError(
                str(self._path),
                f"has version {found!a:.20} of the plan format; this irrgate reads {SCHEMA}",
                hint="make the plan again with this irrgate",
            )
        try:
            return Plan.model_validate_json(body)
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            # An unknown key is told as it stands there, whatever stands there.
            where = printable(".".join(map(str, first["loc"])))
            raise PlanError(str(self._path), f"plan.json: {where:.200}: {first['msg']}") from exc

    def _check(self, plan: Plan, names: list[str], sums: dict[str, str]) -> None:
        planned = plan.members()
        present = set(names) - {"plan.json", _SUMS}
        for others in (present, sums.keys()):
            if others != planned.keys():
                raise self._altered(min(others ^ planned.keys()))
        if len(names) != len(present) + 2:
            raise self._altered("a member that is there twice")
        for name in sorted(present):
            if planned[name] not in {None, sums[name]}:
                raise self._altered(name)
            hashed = hashlib.sha256()
            for chunk in self._chunks(name):
                hashed.update(chunk)
            if hashed.hexdigest() != sums[name]:
                raise self._altered(name)

    def _text(self, name: str) -> str:
        try:
            return self._read(name).decode(errors="surrogatepass")
        except UnicodeDecodeError as exc:
            raise self._altered(name) from exc

    def _read(self, name: str) -> bytes:
        return b"".join(self._chunks(name))

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            # Never more than the size that the directory gives, and at most _CHUNK at a time.
            with self._archive.open(name) as member:
                while chunk := member.read(_CHUNK):
                    yield chunk
        except Exception as exc:
            # Of zipfile, zlib and the disk: damaged members end in many kinds of exceptions.
            raise PlanError(str(self._path), f"{name} cannot be read: it is damaged") from exc

    def _validated(self, name: str, adapter: TypeAdapter[T]) -> T:
        try:
            return adapter.validate_json(self._read(name))
        except ValidationError as exc:
            raise self._altered(name) from exc

    def _altered(self, name: str) -> PlanError:
        return PlanError(
            str(self._path),
            f"was altered after it was made: {name!a} is not what the plan says",
            hint="make the plan again",
        )
