"""Change windows, compared minute by minute with what the clock of the zone shows."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from irrgate.errors import WorkspaceError
from irrgate.windows import (
    HORIZON,
    ChangeWindows,
    Freeze,
    Window,
    parse_days,
    parse_hours,
    time_zones,
)

CLOCK_CHANGES = {
    "America/Santiago": ["2026-04-05T03:00", "2026-09-06T04:00"],  # 24:00 > 23:00, 00:00 > 01:00
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],  # by half an hour
    "America/Havana": ["2026-03-08T05:00", "2026-11-01T05:00"],  # 00:00 > 01:00, 01:00 > 00:00
    "America/St_Johns": ["2011-03-13T03:31", "2010-11-07T02:31"],  # 00:01 > 23:01: a day again
    "Pacific/Apia": ["2011-12-30T10:00"],  # a day less
    "Pacific/Kwajalein": ["1993-08-21T12:00"],  # the same, a week earlier in the year
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Africa/Cairo": ["2026-04-23T22:00", "2026-10-29T21:00"],
    "Asia/Kathmandu": ["2026-01-01T00:00"],  # none, and + 5:45
    "America/Bogota": ["2026-11-27T00:00"],
}
MINUTE = timedelta(minutes=1)
LOOKED_AT = timedelta(days=5)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def windows(zone: str, *allow: tuple[str, str], freeze: tuple[str, ...] = ()) -> ChangeWindows:
    made = (Window(parse_days(days), *parse_hours(hours)) for days, hours in allow)
    return ChangeWindows(zone, tuple(made), tuple(map(Freeze.parse, freeze)))


def oracle_is_open(these: ChangeWindows, moment: datetime) -> bool:
    """Look at the clock on the wall, and at each day's windows as spans between two clock times."""
    wall = moment.astimezone(ZoneInfo(these.time_zone)).replace(tzinfo=None)
    if any(freeze.first <= wall.date() <= freeze.last for freeze in these.freezes):
        return False
    if not these.windows:
        return True
    for ago in (0, 1):
        midnight = datetime.combine(wall.date() - timedelta(days=ago), datetime.min.time())
        for window in these.windows:
            start = midnight + timedelta(minutes=window.start)
            end = midnight + timedelta(minutes=window.end)
            if end <= start:
                end += timedelta(days=1)
            if midnight.weekday() in window.days and start <= wall < end:
                return True
    return False


def oracle_next_opening(these: ChangeWindows, now: datetime) -> datetime | None:
    if oracle_is_open(these, now):
        return now
    moment = now.replace(second=0, microsecond=0)
    while moment < now + LOOKED_AT:
        moment += MINUTE
        if oracle_is_open(these, moment):
            return moment
    return None


MINUTES = st.one_of(st.integers(0, 1439), st.sampled_from([0, 1, 30, 60, 90, 120, 150, 1380, 1410]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[ChangeWindows, datetime]:
    """Windows and a moment near a change of their zone's clock."""
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    change = utc(draw(st.sampled_from(CLOCK_CHANGES[zone])))
    today = change.astimezone(ZoneInfo(zone)).date()
    near = st.integers(-3, 3).map(lambda days: today + timedelta(days=days))
    days = st.frozensets(st.integers(0, 6), min_size=1)
    window = st.builds(Window, days, MINUTES, MINUTES | st.just(1440))
    freeze = st.lists(near, min_size=2, max_size=2).map(lambda two: Freeze(min(two), max(two)))
    these = ChangeWindows(
        zone,
        tuple(draw(st.lists(window, max_size=3))),
        tuple(sorted(draw(st.lists(freeze, max_size=2)))),
    )
    ahead = draw(st.integers(-3 * 86_400, 86_400) | st.integers(-7200, 7200))
    return these, change + timedelta(seconds=ahead)


@settings(max_examples=250, deadline=None)
@given(cases())
def test_it_opens_when_the_clock_first_shows_an_open_minute(
    case: tuple[ChangeWindows, datetime],
) -> None:
    these, now = case
    expected = oracle_next_opening(these, now)
    found = these.next_opening(now)
    if expected is None:
        assert found is None or found > now + LOOKED_AT
    else:
        assert found is not None
        assert found.astimezone(UTC) == expected
        assert str(found.tzinfo) == these.time_zone


@settings(max_examples=500, deadline=None)
@given(cases())
def test_it_is_open_while_the_clock_shows_an_open_minute(
    case: tuple[ChangeWindows, datetime],
) -> None:
    these, now = case
    assert these.is_open(now) == oracle_is_open(these, now)
    assert bool(these.why_closed(now)) != these.is_open(now)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(time_zones())), cases(), st.integers(0, 20 * 365))
