"""The words of SR OS's command lines as XML: bgpq4's two forms, and nothing else."""

from __future__ import annotations

import pytest

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.sros_text import is_text, to_xml
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes

NAME = "IRR-AS1-V4"
CLASSIC = f"""\
configure router policy-options
begin
no prefix-list "{NAME}"
prefix-list "{NAME}"
    prefix 10.0.0.0/8 exact
    prefix 10.0.0.0/8 prefix-length-range 16-24
    prefix 172.16.0.0/12 through 24
    prefix 192.168.0.0/16 longer
exit
commit
"""
MODEL_DRIVEN = f"""\
/configure policy-options
delete prefix-list "{NAME}"
prefix-list "{NAME}" {{
    prefix 10.0.0.0/8 type exact {{
    }}
    prefix 10.0.0.0/8 type range {{
        start-length 16
        end-length 24
    }}
    prefix 172.16.0.0/12 type through {{
        through-length 24
    }}
    prefix 192.168.0.0/16 type longer {{ }}
}}
"""
MEANS = prefixes(
    "10.0.0.0/8", "10.0.0.0/8 ge 16 le 24", "172.16.0.0/12 le 24", "192.168.0.0/16 ge 17 le 32"
)
BOTH = pytest.mark.parametrize("text", [CLASSIC, MODEL_DRIVEN], ids=["classic", "model-driven"])


def read(xml: str) -> PrefixSet:
    return PLATFORMS["sros"].parse(xml, {NAME: Afi.IPV4}, "IRR-").lists[NAME].prefixes


@BOTH
def test_both_forms_say_the_same(text: str) -> None:
    assert is_text(text)
    xml = to_xml(text)
    assert not is_text(xml)
    assert xml == to_xml(CLASSIC)
    assert read(xml) == MEANS
    assert xml.count('<prefix-list nc:operation="replace">') == 1


@BOTH
def test_a_list_that_is_not_removed_before_is_added_to(text: str) -> None:
    without = "\n".join(
        line for line in text.splitlines() if not line.startswith(("no ", "delete "))
    )
    assert "nc:operation" not in to_xml(without)
    assert read(to_xml(without)) == MEANS


@pytest.mark.parametrize(
    "text",
    [
        f'no prefix-list "{NAME}"\n',
        f"/configure {{ policy-options {{ delete prefix-list {NAME} }} }}",
    ],
)
def test_a_list_that_is_removed_and_not_set_again_goes(text: str) -> None:
    assert f'<prefix-list nc:operation="remove">\n      <name>{NAME}</name>' in to_xml(text)


def test_a_whole_config_is_read_too() -> None:
    inside = MODEL_DRIVEN.split("\n", 2)[2]
    assert read(to_xml(f"# by hand\nconfigure {{\n policy-options {{\n{inside} }}\n}}\n")) == MEANS


def test_of_several_ranges_of_one_prefix_one_stays_there() -> None:
    text = CLASSIC.replace("exact", "prefix-length-range 10-12")
    xml = to_xml(text)
    assert xml.count("<ip-prefix>10.0.0.0/8</ip-prefix>") == 1
    assert xml.count("<ip-prefix>10.128.0.0/9</ip-prefix>") == 1
    wanted = MEANS.difference(prefixes("10.0.0.0/8")).union(prefixes("10.0.0.0/8 ge 10 le 12"))
    assert read(xml) == wanted


def test_a_list_may_have_both_families() -> None:
    xml = to_xml(CLASSIC.replace("192.168.0.0/16 longer", "2001:db8::/32 through 48"))
    assert "<ip-prefix>2001:db8::/32</ip-prefix><type>through</type>" in xml


@BOTH
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10.0.0.0/8", "10.0.0.1/8"),
        ("10.0.0.0/8", "10.0.0.0/33"),
        ("172.16.0.0/12", "example.net"),
        (NAME, "IRR-A<B"),
        (NAME, "A" * 65),
        ("exact", "sometimes"),
    ],
)
def test_what_cannot_be_is_an_error(text: str, old: str, new: str) -> None:
    assert old in text
    with pytest.raises(ParseError):
        to_xml(text.replace(old, new))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CLASSIC.replace("16-24", "24-16"), "impossible lengths"),
        (CLASSIC.replace("16-24", "4-24"), "impossible lengths"),
        (CLASSIC.replace("begin", "shutdown"), "is of no prefix-list"),
        (CLASSIC.replace("commit", 'no policy-statement "IN"'), "is of no prefix-list"),
        (CLASSIC.replace(f'prefix-list "{NAME}"\n    ', "    ", 1), "outside of a list"),
        (MODEL_DRIVEN.replace("end-length 24", "end-length 8"), "impossible lengths"),
        (MODEL_DRIVEN.replace("end-length 24", ""), "an entry is unknown"),
        (MODEL_DRIVEN.replace("end-length 24", "end-length"), "is cut off, or unknown"),
        (MODEL_DRIVEN.replace("through-length", "end-length"), "an entry is unknown"),
        (MODEL_DRIVEN[:-3], "has what is no entry"),
        (MODEL_DRIVEN + "}", "a closing brace too many"),
        ("/configure {\n" + MODEL_DRIVEN, "a brace is not closed"),
        (MODEL_DRIVEN.replace("delete prefix-list", "delete policy-statement"), "must stand"),
        (MODEL_DRIVEN + 'router "Base" { bgp { } }', "is of no prefix-list"),
    ],
)
def test_what_is_of_no_prefix_list_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        to_xml(text)
