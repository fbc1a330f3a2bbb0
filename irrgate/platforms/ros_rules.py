"""Routing filter rules of RouterOS 7: `if (dst in 10.0.0.0/8 && dst-len in 16-24) {accept}`.

The language is that of MikroTik's manual, "Route Selection and Filters". Space means nothing in
it, and neither does a semicolon before a brace. What irrgate writes is spelled as bgpq4 -K7 does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.platforms.platform import Line
from irrgate.prefixes import Afi, format_prefixes, parse_keys

REJECT: Final = "reject"
"""the rule that says that nothing else is accepted"""

Known = tuple[bool, Entry]
"""(permits, entry): what a rule says that is about prefixes and nothing else"""
Rule = tuple[str, Known | None]
"""(text, meaning): a rule in effect; None for one that says what irrgate does not know"""

_PREFIX: Final = r"[0-9A-Fa-f:.]+/[0-9]{1,3}"
_WRITTEN: Final = re.compile(
    rf"^if \(dst(==| in )({_PREFIX})(?: && dst-len in ([0-9]{{1,3}})-([0-9]{{1,3}}))?\)"
    r" \{accept\}$",
    re.MULTILINE,
)
_SQUEEZED: Final = re.compile(
    rf"if\(dst(==|in)({_PREFIX})"
    r"(?:&&dst-len(in|==|<=|>=|<|>)([0-9]{1,3})(?:(?:-|\.\.)([0-9]{1,3}))?)?\)"
    r"\{(accept|reject);?\};?"
)
_EVERYTHING: Final = re.compile(r"(accept|reject);?")
_ESCAPED: Final = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_TO_ESCAPE: Final = re.compile(r'[^ !#%->@-\[\]-~]|["\\$?]')
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def deny_all(afi: Afi) -> Known:
    """Return what `reject` without a condition says."""
    return False, (0, 0, 0, afi.bits)


def rule_text(line: Line) -> str:
    """Return a rule that accepts, as irrgate writes it."""
    _, _, prefix, ge, le = line
    if ge is None:
        return f"if (dst=={prefix}) {{accept}}"
    return f"if (dst in {prefix} && dst-len in {ge}-{le}) {{accept}}"


def lines_of(afi: Afi, entries: Sequence[Entry]) -> list[Line]:
    """Return rules that accept `entries`; both lengths are given, or neither for one prefix."""
    texts = format_prefixes(afi, entries)
    return [
        (0, "accept", text, *((None, None) if length == ge == le else (ge, le)))
        for text, (_, length, ge, le) in zip(texts, entries, strict=True)
    ]


def read_rules(afi: Afi, texts: Sequence[str]) -> list[Rule]:
    """Return what each rule says, in the same order."""
    known = _as_written(afi, texts)
    if known is None:
        known = [_read(afi, text) for text in texts]
    return list(zip(texts, known, strict=True))


def _as_written(afi: Afi, texts: Sequence[str]) -> list[Known | None] | None:
    """Return what the rules say, all at once; None unless all are as irrgate writes them."""
    ended = bool(texts) and texts[-1] == REJECT
    written = texts[:-1] if ended else texts
    joined = "\n".join(written)
    found = _WRITTEN.findall(joined)
    if len(found) != len(written) or joined.count("\n") != max(len(written) - 1, 0):
        return None
    try:
        keys = parse_keys(afi, [prefix for _, prefix, _, _ in found])
    except ValueError:
        return None
    known: list[Known | None] = []
    for (operator, _, low, high), key in zip(found, keys, strict=True):
        address, length = key >> LENGTH_BITS, key & LENGTH_MASK
        if operator == "==":
            if low:
                return None
            known.append((True, (address, length, length, length)))
            continue
        lengths = _lengths(low and "in", low, high, length, afi.bits)
        known.append(lengths and (True, (address, length, *lengths)))
    return [*known, deny_all(afi)] if ended else known


def _read(afi: Afi, text: str) -> Known | None:
    squeezed = "".join(text.split())
    if match := _EVERYTHING.fullmatch(squeezed):
        return match[1] == "accept", (0, 0, 0, afi.bits)
    match = _SQUEEZED.fullmatch(squeezed)
    if match is None:
        return None
    operator, prefix, compared, low, high, action = match.groups(default="")
    try:
        [key] = parse_keys(afi, [prefix])
    except ValueError:
        return None
    length = key & LENGTH_MASK
    if operator == "==":
        lengths = (length, length) if not compared else None
    else:
        lengths = _lengths(compared, low, high, length, afi.bits)
    if lengths is None:
        return None
    return action == "accept", (key >> LENGTH_BITS, length, *lengths)


@lru_cache(maxsize=4096)
def _lengths(compared: str, low: str, high: str, length: int, bits: int) -> tuple[int, int] | None:
    """Return the lengths below a prefix that a condition on dst-len leaves; None where none is."""
    if bool(high) is not (compared == "in"):
        return None
    number = int(low or 0)
    ge, le = {
        "": (length, bits),
        "in": (number, int(high or 0)),
        "==": (number, number),
        "<=": (length, number),
        ">=": (number, bits),
        "<": (length, number - 1),
        ">": (number + 1, bits),
    }[compared]
    ge, le = max(ge, length), min(le, bits)
    return (ge, le) if ge <= le else None


def escaped(text: str) -> str:
    """Return a string as it stands between the quotes of a RouterOS script."""
    if not _TO_ESCAPE.search(text):
        return text
    return _TO_ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    if match[0] in '"\\$?':
        return f"\\{match[0]}"
    return "".join(f"\\{byte:02X}" for byte in match[0].encode())


def unescaped(inside: str) -> str:
    """Return the string that stands between the quotes of a RouterOS script."""
    if "\\" not in inside:
        return inside
    raw = _ESCAPED.sub(_unescape, inside)
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unescape(match: re.Match[str]) -> str:
    hexadecimal, character = match.groups()
    if hexadecimal:
        return bytes.fromhex(hexadecimal).decode("utf-8", "surrogateescape")
    return _CONTROLS.get(character, character)
