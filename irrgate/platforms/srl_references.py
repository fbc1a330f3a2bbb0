"""What refers to a prefix-set in an SR Linux configuration: any value that has its name.

A policy's statement refers to it by `match/prefix-set`, or in later releases by
`match/prefix/prefix-set`; whatever else mentions it counts as well.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate
from typing import Final

from irrgate.platforms.mentions import References, mentions
from irrgate.platforms.srl_json import Json, bare

_KEYS: Final = ("name", "sequence-id", "id", "index", "peer-address", "group-name", "prefix")
"""fields by which an entry of a list is told from the others, the first that it has"""


def find_references(config: Json, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the values that mention each of `names`, with their paths.

    Not those of the prefix-sets themselves.
    """
    references = References(names)
    leaves = list(_leaves(config))
    values = [value for _, value in leaves]
    starts = list(accumulate((len(value) + 1 for value in values), initial=0))
    for at, name in mentions("\n".join(values), names):
        path, value = leaves[bisect_right(starts, at) - 1]
        references.add(name, f"{path} {value}")
    return references.told()


def _leaves(config: Json) -> Iterator[tuple[str, str]]:
    """Yield each value with its path, in their order, but for those of the prefix-sets."""
    nodes: list[tuple[str, object]] = [("", config)]
    while nodes:
        path, node = nodes.pop()
        if path == "/routing-policy/prefix-set":
            continue
        if isinstance(node, dict):
            nodes += [(f"{path}/{bare(key)}", node[key]) for key in reversed(node)]
        elif isinstance(node, list):
            nodes += [(f"{path}{_key(each)}", each) for each in reversed(node)]
        else:
            yield path, str(node)


def _key(entry: object) -> str:
    if isinstance(entry, dict):
        for key in _KEYS:
            if key in entry:
                return f"[{key}={entry[key]}]"
    return ""
