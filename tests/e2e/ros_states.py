"""Every state that an emulated RouterOS's chains were in, put together from its apply log.

Whatever a test has pushed: after each line that the router did, what every chain accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.e2e.desk import log
from tests.lab.harness import LabDevice
from tests.lab.ros_config import parse_config
from tests.lab.ros_semantics import of_rules

_ADD = re.compile(r"add id=(\S+) chain=(\S+) before=(\S*) rule=(.*)")
_REMOVE = re.compile(r"remove id=(\S+) rule=.*")

Rules = list[tuple[str, str, str]]
"""(id, chain, text), in their order"""


def states(before: str, device: LabDevice) -> Iterator[Rules]:
    """The rules before, which a text has, and after each line since the router was renewed."""
    config = parse_config(before)
    # The router has ids of its own for what it began with.
    rules: Rules = [("", rule.chain, rule.text) for rule in config.rules]
    yield list(rules)
    for record in log(device):
        if match := _ADD.fullmatch(record.detail):
            rule_id, chain, place, text = match.groups()
            rules.insert(_place(rules, chain, place), (rule_id, chain, text))
        elif record.event == "remove":
            match = _REMOVE.fullmatch(record.detail)
            assert match
            text = record.detail.partition(" rule=")[2]
            [chain] = record.objects
            known = [at for at, rule in enumerate(rules) if rule[0] == match[1]]
            # One from before: there is none of the same text in a chain.
            known = known or [at for at, rule in enumerate(rules) if rule[1:] == (chain, text)]
            del rules[known[0]]
        else:
            continue
        yield list(rules)


def _place(rules: Rules, chain: str, place: str) -> int:
    if not place:
        return len(rules)
    known = [at for at, rule in enumerate(rules) if rule[0] == place]
    # The id is of a rule from before: of irrgate's chains only the reject is named so.
    return (known or [at for at, rule in enumerate(rules) if rule[1:] == (chain, "reject")])[0]


def accepted(rules: Rules, chain: str, probes: Iterable[str]) -> set[str] | None:
    """What of the probes a chain accepts; None where there is no such chain."""
    if not any(each == chain for _, each, _ in rules):
        return None
    decides = of_rules(((each, text) for _, each, text in rules), chain)
    return {probe for probe in probes if decides.accepts(probe)}


def never_wrong(
    before: str,
    device: LabDevice,
    probes: Mapping[str, Sequence[str]],
    *,
    since: int = 0,
    until: int | None = None,
    gone: Iterable[str] = (),
    between: tuple[Iterable[str], Iterable[str]] | None = None,
) -> int:
    """Check the states of the chains of `probes` from after `since` rules came or went.

    The last one is after `until` of them. Returns how many there were.

    A chain that was there is never missing, but for `gone`; it never accepts what neither its
    first state nor its last one does, and never refuses what both accept. Instead of these two
    it may be held against the old and the new filter, `between` which it went to and fro. Every
    chain of irrgate's ends with its reject, whatever happens.
    """
    seen = list(states(before, device))[since : None if until is None else until + 1]
    removed = set(gone)
    for chain, asked in probes.items():
        held = [accepted(rules, chain, asked) for rules in seen]
        first, last = held[0] or set(), held[-1] or set()
        if between is not None:
            first, last = map(set, between)
        for was, now in pairwise(held):
            assert was is None or now is not None or chain in removed, f"{chain} is missing"
        for now in held:
            assert (now or set()) <= first | last, f"{chain} was too wide"
            if chain not in removed and held[0] is not None:
                assert now is not None
                assert first & last <= now, f"{chain} lost what was to stay"
        for rules in seen:
            texts = [text for _, each, text in rules if each == chain]
            assert not texts or texts[-1] == "reject", f"{chain} has an open end"
    return len(seen)
