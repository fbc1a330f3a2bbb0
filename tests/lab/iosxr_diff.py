"""`show commit changes diff` of the emulated IOS-XR device, as get-cli-config-diff answers it.

The marks are those of IOS-XR 7.3.1 (ansible-collections/cisco.iosxr issue 155): `+>` and `<-` for
the lines of a set or policy that changed, `+` and `-` for whole ones.
"""

from __future__ import annotations

import difflib

from tests.lab.iosxr_config import Config, policy_text

VERSION = "7.3.1"


def config_diff(running: Config, candidate: Config) -> str:
    """What the candidate changes; empty where it changes nothing."""
    parts: list[str] = []
    for name in dict.fromkeys((*running.sets, *candidate.sets)):
        old, new = running.sets.get(name), candidate.sets.get(name)
        if old != new:
            parts += _object(old.text(name) if old else "", new.text(name) if new else "")
    for name in dict.fromkeys((*running.policies, *candidate.policies)):
        before, after = running.policies.get(name), candidate.policies.get(name)
        if before != after:
            parts += _object(
                "" if before is None else policy_text(name, before),
                "" if after is None else policy_text(name, after),
            )
    for key in dict.fromkeys((*running.blocks, *candidate.blocks)):
        parts += _block(key, running.blocks.get(key), candidate.blocks.get(key))
    if not parts:
        return ""
    header = f"Building configuration...\n!! IOS XR Configuration {VERSION}\n"
    return header + "".join(f"{line}\n" for line in parts) + "end\n"


def _object(old: str, new: str) -> list[str]:
    if not old or not new:
        mark = "+" if new else "-"
        return [f"{mark}  {line}" for line in (new or old).splitlines()] + [f"{mark}  !"]
    before, after = old.splitlines(), new.splitlines()
    # Lines are told apart by what they are: a set of 100,000 is no matter of minutes.
    gone, fresh = set(before) - set(after), set(after) - set(before)
    head = [f"   {before[0]}"]
    head += [f"<- {line}" for line in before[1:-1] if line in gone]
    head += [f"+> {line}" for line in after[1:-1] if line in fresh]
    return [*head, f"   {before[-1]}", "   !"]


def _block(key: str, old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> list[str]:
    if old == new:
        return []
    if old is None or new is None:
        mark = "+" if new is not None else "-"
        return [f"{mark}  {line}" for line in (key, *(new or old or ()), "!")]
    changed = difflib.ndiff(list(old), list(new))
    return [f"   {key}", *(f"{line[0]}  {line[2:]}" for line in changed if line[0] in "+-"), "   !"]
