"""What is committed on a router, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """What a plan says about one router: the bytes, the diff that was reviewed, the aim."""

    candidate: str
    diff_digest: str
    """SHA-256 of the reviewed diff"""
    intended: Mapping[str, tuple[Afi, str]]
    """the family and the digest of the prefixes of each filter that the candidate writes"""
    message: str
    """for the router's commit log, where it has one"""


class CommitOutcome(StrEnum):
    """How a router came out of an apply."""

    DONE = "done"
    """committed, read back, confirmed"""
    ALREADY = "already"
    """the router held the intended filters before; nothing was sent to it but the dry run"""
    HELD = "held"
    """the router's diff is not the reviewed one any more; nothing was changed"""
    REVERTED = "reverted"
    """committed, found wrong, and taken back"""


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What came of one router, with the reason where it is not simply done."""

    outcome: CommitOutcome
    reason: str = ""
    diff: str = ""
    """the router's diff now, where it is not the reviewed one"""


def diff_digest(diff: str) -> str:
    """Return the digest by which a diff is known; space at line ends and outer lines is none."""
    lines = "\n".join(line.rstrip() for line in diff.split("\n")).strip("\n")
    # A router may print what is no Unicode text; it still has to be the same.
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()


def misread(order: CommitOrder, found: RunningFilters) -> tuple[str, ...]:
    """Return the names of the filters that a router does not hold as the order intends."""
    wrong = []
    for name, (_, digest) in sorted(order.intended.items()):
        held = found.lists.get(name)
        if held is None or not held.plain or held.prefixes.digest != digest:
            wrong.append(name)
    return tuple(wrong)
