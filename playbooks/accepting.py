"""The composition `accept`: a person's word for what the last plan held, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from irrgate.errors import StateError
from irrgate.prefixes import Afi, PrefixSet, format_entry
from irrgate.rpsl import Asn

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Acceptance, HeldFilter, State

MAX_PREFIXES_SHOWN = 20
"""prefixes and ranges told of what comes and of what goes"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One filter that was let through, and what that means."""

    held: HeldFilter
    acceptance: Acceptance
    added: tuple[str, ...] | None
    """prefixes and ranges against the last-known-good; None where there is none"""
    removed: tuple[str, ...] | None

    def headline(self) -> str:
        """Return what was let through, in a line."""
        step = "nothing is known to have served"
        if self.added is not None and self.removed is not None:
            step = f"+{len(self.added)} -{len(self.removed)} against what served last"
        guards = ", ".join(self.held.guards) or "no guard"
        return f"{self.held.name}: {self.held.entries} entries, {step}; held by {guards}"

    def lines(self) -> list[str]:
        """Return the prefixes that come and go, the first of them."""
        shown = []
        for sign, prefixes in (("+", self.added or ()), ("-", self.removed or ())):
            shown += [f"{sign} {each}" for each in prefixes[:MAX_PREFIXES_SHOWN]]
            more = len(prefixes) - MAX_PREFIXES_SHOWN
            shown += [f"{sign} … {more} more"] if more > 0 else []
        return shown

    def as_json(self) -> dict[str, Any]:
        """Return what was let through, for programs."""
        return {
            "acceptance": self.acceptance.id,
            "filter": self.held.name,
            "digest": self.acceptance.digest,
            "entries": self.held.entries,
            "guards": list(self.held.guards),
            "added": None if self.added is None else list(self.added),
            "removed": None if self.removed is None else list(self.removed),
            "who": self.acceptance.who,
            "reason": self.acceptance.reason,
        }


def accept_held(
    state: State, peer: Asn, afi: Afi | None, by: tuple[str, str], at: datetime
) -> list[Accepted]:
    """Let through what is held of the peer, of one family or of both; `by` is who, and why.

    Raises StateError without a reason, when nothing is held, or nothing that could be accepted:
    nobody can let an expansion through that failed.
    """
    who, reason = by
    if not reason.strip():
        raise StateError("--reason", "says nothing", hint="it stands in the plan and the history")
    held = state.held(peer, afi)
    about = str(peer) if afi is None else f"{peer} {afi}"
    if not held:
        raise StateError(
            about,
            "nothing of it was held by the last plan",
            hint="irrgate plan holds what a guard vetoes; accept it then",
        )
    takeable = [(each, each.digest) for each in held if each.digest is not None]
    if not takeable:
        raise StateError(
            about,
            "its expansion failed, so that there is nothing to accept",
            hint="what served stays; plan again when the IRR answers",
        )
    accepted = []
    for each, digest in takeable:
        new = state.prefixes(digest)
        accepted.append(_accepted(state, state.accept(each, new, who, reason, at), each, new))
    return accepted


def _accepted(state: State, acceptance: Acceptance, held: HeldFilter, new: PrefixSet) -> Accepted:
    good = state.good(held.name)
    if good is None:
        return Accepted(held, acceptance, None, None)
    old = state.prefixes(good.digest)
    return Accepted(held, acceptance, _texts(new.difference(old)), _texts(old.difference(new)))


def _texts(prefixes: PrefixSet) -> tuple[str, ...]:
    return tuple(format_entry(prefixes.afi, entry) for entry in prefixes.spelled_out())
