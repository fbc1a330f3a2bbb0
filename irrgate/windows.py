"""Change windows: when a router may be changed, by the clock of its time zone.

A window is open exactly while the clock on a wall there shows a time within it. So an hour that
daylight saving time skips opens nothing, and one that it repeats counts both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, Self
from zoneinfo import ZoneInfo, available_timezones

from irrgate.errors import WorkspaceError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY: Final = "daily"
DAY: Final = 24 * 60
"""minutes that a day's clock shows"""

HORIZON: Final = 400
"""days in which the next opening is looked for: more than a year of freezes is no plan"""

_HOURS: Final = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_EVERYWHERE: Final = frozenset({"localtime", "posixrules", "Factory"})
"""what a system may list among its zones, and is none or another one on the next machine"""


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones, such as America/Bogota."""
    return frozenset(available_timezones()) - _NOT_EVERYWHERE


def parse_days(text: str) -> frozenset[int]:
    """Return the weekdays (0 is Monday) of `mon`, `fri-mon` or `daily`, or raise WorkspaceError."""
    word = text.lower()
    if word == DAILY:
        return frozenset(range(7))
    first, dash, last = word.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise WorkspaceError(
            ascii(text), "no day", hint=f"days are {', '.join(WEEKDAYS)}, mon-fri, or {DAILY}"
        )
    start = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last) - start) % 7 if dash else 0
    return frozenset((start + ahead) % 7 for ahead in range(length + 1))


def parse_hours(text: str) -> tuple[int, int]:
    """Return the minutes of the day of `22:00-04:00`, or raise WorkspaceError; 24:00 is an end."""
    match = _HOURS.fullmatch(text)
    if match is None:
        raise WorkspaceError(
            ascii(text),
            "not the hours of a window",
            hint='write "02:00-05:00"; "22:00-04:00" runs past midnight, "00:00-24:00" all day',
        )
    start_hour, start_minute, end_hour, end_minute = match.groups()
    end = DAY if end_hour is None else int(end_hour) * 60 + int(end_minute)
    return int(start_hour) * 60 + int(start_minute), end


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays."""

    days: frozenset[int]
    """0 is Monday; the days on which it begins"""
    start: int
    """minute of the day, 0 to 1439"""
    end: int
    """minute of the day, 0 to 1440, exclusive; up to `start`: it runs into the next day"""

    def shows(self, weekday: int, minute: int) -> bool:
        """Tell whether it is open while the clock shows the minute of the weekday."""
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        since_yesterday = (weekday - 1) % 7 in self.days and minute < self.end
        return since_yesterday or (weekday in self.days and minute >= self.start)

    def __str__(self) -> str:
        return f"{_days_text(self.days)} {_clock(self.start)}-{_clock(self.end)}"


