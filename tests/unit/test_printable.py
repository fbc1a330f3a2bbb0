"""One line that a terminal only prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("núcleo 1 └─", "núcleo 1 └─"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e\ud800", "\\u202e\\ud800"),
        ("'\\", "'\\"),
        ("'\"\x00", "'\"\\x00"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_always_printable(text: str) -> None:
    assert printable(text).isprintable()
