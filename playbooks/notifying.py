"""Telling people of a run: one short message, through apprise, when something happened.

The services' URLs come from IRRGATE_NOTIFY, separated by spaces. They hold tokens: nothing here
prints or logs one, nor any word of a service's answer, which may repeat it. What sends is a process
of its own (`playbooks/courier.py`): threads of apprise cannot be stopped, and a process can.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from irrgate.guards import Guard
from irrgate.network import NotifyEvent
from irrgate.reports import FilterReport, FilterState, RouterReport, RunReport
from playbooks import courier

URLS: Final = "IRRGATE_NOTIFY"
TIMEOUT: Final = 10.0
"""seconds for all services together; a refresh never waits for longer"""

MAX_LINES: Final = 10
"""of each kind of event; what is more is counted"""
MAX_WORDS: Final = 200
"""characters of what a router or a registry said"""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: plain text in which nothing has a meaning to any chat program."""

    title: str
    body: str
    severity: Literal["failure", "warning", "success"]


def notify(
    report: RunReport,
    events: Collection[NotifyEvent],
    environ: Mapping[str, str],
    *,
    timeout: float = TIMEOUT,
) -> tuple[str, ...]:
    """Send one message if one of `events` occurred; return what went wrong, as warnings.

    Never raises for what a service does or does not, and takes `timeout` seconds at most.
    """
    urls = environ.get(URLS, "").split()
    message = message_of(report, events) if urls else None
    return () if message is None else _send(message, urls, environ, timeout)


def message_of(report: RunReport, events: Collection[NotifyEvent]) -> Message | None:
    """Return the message about those of `events` that occurred; None when none did."""
    occurred = {
        NotifyEvent.FAILED: list(_failed(report)),
        NotifyEvent.HELD: list(_held(report)),
        NotifyEvent.STALE: list(_stale(report)),
        NotifyEvent.CHANGED: [_plain(name) for name in report.changed],
    }
    told = {event: lines for event, lines in occurred.items() if event in events and lines}
    if not told:
        return None
    counts = ", ".join(f"{len(lines)} {event}" for event, lines in told.items())
    body = [line for event, lines in told.items() for line in _listed(event, lines)]
    body += _next_steps(report, told.keys())
    severity: Literal["failure", "warning", "success"] = "warning"
    if NotifyEvent.FAILED in told:
        severity = "failure"
    elif told.keys() == {NotifyEvent.CHANGED}:
        severity = "success"
    return Message(f"irrgate {report.kind}: {counts}", "\n".join(body), severity)


def _failed(report: RunReport) -> Iterator[str]:
    if report.failure:
        yield f"the run could not be made: {_plain(report.failure)}"
    yield from (_router(each) for each in report.routers if each.failed)


def _held(report: RunReport) -> Iterator[str]:
    for each in report.filters:
        if each.state is FilterState.HELD:
            yield f"{_filter(each)}, {_plain(each.reason)}"
    on_filters = any(each.state is FilterState.HELD for each in report.filters)
    # A router that is held only because its filters are was told of with these.
    yield from (
        _router(each) for each in report.routers if each.held and (each.reason or not on_filters)
    )


def _stale(report: RunReport) -> Iterator[str]:
    for each in report.filters:
        if each.stale:
            yield f"{_filter(each)}, {_age(each, report.ended)}: {_plain(each.reason)}"


def _router(each: RouterReport) -> str:
    return f"{_plain(each.name)} {_plain(each.outcome)}: {_plain(each.reason) or 'no reason given'}"


def _filter(each: FilterReport) -> str:
    return f"{_plain(each.peer)} {_plain(each.afi)}"


def _age(each: FilterReport, now: datetime) -> str:
    age = each.age(now)
    if age is None:
        return "of unknown age"
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} d {hours % 24} h old" if hours >= 24 else f"{hours} h old"


def _listed(event: NotifyEvent, lines: list[str]) -> Iterator[str]:
    title = event.capitalize()
    if event is NotifyEvent.CHANGED:
        more = f" and {len(lines) - MAX_LINES} more" if len(lines) > MAX_LINES else ""
        yield f"{title}: {', '.join(lines[:MAX_LINES])}{more}"
        return
    yield from (f"{title}: {line}" for line in lines[:MAX_LINES])
    if len(lines) > MAX_LINES:
        yield f"{title}: and {len(lines) - MAX_LINES} more"


def _next_steps(report: RunReport, told: Collection[NotifyEvent]) -> Iterator[str]:
    if NotifyEvent.FAILED in told:
        yield "Next: irrgate check --devices, then irrgate plan"
    acceptable = sorted({_plain(each.peer) for each in report.filters if _can_be_accepted(each)})
    if NotifyEvent.HELD in told and acceptable:
        peer = acceptable[0] if len(acceptable) == 1 else "PEER"
        yield f"Next: irrgate plan shows why; if it is right, irrgate accept {peer} --reason WHY"
    if NotifyEvent.STALE in told:
        yield "Next: irrgate check --irr"
    if report.deployment is not None and report.changed:
        yield f"The way back: irrgate rollback {report.deployment} --out back.zip"


def _can_be_accepted(each: FilterReport) -> bool:
    # There is nothing to accept of an expansion that failed, or of data that is too old.
    return bool(set(each.held_by) & (set(Guard) - {Guard.STALE}))


_MEANINGLESS: Final = re.compile(r"[^\w .,:;/+()%='-]+")
"""what is left out of others' words: control characters, and all that some chat program takes for
markup, a mention or a link"""
_LONE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""`_so_` is markup, and `max_shrink` is not"""


def _plain(text: str) -> str:
    """Return somebody else's words on one line, as text and nothing else."""
    shown = _MEANINGLESS.sub(" ", text).replace("//", "/ /")
    shown = " ".join(_LONE_UNDERSCORE.sub(" ", shown).split())
    return shown if len(shown) <= MAX_WORDS else f"{shown[: MAX_WORDS - 1].rstrip()}…"


def _send(
    message: Message, urls: list[str], environ: Mapping[str, str], timeout: float
) -> tuple[str, ...]:
    request = {
        "urls": urls,
        "title": message.title,
        "body": message.body,
        "type": message.severity,
    }
    # It needs proxies and certificates of the environment, and none of irrgate's secrets. -P: no
    # module is loaded from where it stands or from where the command was run.
    told = {name: value for name, value in environ.items() if not name.startswith("IRRGATE_")}
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(Path(courier.__file__))],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=told,
            timeout=timeout,
            check=False,
        )
        answers, missing = done.stdout, "the sending process ended without an answer"
    except subprocess.TimeoutExpired as exc:
        answers, missing = exc.stdout or b"", f"no answer within {timeout:g} s"
    except OSError as exc:
        answers, missing = b"", f"the sending process cannot be started: {exc.strerror}"
    return tuple(_warnings(len(urls), answers.decode("ascii", "replace").splitlines(), missing))


def _warnings(sent: int, answers: Iterable[str], missing: str) -> Iterator[str]:
    # By position and never by URL: a URL that apprise cannot read may be nothing but a token.
    found: dict[str, str] = {}
    for answer in answers:
        at, _, verdict = answer.partition(" ")
        found[at] = courier.VERDICTS.get(verdict, missing)
    for number in range(1, sent + 1):
        reason = found.get(str(number), missing)
        if reason:
            which = f"notification {number} of {sent}" if sent > 1 else "the notification"
            yield f"{which} was not sent ({URLS}): {reason}"
