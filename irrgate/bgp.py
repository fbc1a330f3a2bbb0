"""What a commit did to a router's BGP sessions: those that were up are up, with their routes.

A filter that is right by the registry can still be wrong for the network; the sessions say so
first. They are looked at before the commit and again before it is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from irrgate.prefixes import Afi, PrefixSet


@dataclass(frozen=True, slots=True)
class BgpSession:
    """A session as the router shows it."""

    is_up: bool
    accepted: Mapping[Afi, int]
    """prefixes accepted, of the families for which the router tells it"""


Neighbours = Mapping[str, BgpSession]
"""A router's sessions by the neighbour's address; outside the main table ` (VRF)` follows it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is expected of one session across a commit."""

    address: str
    """the neighbour's, in the form of `ipaddress`"""
    afi: Afi
    explained: int | None
    """accepted prefixes that may go since the new filter does not have them any more; None where
    the commit does not touch the session's filter: then its prefixes come and go as they do"""


def explained_loss(before: PrefixSet | None, after: PrefixSet | None) -> int:
    """Return how many routes at most can go because the filter lost space: all that it removed.

    Without an old filter nothing can be told: then nothing is explained.
    """
    if before is None:
        return 0
    return (before.difference(after) if after is not None else before).prefix_count


def disturbed(
    before: Neighbours, after: Neighbours, watched: Mapping[str, Watch], max_loss: float
) -> tuple[str, ...]:
    """Return what is wrong after a commit, a sentence for each session; empty: nothing.

    `watched` is by address. A session that was up must be up, and must not have lost more than
    `max_loss` (0 to 1) of its accepted prefixes, but for those that the new filter does not cover.
    """
    complaints = []
    for name, old in sorted(before.items()):
        watch = watched.get(name.partition(" ")[0])
        if watch is None or not old.is_up:
            continue
        new = after.get(name)
        if new is None or not new.is_up:
            complaints.append(f"the BGP session with {name} was up before the commit and is down")
            continue
        had, has = old.accepted.get(watch.afi), new.accepted.get(watch.afi)
        if had is None or has is None or watch.explained is None:
            continue
        lost = had - has
        if lost > watch.explained and lost > max_loss * had:
            complaints.append(
                f"the BGP session with {name} had {had:,} accepted {watch.afi} prefixes before the "
                f"commit and has {has:,}"
            )
    return tuple(complaints)


def neighbour_name(vrf: str, address: str) -> str:
    """Return the key of a session in `Neighbours`; raises ValueError for what is no address."""
    plain = str(ip_address(address))
    return plain if vrf in {"global", "default", "master"} else f"{plain} ({vrf})"


def dump_neighbours(neighbours: Neighbours) -> dict[str, dict[str, int | bool]]:
    """Return the sessions as JSON has them, for a journal; `load_neighbours` reads it."""
    return {
        name: {"up": each.is_up, **{str(afi): count for afi, count in each.accepted.items()}}
        for name, each in sorted(neighbours.items())
    }


def load_neighbours(dumped: Mapping[str, Mapping[str, int | bool]]) -> dict[str, BgpSession]:
    """Return what `dump_neighbours` was given."""
    return {
        name: BgpSession(
            bool(each["up"]), {afi: int(each[str(afi)]) for afi in Afi if str(afi) in each}
        )
        for name, each in dumped.items()
    }
