"""What is promised on each platform, and what is known to go wrong there: docs/platforms.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import Capabilities, UpdateStrategy

HEADINGS: Final = (
    "platform", "update", "atomic", "commit-confirm", "the way back", "verified by", "tested on",
    "limits",
)  # fmt: skip
_UPDATES: Final = {
    UpdateStrategy.REPLACE: "each filter whole, in a candidate",
    UpdateStrategy.SESSION: "each filter whole, in a configuration session",
    UpdateStrategy.DELTA: "entry by entry, new ones before old ones go",
}
_HEAD: Final = """\
# Platforms

What irrgate promises on each platform. A platform's name is that of its NAPALM driver, and goes
into `platform` in the inventory. [Routers](routers.md) says how to refer to the filters.

"""
_WORDS: Final = """
- **update**: how a filter gets its new content. Where it is entry by entry, what is sent is what
  changes, and at every moment the list accepts what both the old and the new filter accept, and
  nothing that neither does.
- **atomic**: all filters of a plan change in one commit, or none does.
- **commit-confirm**: the router takes a commit back by itself when nobody confirms it, after a time
  that is counted as the table says.
- **the way back**: what undoes a commit that turns out wrong.
- **tested on**: the real daemon, or an emulated router behind the real NAPALM driver and transport,
  which knows the grammar of these objects and the platform's way of applying them from the vendor's
  documentation. Try the first plan on a router of yours that may fail.
"""


def capability_rows() -> tuple[tuple[str, ...], ...]:
    """Return what is promised on each platform, a row each, under HEADINGS."""
    return tuple(
        (name, *capability_row(platform.capabilities)) for name, platform in PLATFORMS.items()
    )


def capability_row(has: Capabilities) -> tuple[str, ...]:
    """Return a platform's row without its name."""
    confirm = "no"
    if has.commit_confirm:
        confirm = "any seconds" if has.revert_step == 1 else f"multiples of {has.revert_step} s"
    back = "the router itself, unless confirmed"
    limits = f"names of {has.max_name} characters"
    if has.max_entries is not None:
        limits += f", {has.max_entries:,} entries"
    if has.max_sequence is not None:
        limits += f", sequence numbers to {has.max_sequence}"
    return (
        _UPDATES[has.strategy],
        "yes" if has.atomic else "no",
        confirm,
        back if has.commit_confirm else "the filters as they were, sent again and read back",
        has.verified_host,
        has.tested,
        limits,
    )


def platforms_page() -> str:
    """Return docs/platforms.md."""
    rows = (HEADINGS, tuple("---" for _ in HEADINGS), *capability_rows())
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{_HEAD}{table}{_WORDS}{''.join(_known_faults())}"


def _known_faults() -> Iterator[str]:
    yield "\n## Known faults, and what irrgate does about them\n"
    for name, platform in PLATFORMS.items():
        if platform.capabilities.faults:
            yield f"\n### {name}\n\n"
        for each in platform.capabilities.faults:
            yield f"- {each.fault}. **irrgate**: {each.answer}.\n"
