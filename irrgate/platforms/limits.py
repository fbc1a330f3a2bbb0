"""A filter that a platform cannot hold is known before it is sent there."""

from __future__ import annotations

from irrgate.errors import PlatformError
from irrgate.platforms.platform import ManagedList, Platform, PrintedList
from irrgate.prefixes import PrefixSet


def print_within_limits(
    platform: Platform, name: str, prefixes: PrefixSet, running: ManagedList | None
) -> PrintedList:
    """Return the lines of a filter as `Platform.printed` does.

    Raises PlatformError as well for a name that is too long, and for too many entries.
    """
    refuse_long_name(platform, name)
    limit = platform.capabilities.max_entries
    count = prefixes.entry_count
    if limit is not None and count > limit:
        raise PlatformError(
            name,
            f"has {count:,} entries, and {platform.name} takes {limit:,}",
            hint="name a narrower as_set for the peer, or filter it by other means on this router",
        )
    return platform.printed(name, prefixes, running)


def refuse_long_name(platform: Platform, name: str) -> None:
    """Raise PlatformError for a name that the platform does not take."""
    limit = platform.capabilities.max_name
    if len(name) > limit:
        raise PlatformError(
            name,
            f"its name has {len(name)} characters, and {platform.name} takes {limit}",
            hint="shorten filters.name in inventory/network.yaml",
        )
