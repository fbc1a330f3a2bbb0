"""Prefixes as bytes: they sort as addresses do, and what is none is refused."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.irr.packed_prefix import pack_prefix, prefix_text
from irrgate.irr.rpsl_dump import BrokenObject

NETWORKS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network(f"{address}/{length}", strict=False)
    )
)


@given(NETWORKS)
def test_a_prefix_packs_and_prints_as_the_standard_library_has_it(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    packed = pack_prefix(str(network.network_address), network.prefixlen)
    assert ipaddress.ip_network(prefix_text(packed)) == network
    assert packed[:-1] == network.network_address.packed
    assert packed[-1] == network.prefixlen


@given(st.lists(NETWORKS, max_size=6))
def test_packed_prefixes_sort_as_addresses_do(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> None:
    same = [n for n in networks if isinstance(n, ipaddress.IPv4Network)]
    packed = [pack_prefix(str(n.network_address), n.prefixlen) for n in same]
    assert [prefix_text(p) for p in sorted(packed)] == [str(n) for n in sorted(same)]


@pytest.mark.parametrize(
    ("address", "length", "reason"),
    [
        ("192.0.2.1", 24, "host bits"),
        ("192.0.2.0", 33, "not a prefix"),
        ("192.0.2", 24, "not a prefix"),
        ("192.0.02.0", 24, "not a prefix"),
        ("2001:db8::", 129, "not a prefix"),
        ("2001:db8::1", 64, "host bits"),
        ("2001:db8:::", 64, "not a prefix"),
    ],
)
def test_what_is_no_prefix_is_refused(address: str, length: int, reason: str) -> None:
    with pytest.raises(BrokenObject, match=reason):
        pack_prefix(address, length)
