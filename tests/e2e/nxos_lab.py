"""NX-OS routers for tests, and what is said of them: every state that they went through."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tests.e2e.desk import Desk, log
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.nxos_config import parse_config
from tests.lab.nxos_semantics import MissingPrefixListError, prefix_list

GROUPS = """\
nxos:
  platform: nxos
  connection_options:
    napalm:
      extras: {timeout: %s, optional_args: {ca_file: lab/certificates.pem}}
nxos_ssh:
  platform: nxos_ssh
  connection_options:
    napalm:
      extras: {timeout: %s, optional_args: {known_hosts: lab/known_hosts}}
"""
HOST = """\
{name}:
  hostname: 127.0.0.1
  groups: [{platform}]
  data:
    sessions:
{sessions}"""
SESSIONS = (
    "{peer: AS64500, address: 198.51.100.2}",
    '{peer: AS64500, address: "2001:db8:1::2"}',
    "{peer: AS64501, address: 198.51.100.6}",
)


def nxos_inventory(
    directory: Path,
    hosts: Mapping[str, str],
    timeout: float,
    sessions: Sequence[str] = SESSIONS,
) -> Path:
    """The shipped workspace with these routers instead of its own: name to platform."""
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(GROUPS % (timeout, timeout))
    listed = "".join(f"      - {session}\n" for session in sessions)
    text = "".join(
        HOST.format(name=name, platform=platform, sessions=listed)
        for name, platform in hosts.items()
    )
    (inventory / "hosts.yaml").write_text(text)
    with (inventory / "network.yaml").open("a") as network:
        network.write("apply: {settle: 0}\n")
    return inventory


def states(device: LabDevice, start: str) -> Iterator[str]:
    """The running config after each line that changed it, from `start` on.

    The lines are told to a config of the test's own, so the log's word is not taken for them.
    """
    config = parse_config(start)
    for record in log(device):
        if record.event in {"line", "other"}:
            assert record.changed, record
            config.tell(record.detail)
            yield config.text()


def detours(
    device: LabDevice,
    start: str,
    name: str,
    prefixes: Sequence[str],
    aim: Collection[str] | None = None,
) -> list[str]:
    """Where a list was, on its way from `start`, what neither its old nor its new content says.

    Of each prefix: let through while neither lets it through, or kept out while both do. A list
    that is new may be missing before its first line. `aim`: what the new content accepts of them,
    where the list does not have it in the end.
    """
    family = "ipv6" if ":" in prefixes[0] else "ip"
    accepted: list[set[str] | None] = []
    for text in [start, *states(device, start)]:
        try:
            rule = prefix_list(text, name, family)
        except MissingPrefixListError:
            accepted.append(None)
            continue
        accepted.append({prefix for prefix in prefixes if rule.accepts(prefix)})
    # The log is read first: what is still to come would be in the config and not in it.
    assert device.running() == (text if len(accepted) > 1 else parse_config(start).text())
    old = accepted[0] or set()
    new = (accepted[-1] or set()) if aim is None else set(aim)
    wrong = []
    for at, held in enumerate(accepted):
        if held is None:
            if accepted[0] is not None and any(each is not None for each in accepted[at:]):
                wrong.append(f"missing after line {at}")
            continue
        if held - (old | new):
            wrong.append(f"wider after line {at}: {sorted(held - (old | new))}")
        if (old & new) - held:
            wrong.append(f"narrower after line {at}: {sorted((old & new) - held)}")
    return wrong


def sent(device: LabDevice) -> list[str]:
    """The lines that changed a router since it was renewed."""
    return [record.detail for record in log(device) if record.event == "line"]


def events(device: LabDevice) -> list[str]:
    """What a router did, one word for lines that follow each other."""
    found: list[str] = []
    for record in log(device):
        if record.event != "line" or found[-1:] != ["line"]:
            found.append(record.event)
    return found


def change(desk: Desk, *arguments: str) -> None:
    """Plan and apply, whatever there is to change."""
    plan = desk.plan(*arguments, expect=2)
    desk.apply(plan, expect=0)
