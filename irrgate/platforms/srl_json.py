"""SR Linux's configuration as JSON, and the commands of its JSON-RPC `set` that change it.

The grammar is that of Nokia's YANG modules `srl_nokia-routing-policy` and `srl_nokia-common`: a
prefix-set is a list of prefixes, each with a range of lengths, `exact` or `16..24`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.reading import keys_of
from irrgate.prefixes import Afi

RUNNING: Final = "running config"
_CANDIDATE: Final = "candidate"
_WITNESS: Final = "system"
"""what a router has that answers JSON-RPC: its server is configured there"""
_PATH: Final = re.compile(r"/routing-policy/prefix-set\[name=([A-Za-z][A-Za-z0-9_-]{0,254})\]")
_LENGTHS: Final = re.compile(r"([0-9]{1,3})\.\.([0-9]{1,3})")
_FIELDS: Final = frozenset({"name", "prefix"})
_ENTRY: Final = frozenset({"ip-prefix", "mask-length-range"})

Json = dict[str, Any]
RawEntry = tuple[str, str]
"""(prefix, range of lengths), as the router spells them"""


@dataclass(frozen=True, slots=True)
class RawSet:
    """A prefix-set as it stands in a configuration."""

    name: str
    entries: Sequence[RawEntry]
    annotated: bool = False
    """True when a person has put a note beside it"""


@dataclass(frozen=True, slots=True)
class Commands:
    """What a candidate does, in the order of its text."""

    replaced: Mapping[str, RawSet]
    removed: Sequence[str]


def path_of(name: str) -> str:
    """Return the path of a prefix-set of one of irrgate's own names."""
    return f"/routing-policy/prefix-set[name={name}]"


def bare(key: str) -> str:
    """Return a field's name without the module that may stand before it."""
    return key.rpartition(":")[2]


