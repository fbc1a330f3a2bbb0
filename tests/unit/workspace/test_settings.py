"""apply, state, notify, metrics, change_windows and the guards: as written, and as refused."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from irrgate.network import ApplySettings, NotifyEvent, PerAfi, StateSettings
from tests.unit.workspace.files import GROUPS, HOSTS, NETWORK, changed, load, only_error

WINDOWS = """\
change_windows:
  time_zone: America/Bogota
  allow: [{days: [mon-fri], hours: "02:00-05:00"}, {days: [sat, sun], hours: 22:00-04:00}]
  freeze: [2026-12-20..2027-01-07, 2026-11-27, "2026-11-27"]
"""
SHOWN = (
    "mon-fri 02:00-05:00, sat-sun 22:00-04:00 (America/Bogota); "
    "frozen 2026-11-27, 2026-12-20..2027-01-07"
)


def test_the_settings_have_defaults(tmp_path: Path) -> None:
    network = load(tmp_path).network
    assert network.apply == ApplySettings(
        canary=0,
        batch=None,
        max_failures=None,
        revert_in=300,
        bgp_check=True,
        max_accepted_loss=0.5,
        settle=5,
    )
    assert network.state == StateSettings(url=None, keep=timedelta(days=365))
    assert network.notify == {NotifyEvent.HELD, NotifyEvent.FAILED, NotifyEvent.STALE}
    assert network.metrics is None
    assert network.windows is None
    assert network.guards.max_plan_age == timedelta(hours=24)
    assert network.guards.min_length == PerAfi(8, 19)


def test_the_settings_are_read_as_written(tmp_path: Path) -> None:
    network = load(
        tmp_path,
        network=f"""\
{NETWORK}
apply:
  canary: 1
  batch: 20
  max_failures: 0
  revert_in: 60
  bgp_check: false
  max_accepted_loss: 1
  settle: 0
