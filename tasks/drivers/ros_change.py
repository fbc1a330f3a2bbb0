"""A change of RouterOS's filter chains: which rules come and which go, by the router's own ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from irrgate.platforms.ros import Chain, family_of
from irrgate.platforms.ros_candidate import read_changes
from irrgate.platforms.ros_delta import RosDelta, RosList, applied, delta_to, living_rules, turn_of
from irrgate.platforms.ros_rules import REJECT, deny_all
from irrgate.prefixes import Afi, PrefixSet


@dataclass(frozen=True, slots=True)
class RouterRule:
    """A rule as the router has it."""

    id: str
    chain: str
    text: str
    disabled: bool
    invalid: bool


@dataclass(frozen=True, slots=True)
class ChainChange:
    """What is done to one chain, in this order."""

    name: str
    reject: bool
    """its `reject` comes, at its end"""
    before: str
    """the id of the rule before which rules come; empty where that is the new `reject`, or none"""
    added: tuple[str, ...] = field(repr=False)
    removed: tuple[tuple[RouterRule, ...], ...] = field(repr=False)
    """by turns: each is over before the next one begins"""
    was: RosList | None
    """None: there was no such chain"""
    becomes: RosList | None
    """None: there is to be none"""


@dataclass(frozen=True, slots=True)
class ChainsChange:
    """What one commit does to a router's chains."""

    chains: tuple[ChainChange, ...] = ()

    def __bool__(self) -> bool:
        return any(each.reject or each.added or _gone(each) for each in self.chains)

    def diff(self) -> str:
        """Return the rules that come and those that go, by chain; empty where there are none."""
        return "\n".join(self._diff()) if self else ""

    def _diff(self) -> Iterator[str]:
        yield from ("--- running", "+++ candidate")
        for each in self.chains:
            yield f"@@ chain {each.name} @@"
            if each.reject:
                yield f"+{REJECT}"
            yield from (f"+{text}" for text in each.added)
            for rule in _gone(each):
                # A text is the router's: it must not become two lines, or a terminal's command.
                text = "".join(c if c.isprintable() else "?" for c in rule.text)
                yield f"-{text}{' (disabled)' if rule.disabled else ''}"


def _gone(change: ChainChange) -> tuple[RouterRule, ...]:
    return tuple(rule for turn in change.removed for rule in turn)


def merge_change(candidate: str, rules: Sequence[RouterRule]) -> ChainsChange:
    """Return what a candidate, which is a delta, does to a router that has these rules.

    Raises ParseError where it does not fit them, or is not one of those that
    irrgate.platforms.ros_delta lets pass.
    """
    deltas, gone = read_changes(candidate)
    chains = by_chain(rules)
    changes = [_merged(name, delta, chains.get(name, ())) for name, delta in deltas.items()]
    changes += (_removed(name, chains[name]) for name in gone if name in chains)
    return ChainsChange(tuple(changes))


def replace_change(candidate: str, rules: Sequence[RouterRule]) -> ChainsChange:
    """Return what makes each chain of a text accept what it says there; others are left alone.

    Raises ParseError, or PlatformError where there is no way without a moment in between.
    """
    deltas, gone = read_changes(candidate)
    chains = by_chain(rules)
    wanted = {
        name: applied(name, family_of(name, delta.added), None, delta).prefixes
        for name, delta in deltas.items()
    }
    changes = [_towards(name, prefixes, chains.get(name, ())) for name, prefixes in wanted.items()]
    changes += (_removed(name, chains[name]) for name in gone if name in chains)
    return ChainsChange(tuple(changes))


def back_from(change: ChainsChange, rules: Sequence[RouterRule]) -> ChainsChange:
    """Return what makes the chains of a change accept what they did before it."""
    chains = by_chain(rules)
    changes = []
    for each in reversed(change.chains):
        there = chains.get(each.name, ())
        if each.was is not None:
            changes.append(_towards(each.name, each.was.prefixes, there))
        elif there:
            changes.append(_removed(each.name, there))
    return ChainsChange(tuple(changes))


def by_chain(rules: Sequence[RouterRule]) -> Mapping[str, Sequence[RouterRule]]:
    """Return the rules of each chain, in their order."""
    chains: dict[str, list[RouterRule]] = {}
    for rule in rules:
        chains.setdefault(rule.chain, []).append(rule)
    return chains


def _towards(name: str, prefixes: PrefixSet, rules: Sequence[RouterRule]) -> ChainChange:
    held = _chain(rules).read(name, prefixes.afi) if rules else None
    return _changed(name, prefixes.afi, delta_to(name, prefixes, held), rules)


def _chain(rules: Sequence[RouterRule]) -> Chain:
    chain = Chain()
    for rule in rules:
        if rule.disabled:
            chain.off.append(rule.text)
            continue
        if rule.invalid:
            chain.invalid.add(len(chain.texts))
        chain.texts.append(rule.text)
    return chain


def _merged(name: str, delta: RosDelta, rules: Sequence[RouterRule]) -> ChainChange:
    texts = (rule.text for rule in rules)
    return _changed(name, family_of(name, (*delta.added, *texts)), delta, rules)


def _changed(name: str, afi: Afi, delta: RosDelta, rules: Sequence[RouterRule]) -> ChainChange:
    held = _chain(rules).read(name, afi) if rules else None
    becomes = applied(name, afi, held, delta)
    live = [rule for rule in rules if not rule.disabled]
    before = next((rule.id for rule in live if rule.text == delta.before), "")
    # In the order of the candidate, which is the one that was reviewed, and by turns.
    order = {text: at for at, text in enumerate((*delta.removed, *delta.off))}
    wanted, off = set(delta.removed), set(delta.off)
    gone = [rule for rule in rules if rule.text in (off if rule.disabled else wanted)]
    gone.sort(key=lambda rule: (rule.disabled, order[rule.text]))
    living = living_rules(held) if held else {}
    turns: dict[int, list[RouterRule]] = {}
    for rule in gone:
        turn = turn_of("" if rule.disabled else rule.text, living)
        turns.setdefault(turn, []).append(rule)
    removed = tuple(tuple(turns[turn]) for turn in sorted(turns))
    return ChainChange(name, delta.reject, before, delta.added, removed, held, becomes)


def _removed(name: str, rules: Sequence[RouterRule]) -> ChainChange:
    held = _chain(rules).read(name, family_of(name, [rule.text for rule in rules]))
    last = deny_all(held.afi)
    rejects = {text for text, known in held.rules if known == last}
    first = tuple(rule for rule in rules if rule.text not in rejects)
    rest = tuple(rule for rule in rules if rule.text in rejects)
    return ChainChange(name, False, "", (), (first, rest), held, None)
