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
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from irrgate.errors import PlanError
from irrgate.plan import SCHEMA, DeltaMember, FilterMember, Plan
from irrgate.prefixes import Afi, PrefixSet, format_entry

T = TypeVar("T")

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""every member's time: a plan's bytes do not depend on the clock"""
_MAX_PLAN_JSON: Final = 256 << 20
_CHUNK: Final = 1 << 20
_MEMBER = re.compile(
    r"filters/[0-9a-f]{64}\.json|hosts/[^/\\\x00-\x1f]+/(candidate|diff|delta\.json)"
)


class PlanWriter:
    """Collects a plan's members on disk and makes the file from them; a context manager.

    The target appears whole or not at all, readable by its owner only. Safe for many threads.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            # Beside the target, so that the last step is a rename; 0700 by mkdtemp.
            self._spool = Path(tempfile.mkdtemp(prefix=".plan-", dir=self._target.parent))
        except OSError as exc:
            raise PlanError(str(self._target), f"cannot be written: {exc.strerror}") from exc
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
            "candidate": self._add(f"hosts/{host}/candidate", candidate.encode()),
            "diff": self._add(f"hosts/{host}/diff", diff.encode()),
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
        (self._spool / digest).write_bytes(content)
        with self._lock:
            self._digests[name] = digest
        return digest

    def finish(self, plan: Plan) -> str:
        """Write the file and return the plan's digest, the SHA-256 of plan.json."""
        body = plan.model_dump_json(by_alias=True, indent=1).encode()
        digest = hashlib.sha256(body).hexdigest()
        made = self._spool / "plan.zip"
        try:
            with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                _write_member(archive, "plan.json", body)
                _write_member(archive, "plan.sha256", f"{digest}  plan.json\n".encode())
                for name, of_member in sorted(self._digests.items()):
                    with (self._spool / of_member).open("rb") as source:
                        _write_member(archive, name, source)
            made.chmod(0o600)
            with made.open("rb") as written:
                os.fsync(written.fileno())
            made.replace(self._target)
        except OSError as exc:
            raise PlanError(str(self._target), f"cannot be written: {exc.strerror}") from exc
        return digest


def _write_member(archive: zipfile.ZipFile, name: str, content: bytes | IO[bytes]) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        if isinstance(content, bytes):
            member.write(content)
        else:
            shutil.copyfileobj(content, member, _CHUNK)


class PlanFile:
    """A plan that was read and found whole; a context manager.

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
            raise PlanError(str(path), f"cannot be read: {exc.strerror}") from exc
        except zipfile.BadZipFile as exc:
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
        return self._read(f"hosts/{host}/candidate").decode()

    def diff(self, host: str) -> str:
        """Return the router's own diff from the dry run."""
        return self._read(f"hosts/{host}/diff").decode()

    def delta(self, host: str) -> DeltaMember:
        """Return the prefixes that each filter of the router gains and loses."""
        name = f"hosts/{host}/delta.json"
        return self._validated(name, TypeAdapter(DeltaMember))

    def prefixes(self, digest: str) -> PrefixSet:
        """Return the filter with this digest, and check that it has it."""
        name = f"filters/{digest}.json"
        member = self._validated(name, TypeAdapter(FilterMember))
        prefixes = PrefixSet.parse(Afi(member.afi), member.entries)
        if prefixes.digest != digest:
            raise self._altered(name)
        return prefixes

    def _load(self) -> tuple[Plan, str]:
        names = self._archive.namelist()
        if "plan.json" not in names or "plan.sha256" not in names:
            raise PlanError(str(self._path), "is not an irrgate plan: it has no plan.json")
        body = self._read("plan.json", _MAX_PLAN_JSON)
        digest = hashlib.sha256(body).hexdigest()
        if self._read("plan.sha256", 1024).split()[:1] != [digest.encode()]:
            raise self._altered("plan.json")
        found = None
        with suppress(ValueError, AttributeError):
            found = json.loads(body).get("schema")
        if found != SCHEMA:
            raise PlanError(
                str(self._path),
                f"has version {found} of the plan format, and this irrgate reads version {SCHEMA}",
                hint="make the plan again with this irrgate",
            )
        try:
            plan = Plan.model_validate_json(body)
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise PlanError(str(self._path), f"plan.json: {where}: {first['msg']}") from exc
        self._check(plan, names)
        return plan, digest

    def _check(self, plan: Plan, names: list[str]) -> None:
        expected = {f"filters/{digest}.json": "" for digest in plan.filters}
        for host, record in plan.hosts.items():
            members = {
                "candidate": record.candidate,
                "diff": record.diff,
                "delta.json": record.delta,
            }
            expected |= {f"hosts/{host}/{kind}": d for kind, d in members.items() if d}
        present = set(names) - {"plan.json", "plan.sha256"}
        if present != expected.keys() or len(names) != len(present) + 2:
            odd = sorted(present ^ expected.keys())
            raise self._altered(odd[0] if odd else "a member that is there twice")
        for name in sorted(present):
            if not _MEMBER.fullmatch(name):
                raise self._altered(name)
            self._check_member(name, expected[name])

    def _check_member(self, name: str, expected: str) -> None:
        hashed = hashlib.sha256()
        for chunk in self._chunks(name):
            hashed.update(chunk)
        # A filter's name is the digest of its prefixes, which is checked when it is read.
        if expected and hashed.hexdigest() != expected:
            raise self._altered(name)

    def _read(self, name: str, limit: int | None = None) -> bytes:
        if limit is not None and self._archive.getinfo(name).file_size > limit:
            raise PlanError(str(self._path), f"{name} is larger than a plan's can be")
        return b"".join(self._chunks(name))

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._archive.open(name) as member:
                while chunk := member.read(_CHUNK):
                    yield chunk
        except (KeyError, OSError, EOFError, zipfile.BadZipFile, ValueError) as exc:
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