@example("Antarctica/Troll", (windows("UTC", ("sun", "02:10-02:20")), utc("2026-03-29T00:00")), 0)
def test_it_holds_in_every_zone(
    zone: str, case: tuple[ChangeWindows, datetime], later: int
) -> None:
    these = ChangeWindows(zone, case[0].windows)
    now = utc("2020-01-01T00:00") + timedelta(days=later)
    expected = oracle_next_opening(these, now)
    found = these.next_opening(now)
    if expected is None:
        assert found is None or found > now + LOOKED_AT
    else:
        assert found is not None
        assert found.astimezone(UTC) == expected


NIGHT = ("daily", "02:00-05:00")

GOLDEN = [
    # Berlin, 29 March: the clock goes from 02:00 to 03:00. 25 October: from 03:00 to 02:00.
    ("Europe/Berlin", NIGHT, "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29 03:00 CEST"),
    ("Europe/Berlin", ("daily", "02:30-02:45"), "2026-03-28T12:00", "2026-03-30T00:30",
     "2026-03-30 02:30 CEST"),
    ("Europe/Berlin", NIGHT, "2026-10-24T12:00", "2026-10-25T00:00", "2026-10-25 02:00 CEST"),
    ("Europe/Berlin", ("sun", "02:00-02:30"), "2026-10-25T00:45", "2026-10-25T01:00",
     "2026-10-25 02:00 CET"),
    # Santiago, 6 September: from 00:00 to 01:00. 4 April: from 24:00 back to 23:00.
    ("America/Santiago", ("sun", "00:00-03:00"), "2026-09-06T03:59", "2026-09-06T04:00",
     "2026-09-06 01:00 -03"),
    ("America/Santiago", ("sat", "23:00-23:30"), "2026-04-05T02:45", "2026-04-05T03:00",
     "2026-04-04 23:00 -04"),
    ("America/Santiago", ("sun", "00:00-01:00"), "2026-04-05T03:30", "2026-04-05T04:00",
     "2026-04-05 00:00 -04"),
    # Lord Howe, 4 October: from 02:00 to 02:30. 5 April: from 02:00 to 01:30.
    ("Australia/Lord_Howe", ("sun", "02:15-03:00"), "2026-10-03T15:00", "2026-10-03T15:30",
     "2026-10-04 02:30 +11"),
    ("Australia/Lord_Howe", ("sun", "01:30-01:45"), "2026-04-04T14:50", "2026-04-04T15:00",
     "2026-04-05 01:30 +1030"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "allow", "now", "opens", "shown"), GOLDEN)
def test_around_daylight_saving_time(
    zone: str, allow: tuple[str, str], now: str, opens: str, shown: str
) -> None:
    these = windows(zone, allow)
    opening = these.next_opening(utc(now))
    assert opening is not None
    # A time that the clock shows twice equals none of another zone, says Python.
    assert opening.astimezone(UTC) == utc(opens)
    assert f"{opening:%Y-%m-%d %H:%M %Z}" == shown
    assert these.is_open(utc(opens))
    assert not these.is_open(utc(opens) - MINUTE)
    assert f"the next opens {shown} ({zone})" in these.why_closed(utc(now))


def test_hours_that_the_clock_shows_twice_open_twice() -> None:
    berlin = windows("Europe/Berlin", ("sun", "02:30-02:45"))
    first, second = utc("2026-10-25T00:30"), utc("2026-10-25T01:30")
    for now, opens in ((first - MINUTE, first), (first + 20 * MINUTE, second)):
        opening = berlin.next_opening(now)
        assert opening is not None
        assert opening.astimezone(UTC) == opens


def test_a_clock_that_is_set_back_over_midnight_shows_two_days_by_turns() -> None:
    """St. John's, 2010: on Sunday at 00:01 it was Saturday, 23:01 again."""
    twice = windows("America/St_Johns", ("sat", "23:30-23:45"), ("sun", "00:00-00:01"))
    openings = [utc(f"2010-11-07T{clock}") for clock in ("02:00", "02:30", "03:00", "03:30")]
    for before, opens in itertools.pairwise([utc("2010-11-07T01:00"), *openings]):
        opening = twice.next_opening(before + 15 * MINUTE)
        assert opening is not None
        assert opening.astimezone(UTC) == opens
    only_saturday = windows("America/St_Johns", ("sat", "23:30-23:45"))
    opening = only_saturday.next_opening(utc("2010-11-07T02:30:30"))
    assert opening is not None
    assert opening.astimezone(UTC) == utc("2010-11-07T03:00")


