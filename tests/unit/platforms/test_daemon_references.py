"""What refers to a filter in the files of BIRD and OpenBGPD."""

from __future__ import annotations

import pytest

from irrgate.platforms.platform import Stranger
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import BirdRouter, candidate
from tests.unit.platforms.test_references import NAME, bird, only, openbgpd

# What counts in BIRD's files


@pytest.mark.parametrize(
    "line",
    [f"    if net ~ '{NAME}' then accept;", f"# until {NAME} is gone", f"define X = '{NAME}';"],
)
def test_in_birds_files_any_line_of_the_users_refers_to_it(line: str) -> None:
    reference = f"/etc/bird/bird.conf: {line.strip()}"
    assert only("bird", bird(f"{line}\n")) == Stranger(NAME, Afi.IPV4, (reference,), removable=True)
    assert only("bird", bird(line.replace(NAME, f"{NAME}-OLD"))).references == ()


def test_in_birds_files_those_of_every_file_count() -> None:
    router = BirdRouter(user={"/a": f"{NAME}\n", "/b": "", "/c": f"x {NAME}"})
    router.load(candidate("bird", {NAME: prefixes("10.0.0.0/8")}))
    assert only("bird", router.running()).references == (f"/a: {NAME}", f"/c: x {NAME}")


# What counts in OpenBGPD's files


@pytest.mark.parametrize(
    "line",
    [
        f"allow from AS 64500 prefix-set {NAME}",
        f'\tprefix-set "{NAME}" or-longer',
        f"# until {NAME} is gone",
        f"network prefix-set {NAME}",
    ],
)
def test_in_openbgpds_files_any_line_of_the_users_refers_to_it(line: str) -> None:
    reference = f"/etc/bgpd.conf: {line.strip()}"
    found = only("openbgpd", openbgpd(f"{line}\n"))
    assert found == Stranger(NAME, Afi.IPV4, (reference,), removable=True)
    assert only("openbgpd", openbgpd(line.replace(NAME, f"{NAME}-OLD"))).references == ()


@pytest.mark.parametrize("afi", Afi)
def test_of_an_empty_set_of_openbgpd_the_family_is_known(afi: Afi) -> None:
    found = only("openbgpd", openbgpd("", {NAME: PrefixSet.empty(afi)}))
    assert found == Stranger(NAME, afi, (), removable=True)


def test_a_set_of_the_users_is_not_ours_to_remove() -> None:
    elsewhere = f'prefix-set "{NAME}" {{ 2001:db8::/32 }}\n'
    found = only("openbgpd", openbgpd(elsewhere, {"IRR-AS64500-V4": prefixes("10.0.0.0/8")}))
    assert (found.afi, found.removable) == (Afi.IPV6, False)
