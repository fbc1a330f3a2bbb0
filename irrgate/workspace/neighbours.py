"""network.yaml and peers.yaml as types, and what must hold between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pydantic_core import PydanticCustomError

from irrgate.network import (
    MAX_SOURCES_LENGTH,
    ApplySettings,
    FilterPolicy,
    GuardLimits,
    IrrSettings,
    Network,
    Peer,
    PerAfi,
    StateSettings,
)
from irrgate.prefixes import Afi, PrefixRange
from irrgate.rpsl import Asn, RpslObject, SourceName, parse_asn
from irrgate.workspace import fields
from irrgate.workspace.complaints import Complaint
from irrgate.workspace.documents import Document, Path_
from irrgate.workspace.models import (
    FamilyObjects,
    GuardsEntry,
    Lengths,
    Limits,
    NetworkEntry,
    PeerEntry,
    ShortLengths,
)
from irrgate.workspace.opening_hours import change_windows
from irrgate.workspace.validation import complain_of_nothing, validate

DEFAULT_MAX_LENGTH: Final = PerAfi(24, 48)
DEFAULT_MAX_PREFIXES: Final = PerAfi(300_000, 100_000)
DEFAULT_MIN_LENGTH: Final = PerAfi(8, 19)

_USELESS_WITHOUT_FILTER: Final = ("as_sets", "accept", "reject", "filters")


def read_network(document: Document, complaints: list[Complaint]) -> Network | None:
    """Return what network.yaml says; None when it has errors, which are in `complaints`."""
    complain_of_nothing(document, (), complaints)
    entry = validate(NetworkEntry, document, (), document.value, complaints)
    if entry is None:
        return None
    irr, filters = entry.irr, entry.filters
    _check_sources(document, irr.sources, complaints)
    if len(set(irr.servers)) < len(irr.servers):
        complaints.append(
            document.complaint(("irr", "servers"), "irr.servers: a server is there twice")
        )
    network = Network(
        asn=entry.asn,
        prefixes=tuple(sorted(set(entry.prefixes))),
        irr=IrrSettings(tuple(irr.servers), tuple(irr.sources), irr.timeout, irr.workers),
        filters=FilterPolicy(
            names=filters.name,
            max_length=_over(filters.max_length, DEFAULT_MAX_LENGTH),
            more_specifics=filters.more_specifics,
            special_use=filters.special_use,
        ),
        guards=_guard_limits(entry.guards),
        apply=ApplySettings(**dict(entry.apply)),
        state=StateSettings(entry.state.url, entry.state.keep),
        notify=frozenset(entry.notify),
        metrics=entry.metrics,
        windows=change_windows(entry.change_windows) if entry.change_windows else None,
    )
    _check_lengths(document, network, complaints)
    return network


def _guard_limits(guards: GuardsEntry) -> GuardLimits:
    return GuardLimits(
        max_shrink=float(guards.max_shrink),
        max_growth=float(guards.max_growth),
        max_prefixes=_over(guards.max_prefixes, DEFAULT_MAX_PREFIXES),
        max_age=guards.max_age,
        max_plan_age=guards.max_plan_age,
        min_length=_over(guards.min_length, DEFAULT_MIN_LENGTH),
    )


def _check_lengths(document: Document, network: Network, complaints: list[Complaint]) -> None:
    for afi in Afi:
        shortest, longest = network.guards.min_length[afi], network.filters.max_length[afi]
        if shortest > longest:
            complaints.append(
                document.complaint(
                    ("guards", "min_length", str(afi)),
                    f"guards.min_length.{afi}: {shortest} is longer than filters.max_length, "
                    f"{longest}: every filter would be held",
                    "the guard holds filters with a shorter prefix: make it smaller",
                )
            )


def _check_sources(
    document: Document, sources: Sequence[SourceName], complaints: list[Complaint]
) -> None:
    names = [str(source) for source in sources]
    for index, name in enumerate(names):
        if name in names[:index]:
            complaints.append(
                document.complaint(
                    ("irr", "sources", index),
                    f"irr.sources: {name} is there twice",
                    "their order is their preference: keep the first",
                )
            )
    length = len(",".join(names))
    if length > MAX_SOURCES_LENGTH:
        complaints.append(
            document.complaint(
                ("irr", "sources"),
                f"irr.sources: {length} characters together, at most {MAX_SOURCES_LENGTH} are "
                "possible (bgpq4 hangs on more)",
                "name only the registries that you trust",
            )
        )


def _over(own: Lengths | ShortLengths | Limits, default: PerAfi[int]) -> PerAfi[int]:
    return PerAfi(
        default.ipv4 if own.ipv4 is None else own.ipv4,
        default.ipv6 if own.ipv6 is None else own.ipv6,
    )


@dataclass(slots=True)
class Neighbours:
    """peers.yaml: the peers without an error, and every ASN that it names."""

    peers: Mapping[Asn, Peer] = field(default_factory=dict)
    named: frozenset[Asn] = frozenset()


def read_neighbours(
    document: Document, network: Network | None, complaints: list[Complaint]
) -> Neighbours:
    """Return the peers; `complaints` gets what is wrong with them.

    Without a network they are only read, and what needs it is not checked.
    """
    if not isinstance(document.value, dict):
        complaints.append(
            document.complaint(
                (), f"a mapping of ASNs is expected, not {fields.kind(document.value)}", "AS64500:"
            )
        )
        return Neighbours()
    keys: dict[Asn, object] = {}
    peers: dict[Asn, Peer] = {}
    for key, value in document.value.items():
        try:
            asn = fields.asn(key)
        except PydanticCustomError as exc:
            context = exc.context or {}
            complaints.append(document.complaint((key,), context["reason"], context["hint"]))
            continue
        if asn in keys:
            complaints.append(
                document.complaint(
                    (key,),
                    f"{asn} is here again; it is on line {document.line((keys[asn],))} already",
                    "make them one",
                )
            )
            continue
        keys[asn] = key
        complain_of_nothing(document, (key,), complaints)
        entry = validate(PeerEntry, document, (key,), value, complaints)
        if entry is None or network is None:
            continue
        before = len(complaints)
        peer = _Neighbour(asn, entry, document, (key,), network, complaints).peer()
        if len(complaints) == before:
            peers[asn] = peer
    return Neighbours(MappingProxyType(dict(sorted(peers.items()))), frozenset(keys))


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """One entry of peers.yaml, on its way to a Peer."""

    asn: Asn
    entry: PeerEntry
    document: Document
    path: Path_
    network: Network
    complaints: list[Complaint]

    def peer(self) -> Peer:
        entry = self.entry
        if self.asn == self.network.asn:
            self.complain((), "this is our own ASN, which no neighbour has", "take it out")
        policy = self.policy()
        objects = self.objects()
        if entry.role.has_filter:
            self.check_objects(objects, policy)
            self.check_ranges(objects)
        else:
            self.check_useless()
        return Peer(
            asn=self.asn,
            name=entry.name,
            role=entry.role,
            as_sets=objects,
            max_prefix=PerAfi(entry.max_prefix.ipv4, entry.max_prefix.ipv6),
            accept=tuple(sorted(set(entry.accept))),
            reject=tuple(sorted(set(entry.reject))),
            policy=policy,
        )

    def policy(self) -> FilterPolicy:
        own, base = self.entry.filters, self.network.filters
        return FilterPolicy(
            names=base.names,
            max_length=_over(own.max_length, base.max_length),
            more_specifics=(
                base.more_specifics if own.more_specifics is None else own.more_specifics
            ),
            special_use=base.special_use if own.special_use is None else own.special_use,
        )

    def objects(self) -> PerAfi[tuple[RpslObject, ...]]:
        as_sets = self.entry.as_sets
        if not self.entry.role.has_filter:
            return PerAfi((), ())
        if as_sets is None:
            return PerAfi((self.asn,), (self.asn,))
        if isinstance(as_sets, FamilyObjects):
            return PerAfi(_distinct(as_sets.ipv4 or []), _distinct(as_sets.ipv6 or []))
        return PerAfi(_distinct(as_sets), _distinct(as_sets))

    def check_objects(self, objects: PerAfi[tuple[RpslObject, ...]], policy: FilterPolicy) -> None:
        if not any(objects[afi] for afi in Afi):
            self.complain(
                ("as_sets",), "names no address family", "leave it out to expand the ASN itself"
            )
        if policy.special_use:
            return
        for each in dict.fromkeys((*objects.ipv4, *objects.ipv6)):
            special = _special_asn(each)
            if special is None:
                continue
            why = "is for documentation, private or reserved use: bgpq4 drops what it originates"
            lab = "set filters.special_use: true in a lab"
            if self.entry.as_sets is None:
                self.complain((), f"this ASN {why}", f"{lab}, or name the as_sets to expand")
            else:
                named = f"{special}" if each == special else f"{special} in {each}"
                self.complain(("as_sets",), f"{named} {why}", lab)

    def check_ranges(self, objects: PerAfi[tuple[RpslObject, ...]]) -> None:
        for key, ranges in (("accept", self.entry.accept), ("reject", self.entry.reject)):
            for index, each in enumerate(ranges):
                if any(objects[afi] for afi in Afi) and not objects[each.afi]:
                    self.complain(
                        (key, index),
                        f"{each} does nothing: as_sets names no {each.afi}, so there is no "
                        f"{each.afi} filter",
                        f"add as_sets for {each.afi}, or take it out",
                    )
        for index, each in enumerate(self.entry.accept):
            own = next((own for own in self.network.prefixes if _overlap(each, own)), None)
            if own is not None:
                self.complain(
                    ("accept", index),
                    f"{each} overlaps our own {own}, which is accepted from nobody",
                    "take it out, or correct prefixes in inventory/network.yaml",
                )

    def check_useless(self) -> None:
        for key in _USELESS_WITHOUT_FILTER:
            if key in self.entry.model_fields_set and getattr(self.entry, key) != []:
                self.complain(
                    (key,),
                    f"does nothing: a {self.entry.role} has no filter from the IRR",
                    "take it out, or correct the role",
                )

    def complain(self, steps: Path_, reason: str, hint: str) -> None:
        where = f"{self.asn} {steps[0]}" if steps else f"{self.asn}"
        self.complaints.append(
            self.document.complaint((*self.path, *steps), f"{where}: {reason}", hint)
        )


def _distinct(objects: list[RpslObject]) -> tuple[RpslObject, ...]:
    return tuple(dict.fromkeys(objects))


def _special_asn(each: RpslObject) -> Asn | None:
    """Return the first ASN of the object's name that no network on the Internet holds."""
    parts = [str(each)] if isinstance(each, Asn) else each.name.split(":")
    asns = (parse_asn(part) for part in parts if part.startswith("AS") and part[2:].isdecimal())
    return next((asn for asn in asns if asn.is_special_use), None)


def _overlap(accepted: PrefixRange, own: PrefixRange) -> bool:
    """Tell whether the range accepts `own` or a more specific of it."""
    if accepted.afi is not own.afi or accepted.le < own.length:
        return False
    shorter = min(accepted.length, own.length)
    return (accepted.address ^ own.address) >> (own.afi.bits - shorter) == 0
