"""How a routing filter chain of RouterOS goes from its old rules to its new ones, one by one.

RouterOS has no candidate: each rule takes effect as it comes. Rules have no numbers; the first one
that matches decides, and a chain of irrgate's ends with `reject`, so that nothing depends on what a
router makes of a chain's end. What holds at every moment, wherever a run is killed:
- nothing is let through that neither the old chain nor the new one lets through;
- nothing is lost that both let through;
- the chain has its `reject`, which is the first rule that comes and the last that goes.

So new rules come first, before the first one that could keep a route from them, and old ones go
after that: those that accept, then those of which irrgate does not know what they do, and then
those that reject, behind which the others stood. A rule is known by its text: `remove [find
rule=...]` takes all that have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from irrgate.aggregation import Entry
from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.first_match import first_match
from irrgate.platforms.platform import ManagedList
from irrgate.platforms.ros_rules import (
    REJECT,
    Known,
    Rule,
    deny_all,
    lines_of,
    read_rules,
    rule_text,
)
from irrgate.prefixes import Afi, PrefixSet


@dataclass(frozen=True, slots=True)
class RosList(ManagedList):
    """A chain as a router holds it."""

    rules: Sequence[Rule] = field(default=(), repr=False)
    """those in effect, in their order"""
    off: Sequence[str] = field(default=(), repr=False)
    """the texts of those that are disabled"""


@dataclass(frozen=True, slots=True)
class RosDelta:
    """What changes in a chain, in this order; rules by their text."""

    reject: bool = False
    """the final `reject` comes"""
    before: str = ""
    """the rule before which new ones come; empty: they come at the end of a chain without one"""
    added: tuple[str, ...] = field(default=(), repr=False)
    removed: tuple[str, ...] = field(default=(), repr=False)
    off: tuple[str, ...] = ()
    """disabled rules that go"""


def chain_list(name: str, afi: Afi, rules: Sequence[Rule], off: Sequence[str] = ()) -> RosList:
    """Return a chain of these rules as a filter of one family."""
    accepted = _accepted(afi, rules)
    plain = not off and _is_plain(afi, accepted, rules)
    return RosList(name, afi, accepted, plain, rules=rules, off=off)


def _end(afi: Afi, rules: Sequence[Rule]) -> int:
    """Return where the first rule stands that rejects everything: what follows never matters."""
    last = deny_all(afi)
    return next((at for at, (_, known) in enumerate(rules) if known == last), len(rules))


def _accepted(afi: Afi, rules: Sequence[Rule]) -> PrefixSet:
    """Return what the rules accept; one that is not known is passed over."""
    known = [each for _, each in rules[: _end(afi, rules)] if each is not None]
    if all(permits for permits, _ in known):
        return PrefixSet.from_entries(afi, (entry for _, entry in known))
    return first_match(afi, ((at, *each) for at, each in enumerate(known)))


def _is_plain(afi: Afi, accepted: PrefixSet, rules: Sequence[Rule]) -> bool:
    """Tell whether these are the rules that irrgate writes, in any order and spelling."""
    end = _end(afi, rules)
    if end == len(rules):
        return False
    entries: dict[str, Entry] = {}
    for text, known in rules[:end]:
        if known is None or not known[0]:
            return False
        entries[text] = known[1]
    # Another rule of the same text is removed together with it, and means nothing.
    if any(text not in entries and text != rules[end][0] for text, _ in rules[end + 1 :]):
        return False
    return sorted(entries.values()) == sorted(accepted.entries())


def _turn(known: Known | None) -> int:
    """Return when a rule goes: as to what the others do meanwhile, see above."""
    return 1 if known is None else 0 if known[0] else 2


_NEVER_MATTERS: Final = 3
"""the turn of a rule behind the end"""


def living_rules(held: RosList) -> dict[str, Known | None]:
    """Return the rules of a chain that stand before its end, by their text."""
    return dict(held.rules[: _end(held.afi, held.rules)])


def turn_of(rule: str, rules: Mapping[str, Known | None]) -> int:
    """Return when a rule of these goes; those of one turn may go at once."""
    return _turn(rules[rule]) if rule in rules else _NEVER_MATTERS


def delta_to(name: str, prefixes: PrefixSet, held: ManagedList | None) -> RosDelta:
    """Return what makes a chain accept exactly `prefixes`; `held` is None where there is none.

    Raises PlatformError where there is no way without a moment between; irrgate's own chains
    always have one.
    """
    afi = prefixes.afi
    rules, off = _held(held)
    end = _end(afi, rules)
    missing = dict.fromkeys(prefixes.entries())
    stays: set[str] = set()
    gone: dict[str, int] = {}
    closing = rules[end][0] if end < len(rules) else REJECT
    first = ""
    for text, known in rules[:end]:
        if text in stays:
            continue
        if known is not None and known[0] and known[1] in missing:
            del missing[known[1]]
            stays.add(text)
            continue
        gone[text] = _turn(known)
        if gone[text]:
            first = first or text
    added = tuple(map(rule_text, lines_of(afi, list(missing))))
    stays.update(added, (closing,))
    for text, _ in rules[end + 1 :]:
        if text not in stays:
            gone.setdefault(text, _NEVER_MATTERS)
    delta = RosDelta(
        end == len(rules),
        (first or closing) if added else "",
        added,
        tuple(sorted(gone, key=lambda text: gone[text])),
        tuple(dict.fromkeys(off)),
    )
    try:
        _after(name, afi, held, delta)
    except ParseError as exc:
        raise PlatformError(name, exc.reason, hint=_HINT) from exc
    return delta


_HINT: Final = (
    "the chain has rules that reject which irrgate does not write: take them out on the router, or "
    "let the policy refer to a chain of another name meanwhile"
)


def _held(held: ManagedList | None) -> tuple[Sequence[Rule], Sequence[str]]:
    return (held.rules, held.off) if isinstance(held, RosList) else ((), ())


def applied(name: str, afi: Afi, held: ManagedList | None, delta: RosDelta) -> RosList:
    """Return the chain after a delta; raises ParseError where it would not be as it must.

    It is what decides of a delta, whoever made it: see above.
    """
    return chain_list(name, afi, *_after(name, afi, held, delta))


def _after(
    name: str, afi: Afi, held: ManagedList | None, delta: RosDelta
) -> tuple[tuple[Rule, ...], list[str]]:
    """Return the rules after a delta, and those that are disabled; raises ParseError."""
    rules, off = _held(held)
    if delta.reject:
        if _end(afi, rules) < len(rules):
            raise ParseError(name, "the candidate adds a reject to a chain that has one")
        rules = (*rules, (REJECT, deny_all(afi)))
    at = _place(name, rules, delta)
    new = read_rules(afi, delta.added)
    _refuse_repeats(name, afi, rules, new)
    rules = (*rules[:at], *new, *rules[at:])
    after = _without(name, afi, rules, delta)
    if wrong := set(delta.off).difference(off):
        reason = f"the candidate removes a disabled rule that is not there: {min(wrong)!a}"
        raise ParseError(name, reason)
    left = [text for text in off if text not in set(delta.off)]
    if not after:
        raise ParseError(name, "the candidate would leave the chain without a rule")
    _refuse_detour(name, afi, _held(held)[0], rules, after)
    return after, left


def _place(name: str, rules: Sequence[Rule], delta: RosDelta) -> int:
    """Return where new rules come, or raise ParseError where they would not take effect."""
    if not delta.added:
        return len(rules)
    at = len(rules)
    if delta.before:
        at = next((at for at, (text, _) in enumerate(rules) if text == delta.before), -1)
    if at < 0:
        reason = f"the candidate adds rules before one that is not there: {delta.before!a}"
        raise ParseError(name, reason)
    if not all(known is not None and known[0] for _, known in rules[:at]):
        raise ParseError(name, "the candidate adds rules behind one that may keep routes from them")
    return at


def _refuse_repeats(name: str, afi: Afi, rules: Sequence[Rule], new: Sequence[Rule]) -> None:
    there = {known for _, known in rules[: _end(afi, rules)]}
    for text, known in new:
        if known is None or not known[0]:
            raise ParseError(name, f"the candidate adds a rule that is unknown: {text!a}")
        if known in there:
            raise ParseError(name, f"the candidate adds a rule that is there already: {text!a}")
        there.add(known)


def _without(name: str, afi: Afi, rules: Sequence[Rule], delta: RosDelta) -> tuple[Rule, ...]:
    """Return the rules without those that go."""
    end = _end(afi, rules)
    there = {text for text, _ in rules}
    added = set(delta.added)
    living = dict(rules[:end])
    turn = 0
    for text in delta.removed:
        if text in added:
            raise ParseError(name, f"the candidate adds a rule and removes it: {text!a}")
        if text not in there:
            raise ParseError(name, f"the candidate removes a rule that is not there: {text!a}")
        if end < len(rules) and text == rules[end][0]:
            raise ParseError(name, "the candidate removes the reject at the end of the chain")
        if text not in living:
            continue
        if _turn(living[text]) < turn:
            raise ParseError(name, f"the candidate removes a rule after others: {text!a}")
        turn = _turn(living[text])
    gone = set(delta.removed)
    return tuple(each for each in rules if each[0] not in gone) if gone else tuple(rules)


def _refuse_detour(
    name: str, afi: Afi, before: Sequence[Rule], both: Sequence[Rule], after: Sequence[Rule]
) -> None:
    """Raise ParseError where a chain with other rejects would lose routes that are to stay.

    Rules that come add to what is accepted, rules that accept and go take from it, and rejects
    that go give back what rules of the new chain accept. So the stage between, without the old
    rules that accept and with the old ones that reject, has the least.
    """
    end = _end(afi, both)
    if all(known is None or known[0] for _, known in both[:end]):
        return
    stays = dict(after)
    between = [
        (text, known) for text, known in both if text in stays or known is None or not known[0]
    ]
    old, new = _accepted(afi, before), _accepted(afi, after)
    kept = old.difference(old.difference(new))
    if kept.difference(_accepted(afi, between)):
        raise ParseError(name, "has rules that reject, and would lose routes that are to stay")
