"""The lines of a candidate, of which some are typed on a terminal as they stand."""

from __future__ import annotations

from collections.abc import Iterator

from irrgate.errors import ParseError


def candidate_lines(candidate: str) -> Iterator[str]:
    """Yield the lines without outer space; raises ParseError for one that is more than a line.

    What Python takes for the end of a line, or for space, is not what a router does: behind a
    carriage return stood a second line, and behind Ctrl-U one without the first.
    """
    for line in candidate.split("\n"):
        text = line.removesuffix("\r").strip(" ")
        if not (text.isascii() and text.isprintable()) or "?" in text:
            raise ParseError("candidate", f"has a line that no terminal takes as it is: {text!a}")
        yield text
