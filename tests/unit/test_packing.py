"""Prefix sets as bytes: read back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.aggregation import Entry
from irrgate.packing import unpack
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes


@st.composite
def entries(draw: st.DrawFn, afi: Afi) -> Entry:
    length, ge, le = sorted(draw(st.integers(0, afi.bits)) for _ in range(3))
    host = afi.bits - length
    return draw(st.integers(0, (1 << afi.bits) - 1)) >> host << host, length, ge, le


@pytest.mark.parametrize("afi", Afi)
@given(data=st.data())
def test_what_is_packed_is_what_is_unpacked(afi: Afi, data: st.DataObject) -> None:
    made = PrefixSet.from_entries(afi, data.draw(st.lists(entries(afi), max_size=30)))
    found = PrefixSet.unpacked(afi, made.packed())
    assert found == made
    assert found.digest == made.digest
    assert list(found.entries()) == list(made.entries())


@pytest.mark.parametrize(
    "made", [prefixes("192.0.2.0/24", "10.0.0.0/8"), prefixes("2001:db8::/32")]
)
def test_bytes_that_were_cut_off(made: PrefixSet) -> None:
    packed = made.packed()
    for end in range(1, len(packed)):
        try:
            nodes = unpack(packed[:end], made.afi.bits)
        except ValueError:
            continue
        assert PrefixSet(made.afi, nodes).digest != made.digest