def test_a_window_is_open_from_its_first_moment_to_its_end() -> None:
    these = windows("UTC", ("wed", "02:00-05:00"))
    at = {"01:59:59.999999": False, "02:00:00": True, "04:59:59.999999": True, "05:00:00": False}
    for clock, is_open in at.items():
        assert these.is_open(utc(f"2026-11-25T{clock}")) == is_open
        assert not these.is_open(utc(f"2026-11-26T{clock}"))


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    these = windows("UTC", ("sat", "22:00-04:00"))
    assert not these.is_open(utc("2026-11-28T03:00"))
    assert these.is_open(utc("2026-11-28T22:00"))
    assert these.is_open(utc("2026-11-29T03:59"))
    assert not these.is_open(utc("2026-11-29T04:00"))
    assert not these.is_open(utc("2026-11-29T22:00"))


def test_whole_days() -> None:
    for hours in ("00:00-24:00", "00:00-00:00"):
        these = windows("UTC", ("sat", hours))
        assert these.next_opening(utc("2026-11-27T12:00")) == utc("2026-11-28T00:00")
        assert these.is_open(utc("2026-11-28T23:59:59"))
        assert not these.is_open(utc("2026-11-29T00:00"))


def test_a_freeze_cuts_a_window_that_runs_past_midnight() -> None:
    weekend = ("sat", "22:00-04:00")
    ends_early = windows("America/Bogota", weekend, freeze=("2026-11-29",))
    assert ends_early.is_open(utc("2026-11-29T04:59"))
    assert not ends_early.is_open(utc("2026-11-29T05:00"))
    begins_late = windows("America/Bogota", weekend, freeze=("2026-11-20..2026-11-28",))
    assert begins_late.next_opening(utc("2026-11-28T23:00")) == utc("2026-11-29T05:00")


def test_without_windows_it_is_open_but_in_freezes() -> None:
    these = windows("America/Bogota", freeze=("2026-11-27",))
    assert these.is_open(utc("2026-11-27T04:59"))
    assert not these.is_open(utc("2026-11-27T05:00"))
    assert these.next_opening(utc("2026-11-27T05:00")) == utc("2026-11-28T05:00")
    assert windows("UTC").is_open(utc("2026-11-27T05:00"))


def test_the_moment_counts_and_not_the_zone_in_which_it_is_told() -> None:
    these = windows("America/Bogota", NIGHT)
    now = utc("2026-11-25T12:00")
    told = now.astimezone(ZoneInfo("Asia/Tokyo"))
    assert these.next_opening(told) == these.next_opening(now) == utc("2026-11-26T07:00")
    assert these.is_open(utc("2026-11-26T07:00").astimezone(ZoneInfo("Asia/Tokyo")))
    skipped = datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert not windows("Europe/Berlin", ("daily", "02:15-02:45")).is_open(skipped)
    with pytest.raises(ValueError, match="without a zone"):
        these.is_open(datetime(2026, 11, 25, 12))  # noqa: DTZ001 - what is refused


def test_why_it_is_closed() -> None:
    these = windows(
        "America/Bogota",
        NIGHT,
        freeze=("2026-11-27", "2026-12-20..2027-01-07", "2027-03-01..2029-01-01"),
    )
    assert these.why_closed(utc("2026-11-25T12:00")) == (
        "outside its change window; the next opens 2026-11-26 02:00 -05 (America/Bogota)"
    )
    assert these.why_closed(utc("2026-11-27T12:00")) == (
        "frozen on 2026-11-27; the next window opens 2026-11-28 02:00 -05 (America/Bogota)"
    )
    assert these.why_closed(utc("2026-12-24T12:00")) == (
        "frozen from 2026-12-20 to 2027-01-07; "
        "the next window opens 2027-01-08 02:00 -05 (America/Bogota)"
    )
    assert these.why_closed(utc("2027-03-02T12:00")) == (
        "frozen from 2027-03-01 to 2029-01-01; no window opens within 400 days"
    )
    assert these.why_closed(utc("2026-11-26T08:00")) == ""


