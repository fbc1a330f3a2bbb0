"""Judges a case by what the router itself wrote down: its apply log, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.lab.apply_log import Applied

Contents = Mapping[str, str]
"""the digest of each managed filter, by its name"""

MANAGED = "IRR-"


def managed(lists: Mapping[str, str]) -> dict[str, str]:
    """The managed ones of a device's lists; their names without the platform's keywords."""
    named = {key.split(" ")[-1]: digest for key, digest in lists.items()}
    return {name: digest for name, digest in named.items() if name.startswith(MANAGED)}


def never_whole(log: Sequence[Applied], old: Contents, new: Contents) -> Iterator[str]:
    """Each time at which the filters were neither the old ones nor the new ones, as a sentence."""
    for record in log:
        if not (record.lists or record.changed or record.event == "start"):
            continue  # an EOS that logs what changed nothing does not say again what it holds
        when = f"after its {record.event} (record {record.sequence})"
        for key, count in record.entries.items():
            if count == 0 and managed({key: ""}):
                yield f"{when} {key} was empty"
        found = managed(record.lists)
        if found in (old, new):
            continue
        for name in sorted(old.keys() | new.keys() | found.keys()):
            yield from _wrong(when, name, found.get(name), {old.get(name), new.get(name)})
        if all(found.get(name) in {old.get(name), new.get(name)} for name in {*old, *new, *found}):
            yield f"{when} some filters were old and some new: {_told(found, old, new)}"


def _wrong(when: str, name: str, found: str | None, right: set[str | None]) -> Iterator[str]:
    if found in right:
        return
    if found is None:
        yield f"{when} {name} was missing"
    elif right == {None}:
        yield f"{when} there was a {name}, which is nobody's"
    else:
        yield f"{when} {name} was neither its old content nor its new one"


def told(found: Contents, old: Contents, new: Contents) -> str:
    """What a router holds, in a word."""
    if found == new:
        return "the new filters"
    return "the old filters" if found == old else _told(found, old, new)


def _told(found: Contents, old: Contents, new: Contents) -> str:
    words = []
    for name in sorted(old.keys() | new.keys() | found.keys()):
        if old.get(name) == new.get(name) == found.get(name):
            continue
        is_new, is_old = found.get(name) == new.get(name), found.get(name) == old.get(name)
        words.append(f"{name} {'new' if is_new else 'old' if is_old else 'neither'}")
    return ", ".join(words)
