"""The saved content of a router's filters as a candidate: the way back without a commit timer."""

from __future__ import annotations

from collections.abc import Mapping

from irrgate.errors import ParseError, RenderError
from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters, Stranger, read_candidate
from irrgate.prefixes import PrefixSet
from irrgate.render import Renderer


def restoring_candidate(
    renderer: Renderer,
    platform_name: str,
    before: Mapping[str, PrefixSet | None],
    found: RunningFilters,
) -> str:
    """Return the text that makes each filter of `before` what it was; None: it was not there.

    `found` is what the router holds now. What is restored are the prefixes that were accepted, in
    irrgate's own form, and not the letters. Raises RenderError when the platform's own parser does
    not read just that out of the text.
    """
    platform = find_platform(platform_name)
    wanted = {name: prefixes.afi for name, prefixes in before.items() if prefixes is not None}
    gone = {
        name: found.lists[name].afi
        for name, prefixes in before.items()
        if prefixes is None and name in found.lists
    }
    lists = [
        platform.printed(name, prefixes, found.lists.get(name))
        for name, prefixes in sorted(before.items())
        if prefixes is not None
    ]
    removals = [
        platform.removal(Stranger(name, afi, (), removable=True))
        for name, afi in sorted(gone.items())
    ]
    text = renderer.render(platform_name, lists, removals)
    try:
        read = read_candidate(platform, text, found.lists, wanted, gone)
    except ParseError as exc:
        raise RenderError(
            f"template {platform_name}", f"printed what cannot be read back: {exc}"
        ) from exc
    held = {name: each.prefixes for name, each in read.lists.items()}
    if read.removed != tuple(sorted(gone)) or held != {name: before[name] for name in wanted}:
        raise RenderError(f"template {platform_name}", "printed something else than was saved")
    return text
