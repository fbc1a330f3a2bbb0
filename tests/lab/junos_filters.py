"""The entries of prefix-lists and route-filter-lists: what Junos takes, and what it refuses.

Two programs look at them on a router. mgd parses each entry as it is loaded (`parse_entry`), and
rpd checks the whole list at commit (`problems`).

Host bits are accepted, as by the real thing: vJunos 25.4 commits `prefix-list X 192.168.1.111/24`
and `route-filter 192.168.1.111/24 exact` (batfish/lab-validation, junos_commit_check), where it
refuses them in static routes. What such an entry matches is documented nowhere, so the oracle
(junos_semantics) does not judge it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence

from tests.lab.junos_tree import FilterList

_PLAIN_MATCHES = frozenset({"exact", "longer", "orlonger"})
_UPTO = re.compile(r"/([0-9]{1,3})")
_RANGE = re.compile(r"/([0-9]{1,3})-/([0-9]{1,3})")
_ACTIONS = frozenset(
    {
        "accept", "as-path-prepend", "color", "community", "local-preference", "metric", "next",
        "next-hop", "origin", "preference", "reject", "tag", "trace",
    }
)  # fmt: skip
_USUAL = re.compile(
    r"\s*((?:([0-9.]+)|([0-9a-f:]+))/(0|[1-9][0-9]?|1[01][0-9]|12[0-8])"
    r" (?:exact|longer|orlonger|upto /[1-9][0-9]?))"
)
"""A route-filter-list entry as printers write it: it needs no second look but at its address."""
_PREFIX = re.compile(r"\s*((?:([0-9.]+)|([0-9a-f:]+))/(0|[1-9][0-9]?|1[01][0-9]|12[0-8]))")
_BOUNDED = re.compile(r"(\S+)/([0-9]+) (?:upto /([0-9]+)|prefix-length-range /([0-9]+)-/([0-9]+))")


class EntryError(Exception):
    """An entry that mgd refuses as it is loaded."""

    def __init__(self, message: str, bad_element: str) -> None:
        super().__init__(message)
        self.message = message
        self.bad_element = bad_element


def parse_entry(kind: str, words: Sequence[str]) -> tuple[str, str | None]:
    """The key of an entry, and its action or None; EntryError where mgd refuses it.

    The key of a route-filter-list entry is the prefix with its match type: the same prefix may
    stand there with several of them.
    """
    if kind == "prefix-list":
        if words[0] == "apply-path" and len(words) == 2:
            return words[0], words[1]
        prefix = canonical_prefix(words[0])
        if len(words) > 1:
            raise EntryError("syntax error", words[1])
        return prefix, None
    prefix = canonical_prefix(words[0])
    if len(words) < 2:
        raise EntryError("missing match type: exact, longer, orlonger, upto ...", words[0])
    used = 2
    match = words[1]
    if match not in _PLAIN_MATCHES:
        match = f"{match} {_match_argument(words)}"
        used = 3
    action = words[used:]
    if action and action[0] not in _ACTIONS:
        raise EntryError("syntax error", action[0])
    return f"{prefix} {match}", " ".join(action) or None


def parse_entries(
    kind: str, body: str
) -> tuple[dict[str, str | None], list[tuple[int, EntryError]]]:
    """The entries of a block without comments, strings or tags; the errors with their offsets.

    As `parse_entry`, entry by entry, but 850,000 of them in some 2.5 s.
    """
    entries: dict[str, str | None] = {}
    errors: list[tuple[int, EntryError]] = []
    offset = 0
    statements = body.split(";")
    last = statements.pop()
    usual = _USUAL.fullmatch if kind == "route-filter-list" else _PREFIX.fullmatch
    for statement in statements:
        match = usual(statement)
        if match is not None and _is_canonical(match[2], match[3], match[4]):
            entries[match[1]] = None
        elif words := statement.split():
            try:
                key, action = parse_entry(kind, words)
                entries[key] = action
            except EntryError as exc:
                errors.append((offset + statement.index(words[0]), exc))
        offset += len(statement) + 1
    if rest := last.split():
        errors.append((offset + last.index(rest[0]), EntryError("syntax error", rest[-1])))
    return entries, errors


def canonical_prefix(text: str) -> str:
    """The prefix as Junos keeps it: a host without a length gets one, IPv6 its shortest form."""
    address, slash, length = text.partition("/")
    try:
        if ":" in address:
            address = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))
            longest = 128
        else:
            socket.inet_pton(socket.AF_INET, address)
            longest = 32
    except (OSError, UnicodeError):
        raise EntryError("syntax error", text) from None
    if not slash:
        return f"{address}/{longest}"
    if not (length.isascii() and length.isdigit()) or int(length) > longest:
        raise EntryError(f"invalid value '{length}' in ip address: '{text}'", text)
    return f"{address}/{int(length)}"


def _is_canonical(four: str | None, six: str | None, length: str) -> bool:
    try:
        if four is not None:
            socket.inet_pton(socket.AF_INET, four)
            return int(length) <= 32
        packed = socket.inet_pton(socket.AF_INET6, six or "")
        return socket.inet_ntop(socket.AF_INET6, packed) == six
    except OSError:
        return False


def sorted_prefixes(entries: dict[str, str | None]) -> dict[str, str | None]:
    """The entries of a prefix-list in the order in which Junos keeps them, by address."""
    return dict(sorted(entries.items(), key=lambda item: _position(item[0])))


def problems(name: str, value: FilterList) -> tuple[str, ...]:
    """What rpd says of a list at commit; each list is looked at once."""
    if value.problems is None:
        value.problems = tuple(_problems(name, value))
    return value.problems


def _problems(name: str, value: FilterList) -> Iterator[str]:
    if value.kind != "route-filter-list":
        return
    keys = [key for key in value.entries if key not in value.inactive]
    sixes = sum(":" in key for key in keys)
    if 0 < sixes < len(keys):
        # "Prefixes specified in a from statement must be either all IPv4 addresses or all IPv6
        # addresses" (Junos documentation, Configuring Route Lists).
        yield f"{name} route-filter-list mixes IPv4 and IPv6 prefixes"
    for key in keys:
        bounded = _BOUNDED.match(key)
        if bounded is None:
            continue
        _, length, upto, low, high = bounded.groups()
        longest = 128 if ":" in key else 32
        first, end = (int(length), int(upto)) if upto else (int(low), int(high))
        if not int(length) <= first <= end <= longest:
            yield f"{name} route-filter-list has an invalid prefix length range: {key}"


def _match_argument(words: Sequence[str]) -> str:
    match = words[1]
    argument = words[2] if len(words) > 2 else ""
    if match == "upto" and (upto := _UPTO.fullmatch(argument)):
        return f"/{int(upto[1])}"
    if match == "prefix-length-range" and (span := _RANGE.fullmatch(argument)):
        return f"/{int(span[1])}-/{int(span[2])}"
    if match == "through" and argument:
        return canonical_prefix(argument)
    raise EntryError("syntax error", argument or match)


def _position(key: str) -> tuple[int, bytes, int]:
    address, _, length = key.partition("/")
    if not length:
        return 0, b"", 0
    if ":" in address:
        return 6, socket.inet_pton(socket.AF_INET6, address), int(length)
    return 4, socket.inet_pton(socket.AF_INET, address), int(length)