def read_config(text: str) -> Json:
    """Return a whole configuration; raises ParseError when it is cut off, or only a part."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as exc:
        # Not what stands there: it may be a password.
        where = f" at character {exc.pos:,}" if isinstance(exc, json.JSONDecodeError) else ""
        reason = f"is cut off, or is no JSON{where}: it has {len(text):,} characters"
        raise ParseError(RUNNING, reason) from exc
    if not isinstance(config, dict) or _WITNESS not in map(bare, config):
        raise ParseError(RUNNING, f"is not the router's whole configuration: it has no {_WITNESS}")
    return config


def routing_policy(config: Json) -> Json:
    """Return what stands under /routing-policy, by names without modules; empty: nothing."""
    found = [value for key, value in config.items() if bare(key) == "routing-policy"]
    if not found:
        return {}
    if len(found) > 1 or not isinstance(found[0], dict):
        raise ParseError(RUNNING, "its routing-policy is no container")
    return {bare(key): value for key, value in found[0].items()}


def under_routing_policy(answer: object) -> Json:
    """Return the configuration that is what a router answers to the path /routing-policy alone."""
    if isinstance(answer, dict) and any(bare(key) == "routing-policy" for key in answer):
        return answer
    return {"routing-policy": answer}


def prefix_sets(config: Json) -> dict[str, Json]:
    """Return the prefix-sets of a configuration by name, unread; or raise ParseError."""
    sets: dict[str, Json] = {}
    held = routing_policy(config).get("prefix-set", [])
    for each in held if isinstance(held, list) else [held]:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not name.isprintable():
            raise ParseError(RUNNING, "has a prefix-set without a name that could be printed")
        if name in sets:
            raise ParseError(name, "is there twice")
        sets[name] = each
    return sets


def read_set(name: str, held: Json) -> RawSet:
    """Return a prefix-set; raises ParseError for a field that is unknown."""
    notes = [key for key in held if key.startswith("_annotate")]
    unknown = held.keys() - _FIELDS - set(notes)
    if unknown:
        raise ParseError(name, f"has a field that is unknown: {min(unknown)!a}")
    entries, noted = _read_entries(name, held.get("prefix", []))
    return RawSet(name, entries, bool(notes) or noted)


def _read_entries(name: str, listed: object) -> tuple[list[RawEntry], bool]:
    if not isinstance(listed, list):
        raise ParseError(name, "its prefixes are no list")
    try:
        entries = [(each["ip-prefix"], each["mask-length-range"]) for each in listed]
        plain = all(len(each) == 2 for each in listed)
        if not all(type(prefix) is type(lengths) is str for prefix, lengths in entries):
            raise TypeError
    except (KeyError, TypeError) as exc:
        wrong = next(each for each in listed if not _is_entry(each))
        raise ParseError(name, f"an entry of the set is unknown: {wrong!a:.80}") from exc
    if plain:
        return entries, False
    for each in listed:
        if any(not key.startswith("_annotate") for key in each.keys() - _ENTRY):
            raise ParseError(name, f"an entry of the set is unknown: {each!a:.80}")
    return entries, True


def _is_entry(each: object) -> bool:
    return isinstance(each, dict) and all(isinstance(each.get(key), str) for key in _ENTRY)


def read_entries(name: str, afi: Afi, raw: Sequence[RawEntry]) -> list[Entry]:
    """Return entries of one family, in their order; raises ParseError."""
    keys = keys_of(afi, [prefix for prefix, _ in raw], name)
    bits = afi.bits
    ranges = {text: _range(text) for text in {lengths for _, lengths in raw}}
    entries: list[Entry] = []
    for key, (prefix, text) in zip(keys, raw, strict=True):
        length = low = high = key & LENGTH_MASK
        lengths = ranges[text]
        if lengths is not None:
            low, high = lengths
            if low < 0 or not length <= high <= bits or low > high:
                raise ParseError(name, f"an entry has impossible lengths: {prefix} {text!a}")
            low = max(low, length)
        entries.append((key >> LENGTH_BITS, length, low, high))
    return entries


def _range(text: str) -> tuple[int, int] | None:
    """Return the lengths of a range, None for `exact`; (-1, -1) where it is none."""
    if text == "exact":
        return None
    match = _LENGTHS.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else (-1, -1)


def families(raw: Sequence[RawEntry]) -> Mapping[Afi, Sequence[RawEntry]]:
    """Return the entries of a set by their family."""
    text = "".join([prefix for prefix, _ in raw])
    if not raw or ":" not in text or "." not in text:
        # Nearly every set is of one family: no look at each entry is needed then.
        afi = Afi.IPV6 if ":" in text else Afi.IPV4
        return {each: raw if each is afi else [] for each in Afi}
    found: dict[Afi, list[RawEntry]] = {afi: [] for afi in Afi}
    for entry in raw:
        found[Afi.IPV6 if ":" in entry[0] else Afi.IPV4].append(entry)
    return found


def read_commands(candidate: str) -> Commands:
    """Return what a candidate sets and removes; raises ParseError for whatever else it has.

    It is the list `commands` of a `set`: each replaces a prefix-set of a name that irrgate could
    give, or deletes one.
    """
    try:
        listed = json.loads(candidate, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as exc:
        raise ParseError(_CANDIDATE, f"is no JSON: {exc}") from exc
    if not isinstance(listed, list):
        raise ParseError(_CANDIDATE, "is no list of commands")
    replaced: dict[str, RawSet] = {}
    removed: list[str] = []
    for command in listed:
        name = _name(command)
        if name in replaced or name in removed:
            raise ParseError(name, "the candidate has the set twice")
        if command["action"] == "delete":
            removed.append(name)
        else:
            replaced[name] = RawSet(name, _value(name, command["value"]))
    return Commands(replaced, removed)


def _name(command: object) -> str:
    match = None
    if isinstance(command, dict):
        fields = {"replace": {"action", "path", "value"}, "delete": {"action", "path"}}
        if fields.get(str(command.get("action"))) == command.keys():
            match = _PATH.fullmatch(str(command["path"]))
    if match is None:
        shown = json.dumps(command)[:80]
        raise ParseError(_CANDIDATE, f"has a command that sets or removes no prefix-set: {shown}")
    return match[1]


def _value(name: str, value: object) -> Sequence[RawEntry]:
    if not isinstance(value, dict) or value.keys() != {"prefix"}:
        raise ParseError(name, "the candidate sets something else than its prefixes")
    entries, annotated = _read_entries(name, value["prefix"])
    if annotated:
        raise ParseError(name, "the candidate has a note, which would be committed unread")
    if not entries:
        raise ParseError(name, "the candidate leaves the set without an entry")
    if len(set(entries)) < len(entries):
        raise ParseError(name, "the candidate has an entry twice")
    return entries


def _without_doubles(pairs: list[tuple[str, Any]]) -> Json:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is there twice")
    return fields


def commands_of(changes: Commands) -> list[dict[str, object]]:
    """Return the commands as JSON-RPC has them; `read_commands` reads them."""
    listed: list[dict[str, object]] = [
        {
            "action": "replace",
            "path": path_of(name),
            "value": {
                "prefix": [
                    {"ip-prefix": prefix, "mask-length-range": lengths}
                    for prefix, lengths in found.entries
                ]
            },
        }
        for name, found in changes.replaced.items()
    ]
    listed += [{"action": "delete", "path": path_of(name)} for name in changes.removed]
    return listed


def on_top(first: Commands, second: Commands) -> Commands:
    """Return what does both, one after the other."""
    replaced = {**first.replaced, **second.replaced}
    for name in second.removed:
        replaced.pop(name, None)
    stay = [name for name in first.removed if name not in second.replaced]
    return Commands(replaced, list(dict.fromkeys([*stay, *second.removed])))
