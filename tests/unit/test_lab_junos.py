"""The emulated Junos device's config: what it parses, prints, compares, refuses and accepts."""

from __future__ import annotations

import pytest

from tests.lab.junos_check import check_candidate
from tests.lab.junos_diff import changed_statements, compare
from tests.lab.junos_loader import LoadError, load_text, parse_config
from tests.lab.junos_semantics import UndocumentedError, accepts, route_filters
from tests.lab.junos_tree import Node, render
from tests.lab.netconf_framing import CHUNK, Framer, FramingError, frame

RUNNING = """\
system {
    host-name edge1;
}
policy-options {
    prefix-list OURS {
        203.0.113.0/24;
        2001:db8::/32;
    }
    route-filter-list IRR-AS64500-V4 {
        192.0.2.0/24 exact;
        198.51.100.0/24 upto /26;
    }
    policy-statement FROM-AS64500 {
        term irr {
            from {
                family inet;
                route-filter-list IRR-AS64500-V4;
            }
            then accept;
        }
        then reject;
    }
    community BLACKHOLE members 64496:666;
}
protocols {
    bgp {
        group CUSTOMERS {
            type external;
            neighbor 198.51.100.2 {
                description "Ejemplo Telecom";
                import FROM-AS64500;
                peer-as 64500;
            }
        }
    }
}
"""


V4 = "route-filter-list IRR-AS64500-V4"


def options(*statements: str) -> str:
    return f"policy-options {{ {' '.join(statements)} }}"


def loaded(
    text: str, *, onto: str = RUNNING, action: str = "replace"
) -> tuple[str, list[LoadError]]:
    tree = parse_config(onto)
    errors = load_text(text, tree, replace=action == "replace")
    return render(tree), errors


def diff(text: str, *, onto: str = RUNNING) -> str:
    after, errors = loaded(text, onto=onto)
    assert errors == []
    return compare(parse_config(onto), parse_config(after))


def entries(body: str) -> list[LoadError]:
    _, errors = loaded(f"policy-options {{\n    route-filter-list X {{\n{body}\n    }}\n}}")
    return errors


def test_what_is_printed_parses_to_the_same() -> None:
    assert render(parse_config(RUNNING)) == RUNNING


def test_one_line_and_comments_and_quotes_mean_the_same_as_junos_own_form() -> None:
    text = (
        '## Last commit: today\nsystem { host-name "edge1"; } # a comment\n'
        'policy-options { prefix-list "OURS" { 2001:DB8:0::/32; 203.0.113.0/24; } }'
    )
    assert render(parse_config(text)) == (
        "system {\n    host-name edge1;\n}\npolicy-options {\n    prefix-list OURS {\n"
        "        203.0.113.0/24;\n        2001:db8::/32;\n    }\n}\n"
    )


def test_an_annotation_stays_with_its_statement() -> None:
    text = "policy-options {\n    /* by irrgate */\n    prefix-list X;\n}\n"
    assert render(parse_config(text)) == text


def test_merge_adds_entries_and_replace_tag_replaces_the_list() -> None:
    change = "route-filter-list IRR-AS64500-V4 { 203.0.113.0/24 exact; }"
    merged, _ = loaded(f"policy-options {{ {change} }}")
    assert "192.0.2.0/24 exact" in merged
    assert "203.0.113.0/24 exact" in merged
    replaced, _ = loaded(f"policy-options {{ replace: {change} }}")
    assert "192.0.2.0/24 exact" not in replaced
    assert "203.0.113.0/24 exact" in replaced


def test_merge_action_does_not_heed_the_replace_tag() -> None:
    change = (
        "policy-options { replace: route-filter-list IRR-AS64500-V4 { 203.0.113.0/24 exact; } }"
    )
    assert "192.0.2.0/24 exact" in loaded(change, action="merge")[0]


