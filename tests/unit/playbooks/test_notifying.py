"""The message about a run: when there is one, what it says, and that others' words stay words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.network import DEFAULT_NOTIFY, NotifyEvent
from irrgate.reports import RouterReport
from playbooks.notifying import MAX_LINES, Message, message_of
from tests.unit.reports_made import CURRENT, DONE, FAILED, HELD, HELD_ROUTER, MIXED, STALE, run

ALL = frozenset(NotifyEvent)


def body(*args: object) -> str:
    message = message_of(*args)  # type: ignore[arg-type]
    assert message is not None
    return message.body


def test_a_run_with_a_bit_of_everything() -> None:
    assert message_of(MIXED, ALL) == Message(
        "irrgate refresh: 1 failed, 2 held, 1 stale, 1 changed",
        "Failed: edge2.mex failed: connect: refused\n"
        "Held: AS64502 ipv6, max_shrink: loses 45% of its address space (limit: 30%)\n"
        "Held: edge2.bog held: its diff is another one now\n"
        "Stale: AS64501 ipv4, 2 d 5 h old: rr.example.net: no answer within 120 s\n"
        "Changed: edge1.mex\n"
        "Next: irrgate check --devices, then irrgate plan\n"
        "Next: irrgate plan shows why; if it is right, irrgate accept AS64502 --reason WHY\n"
        "Next: irrgate check --irr\n"
        "The way back: irrgate rollback 7 --out back.zip",
        "failure",
    )


@pytest.mark.parametrize(
    ("report", "events", "title", "severity"),
    [
        (run(), ALL, "1 changed", "success"),
        (run(changed=()), ALL, None, ""),
        (run(), DEFAULT_NOTIFY, None, ""),
        (MIXED, frozenset(), None, ""),
        (run(filters=(HELD,), changed=()), DEFAULT_NOTIFY, "1 held", "warning"),
        (run(filters=(STALE,), changed=()), DEFAULT_NOTIFY, "1 stale", "warning"),
        (run(routers=(FAILED,), changed=()), DEFAULT_NOTIFY, "1 failed", "failure"),
        (run(routers=(HELD_ROUTER,), changed=()), DEFAULT_NOTIFY, "1 held", "warning"),
        (run(failure="state.db: damaged", changed=()), DEFAULT_NOTIFY, "1 failed", "failure"),
        (MIXED, {NotifyEvent.HELD}, "2 held", "warning"),
        (run(filters=(STALE,)), ALL, "1 stale, 1 changed", "warning"),
    ],
)
def test_what_is_told_is_what_was_asked_for(
    report: object, events: frozenset[NotifyEvent], title: str | None, severity: str
) -> None:
    message = message_of(report, events)  # type: ignore[arg-type]
    if title is None:
        assert message is None
    else:
        assert message is not None
        assert (message.title, message.severity) == (f"irrgate refresh: {title}", severity)


def test_a_router_that_is_held_with_its_filters_is_told_of_once() -> None:
    quiet = replace(HELD_ROUTER, reason="")
    assert "edge2.bog" not in body(run(filters=(HELD,), routers=(quiet,)), ALL)
    assert "Held: edge2.bog held: no reason given" in body(run(routers=(quiet,)), ALL)


def test_many_are_counted() -> None:
    routers = tuple(replace(FAILED, name=f"edge{n}") for n in range(25))
    text = body(run(routers=routers, changed=tuple(r.name for r in routers)), ALL)
    assert text.count("\nFailed: ") + 1 == MAX_LINES + 1
    assert "Failed: and 15 more\n" in text
    assert "edge8, edge9 and 15 more\n" in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("two\r\nlines\tand \x1b[31mred\x1b[0m \x07bell", "two lines and 31mred 0m bell"),
        ("<b>bold</b> <!channel> <script>", "b bold /b channel script"),
        ("*bold* _so_ `code` ~gone~ [a](b) #1 |x| __x__", "bold so code gone a (b) 1 x x"),
        ("@everyone @here <@U1>", "everyone here U1"),
        ("see http://evil.example/x?y&z", "see http:/ /evil.example/x y z"),
        ("right\u202eleft\u200b\u2028line\ufeff", "right left line"),
        ("max_shrink: loses 45%", "max_shrink: loses 45%"),
        ("2001:db8::/32 at Núcleo 1", "2001:db8::/32 at Núcleo 1"),
        ("&lt;b&gt; \\u0000", "lt;b gt; u0000"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_others_words_stay_words(said: str, shown: str) -> None:
    line = body(run(routers=(replace(FAILED, reason=said),)), ALL).splitlines()[0]
    assert line == f"Failed: edge2.mex failed: {shown}"


@given(st.text())
def test_whatever_a_router_says_the_message_keeps_its_lines(said: str) -> None:
    quiet = body(run(routers=(replace(FAILED, reason="x"),), filters=(HELD, STALE)), ALL)
    filters = (replace(HELD, reason=said), replace(STALE, reason=said))
    router = RouterReport(f"a{said}", "eos", f"b{said}", said)
    loud = body(run(routers=(router,), filters=filters), ALL)
    heads = re.compile(r"^(?:\w+|The way back): ", re.MULTILINE)
    assert heads.findall(loud) == heads.findall(quiet)
    assert len(loud.splitlines()) == len(quiet.splitlines())
    assert not set(loud) & set('<>&*`[]@#|~\\!"{}^$\x00\x1b')
    assert "://" not in loud


def test_a_failed_run_is_told_of_with_its_reason() -> None:
    report = run(exit_code=1, failure="network.yaml:3: no such key", routers=(), filters=())
    assert body(report, DEFAULT_NOTIFY).startswith(
        "Failed: the run could not be made: network.yaml:3: no such key\n"
    )


def test_what_can_be_accepted_is_what_a_guard_holds() -> None:
    for guards in (("failed",), ("max_age",)):
        assert "accept" not in body(run(filters=(replace(HELD, held_by=guards),)), ALL)
    two = (HELD, replace(HELD, peer="AS64509", held_by=("unknown_set",)))
    assert "irrgate accept PEER --reason WHY" in body(run(filters=two), ALL)


def test_what_is_right_is_not_told_of() -> None:
    text = body(run(filters=(CURRENT, STALE), routers=(DONE, FAILED), changed=()), ALL)
    assert "AS64500" not in text
    assert "edge1.mex" not in text
