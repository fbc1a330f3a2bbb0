"""Junos candidates: lists that are replaced, and nothing else."""

from __future__ import annotations

import pytest

from irrgate.errors import ParseError
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import candidate, read_candidate

NAME = "IRR-AS64500-V4"
SHIPPED = candidate("junos", {NAME: prefixes("10.0.0.0/24")})


def test_a_candidate_without_replace_adds_to_the_list() -> None:
    with pytest.raises(ParseError):
        read_candidate("junos", SHIPPED.replace("replace: ", ""))


@pytest.mark.parametrize(
    "text",
    [
        SHIPPED.replace("policy-options", "replace: policy-options"),
        SHIPPED.replace("policy-options", "delete: policy-options"),
        SHIPPED + "protocols {\n    delete: bgp;\n}\n",
        "system {\n    host-name x;\n}\n" + SHIPPED,
        SHIPPED.replace("    replace:", "    delete: policy-statement X;\n    replace:"),
        SHIPPED.replace(
            "    }\n}", "    }\n    policy-statement X {\n        then accept;\n    }\n}"
        ),
        SHIPPED.replace("    }\n}", "    }\n    apply-groups X;\n}"),
        SHIPPED.replace("replace:", "inactive: replace:"),
        SHIPPED.replace("        10", "        inactive: replace: 10"),
        SHIPPED.replace("        10", "        delete: 10.9.0.0/16 exact;\n        10"),
        SHIPPED.replace("policy-options {", "policy-options {{"),
        SHIPPED.rstrip()[:-1],
        SHIPPED + "}",
        SHIPPED + SHIPPED,
        "",
    ],
)
def test_a_candidate_has_nothing_beside_its_lists(text: str) -> None:
    with pytest.raises(ParseError):
        read_candidate("junos", text)


def test_a_list_that_is_set_twice() -> None:
    inside = SHIPPED.split("\n", 1)[1].rsplit("}", 1)[0]
    for name in (NAME, "IRR-AS1-V4"):
        text = f"policy-options {{\n{inside}{inside}}}\n".replace(NAME, name)
        with pytest.raises(ParseError, match=name):
            read_candidate("junos", text)


def test_a_candidate_that_never_ends_is_refused_in_no_time() -> None:
    """A pattern that tries every way to split the text would not come back."""
    body = "10.0.0.0/24 exact;\n" * 5000
    with pytest.raises(ParseError):
        read_candidate("junos", f"policy-options {{ replace: route-filter-list {NAME} {{{body}}}")


def test_a_comment_in_a_candidate_would_stay_on_the_router() -> None:
    text = SHIPPED.replace("        10", "        /* mine */\n        10")
    assert not read_candidate("junos", text)[NAME].plain
    with pytest.raises(ParseError):
        read_candidate("junos", "/* mine */\n" + SHIPPED)
