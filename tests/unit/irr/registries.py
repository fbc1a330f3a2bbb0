"""Registries out of text, for the tests of the IRR server's parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from irrgate.irr.registry import Registry
from irrgate.irr.session import Session
from irrgate.irr.snapshot import LoadReport, Problem, load_dumps


@dataclass(frozen=True, slots=True)
class Loaded:
    """A dump that was loaded and opened, and what was said about it."""

    registry: Registry
    report: LoadReport
    problems: list[Problem]

    def session(self) -> Session:
        session = Session(self.registry, 60)
        assert list(session.respond(b"!!")) == []
        return session

    def reasons(self) -> list[tuple[int, str]]:
        return [(problem.line, problem.reason) for problem in self.problems]


@contextmanager
def loaded(directory: Path, text: str | bytes, *, default_source: str = "") -> Iterator[Loaded]:
    dump, snapshot = directory / "dump.db", directory / "snapshot.irr"
    dump.write_bytes(text.encode() if isinstance(text, str) else text)
    problems: list[Problem] = []
    report = load_dumps([dump], snapshot, on_problem=problems.append, default_source=default_source)
    registry = Registry.open(snapshot)
    try:
        yield Loaded(registry, report, problems)
    finally:
        registry.close()


def asked(session: Session, query: str) -> str:
    """The data of an answer as text, or the whole answer if it is not `A`."""
    answer = b"".join(session.respond(query.encode()))
    if answer[:1] != b"A":
        return answer.decode()
    head, _, rest = answer.partition(b"\n")
    assert rest.endswith(b"\nC\n")
    assert int(head[1:]) == len(rest) - 2, "the length counts the data and its newline"
    return rest[:-3].decode()