state: {{url: "postgresql+psycopg://irrgate@db.example.net/irrgate", keep: 90d}}
notify: [changed, held]
metrics: /var/lib/prometheus/node-exporter/irrgate.prom
guards: {{max_plan_age: 8h, min_length: {{ipv6: 0}}}}
{WINDOWS}
""",
    ).network
    assert network.apply == ApplySettings(1, 20, 0, 60, False, 1.0, 0)
    assert isinstance(network.apply.max_accepted_loss, float)
    url = "postgresql+psycopg://irrgate@db.example.net/irrgate"
    assert network.state == StateSettings(url, timedelta(days=90))
    assert network.notify == {NotifyEvent.CHANGED, NotifyEvent.HELD}
    assert network.metrics == Path("/var/lib/prometheus/node-exporter/irrgate.prom")
    assert network.guards.max_plan_age == timedelta(hours=8)
    assert network.guards.min_length == PerAfi(8, 0)
    assert str(network.windows) == SHOWN


def test_nobody_need_be_told(tmp_path: Path) -> None:
    assert load(tmp_path, network=f"{NETWORK}notify: []\n").network.notify == frozenset()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///irrgate",
        "postgresql://irrgate@/irrgate?host=/run/postgresql",
        "postgresql+psycopg://irrgate@db.example.net:5432/irrgate?sslmode=verify-full",
        "postgresql://[2001:db8::1]:5432/irrgate",
        "sqlite:////srv/irrgate/state.db",
        "sqlite:////srv/a:b@c/state.db",
    ],
)
def test_the_urls_of_databases(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, network=f'{NETWORK}state: {{url: "{url}"}}\n').network.state.url == url


def test_windows_are_the_nearest_and_whole(tmp_path: Path) -> None:
    hosts = HOSTS + (
        "edge3: {hostname: a, platform: eos, groups: [edge]}\n"
        "edge4: {hostname: a, platform: eos, groups: [edge],"
        " data: {change_windows: {time_zone: Asia/Tokyo}}}\n"
    )
    group = "{time_zone: UTC, freeze: [2026-11-27]}"
    groups = changed(GROUPS, "edge:\n", f"edge:\n  data: {{change_windows: {group}}}\n")
    workspace = load(tmp_path, hosts=hosts, groups=groups, network=NETWORK + WINDOWS)
    assert {name: str(router.windows) for name, router in workspace.hosts.items()} == {
        "edge1.mex": "always (UTC); frozen 2026-11-27",
        "edge2.mex": SHOWN,
        "edge3": "always (UTC); frozen 2026-11-27",
        "edge4": "always (Asia/Tokyo)",
    }
    defaults = "data: {change_windows: {time_zone: Europe/Berlin}}\n"
    workspace = load(
        tmp_path, hosts=hosts, groups=groups, network=NETWORK + WINDOWS, defaults=defaults
    )
    assert str(workspace.hosts["edge2.mex"].windows) == "always (Europe/Berlin)"
    assert str(workspace.hosts["edge3"].windows) == "always (UTC); frozen 2026-11-27"


def test_the_examples_of_the_docs_are_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/change-windows.md").read_text(encoding="utf-8")
    network, groups = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    hosts = "".join(
        f"{name}: {{hostname: a, platform: eos, groups: [{name}]}}\n"
        for name in ("lab", "core", "edge")
    )
    workspace = load(tmp_path, network=NETWORK + network, groups=f"{GROUPS}{groups}", hosts=hosts)
    assert {name: str(router.windows) for name, router in workspace.hosts.items()} == {
        "lab": "always (UTC)",
        "core": "sun 02:00-04:00 (Europe/Berlin)",
        "edge": SHOWN,
    }


def test_without_windows_there_are_none(tmp_path: Path) -> None:
    assert load(tmp_path).hosts["edge1.mex"].windows is None


def test_the_commit_timer_is_used_unless_the_nearest_says_no(tmp_path: Path) -> None:
    hosts = HOSTS + (
        "edge3: {hostname: a, platform: eos, groups: [edge]}\n"
        "edge4: {hostname: a, platform: eos, groups: [edge], data: {commit_confirm: true}}\n"
    )
    groups = changed(GROUPS, "edge:\n", "edge:\n  data: {commit_confirm: false}\n")
    routers = load(tmp_path, hosts=hosts, groups=groups).hosts
    assert {name: router.commit_confirm for name, router in routers.items()} == {
        "edge1.mex": False,
        "edge2.mex": True,
        "edge3": False,
        "edge4": True,
    }


@pytest.mark.parametrize(
    "text",
    [
        "apply: {canary: 1, revert_in: 600}\n",
        "state: {keep: 30d}\n",
        "notify: []\n",
        "metrics: /srv/irrgate.prom\n",
        WINDOWS,
    ],
)
def test_what_changes_no_filter_is_not_in_the_digest(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, network=NETWORK + text).digest == load(tmp_path / "plain").digest


def test_nor_is_what_a_host_says_of_them(tmp_path: Path) -> None:
    data = "  data: {commit_confirm: false, change_windows: {time_zone: UTC}}\n"
    assert load(tmp_path, hosts=HOSTS + data).digest == load(tmp_path / "plain").digest


@pytest.mark.parametrize("guard", ["max_plan_age: 12h", "min_length: {ipv4: 9}"])
def test_the_guards_are_in_the_digest(tmp_path: Path, guard: str) -> None:
    network = f"{NETWORK}guards: {{{guard}}}\n"
    assert load(tmp_path, network=network).digest != load(tmp_path / "plain").digest


REFUSED = [
    ("apply: {canary: -1}", "apply.canary", "at least 0"),
    ("apply: {canary: [edge1]}", "apply.canary", "a whole number is expected, not a list"),
    ("apply: {batch: 0}", "apply.batch", "at least 1"),
    ("apply: {batch: ~}", "apply.batch", "has no value"),
    ("apply: {batch: 20%}", "apply.batch", "a whole number is expected, not text"),
    ("apply: {max_failures: -1}", "apply.max_failures", "at least 0"),
    ("apply: {revert_in: 59}", "apply.revert_in", "at least 60"),
    ("apply: {revert_in: 3601}", "apply.revert_in", "at most 3600"),
    ("apply: {revert_in: 5m}", "apply.revert_in", "a whole number is expected"),
    ("apply: {bgp_check: no}", "apply.bgp_check", "YAML 1.2"),
    ("apply: {max_accepted_loss: -0.1}", "apply.max_accepted_loss", "at least 0"),
    ("apply: {max_accepted_loss: 50}", "apply.max_accepted_loss", "at most 1"),
    ("apply: {settle: -1}", "apply.settle", "at least 0"),
    ("apply: {settle: 301}", "apply.settle", "at most 300"),
    ("apply: {canaries: 1}", "apply.canaries: no such key", "did you mean canary?"),
    ("apply: 3", "apply", "a mapping of keys and values"),
    ("state: {keep: 365}", "state.keep", "a duration is expected", "7d"),
    ("state: {path: /srv/x}", "state.path: no such key", "known: url, keep"),
    ("state: {url: ~}", "state.url: has no value"),
    ("state: {url: [x]}", "state.url", "text is expected"),
    ("state: {url: /srv/state.db}", "state.url: not the URL of a database", "sqlite:////"),
    ("state: {url: 'mysql://db/x'}", "state.url: not the URL of a database", "postgresql"),
    ("state: {url: 'postgresql+asyncpg://db/x'}", "state.url: not the URL of a database"),
    ('state: {url: "postgresql://db/x\\n"}', "state.url: holds a character", "cannot be printed"),
    ("state: {url: 'postgresql://[::1/x'}", "state.url: not a URL"),
    ("state: {url: 'sqlite://'}", "state.url: the path of a file is expected", "sqlite:////srv"),
    ("state: {url: 'sqlite:///'}", "state.url: the path of a file is expected"),
    ("state: {url: 'sqlite:////'}", "state.url: the path of a file is expected"),
    ("state: {url: 'sqlite:///state.db'}", "state.url: the path of a file", "from the root on"),
    ("state: {url: 'sqlite:///:memory:'}", "state.url: the path of a file is expected"),
    ("state: {url: 'sqlite://host/state.db'}", "state.url: the path of a file is expected"),
    ("notify: held", "notify", "a list is expected, not text", "[ONE, TWO]"),
    ("notify: [heldd]", "notify", "not an event: one of held", "did you mean held?"),
    ("notify: [3]", "notify", "text is expected"),
    ("notify:", "notify: has no value"),
    ("metrics: irrgate.prom", "metrics", "a path from the root on"),
    ("metrics: /var/lib/../irrgate.prom", "metrics", "without .."),
    ("metrics: /var/lib/irrgate.txt", "metrics", "must end in .prom", "node_exporter"),
    ("metrics: /var/lib/.prom", "metrics", "must end in .prom"),
    ("metrics: true", "metrics", "text is expected"),
    ("guards: {max_plan_age: 24}", "guards.max_plan_age", "a duration is expected"),
    ("guards: {max_plan_age: 0h}", "guards.max_plan_age", "between 1s and"),
    ("guards: {min_length: {ipv4: -1}}", "guards.min_length.ipv4", "at least 0"),
    ("guards: {min_length: {ipv4: 33}}", "guards.min_length.ipv4", "at most 32"),
    ("guards: {min_length: {ipv6: 129}}", "guards.min_length.ipv6", "at most 128"),
    ("guards: {min_length: {ipv4: 25}}", "guards.min_length.ipv4", "filters.max_length, 24"),
    ("guards: {min_length: {ipv6: 49}}", "guards.min_length.ipv6", "filters.max_length, 48"),
    ("guards: {min_length: 8}", "guards.min_length", "a mapping of keys and values"),
    ("change_window: {}", "change_window: no such key", "did you mean change_windows?"),
]

WINDOWS_REFUSED = [
    ("{}", "time_zone: is missing"),
    ("", "change_windows", "has no value"),
    ("[mon]", "change_windows", "a mapping of keys and values is expected, not a list"),
    ("{time_zone: ~}", "time_zone: has no value"),
    ("{time_zone: America/Bogata}", "'America/Bogata' is no time zone", "mean America/Bogota?"),
    ("{time_zone: america/bogota}", "is no time zone", "did you mean America/Bogota?"),
    ("{time_zone: America}", "'America' is no time zone"),
    ("{time_zone: localtime}", "'localtime' is no time zone"),
    ("{time_zone: ../../etc/passwd}", "is no time zone"),
    ("{time_zone: -5}", "text is expected"),
    ("{time_zone: UTC+5}", "'UTC+5' is no time zone"),
    ("{time_zone: UTC, allow: daily}", "change_windows.allow", "a list is expected"),
    ("{time_zone: UTC, allow: [daily]}", "change_windows.allow", "a mapping of keys and values"),
    ("{time_zone: UTC, allow: [{days: [mon]}]}", "allow.hours: is missing"),
    ("{time_zone: UTC, allow: [{hours: 02:00-05:00}]}", "allow.days: is missing"),
    ("{time_zone: UTC, allow: [{days: [], hours: 02:00-05:00}]}", "days: the list is empty"),
    ("{time_zone: UTC, allow: [{days: mon, hours: 02:00-05:00}]}", "days: a list is expected"),
    ("{time_zone: UTC, allow: [{days: [lun], hours: 02:00-05:00}]}", "'lun': no day", "mon-fri"),
    ("{time_zone: UTC, allow: [{days: [1], hours: 02:00-05:00}]}", "days: text is expected"),
    ("{time_zone: UTC, allow: [{days: [mon], hours: 2-5}]}", "'2-5': not the hours", "02:00-"),
    ("{time_zone: UTC, allow: [{days: [mon], hours: 24:00-05:00}]}", "not the hours"),
    ("{time_zone: UTC, allow: [{days: [mon], hours: 02:00-05:00, hour: 3}]}", "mean hours?"),
    ("{time_zone: UTC, freeze: 2026-11-27}", "freeze: a list is expected"),
    ("{time_zone: UTC, freeze: [2026-02-30]}", "'2026-02-30': not a date", "write 2026-12-20"),
    ("{time_zone: UTC, freeze: [20261127]}", "freeze: text is expected, not a number"),
    ("{time_zone: UTC, freeze: [2027-01-07..2026-12-20]}", "ends before it begins", "FIRST..LAST"),
    ("{time_zone: UTC, freezes: []}", "no such key", "did you mean freeze?"),
]


@pytest.mark.parametrize(
    "refused",
    [*REFUSED, *((f"change_windows: {text}", *words) for text, *words in WINDOWS_REFUSED)],
    ids=lambda refused: refused[0],
)
def test_what_is_refused_in_the_network(tmp_path: Path, refused: tuple[str, ...]) -> None:
    text, *words = refused
    network = f"{NETWORK}{text}\n"
    error = only_error(tmp_path, network=network)
    assert error.subject == f"inventory/network.yaml:{network.count(chr(10))}"
    said = f"{error.reason} | {error.hint}"
    assert all(word in said for word in words), said
    assert said.isprintable()
    assert len(said) < 300


@pytest.mark.parametrize("refused", WINDOWS_REFUSED, ids=lambda refused: refused[0])
@pytest.mark.parametrize("file", ["hosts", "groups", "defaults"])
def test_the_same_is_refused_in_a_hosts_data(
    tmp_path: Path, refused: tuple[str, ...], file: str
) -> None:
    text, *words = refused
    before = {"hosts": HOSTS, "groups": "edge:\n", "defaults": ""}[file]
    indent = "" if file == "defaults" else "  "
    content = f"{before}{indent}data:\n{indent}  change_windows: {text}\n"
    error = only_error(tmp_path, **{file: content})
    assert error.subject == f"inventory/{file}.yaml:{content.count(chr(10))}"
    said = f"{error.reason} | {error.hint}"
    assert all(word in said for word in words), said
    owner = {"hosts": "edge2.mex data.", "groups": "edge data.", "defaults": "data "}[file]
    assert error.reason.startswith(f"{owner}change_windows")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("commit_confirm: no", "YAML 1.2"),
        ("commit_confirm: 0", "true or false is expected, not a number"),
        ("commit_confirm:", "has no value"),
        ("commit_confrim: false", "did you mean commit_confirm?"),
        ("commit-confirm: false", "did you mean commit_confirm?"),
        ("change_window: {}", "did you mean change_windows?"),
        ("Change_Windows: {}", "did you mean change_windows?"),
    ],
)
def test_what_is_refused_in_a_hosts_data(tmp_path: Path, text: str, words: str) -> None:
    error = only_error(tmp_path, hosts=f"{HOSTS}  data:\n    {text}\n")
    assert error.subject == "inventory/hosts.yaml:15"
    assert words in f"{error.reason} | {error.hint}"


def test_the_other_keys_of_a_hosts_data_are_its_owners(tmp_path: Path) -> None:
    hosts = f"{HOSTS}  data: {{windows: 3, change: x, commit: y, apply: z, notify: 1}}\n"
    assert load(tmp_path, hosts=hosts)


SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://irrgate:{SECRET}@db.example.net/irrgate",
        f"postgresql+psycopg://irrgate:{SECRET}/x@db.example.net/irrgate",
        f"postgresql://irrgate:{SECRET}#x@db.example.net/irrgate",
        f"postgresql://irrgate:{SECRET}?x@db.example.net/irrgate",
        f"postgresql://:{SECRET}@db.example.net/irrgate",
        f"postgresql://irrgate@db.example.net/irrgate?password={SECRET}",
        f"postgresql://irrgate@db.example.net/irrgate?Pass%77ord={SECRET}",
        f"postgresql://irrgate@db.example.net/irrgate?sslmode=require&sslpassword={SECRET}",
        f"mysql://irrgate:{SECRET}@db.example.net/irrgate",
        f"postgresql://irrgate:{SECRET}@[db/irrgate",
    ],
)
def test_a_password_cannot_stand_in_the_url(tmp_path: Path, url: str) -> None:
    error = only_error(tmp_path, network=f'{NETWORK}state: {{url: "{url}"}}\n')
    assert error.subject == "inventory/network.yaml:8"
    assert error.reason == "state.url: a password cannot stand in the inventory"
    assert error.hint == "put the whole URL into IRRGATE_STATE_URL, or use ~/.pgpass"


def test_no_refusal_shows_what_may_be_a_secret(tmp_path: Path) -> None:
    for url in (f"postgresql://u:{SECRET}@db/x\\n", f"{SECRET}", f"sqlite:///{SECRET}"):
        error = only_error(tmp_path, network=f'{NETWORK}state: {{url: "{url}"}}\n')
        assert SECRET not in f"{error.reason} {error.hint}"
    error = only_error(tmp_path, network=f"{NETWORK}notify: [{SECRET}]\n")
    assert SECRET not in f"{error.reason} {error.hint}"


@pytest.mark.parametrize(
    "written",
    [
        f"[held, 'slack://{SECRET}/B/C']",
        f"'slack://{SECRET}/B/C'",
        f"[held, 'mailto:{SECRET}@example.net']",
        f'[held, "slack://{SECRET}\\n"]',
    ],
)
def test_where_people_are_told_is_refused_unseen(tmp_path: Path, written: str) -> None:
    error = only_error(tmp_path, network=f"{NETWORK}notify: {written}\n")
    assert error.subject == "inventory/network.yaml:8"
    assert "IRRGATE_NOTIFY" in error.hint or "cannot be printed" in error.reason
    assert SECRET not in f"{error.reason} {error.hint}"


def test_an_error_in_a_groups_windows_is_one_whoever_inherits_them(tmp_path: Path) -> None:
    groups = changed(GROUPS, "edge:\n", "edge:\n  data: {change_windows: {time_zone: X}}\n")
    hosts = HOSTS + "edge3: {hostname: a, platform: eos, groups: [edge]}\n"
    error = only_error(tmp_path, groups=groups, hosts=hosts)
    assert error.reason == "edge data.change_windows.time_zone: 'X' is no time zone"
