"""The apply log: what an emulated router did to its config, one JSON line each, in order."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.clock import DeviceClock


def digest(text: str) -> str:
    """The digest of a config, as the apply log has it."""
    return hashlib.sha256(text.encode()).hexdigest()


def content_digest(entries: Iterable[str]) -> str:
    """The digest of a list's entries; their order and their sequence numbers do not change it."""
    return digest("\n".join(sorted(entries)))


@dataclass(frozen=True, slots=True)
class Applied:
    """One line of the apply log.

    `event` is one of: start, commit, commit-confirmed, confirmed, rollback-timer, rollback,
    discard, lock, unlock, load-error, set-running, and what a platform adds. `objects` names the
    managed objects that changed, `before` and `after` are digests of the running config, `entries`
    counts the entries of every prefix list (or route-filter-list) of the running config after, and
    `lists` has the digest of what each holds, whatever the order and the sequence numbers.
    """

    sequence: int
    event: str
    wall: str
    monotonic: float
    device_clock: float
    session: str = ""
    user: str = ""
    objects: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    entries: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    @property
    def changed(self) -> bool:
        """Whether the running config is another one after it."""
        return self.before != self.after


def read_apply_log(directory: Path) -> list[Applied]:
    """The apply log of a device, running or not; a last line without its end is left out."""
    path = directory / "apply.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    records = [json.loads(line) for line in lines]
    return [Applied(**{**record, "objects": tuple(record["objects"])}) for record in records]


class ApplyLog:
    """Appends to apply.jsonl; the sequence goes on over a restart on the same directory."""

    def __init__(self, directory: Path, clock: DeviceClock) -> None:
        self._path = directory / "apply.jsonl"
        self._clock = clock
        self._lock = threading.Lock()
        self._sequence = len(read_apply_log(directory))

    def append(
        self,
        event: str,
        *,
        session: str = "",
        user: str = "",
        objects: Sequence[str] = (),
        before: str = "",
        after: str = "",
        entries: Mapping[str, int] | None = None,
        lists: Mapping[str, str] | None = None,
        detail: str = "",
    ) -> None:
        """Write one line; it is in the file when this returns."""
        with self._lock:
            self._sequence += 1
            record = Applied(
                sequence=self._sequence,
                event=event,
                wall=datetime.now(UTC).isoformat(),
                monotonic=time.monotonic(),
                device_clock=self._clock.now(),
                session=session,
                user=user,
                objects=tuple(objects),
                before=before,
                after=after,
                entries=dict(entries or {}),
                lists=dict(lists or {}),
                detail=detail,
            )
            with self._path.open("a", encoding="utf-8") as file:
                # Not asdict(), which copies every value: a router may write 100,000 of these.
                fields = {each: getattr(record, each) for each in record.__slots__}
                file.write(json.dumps(fields) + "\n")