def test_replace_tag_on_its_own_line_as_bgpq4_prints_it() -> None:
    text = f"policy-options {{\nreplace:\n {V4} {{\n  0.0.0.0/0 orlonger reject;\n }}\n}}\n"
    assert (
        "    route-filter-list IRR-AS64500-V4 {\n        0.0.0.0/0 orlonger reject;\n    }\n"
        in loaded(text)[0]
    )


def test_a_leaf_has_one_value_and_a_leaf_list_many() -> None:
    imports = "import [ A B ]; import B; import C;"
    text = (
        f"system {{ host-name edge2; }} protocols {{ bgp {{ group CUSTOMERS {{ {imports} }} }} }}"
    )
    after, _ = loaded(text)
    assert "host-name edge2;" in after
    assert "edge1" not in after
    assert "import [ A B C ];" in after


def test_delete_and_inactive_tags() -> None:
    after, errors = loaded(
        "policy-options { delete: prefix-list OURS; inactive: route-filter-list IRR-AS64500-V4; }"
    )
    assert errors == []
    assert "OURS" not in after
    assert "    inactive: route-filter-list IRR-AS64500-V4 {\n        192.0.2.0/24 exact;" in after
    assert (
        "inactive"
        not in loaded("policy-options { active: route-filter-list IRR-AS64500-V4; }", onto=after)[0]
    )


def test_delete_of_what_is_not_there_is_a_warning() -> None:
    _, (error,) = loaded("policy-options { delete: route-filter-list NONE; }")
    assert error.warning
    assert error.message == "statement not found"


def test_delete_and_inactive_of_single_entries() -> None:
    after, errors = loaded(
        "policy-options { route-filter-list IRR-AS64500-V4 {"
        " delete: 192.0.2.0/24 exact; inactive: 203.0.113.0/24 exact; } }"
    )
    assert errors == []
    assert "192.0.2.0/24" not in after
    assert "        inactive: 203.0.113.0/24 exact;\n" in after


@pytest.mark.parametrize(
    ("entry", "message", "element"),
    [
        (
            "203.0.113.0/33 exact;",
            "invalid value '33' in ip address: '203.0.113.0/33'",
            "203.0.113.0/33",
        ),
        ("203.0.113.256/32 exact;", "syntax error", "203.0.113.256/32"),
        (
            "2001:db8::/129 exact;",
            "invalid value '129' in ip address: '2001:db8::/129'",
            "2001:db8::/129",
        ),
        ("AS64500 exact;", "syntax error", "AS64500"),
        (
            "203.0.113.0/24;",
            "missing match type: exact, longer, orlonger, upto ...",
            "203.0.113.0/24",
        ),
        ("203.0.113.0/24 le 25;", "syntax error", "25"),
        ("203.0.113.0/24 upto 25;", "syntax error", "25"),
        ("203.0.113.0/24 prefix-length-range /25;", "syntax error", "/25"),
        ("203.0.113.0/24 exact permit;", "syntax error", "permit"),
        ("route-filter 0.0.0.0/0 orlonger reject;", "syntax error", "route-filter"),
    ],
)
def test_an_entry_that_a_router_refuses(entry: str, message: str, element: str) -> None:
    (error,) = entries(
        f"        192.0.2.0/24 exact;\n        {entry}\n        198.51.100.0/24 exact;"
    )
    assert (error.message, error.bad_element, error.line) == (message, element, 4)
    assert error.path == "[edit policy-options route-filter-list X]"
    (tagged,) = entries(f"        # one\n        192.0.2.0/24 exact;\n        {entry}\n")
    assert (tagged.message, tagged.bad_element, tagged.line) == (message, element, 5)


def test_the_good_lines_are_loaded_around_a_bad_one() -> None:
    after, errors = loaded(
        options("route-filter-list X { 192.0.2.0/24 exact; nonsense; 198.51.100.0/24 exact; }")
        + "\nsystem { host-name edge9; }"
    )
    assert len(errors) == 1
    assert (
        "    route-filter-list X {\n        192.0.2.0/24 exact;\n        198.51.100.0/24 exact;\n"
        in after
    )
    assert "host-name edge9;" in after


