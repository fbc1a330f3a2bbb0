"""Notifications, sent by apprise itself to a real HTTP server on loopback."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.network import NotifyEvent
from playbooks.notifying import message_of, notify
from tests.e2e.hook import TOKEN, Service, hook_service
from tests.unit.reports_made import MIXED, run

pytestmark = pytest.mark.e2e

ALL = frozenset(NotifyEvent)
REFUSED = "the service could not be reached, or refused it"


@pytest.fixture
def service() -> Iterator[Service]:
    with hook_service() as service:
        yield service


def environ(*urls: str) -> dict[str, str]:
    return {**os.environ, "IRRGATE_NOTIFY": " ".join(urls)}


def test_the_message_arrives_once(service: Service) -> None:
    assert notify(MIXED, ALL, environ(service.url("hook"))) == ()
    message = message_of(MIXED, ALL)
    assert message
    (posted,) = service.posted.pop("/hook")
    assert (posted["title"], posted["message"], posted["type"]) == (
        message.title,
        message.body,
        "failure",
    )
    assert not service.posted


def test_nothing_is_sent_when_nothing_happened_or_nobody_listens(service: Service) -> None:
    assert notify(run(changed=()), ALL, environ(service.url("hook"))) == ()
    assert notify(MIXED, ALL, environ()) == ()
    assert notify(MIXED, ALL, {}) == ()
    assert not service.posted


def test_what_fails_is_told_by_its_place_and_the_others_are_sent(
    service: Service, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    urls = (
        service.url("refuse"),
        TOKEN,
        service.url("hook"),
        f"nosuchservice://{TOKEN}",
        f"json://user:{TOKEN}@127.0.0.1:1/",
    )
    told = notify(MIXED, ALL, environ(*urls))
    assert told == (
        f"notification 1 of 5 was not sent (IRRGATE_NOTIFY): {REFUSED}",
        "notification 2 of 5 was not sent (IRRGATE_NOTIFY): it is no URL that apprise knows",
        "notification 4 of 5 was not sent (IRRGATE_NOTIFY): it is no URL that apprise knows",
        f"notification 5 of 5 was not sent (IRRGATE_NOTIFY): {REFUSED}",
    )
    assert service.posted.keys() == {"/refuse", "/hook"}
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""
    assert TOKEN not in caplog.text


def test_a_service_that_hangs_stops_nothing(service: Service) -> None:
    began = time.monotonic()
    told = notify(MIXED, ALL, environ(service.url("hang"), service.url("hook")), timeout=2.5)
    assert time.monotonic() - began < 3.5
    assert told == ("notification 1 of 2 was not sent (IRRGATE_NOTIFY): no answer within 2.5 s",)
    assert service.posted.keys() == {"/hang", "/hook"}


def test_a_module_beside_the_command_is_not_loaded(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apprise.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert notify(MIXED, ALL, environ(service.url("hook"))) == ()


def test_what_sends_has_no_secret_and_nobody_sees_what_it_prints(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # In apprise's place, so that it can be seen what apprise would see.
    told = tmp_path / "told"
    (tmp_path / "apprise.py").write_text(
        f"import os, json\nopen({str(told)!r}, 'w').write(json.dumps(dict(os.environ)))\n"
        f"raise SystemExit({TOKEN!r})"
    )
    given = {"PYTHONPATH": str(tmp_path), "IRRGATE_PASSWORD": "secret", "HTTPS_PROXY": "http://p"}
    warnings = notify(MIXED, ALL, {**environ(f"json://{TOKEN}@127.0.0.1"), **given})
    reason = "the sending process ended without an answer"
    assert warnings == (f"the notification was not sent (IRRGATE_NOTIFY): {reason}",)
    assert capfd.readouterr() == ("", "")
    seen = json.loads(told.read_text())
    assert seen["HTTPS_PROXY"] == "http://p"
    assert not [name for name in seen if name.startswith("IRRGATE_")]
