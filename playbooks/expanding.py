"""The composition behind `expand`: objects by hand, through the network's policy."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from irrgate.filters import Filter, NoFilter, build_filter, queries
from irrgate.irr.bgpq4 import find_bgpq4
from irrgate.irr.expander import Expander
from irrgate.network import Peer, PerAfi, Role, Workspace
from irrgate.prefixes import Afi, format_entry
from irrgate.rpsl import Asn, RpslObject, parse_object
from playbooks.progress import Steps


@dataclass(frozen=True, slots=True)
class Expanded:
    """One object in one family."""

    object: str
    afi: Afi
    made: Filter | NoFilter

    @property
    def ok(self) -> bool:
        """True for an answer of the IRR, if only that the object has no prefixes."""
        return isinstance(self.made, Filter)

    @property
    def prefixes(self) -> list[str]:
        """The prefixes that come through, aggregated."""
        if isinstance(self.made, NoFilter):
            return []
        return [format_entry(self.afi, entry) for entry in self.made.prefixes.entries()]

    def headline(self) -> str:
        """Return what was found, in a line."""
        about = f"{self.object} {self.afi}"
        if isinstance(self.made, NoFilter):
            return f"{about}: {self.made.reason}"
        if not self.made.registered:
            is_asn = isinstance(self.made.sources[0].query.object, Asn)
            found = "the IRR has no route of it" if is_asn else "exists, and has no prefixes"
            return f"{about}: {found}"
        [source] = self.made.sources
        dropped = "".join(f", {n} dropped: {why}" for why, n in self.made.dropped.items())
        return (
            f"{about}: {self.made.registered} registered{dropped}, "
            f"{self.made.prefixes.entry_count} entries, from {source.server} "
            f"in {source.seconds:.1f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the result for programs."""
        found = isinstance(self.made, Filter)
        return {
            "object": self.object,
            "afi": str(self.afi),
            "verdict": self.made.sources[0].verdict.__name__.lower(),
            "reason": self.made.reason if isinstance(self.made, NoFilter) else "",
            "registered": self.made.registered if isinstance(self.made, Filter) else 0,
            "dropped": (
                {str(why): n for why, n in self.made.dropped.items()}
                if isinstance(self.made, Filter)
                else {}
            ),
            "server": str(self.made.sources[0].server) if found else None,
            "prefixes": self.prefixes,
        }


def expand_objects(
    workspace: Workspace,
    objects: Sequence[str],
    only: tuple[bool, bool],
    environ: Mapping[str, str],
    steps: Steps,
) -> list[Expanded]:
    """Return each object in each family; `only` is (IPv4, IPv6), neither meaning both.

    Raises RpslError for a name that is none.
    """
    parsed = [parse_object(text) for text in objects]
    families = [afi for afi, wanted in zip(Afi, only, strict=True) if wanted or not any(only)]
    network = workspace.network
    pairs = [(each, afi) for each in parsed for afi in families]
    with (
        steps.step("expanding", len(pairs)) as step,
        Expander(
            network.irr,
            program=find_bgpq4(environ),
            clock=time.monotonic,
            on_done=lambda expansion: step.done(str(expansion.query)),
        ) as expander,
    ):
        peers = {each: _as_peer(each, workspace) for each in parsed}
        for each, afi in pairs:
            for query in queries(peers[each], afi, network):
                expander.submit(query)
        return [
            Expanded(
                str(each),
                afi,
                build_filter(
                    peers[each], afi, network, expander.expand(queries(peers[each], afi, network))
                ),
            )
            for each, afi in pairs
        ]


def _as_peer(each: RpslObject, workspace: Workspace) -> Peer:
    """Return the object as if a neighbour had announced it, under its own policy if it is one."""
    if isinstance(each, Asn) and each in workspace.peers:
        known = workspace.peers[each]
        return replace(known, as_sets=PerAfi((each,), (each,)))
    asn = each if isinstance(each, Asn) else Asn(0)
    both = (each,)
    policy = workspace.network.filters
    return Peer(
        asn, str(each), Role.CUSTOMER, PerAfi(both, both), PerAfi(None, None), (), (), policy
    )
