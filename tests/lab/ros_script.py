"""Lines of a RouterOS script about filter rules, as a person would type them into a terminal.

For tests: what irrgate's candidate would do to a router that runs it as it stands.
"""

from __future__ import annotations

import re

from tests.lab.ros_config import RosConfig, RosRule, unescaped

_COMMAND = re.compile(r"/routing[ /]filter[ /]rule[ /](add|remove) +(.*)")
_ARGUMENT = re.compile(
    r' *(?:([a-z-]+)=)?(?:"((?:[^"\\]|\\.)*)"|\[find ((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]|(\S+))'
)


def run_line(config: RosConfig, line: str) -> None:
    """Do what a line says; AssertionError or RuleRefusedError where the router would not."""
    match = _COMMAND.fullmatch(line)
    assert match, line
    verb, rest = match.groups()
    values: dict[str, str] = {}
    found: dict[str, list[RosRule]] = {}
    for name, quoted, query, bare in _ARGUMENT.findall(rest):
        if query:
            found[name] = _find(config, query)
        else:
            values[name] = unescaped(quoted) or bare
    if verb == "remove":
        for rule in found[""]:
            config.remove(rule.id)
        return
    before = None
    if "place-before" in found:
        assert found["place-before"], f"nothing is found: {line}"
        before = found["place-before"][0].id
    config.add(values["chain"], values["rule"], before=before)


def _find(config: RosConfig, query: str) -> list[RosRule]:
    wanted = {name: unescaped(quoted) or bare for name, quoted, _, bare in _ARGUMENT.findall(query)}
    chain = wanted.pop("chain")
    if "rule" in wanted:
        found = config.named(chain, wanted.pop("rule"))
    else:
        found = [rule for rule in config.rules if rule.chain == chain]
    if "disabled" in wanted:
        disabled = wanted.pop("disabled") == "yes"
        found = [rule for rule in found if rule.disabled is disabled]
    assert not wanted, query
    return found
