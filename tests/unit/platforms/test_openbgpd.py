"""OpenBGPD's files: what is read in them, what is not believed, and what they are refused for."""

from __future__ import annotations

import pytest

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.daemon_files import DaemonFile
from irrgate.platforms.openbgpd import changes
from irrgate.platforms.openbgpd_text import is_seal, merged, running_text, seal_of
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.openbgpd_semantics import prefix_sets
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import NAMES, WANTED, OpenbgpdRouter, candidate

PLATFORM = PLATFORMS["openbgpd"]
NAME = NAMES[Afi.IPV4]
OWN = "/etc/bgpd/irrgate.conf"


def running(own: str, loaded: str | None = "", **user: str) -> str:
    return running_text(DaemonFile(OWN, own), user, loaded)


def held(own: str, loaded: str | None = "") -> ManagedList:
    return PLATFORM.parse(running(own, loaded), WANTED, "IRR-").lists[NAME]


def one(body: str) -> str:
    return f'prefix-set "{NAME}" {{\n{body}\n}}\n'


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ("\t10.0.0.0/8", "10.0.0.0/8"),
        ("\t10.0.0.0/8,", "10.0.0.0/8"),
        ("10.0.0.0/8, 192.0.2.0/24 # a remark, 198.51.100.0/24", "10.0.0.0/8, 192.0.2.0/24"),
        ("\t10.0.0.0/8 or-longer", "10.0.0.0/8 le 32"),
        ("\t10.0.0.0/8 maxlen 24", "10.0.0.0/8 le 24"),
        ("\t10.0.0.0/8 prefixlen 9 - 24", "10.0.0.0/8 ge 9 le 24"),
        ("\t10.0.0.0/8 prefixlen 9-24", "10.0.0.0/8 ge 9 le 24"),
        ("\t10.0.0.0/8 prefixlen = 24", "10.0.0.0/8 ge 24 le 24"),
        ("\t10.0.0.0/8 prefixlen >= 24", "10.0.0.0/8 ge 24 le 32"),
        ("\t10.0.0.0/8 prefixlen > 24", "10.0.0.0/8 ge 25 le 32"),
        ("\t10.0.0.0/8 prefixlen <= 24", "10.0.0.0/8 le 24"),
        ("\t10.0.0.0/8 prefixlen < 24", "10.0.0.0/8 le 23"),
        ("\t10.0.0.0/8\n\t10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_every_form_of_an_entry_is_read(body: str, accepted: str) -> None:
    own = merged("", {NAME: f"\n{body}\n"}, ())
    found = held(own, seal_of(own))
    assert found.prefixes == prefixes(*accepted.split(", "))
    plain = body in {"\t10.0.0.0/8", "\t10.0.0.0/8 maxlen 24", "\t10.0.0.0/8 prefixlen 9 - 24"}
    assert found.plain is plain


@pytest.mark.parametrize(
    "body",
    [
        "\t10.0.0.0/8 maxlen 33",
        "\t10.0.0.0/8 maxlen 7",
        "\t10.0.0.0/8 prefixlen 24 - 9",
        "\t10.0.0.0/8 prefixlen != 9",
        "\t10.0.0.0/8 prefixlen 8 >< 24",
        "\t10.0.0.1/8",
        "\t10.0.0.0/33",
        "\t10.0.0.0",
        "\t2001:db8::/32",
        "\t$macro",
        "\t10.0.0.0/8 maxlen",
        "\t10.0.0.0/8;",
    ],
)
def test_an_entry_that_cannot_be_is_an_error_about_the_set(body: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        held(one(body))


@pytest.mark.parametrize("afi", Afi)
def test_a_set_without_entries_is_explicit_or_written_anew(afi: Afi) -> None:
    name = NAMES[afi]
    router = OpenbgpdRouter()
    router.load(candidate("openbgpd", {name: PrefixSet.empty(afi)}))
    found = PLATFORM.parse(router.running(), WANTED, "IRR-").lists[name]
    assert (found.prefixes, found.plain) == (PrefixSet.empty(afi), True)
    for body in (" ", "\n", "\n\t# accepts no prefix\n"):
        own = merged("", {name: body}, ())
        bare = PLATFORM.parse(running(own, seal_of(own)), WANTED, "IRR-").lists[name]
        assert (bare.prefixes, bare.plain) == (PrefixSet.empty(afi), False)


def test_what_the_daemon_did_not_prove_is_written_anew() -> None:
    own = merged("", {NAME: "\n\t10.0.0.0/8\n"}, ())
    assert held(own, seal_of(own)).plain
    by_hand = own.replace("10.0.0.0/8", "0.0.0.0/0")
    for text, loaded in [
        (own, ""),
        (own, None),
        (own, f"irrgate-{'0' * 64}"),
        (by_hand, seal_of(own)),
        (one("\t10.0.0.0/8"), ""),
    ]:
        assert not held(text, loaded).plain


def test_a_seal_is_of_these_very_bytes() -> None:
    own = merged("", {NAME: "\n\t10.0.0.0/8\n"}, ())
    assert is_seal(seal_of(own) or "")
    assert seal_of("") == seal_of("# nothing yet\n") == ""
    assert seal_of(own.replace("10.0.0.0/8", "10.0.0.0/9")) is None
    assert seal_of(own.replace(own.splitlines()[-1], "")) is None
    assert seal_of(f"{own}\n") is None
    assert seal_of(merged(own, {}, ())) == seal_of(own)


def test_the_other_sets_of_the_file_stay_as_they_are() -> None:
    own = merged("", {"IRR-B-V4": " 10.0.0.0/8, # mine\n", "IRR-C-V4": "\n\t10.0.0.0/8\n"}, ())
    changed = merged(own, *changes(candidate("openbgpd", {"IRR-A-V4": prefixes("192.0.2.0/24")})))
    assert list(prefix_sets(changed))[:-1] == ["IRR-A-V4", "IRR-B-V4", "IRR-C-V4"]
    assert 'prefix-set "IRR-B-V4" { 10.0.0.0/8, # mine\n}' in changed
    assert merged(changed, {}, ["IRR-A-V4"]) == own
    assert changed.count("irrgate-") == 1


@pytest.mark.parametrize(
    "own",
    [
        'as-set "X" { 64500 }\n',
        "allow from any\n",
        'include "/etc/other"\n',
        'prefix-set "IRR-AS64500-V4" { 10.0.0.0/8\n',
        'prefix-set "IRR-AS64500-V4" { 10.0.0.0/8 }\n' * 2,
        'prefix-set "IRR-A" { 10.0.0.0/8 } allow from any\n',
        'mine = "x"\n',
    ],
)
def test_a_file_that_holds_anything_else_is_not_read_and_not_overwritten(own: str) -> None:
    with pytest.raises(ParseError):
        merged(own, {}, ())
    with pytest.raises(ParseError):
        PLATFORM.parse(running(own), WANTED, "IRR-")


def test_a_set_of_that_name_in_the_users_file_is_told() -> None:
    text = running("", "", **{"/etc/bgpd.conf": f"prefix-set {NAME} {{ 10.0.0.0/8 }}\n"})
    with pytest.raises(ParseError, match=r"is defined in /etc/bgpd\.conf") as caught:
        PLATFORM.parse(text, WANTED, "IRR-")
    assert caught.value.hint == "delete it there"
    commented = running("", "", **{"/etc/bgpd.conf": f"# prefix-set {NAME} {{ 10.0.0.0/8 }}\n"})
    assert PLATFORM.parse(commented, WANTED, "IRR-").lists == {}


def test_a_text_that_was_cut_off_anywhere_is_an_error() -> None:
    router = OpenbgpdRouter()
    router.load(candidate("openbgpd", {NAME: prefixes("192.0.2.0/24")}))
    text = router.running()
    for end in range(len(text) - 1):
        with pytest.raises(ParseError, match="is cut off"):
            PLATFORM.parse(text[:end], WANTED, "IRR-")


def test_the_seal_is_no_filter_even_where_all_names_are_managed() -> None:
    own = merged("", {"irrgate-AS1-V4": "\n\t10.0.0.0/8\n"}, ())
    found = PLATFORM.parse(running(own, seal_of(own)), {}, "irrgate-")
    assert [each.name for each in found.strangers] == ["irrgate-AS1-V4"]
