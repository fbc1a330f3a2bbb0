"""ruamel.yaml's syntax errors in a network engineer's words."""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError

_QUOTE: Final = 'a value that holds ":", such as an IPv6 address, goes in quotes'
_INDENT: Final = "compare its indentation with the lines above"

_WORDS: Final = (
    (
        r"mapping values are not allowed here",
        'a ":" stands where no key can be',
        f"{_INDENT}; {_QUOTE}",
    ),
    (
        r"found character '\\t' that cannot start any token",
        "a tab: YAML is indented with spaces",
        "",
    ),
    (
        r"found character (?P<what>'.') that cannot start any token",
        "a value cannot begin with {what}",
        "put the value in quotes",
    ),
    (r"could not find expected ':'", 'a key without a ":" after it', _INDENT),
    (
        r"expected ',' or '(?P<what>[]}}])', but got .*",
        "the list or mapping opened on line {opened} lacks its {what} or a comma",
        _QUOTE,
    ),
    (
        r"found unexpected end of stream",
        "the quote opened on line {opened} is never closed",
        "",
    ),
    (
        r"expected <block end>, but found .*",
        "the indentation does not fit the block that begins on line {opened}",
        _INDENT,
    ),
    (r"found unknown escape character (?P<what>.*)", "\\{what} means nothing in double quotes", ""),
    (r"found undefined alias (?P<what>.*)", "{what} stands for nothing above", ""),
)


def syntax_in_words(error: MarkedYAMLError) -> tuple[int, str, str]:
    """Return the line (from 1), the reason with its column, and the hint."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    opened = error.context_mark.line + 1 if error.context_mark else line
    problem = error.problem or error.context or "not YAML"
    reason, hint = f"not YAML: {ascii(problem)[1:-1]}", _INDENT
    for pattern, words, advice in _WORDS:
        match = re.fullmatch(pattern, problem)
        if match:
            reason = words.format(opened=opened, **match.groupdict())
            hint = advice
            break
    return line, f"column {column}: {reason}", hint
