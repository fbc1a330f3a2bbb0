"""What refers to a chain of RouterOS: any line of what the driver prints that has its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from irrgate.platforms.mentions import References, line_around, mentions

_OWN: Final = re.compile(
    r"^/routing filter rule add chain=\"?([^\s\"]+)\"?(?: [a-z-]+=\S+)* rule=", re.MULTILINE
)
_PLAIN: Final = re.compile(
    r"^/routing filter rule add chain=\S+ rule=\"(?:reject|if \(dst[^\"\n{}]*\) \{accept\})\"\n",
    re.MULTILINE,
)


def find_references(running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the lines that mention each of `names`.

    Not what a rule says of the chain that it stands in.
    """
    references = References(names)
    if not names:
        return references.told()
    # Most lines are rules about prefixes, which mention no chain but their own.
    text = _PLAIN.sub("", running)
    for position, name in mentions(text, names):
        line = line_around(text, position)
        own = _OWN.match(line)
        if own is None or own[1] != name:
            references.add(name, line)
    return references.told()
