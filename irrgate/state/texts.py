"""Texts that people and devices put into the history."""

from __future__ import annotations

from typing import Final

from irrgate.errors import StateError

MAX_TEXT: Final = 10_000
"""characters"""


def said(what: str, text: str) -> str:
    """Return what a person wrote, or raise StateError when it cannot be printed or is too long."""
    if len(text) > MAX_TEXT:
        raise StateError(what, f"has {len(text)} characters, at most {MAX_TEXT} are kept")
    if not text.isprintable():
        wrong = next(each for each in text if not each.isprintable())
        raise StateError(
            what, f"holds {wrong!a}, which cannot be printed", hint="write it on one line"
        )
    return text


def told(text: str) -> str:
    """Return what a program said, made printable and cut to what is kept: it is never refused."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."