@pytest.mark.parametrize(
    "text",
    [
        "policy-options { prefix-list X { 192.0.2.0/24;",
        "system { host-name x; } }",
        "system { host-name }",
    ],
)
def test_brackets_and_semicolons_that_do_not_match(text: str) -> None:
    assert [error.message[:12] for error in loaded(text)[1]][:1] == ["syntax error"]


def test_host_bits_are_taken_as_by_a_real_router() -> None:
    assert entries("203.0.113.1/24 exact;") == []


def test_diff_of_entries_in_the_form_of_show_compare() -> None:
    change = options(V4, "{ delete: 192.0.2.0/24 exact; 203.0.113.0/24 exact; }")
    assert diff(change) == (
        "\n[edit policy-options route-filter-list IRR-AS64500-V4]\n"
        "-    192.0.2.0/24 exact;\n+    203.0.113.0/24 exact;\n"
    )


def test_diff_of_new_and_removed_statements() -> None:
    change = (
        "policy-options { delete: prefix-list OURS; route-filter-list NEW { 192.0.2.0/24 exact; } }"
    )
    assert diff(change) == (
        "\n[edit policy-options]\n-   prefix-list OURS {\n-       203.0.113.0/24;\n"
        "-       2001:db8::/32;\n-   }\n"
        "+   route-filter-list NEW {\n+       192.0.2.0/24 exact;\n+   }\n"
    )


def test_diff_of_a_leaf_of_a_moved_entry_and_of_nothing() -> None:
    assert diff("system { host-name edge2; }") == (
        "\n[edit system]\n-   host-name edge1;\n+   host-name edge2;\n"
    )
    one, other = "192.0.2.0/24 exact;", "198.51.100.0/24 upto /26;"
    swapped = options("replace:", V4, "{", other, one, "}")
    assert diff(swapped) == (
        "\n[edit policy-options route-filter-list IRR-AS64500-V4]\n!    198.51.100.0/24 upto /26;\n"
    )
    same = options("replace:", V4, "{", one, other, "}")
    assert diff(same) == "\n"


def test_diff_of_activation_and_of_an_action() -> None:
    assert diff("policy-options { inactive: prefix-list OURS; }") == (
        "\n[edit policy-options]\n!   inactive: prefix-list OURS { ... }\n"
    )
    assert diff(
        "policy-options { route-filter-list IRR-AS64500-V4 { 192.0.2.0/24 exact reject; } }"
    ) == (
        "\n[edit policy-options route-filter-list IRR-AS64500-V4]\n"
        "-    192.0.2.0/24 exact;\n+    192.0.2.0/24 exact reject;\n"
    )


def test_changed_statements_name_the_lists() -> None:
    before = parse_config(RUNNING)
    after, _ = loaded(
        "policy-options { route-filter-list IRR-AS64500-V4 { 0.0.0.0/0 exact; } } system { x; }"
    )
    assert changed_statements(before, parse_config(after)) == ["system", "IRR-AS64500-V4"]


def test_commit_check_of_references() -> None:
    after, _ = loaded("policy-options { delete: route-filter-list IRR-AS64500-V4; }")
    assert check_candidate(parse_config(after)) == [
        "Policy error: IRR-AS64500-V4 route-filter-list referenced (in term irr) but not defined",
        "configuration check-out failed",
    ]
    after, _ = loaded("policy-options { inactive: route-filter-list IRR-AS64500-V4; }")
    assert check_candidate(parse_config(after)) != []
    after, _ = loaded("policy-options { delete: policy-statement FROM-AS64500; }")
    assert check_candidate(parse_config(after))[0] == (
        "Policy error: Policy FROM-AS64500 referenced but not defined"
    )
    assert check_candidate(parse_config(RUNNING)) == []


