"""Text that a terminal prints and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with every character that is no printable one as Python would escape it.

    Line ends and tabs count as such too: the result is one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
