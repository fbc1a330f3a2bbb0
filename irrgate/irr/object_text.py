"""Objects back into RPSL, for `!m`: the attributes that the snapshot keeps, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from irrgate.errors import RpslError
from irrgate.irr.packed_prefix import pack_prefix, prefix_text
from irrgate.irr.registry import RegisteredSet
from irrgate.irr.resolver import Selection
from irrgate.irr.rpsl_dump import BrokenObject
from irrgate.irr.schema import Family
from irrgate.rpsl import SetKind, parse_asn, parse_set_name


def object_text(selection: Selection, class_name: str, key: str) -> bytes:
    """Return the object of this class and key from the first source that has it, or b"".

    The key of a route is its prefix and origin (192.0.2.0/24AS64500, as IRRd has it). What can be
    no key of the class, or a class that the snapshot does not keep, is the key of nothing.
    """
    reader = _READERS.get(class_name)
    try:
        lines = list(reader(selection, key)) if reader else []
    except RpslError:
        return b""
    return "\n".join(f"{name + ':':<16}{value}" for name, value in lines).encode()


_Lines = Iterable[tuple[str, str]]


def _set(kind: SetKind) -> Callable[[Selection, str], _Lines]:
    def lines(selection: Selection, key: str) -> _Lines:
        name = parse_set_name(key)
        found = selection.find_set(str(name)) if name.kind is kind else None
        return () if found is None else _set_lines(selection, kind, found)

    return lines


def _set_lines(selection: Selection, kind: SetKind, found: RegisteredSet) -> _Lines:
    yield kind.value, found.name
    members = [*(f"AS{asn}" for asn in found.asns), *found.names, *found.prefixes]
    attribute = "members" if kind is SetKind.AS_SET else "mp-members"
    for member in members:
        if member not in found.by_reference:
            yield attribute, member
    if found.mbrs_by_ref:
        yield "mbrs-by-ref", ", ".join(found.mbrs_by_ref)
    yield "source", selection.registry.sources[found.source]


def _aut_num(selection: Selection, key: str) -> _Lines:
    asn = parse_asn(key).number
    known = {found.source: found for found in selection.registry.aut_nums(asn)}
    for number in selection.order:
        if number in known:
            found = known[number]
            yield "aut-num", f"AS{asn}"
            if found.member_of:
                yield "member-of", ", ".join(found.member_of)
                yield "mnt-by", ", ".join(found.mnt_by)
            yield "source", selection.registry.sources[number]
            return


def _route(family: Family) -> Callable[[Selection, str], _Lines]:
    def lines(selection: Selection, key: str) -> _Lines:
        prefix, found_as, digits = key.upper().partition("AS")
        if not found_as:
            raise RpslError(key[:60], "the key of a route has an origin, too: 192.0.2.0/24AS64500")
        origin = parse_asn(found_as + digits).number
        address, _, length = prefix.rstrip("-").partition("/")
        try:
            packed = pack_prefix(address, int(length) if length.isdigit() else 999)
        except BrokenObject as exc:
            raise RpslError(key[:60], exc.reason) from None
        text = prefix_text(packed)
        having = {
            source
            for source, _, prefixes in selection.registry.routes(origin, family)
            if text.encode("ascii") in prefixes.split(b" ")
        }
        for number in selection.order:
            if number in having:
                yield "route" if family is Family.IPV4 else "route6", text
                yield "origin", f"AS{origin}"
                yield "source", selection.registry.sources[number]
                return

    return lines


_READERS: Final[dict[str, Callable[[Selection, str], _Lines]]] = {
    "as-set": _set(SetKind.AS_SET),
    "route-set": _set(SetKind.ROUTE_SET),
    "route": _route(Family.IPV4),
    "route6": _route(Family.IPV6),
    "aut-num": _aut_num,
}