def test_the_next_opening_is_looked_for_in_400_days() -> None:
    now = utc("2026-11-25T12:00")
    today = now.date()
    for days, found in ((HORIZON - 2, True), (HORIZON + 10, False)):
        last = today + timedelta(days=days)
        opening = windows("UTC", NIGHT, freeze=(f"{today}..{last}",)).next_opening(now)
        assert (opening is not None) == found
        assert opening is None or opening.date() == last + timedelta(days=1)


def test_years_of_freezes_are_passed_over_at_once() -> None:
    freezes = tuple(f"{year}-01-01..{year}-12-31" for year in range(2026, 2046))
    hours = [("daily", f"{hour:02}:{minute}-05:00") for hour in range(24) for minute in (15, 45)]
    these = windows("Europe/Berlin", *hours, freeze=freezes)
    started = time.process_time()
    assert these.next_opening(utc("2026-11-25T12:00")) is None
    # 1 ms; minute by minute it would be more than 10 s.
    assert time.process_time() - started < 0.5


def test_people_can_read_the_windows() -> None:
    these = windows(
        "America/Bogota",
        ("mon-fri", "02:00-05:00"), ("fri-mon", "22:00-04:00"), ("daily", "00:00-24:00"),
        freeze=("2026-11-27", "2026-12-20..2027-01-07"),
    )  # fmt: skip
    assert str(these) == (
        "mon-fri 02:00-05:00, mon,fri-sun 22:00-04:00, daily 00:00-24:00 (America/Bogota); "
        "frozen 2026-11-27, 2026-12-20..2027-01-07"
    )
    assert str(windows("UTC")) == "always (UTC)"


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon", {0}), ("Sun", {6}), ("mon-fri", {0, 1, 2, 3, 4}), ("fri-mon", {4, 5, 6, 0}),
     ("tue-tue", {1}), ("daily", set(range(7))), ("mon-sun", set(range(7)))],
)  # fmt: skip
def test_days(text: str, days: set[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    "text", ["", "monday", "mon-", "-fri", "mon-fri-sat", "daily-fri", "mon,tue"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(WorkspaceError, match="no day") as caught:
        parse_days(text)
    assert "mon-fri" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "hours"),
    [("02:00-05:00", (120, 300)), ("22:30-04:05", (1350, 245)), ("00:00-24:00", (0, 1440)),
     ("23:59-00:00", (1439, 0)), ("02:00-02:00", (120, 120))],
)  # fmt: skip
def test_hours(text: str, hours: tuple[int, int]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text",
    ["", "2-5", "2:00-5:00", "02:00", "02:00-24:01", "24:00-02:00", "02:60-05:00", "25:00-05:00",
     "02:00 - 05:00", "02:00-05:00\n", "\u0660\u0662:00-05:00"],
)  # fmt: skip
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(WorkspaceError, match="not the hours of a window") as caught:
        parse_hours(text)
    assert "02:00-05:00" in caught.value.hint


def test_freezes() -> None:
    one = Freeze.parse("2026-11-27")
    assert one == Freeze(date(2026, 11, 27), date(2026, 11, 27))
    assert Freeze.parse("2026-12-20 .. 2027-01-07") == Freeze(date(2026, 12, 20), date(2027, 1, 7))


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "20261220", "2026-W52-1", "2026-12-20..", "..2026-12-20", "tomorrow"]
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(WorkspaceError, match="not a date or range of dates"):
        Freeze.parse(text)


def test_a_freeze_that_ends_before_it_begins() -> None:
    with pytest.raises(WorkspaceError, match="ends before it begins"):
        Freeze.parse("2027-01-07..2026-12-20")


def test_time_zones_are_there_without_the_systems() -> None:
    """A minimal system has no /usr/share/zoneinfo; the tzdata package stands in."""
    script = (
        "from datetime import datetime, UTC; from irrgate.windows import ChangeWindows, time_zones;"
        "assert {'America/Bogota', 'UTC', 'Europe/Berlin'} <= time_zones();"
        "print(ChangeWindows('Europe/Berlin').next_opening(datetime(2026, 7, 1, tzinfo=UTC)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONTZPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "2026-07-01 02:00:00+02:00\n"


def test_what_differs_between_machines_is_no_time_zone() -> None:
    assert not {"localtime", "posixrules", "Factory"} & time_zones()