@pytest.mark.parametrize(
    "body",
    [
        "192.0.2.0/24 exact; 2001:db8::/32 exact;",
        "192.0.2.0/24 upto /23;",
        "192.0.2.0/24 upto /33;",
        "2001:db8::/32 prefix-length-range /48-/47;",
        "192.0.2.0/24 prefix-length-range /20-/28;",
        "192.0.2.0/24 prefix-length-range /25-/33;",
    ],
)
def test_commit_check_of_lists(body: str) -> None:
    after, errors = loaded(f"policy-options {{ route-filter-list X {{ {body} }} }}")
    assert errors == []
    assert check_candidate(parse_config(after))[-1] == "configuration check-out failed"


def verdicts(body: str, *routes: str) -> list[bool]:
    running = f"policy-options {{ route-filter-list X {{ {body} }} }}"
    return [accepts(running, "X", route) for route in routes]


def test_the_longest_entry_alone_is_examined() -> None:
    # The example of Juniper's documentation.
    body = "192.168.0.0/16 orlonger; 192.168.254.0/23 exact;"
    assert verdicts(
        body, "192.168.254.0/24", "192.168.254.0/23", "192.168.0.0/16", "192.168.1.0/24"
    ) == [False, True, True, True]


def test_entries_of_one_prefix_are_scanned_from_top_to_bottom() -> None:
    body = "0.0.0.0/0 upto /7 reject; 0.0.0.0/0 upto /24; 0.0.0.0/0 orlonger reject;"
    assert verdicts(body, "0.0.0.0/0", "0.0.0.0/8", "0.0.0.0/25") == [False, True, False]


def test_every_match_type() -> None:
    routes = ("192.0.2.0/23", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.0/26", "192.0.2.0/32")
    table = {
        "exact": [False, True, False, False, False],
        "longer": [False, False, True, True, True],
        "orlonger": [False, True, True, True, True],
        "upto /25": [False, True, True, False, False],
        "prefix-length-range /25-/26": [False, False, True, True, False],
    }
    for match, expected in table.items():
        assert verdicts(f"192.0.2.0/24 {match};", *routes) == expected, match
    assert verdicts("2001:db8::/32 upto /48;", "2001:db8:1::/48", "2001:db8:1::/49") == [
        True,
        False,
    ]


def test_the_oracle_does_not_guess() -> None:
    for body in ("", "192.0.2.1/24 exact;", "192.0.2.0/24 through 192.0.2.0/26;"):
        with pytest.raises(UndocumentedError):
            verdicts(body, "192.0.2.0/24")
    with pytest.raises(KeyError):
        accepts(
            "policy-options { inactive: route-filter-list X { 192.0.2.0/24 exact; } }",
            "X",
            "192.0.2.0/24",
        )
    assert list(route_filters(RUNNING)) == ["IRR-AS64500-V4"]


def test_framing_byte_by_byte() -> None:
    framer = Framer()
    messages = []
    for byte in b"<a>]]>]</a>]]>]]>\n<b/>]]>]]>":
        framer.feed(bytes([byte]))
        messages += [m for m in [framer.message()] if m is not None]
    assert messages == [b"<a>]]>]</a>", b"\n<b/>"]


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_chunked_framing(step: int) -> None:
    long = b"<a>" + b"x" * (2 * CHUNK) + b"</a>"
    stream = b"".join([*frame(long, chunked=True), *frame(b"<b/>", chunked=True)])
    framer = Framer()
    framer.chunked = True
    messages = []
    for start in range(0, len(stream), step):
        framer.feed(stream[start : start + step])
        while (message := framer.message()) is not None:
            messages.append(message)
    assert messages == [long, b"<b/>"]
    framer.feed(b"this is no chunk header")
    with pytest.raises(FramingError):
        framer.message()


def test_a_clone_can_change_alone() -> None:
    tree = parse_config(RUNNING)
    copy = tree.clone()
    assert copy.same_as(tree)
    load_text("system { host-name other; }", copy, replace=False)
    assert render(tree) == RUNNING
    assert not copy.same_as(tree)
    assert not copy.same_as(Node())
