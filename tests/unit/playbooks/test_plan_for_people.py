"""A plan as text and as Markdown: nothing in it is taken for markup, and long things are cut."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from irrgate.guards import Guard
from irrgate.plan import (
    CapabilitiesRecord,
    DeltaRecord,
    FilterStatus,
    HostFilterRecord,
    HostRecord,
    HostStatus,
    Inputs,
    PeerFilterRecord,
    PeerRecord,
    PeerStatus,
    Plan,
    Purpose,
    QueryRecord,
    ReadingRecord,
    summarise,
)
from irrgate.plan_file import PlanFile, PlanWriter
from playbooks.cli import _exit_code
from playbooks.plan_commands import plan_exit
from playbooks.plan_text import markdown, show_text
from playbooks.terminal import Exit

PEER = "[bold]Nube[/] | *`<b>`*"
NAME = "IRR-AS64501-V4"


def query(**more: object) -> QueryRecord:
    found = {"object": "AS-X", "sources": "TEST", "server": "192.0.2.1", "verdict": "whole"}
    return QueryRecord(**(found | {"prefixes": 3, "seconds": 0.1} | more))  # type: ignore[arg-type]


def host(status: HostStatus, of_filter: FilterStatus, **more: object) -> HostRecord:
    record = HostFilterRecord(
        peer="AS64501", afi="ipv4", status=of_filter, reason="[red]why[/]", added=1
    )
    return HostRecord(platform="eos", status=status, filters={NAME: record}, **more)  # type: ignore[arg-type]


def plan_of(path: Path, hosts: dict[str, HostRecord], lines: int = 3) -> Path:
    """Write a plan whose changing routers have a diff of so many lines."""
    of_filter = PeerFilterRecord(
        name=NAME,
        status=PeerStatus.READY,
        registered=3,
        entries=2,
        dropped={"longer than max_length": 1},
        accepted=("192.0.2.0/24",),
        queries=(query(failed_servers=("192.0.2.9: no answer within 30 s",)),),
    )
    peers = {
        "AS64501": PeerRecord(name=PEER, role="customer", filters={"ipv4": of_filter}),
        "AS64510": PeerRecord(name="Transito", role="provider", note="no filter"),
    }
    with PlanWriter(path) as writer:
        for name, record in hosts.items():
            if record.status is HostStatus.CHANGE:
                prefixes = tuple(f"10.0.{n}.0/24" for n in range(lines))
                delta = {NAME: DeltaRecord(added=prefixes, removed=("10.1.0.0/16",))}
                diff = "\n".join(f"+   seq {n} [/bold] ````" for n in range(lines))
                kinds = writer.add_host(name, "candidate", diff, delta)
                hosts[name] = record.model_copy(update={**kinds, "reviewed": "0" * 64})
        writer.finish(
            Plan(
                schema=2,
                created="2026-01-01T00:00:00+00:00",
                expires="2026-01-02T00:00:00+00:00",
                purpose=Purpose.PLAN,
                inputs=Inputs(irrgate="0.1.0", workspace="a" * 64, templates={"eos": "b" * 64}),
                peers=peers,
                hosts=hosts,
                summary=summarise(peers, hosts),
            )
        )
    return path


def text_of(path: Path, **options: bool) -> str:
    console = Console(file=io.StringIO(), width=300, highlight=False)
    with PlanFile(path) as opened:
        show_text(opened, "plan.zip", console, **options)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return plan_of(
        tmp_path / "plan.zip",
        {
            "edge1": host(HostStatus.CHANGE, FilterStatus.CHANGE, strangers=tuple("ABCDEFG")),
            "edge2": HostRecord(
                platform="eos", status=HostStatus.FAILED, reason="connect: [i]no[/i]"
            ),
            "edge3": host(HostStatus.UNCHANGED, FilterStatus.UNCHANGED),
        },
        lines=50,
    )


def test_names_are_not_markup(path: Path) -> None:
    text = text_of(path)
    assert f"AS64501 {PEER}" in text
    assert "[red]why[/]" in text
    assert "connect: [i]no[/i]" in text
    assert "+   seq 0 [/bold] ````" in text


def test_long_things_are_cut_and_say_where_the_rest_is(path: Path) -> None:
    text = text_of(path)
    assert text.count("+ 10.0.") == 20
    assert "… 31 more: unzip -p plan.zip hosts/edge1/delta.json" in text
    assert text.count("[/bold]") == 30
    assert "… 20 more: unzip -p plan.zip hosts/edge1/diff" in text
    assert "left alone: A, B, C, D, E and 2 more" in text


def test_what_is_unchanged_is_shown_on_request(path: Path) -> None:
    assert "edge3" not in text_of(path)
    assert "Transito" not in text_of(path)
    everything = text_of(path, everything=True)
    assert "edge3" in everything
    assert "AS64510 Transito" in everything


def test_what_a_filter_is_made_of(path: Path) -> None:
    text = " ".join(text_of(path).split())
    assert "AS-X + 192.0.2.0/24 by the inventory" in text
    assert "1 longer than max_length" in text
    assert "192.0.2.9: no answer within 30 s" in text
    assert "Routers: 1 to change, 1 unchanged, 1 failed. Filters: 1 unchanged, 1 change." in text


def test_markdown_is_escaped_and_its_fences_hold(path: Path) -> None:
    with PlanFile(path) as opened:
        text = markdown(opened, "plan.zip")
    assert r"\[bold\]Nube\[/\] \| \*\`\<b\>\`\*" in text
    assert "| edge2 |  |  |  |  | failed | connect: \\[i\\]no\\[/i\\] |" in text
    inside = text.split("````diff")[1].split("\n````\n")[0]
    assert "````" not in inside
    assert text.count("````") == 2 * text.count("````diff")


# Guards, promises, what goes

VETO = ReadingRecord(guard=Guard.SHRINK, figure="loses 45%", limit="30%", passed=False)
PASS = ReadingRecord(guard=Guard.SHORT, figure="from /16 on", limit="/8", passed=True)
CAN = CapabilitiesRecord(
    strategy="session", atomic=True, commit_confirm=True, way_back="it goes back [i]by itself[/]"
)


def of_filter(status: FilterStatus, **more: object) -> HostFilterRecord:
    return HostFilterRecord(peer="AS64501", afi="ipv4", status=status, **more)  # type: ignore[arg-type]


@pytest.fixture
def eventful(tmp_path: Path) -> Path:
    gone = of_filter(FilterStatus.REMOVE, removed=3).model_copy(update={"peer": "AS64999"})
    kept = of_filter(FilterStatus.REFERRED, reason="it stands in: route-map IN")
    held = of_filter(FilterStatus.HELD, guards=(VETO, PASS), reason="max_shrink")
    filters = {"IRR-AS64999-V4": gone, "IRR-AS64998-V4": kept, NAME: held}
    changes = HostRecord(
        platform="eos", status=HostStatus.CHANGE, filters=filters, capabilities=CAN
    )
    calm = HostRecord(
        platform="eos", status=HostStatus.HELD, filters={NAME: held}, capabilities=CAN
    )
    return plan_of(tmp_path / "plan.zip", {"edge1": changes, "edge2": changes, "edge3": calm})


def test_what_goes_and_what_stays_with_its_reason(eventful: Path) -> None:
    text = text_of(eventful)
    assert re.search(r"edge1 +│ AS64999 +│ IRR-AS64999-V4 +│ .*-3 │ remove ", text)
    assert re.search(r"still referred to +│ it stands in: route-map IN", text)
    assert "Filters: 3 held, 2 remove, 2 still referred to." in text


def test_each_guard_is_shown_on_request_and_once_for_all_routers(eventful: Path) -> None:
    assert "loses 45%" not in text_of(eventful)
    text = text_of(eventful, everything=True)
    row = rf"{NAME} │ edge1, edge2, edge3 │ max_shrink │ loses 45% +│ 30% +│ veto"
    assert len(re.findall(row, text)) == 1
    assert re.search(r"min_length │ from /16 on │ /8 +│ passed", text)
    with PlanFile(eventful) as opened:
        assert "45%" not in markdown(opened, "plan.zip")
        row = f"| {NAME} | edge1, edge2, edge3 | max\\_shrink | loses 45% | 30% | veto |"
        assert row in markdown(opened, "plan.zip", everything=True)


def test_what_can_be_promised_where_something_changes(eventful: Path) -> None:
    line = "edge1, edge2: committed at once (session); it goes back [i]by itself[/]"
    assert f"{line}\n" in text_of(eventful)
    with PlanFile(eventful) as opened:
        assert f"- {line[:15]}" in markdown(opened, "plan.zip")


def test_when_it_was_made_and_how_long_it_holds(path: Path) -> None:
    told = "made 2026-01-01T00:00:00+00:00, expires 2026-01-02T00:00:00+00:00"
    assert told in text_of(path).splitlines()[0]
    with PlanFile(path) as opened:
        assert told in markdown(opened, "plan.zip")


def test_a_diff_that_a_terminal_would_obey(tmp_path: Path) -> None:
    path = plan_of(tmp_path / "plan.zip", {}, lines=0)
    with PlanFile(path) as opened:
        record = host(HostStatus.CHANGE, FilterStatus.CHANGE)
        plan = opened.plan
    with PlanWriter(path) as writer:
        kinds = writer.add_host("edge1", "", "+\tone \x1b[2J\r\n-\u202etwo", {})
        hosts = {"edge1": record.model_copy(update={**kinds, "reviewed": "0" * 64})}
        summary = summarise(plan.peers, hosts)
        writer.finish(plan.model_copy(update={"hosts": hosts, "summary": summary}))
    with PlanFile(path) as opened:
        shown = text_of(path) + markdown(opened, "plan.zip")
    assert all(line.isprintable() for line in shown.splitlines())
    assert "one \\x1b[2J" in shown


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ([host(HostStatus.UNCHANGED, FilterStatus.UNCHANGED)], Exit.DONE),
        ([host(HostStatus.CHANGE, FilterStatus.NEW)], Exit.CHANGES),
        ([host(HostStatus.CHANGE, FilterStatus.HELD)], Exit.PROBLEMS),
        ([host(HostStatus.HELD, FilterStatus.HELD)], Exit.PROBLEMS),
        (
            [host(HostStatus.CHANGE, FilterStatus.NEW), host(HostStatus.FAILED, FilterStatus.NEW)],
            Exit.PROBLEMS,
        ),
        ([HostRecord(platform="eos", status=HostStatus.OFFLINE)], Exit.DONE),
    ],
)
def test_the_exit_code_of_a_plan(tmp_path: Path, hosts: list[HostRecord], code: Exit) -> None:
    named = {f"edge{n}": record for n, record in enumerate(hosts)}
    with PlanFile(plan_of(tmp_path / "plan.zip", named)) as opened:
        assert plan_exit(opened.plan) == code


def test_two_of_typer_is_one_of_ours() -> None:
    assert _exit_code(SystemExit(2)) == Exit.COULD_NOT_RUN
    for code in (0, 1, 3, 130):
        assert _exit_code(SystemExit(code)) == code
    assert _exit_code(SystemExit(None)) == Exit.DONE
