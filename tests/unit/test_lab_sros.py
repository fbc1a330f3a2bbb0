"""The configuration of the emulated SR OS router: what an edit-config does to it, and refuses."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.lab.netconf_rpc import NETCONF_NS, RefusedError
from tests.lab.sros_semantics import UndocumentedError, accepts, config
from tests.lab.sros_tree import CONF_NS, Tree, changed_lists, check, parse_config

A = "<ip-prefix>10.0.0.0/8</ip-prefix><type>exact</type>"
B = "<ip-prefix>10.0.0.0/8</ip-prefix><type>through</type><through-length>24</through-length>"


def edit(tree: Tree, inside: str) -> Tree:
    xml = f'<configure xmlns="{CONF_NS}" xmlns:nc="{NETCONF_NS}">{inside}</configure>'
    return tree.edited(etree.fromstring(xml))


def a_list(*entries: str, operation: str = "", name: str = "X") -> str:
    given = f' nc:operation="{operation}"' if operation else ""
    inside = "".join(f"<prefix>{entry}</prefix>" for entry in entries)
    return (
        f"<policy-options><prefix-list{given}><name>{name}</name>{inside}</prefix-list>"
        "</policy-options>"
    )


def entries(tree: Tree) -> list[tuple[str, str]]:
    return list(tree.lists["X"].entries)


def test_what_is_printed_is_read_back() -> None:
    tree = edit(parse_config(config("r1", {"Y": ["10.0.0.0/8", "::/0"]})), a_list(A, B))
    again = parse_config(tree.xml())
    assert again.xml() == tree.xml()
    assert changed_lists(tree, again) == []
    assert [name for _, name in tree.texts("name")] == ["r1"]
    assert parse_config("").xml() == ""


def test_merge_adds_and_replace_replaces() -> None:
    first = edit(Tree(), a_list(A))
    merged = edit(first, a_list(B))
    assert entries(merged) == [("10.0.0.0/8", "exact"), ("10.0.0.0/8", "through")]
    assert entries(first) == [("10.0.0.0/8", "exact")]
    assert entries(edit(merged, a_list(B, operation="replace"))) == [("10.0.0.0/8", "through")]
    assert edit(merged, a_list(operation="remove")).lists == {}
    assert edit(Tree(), a_list(operation="remove")).lists == {}
    assert changed_lists(first, merged) == ["prefix-list X"]


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        (a_list(operation="delete"), "#224: Entry does not exist"),
        (a_list(A.replace("10.0.0.0", "10.0.0.1")), "#2301"),
        (a_list(A.replace("/8", "/33")), "#2301"),
        (a_list(A.replace("exact", "sometimes")), "#2301"),
        (a_list(A.replace("exact", "range")), "#2301"),
        (a_list(B.replace(">24<", ">33<")), "#2301"),
        (a_list(B.replace(">24<", ">7<")), "#2301"),
        (a_list(A + "<through-length>9</through-length>"), "#2201"),
        (a_list(A, name="X" * 33), "#2301"),
        (a_list(A).replace("prefix>", "prefixes>"), "#2201"),
        (a_list(A, operation="create-or-not"), "#2010"),
        ('<x xmlns="urn:other"/>', "#2201"),
    ],
)
def test_what_the_model_does_not_have_is_refused(inside: str, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        edit(Tree(), inside)


def test_a_list_that_a_policy_names_must_be_there() -> None:
    policy = (
        "<policy-options><policy-statement><name>IN</name><entry><entry-id>10</entry-id>"
        "<from><prefix-list>X</prefix-list></from></entry></policy-statement></policy-options>"
    )
    tree = edit(edit(Tree(), a_list(A)), policy)
    assert check(tree) == []
    [said] = check(edit(tree, a_list(operation="remove")))
    assert "policy-statement IN entry 10 from prefix-list" in said


def test_what_is_not_documented_is_not_guessed() -> None:
    with pytest.raises(UndocumentedError):
        accepts(edit(Tree(), a_list()).xml(), "X", "10.0.0.0/8")
    text = edit(Tree(), a_list(B)).xml()
    assert accepts(text, "X", "10.1.0.0/24")
    assert not accepts(text, "X", "10.1.0.0/25")
    longer = edit(Tree(), a_list(A.replace("exact", "longer"))).xml()
    assert accepts(longer, "X", "10.0.0.0/9")
    assert not accepts(longer, "X", "10.0.0.0/8")