@dataclass(frozen=True, slots=True, order=True)
class Freeze:
    """Days on which nothing is changed, whatever the windows say; made by `parse`."""

    first: date
    last: date
    """inclusive"""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the freeze of `2026-12-20..2027-01-07` or one date, or raise WorkspaceError."""
        subject = ascii(text)
        first, dots, last = text.partition("..")
        days = [_date(first, subject), _date(last if dots else first, subject)]
        if days[1] < days[0]:
            raise WorkspaceError(subject, "it ends before it begins", hint="write FIRST..LAST")
        return cls(*days)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"


def _date(text: str, subject: str) -> date:
    word = text.strip()
    try:
        # fromisoformat alone takes 20261220 and 2026-W52 too.
        return date.fromisoformat(word if _DATE.fullmatch(word) else "")
    except ValueError:
        raise WorkspaceError(
            subject, "not a date or range of dates", hint="write 2026-12-20..2027-01-07"
        ) from None


@dataclass(frozen=True, slots=True)
class ChangeWindows:
    """When a router may be changed."""

    time_zone: str
    """one of `time_zones()`"""
    windows: tuple[Window, ...] = ()
    """none: open always but in freezes"""
    freezes: tuple[Freeze, ...] = ()
    """sorted; whole days of the time zone"""

    def is_open(self, now: datetime) -> bool:
        """Tell whether a router may be changed; raises ValueError for a time without a zone."""
        here = self._here(now)
        if self._freeze(here.date()) is not None:
            return False
        minute = here.hour * 60 + here.minute
        return not self.windows or any(
            window.shows(here.weekday(), minute) for window in self.windows
        )

    def next_opening(self, now: datetime) -> datetime | None:
        """Return the first moment from `now` on at which it is open, by its own zone's clock.

        That is `now` itself where it is open, and None when 400 days have no opening.
        """
        here = self._here(now)
        if self.is_open(now):
            return here
        # From yesterday on, which a clock that is set back over midnight shows again; and with the
        # day after the first that has an opening, since such a clock shows the two by turns.
        day = here.date() - timedelta(days=1)
        today = self._openings(day, now)
        for ahead in range(1, HORIZON + 2):
            tomorrow = self._openings(day + timedelta(days=ahead), now)
            if today:
                return self._here(min(today + tomorrow))
            today = tomorrow
        return None

    def why_closed(self, now: datetime) -> str:
        """Return what keeps it closed, and when it opens, for people; empty where it is open."""
        if self.is_open(now):
            return ""
        freeze = self._freeze(self._here(now).date())
        if freeze is None:
            why, opens = "outside its change window", "the next"
        elif freeze.first == freeze.last:
            why, opens = f"frozen on {freeze.first}", "the next window"
        else:
            why, opens = f"frozen from {freeze.first} to {freeze.last}", "the next window"
        opening = self.next_opening(now)
        if opening is None:
            return f"{why}; no window opens within {HORIZON} days"
        return f"{why}; {opens} opens {opening:%Y-%m-%d %H:%M %Z} ({self.time_zone})"

    def __str__(self) -> str:
        windows = ", ".join(map(str, self.windows)) or "always"
        freezes = f"; frozen {', '.join(map(str, self.freezes))}" if self.freezes else ""
        return f"{windows} ({self.time_zone}){freezes}"

    def _here(self, now: datetime) -> datetime:
        if now.tzinfo is None:
            raise ValueError("a time without a zone is no moment")
        # By way of UTC: a time that the zone's clock skips becomes one that it shows.
        return now.astimezone(UTC).astimezone(ZoneInfo(self.time_zone))

    def _freeze(self, day: date) -> Freeze | None:
        return next((freeze for freeze in self.freezes if day in freeze), None)

    def _openings(self, day: date, now: datetime) -> list[datetime]:
        """Return moments (UTC) of a day, from `now` on, at which it is open; none: it is not.

        The first is among them: it opens when the clock reaches the start of a window, or
        midnight (after a freeze), and when the clock is set into an open hour.
        """
        zone = ZoneInfo(self.time_zone)
        moments = set(_clock_changes(day, zone))
        # A frozen day has no other: the clock can only be set from it into an open one.
        minutes = {0, *(window.start for window in self.windows)}
        for minute in minutes if self._freeze(day) is None else ():
            for fold in (0, 1):
                at = time(minute // 60, minute % 60, tzinfo=zone, fold=fold)
                moments.add(datetime.combine(day, at).astimezone(UTC))
        return [moment for moment in moments if moment >= now and self.is_open(moment)]


def _clock_changes(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moment (UTC) at which the zone's clock is set on a day, if it is.

    No zone has had two of them within one day since 1970.
    """
    start, end = (
        datetime.combine(each, time.min, tzinfo=zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    before = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == before:
        return
    same, other = 0, round((end - start).total_seconds())
    while other - same > 1:
        middle = (same + other) // 2
        if (start + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            same = middle
        else:
            other = middle
    yield start + timedelta(seconds=other)


def _days_text(days: frozenset[int]) -> str:
    """Return the days as people write them: mon-fri,sun; a week goes from Monday to Sunday."""
    if len(days) == len(WEEKDAYS):
        return DAILY
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]}-{WEEKDAYS[run[-1]]}"
        for run in runs
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
