"""PrefixSet against brute force over a small universe, and against bgpq4 -A."""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterable, Iterator
from itertools import pairwise

import netaddr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irrgate.aggregation import Entry, canonical, runs, span
from irrgate.errors import PrefixError
from irrgate.prefixes import Afi, PrefixRange, PrefixSet, format_entry

Prefix = tuple[int, int]

# A universe of 2**4 addresses below each of these, small enough to enumerate every prefix.
BASE = {
    Afi.IPV4: int(netaddr.IPAddress("10.0.0.32")),
    Afi.IPV6: int(netaddr.IPAddress("2001:db8::20")),
}
DEPTH = 4


def universe(afi: Afi) -> Iterator[Prefix]:
    """Yield every prefix of the universe, its root and two less specifics included."""
    top = afi.bits - DEPTH
    for length in range(top - 2, afi.bits + 1):
        size = 1 << (afi.bits - length)
        base = BASE[afi] // size * size
        for index in range(max(1, (1 << DEPTH) // size)):
            yield base + index * size, length


UNIVERSE = {afi: list(universe(afi)) for afi in Afi}


def accepted_by(listed: Iterable[Entry], afi: Afi) -> set[Prefix]:
    accepted: set[Prefix] = set()
    for address, length, ge, le in listed:
        shift = afi.bits - length
        top = address >> shift
        accepted.update(p for p in UNIVERSE[afi] if ge <= p[1] <= le and p[0] >> shift == top)
    return accepted


def accepted_by_longest_match(listed: Iterable[Entry], afi: Afi) -> set[Prefix]:
    """Junos: only the entries of the most specific containing prefix are examined."""
    listed = list(listed)
    bits = afi.bits
    accepted = set()
    for p in UNIVERSE[afi]:
        containing = [
            e for e in listed if e[1] <= p[1] and e[0] >> (bits - e[1]) == p[0] >> (bits - e[1])
        ]
        longest = max((e[1] for e in containing), default=-1)
        if any(e[2] <= p[1] <= e[3] for e in containing if e[1] == longest):
            accepted.add(p)
    return accepted


def entry_strategy(afi: Afi) -> st.SearchStrategy[Entry]:
    top = afi.bits - DEPTH

    @st.composite
    def entry(draw: st.DrawFn) -> Entry:
        length = draw(st.integers(top - 2, afi.bits))
        host = afi.bits - length
        address = (BASE[afi] + draw(st.integers(0, (1 << DEPTH) - 1))) >> host << host
        if draw(st.booleans()):
            return address, length, length, length
        ge = draw(st.integers(length, afi.bits))
        return address, length, ge, draw(st.integers(ge, afi.bits))

    return entry()


families = st.sampled_from(list(Afi))
lists = families.flatmap(
    lambda afi: st.tuples(st.just(afi), st.lists(entry_strategy(afi), max_size=14))
)
pairs = families.flatmap(
    lambda afi: st.tuples(
        st.just(afi),
        st.lists(entry_strategy(afi), max_size=10),
        st.lists(entry_strategy(afi), max_size=10),
    )
)


@given(lists)
@settings(max_examples=400, deadline=None)
def test_aggregation_accepts_exactly_the_same(case: tuple[Afi, list[Entry]]) -> None:
    afi, written = case
    wanted = accepted_by(written, afi)
    made = PrefixSet.from_entries(afi, written)
    assert accepted_by(made.entries(), afi) == wanted
    assert accepted_by_longest_match(made.longest_match_entries(), afi) == wanted
    assert accepted_by(made.longest_match_entries(), afi) == wanted
    assert {p for p in UNIVERSE[afi] if made.contains(*p)} == wanted


@given(lists)
@settings(max_examples=300, deadline=None)
def test_aggregation_is_idempotent_and_canonical(case: tuple[Afi, list[Entry]]) -> None:
    afi, written = case
    made = PrefixSet.from_entries(afi, written)
    once = list(made.entries())
    again = PrefixSet.from_entries(afi, once)
    assert list(again.entries()) == once
    assert again == made
    assert again.digest == made.digest
    assert PrefixSet.from_entries(afi, reversed(written)) == made
    assert len(once) <= max(1, len(set(written)))
    assert once == sorted(once)


@given(pairs)
@settings(max_examples=400, deadline=None)
def test_difference_and_union(case: tuple[Afi, list[Entry], list[Entry]]) -> None:
    afi, first, second = case
    a, b = PrefixSet.from_entries(afi, first), PrefixSet.from_entries(afi, second)
    in_a, in_b = accepted_by(first, afi), accepted_by(second, afi)
    assert accepted_by(a.difference(b).entries(), afi) == in_a - in_b
    assert accepted_by(b.difference(a).entries(), afi) == in_b - in_a
    assert accepted_by(a.union(b).entries(), afi) == in_a | in_b
    # The change applied to the old filter is the new filter, and back again.
    assert a.difference(a.difference(b)).union(b.difference(a)) == b
    assert not a.difference(a)


@given(
    families.flatmap(
        lambda afi: st.tuples(
            st.just(afi),
            st.sets(st.integers(0, (1 << DEPTH) - 1), min_size=9, max_size=16),
            st.lists(entry_strategy(afi), max_size=8),
            entry_strategy(afi),
        )
    )
)
@settings(max_examples=400, deadline=None)
def test_a_small_set_is_subtracted_from_a_large_one(
    case: tuple[Afi, set[int], list[Entry], Entry],
) -> None:
    afi, hosts, more, small = case
    single = [(BASE[afi] + n, afi.bits, afi.bits, afi.bits) for n in hosts]
    # Far from the universe, so that only the way of subtracting depends on them.
    far = [((n << 1) << (afi.bits - 16), 16, 16, 16) for n in range(100, 300)]
    large = PrefixSet.from_entries(afi, [*single, *more, *far])
    left = accepted_by([*single, *more], afi)
    rest = large.difference(PrefixSet.from_entries(afi, [small]))
    assert rest.entry_count > 190
    assert accepted_by(rest.entries(), afi) == left - accepted_by([small], afi)
    assert rest == PrefixSet.from_entries(afi, rest.entries())
    assert list(rest.entries()) == sorted(rest.entries())


@given(lists)
@settings(max_examples=200, deadline=None)
def test_counts(case: tuple[Afi, list[Entry]]) -> None:
    afi, written = case
    inside = [e for e in written if e[1] >= afi.bits - DEPTH]
    made = PrefixSet.from_entries(afi, inside)
    wanted = accepted_by(inside, afi)
    addresses = {
        address
        for start, length in wanted
        for address in range(start, start + (1 << (afi.bits - length)))
    }
    assert made.prefix_count == len(wanted)
    assert made.address_count == len(addresses)
    assert made.entry_count == len(list(made.entries()))


def test_longest_match_repeats_what_the_shorter_prefix_accepts() -> None:
    # On Junos 10.0.0.0/23 alone would hide the /22's /24s from 10.0.0.0/24 and 10.0.1.0/24.
    made = PrefixSet.parse(Afi.IPV4, ["10.0.0.0/22 ge 24 le 24", "10.0.0.0/23"])
    shown = [format_entry(Afi.IPV4, e) for e in made.longest_match_entries()]
    assert shown == ["10.0.0.0/22 ge 24 le 24", "10.0.0.0/23 le 24"]
    assert [format_entry(Afi.IPV4, e) for e in made.entries()] == [
        "10.0.0.0/22 ge 24 le 24",
        "10.0.0.0/23 le 24",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("10.0.0.0/8 le 24", "10.0.0.0/8 le 24"),
        ("10.0.0.0/8 ge 9 le 24", "10.0.0.0/8 ge 9 le 24"),
        ("10.0.0.0/8 ge 9", "10.0.0.0/8 ge 9 le 32"),
        ("10.0.0.0/8^+", "10.0.0.0/8 le 32"),
        ("10.0.0.0/8^-", "10.0.0.0/8 ge 9 le 32"),
        ("10.0.0.0/8^24", "10.0.0.0/8 ge 24 le 24"),
        ("10.0.0.0/8^16-24", "10.0.0.0/8 ge 16 le 24"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("2001:db8::/32 le 48", "2001:db8::/32 le 48"),
    ],
)
def test_ranges_are_read_and_printed(text: str, shown: str) -> None:
    assert str(PrefixRange.parse(text)) == shown
    assert PrefixRange.parse(shown) == PrefixRange.parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.0", "not a prefix"),
        ("192.0.2.1/24", "beyond the prefix length"),
        ("192.0.2.0/33", "at most 32"),
        ("10/8", "no IP address"),
        ("10.0.0.0/8 le 7", "lengths must satisfy"),
        ("10.0.0.0/8 ge 7", "lengths must satisfy"),
        ("10.0.0.0/24^16", "lengths must satisfy"),
        ("192.0.2.0/24; reload", "not a prefix"),
        ("::1.2.3/24", "no IP address"),
        ("2001:db8::/129", "at most 128"),
    ],
)
def test_what_is_no_range_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PrefixError, match=reason):
        PrefixRange.parse(text)


def test_host_bits_name_the_prefix_that_was_meant() -> None:
    with pytest.raises(PrefixError) as caught:
        PrefixRange.parse("192.0.2.77/24")
    assert caught.value.hint == "did you mean 192.0.2.0/24?"


def test_families_are_not_mixed() -> None:
    with pytest.raises(PrefixError, match="expected"):
        PrefixSet.parse(Afi.IPV4, ["2001:db8::/32"])
    with pytest.raises(PrefixError):
        PrefixSet.empty(Afi.IPV4).union(PrefixSet.empty(Afi.IPV6))
    assert "2001:db8::/32" not in PrefixSet.parse(Afi.IPV4, ["0.0.0.0/0"])


def test_digest_is_a_known_value() -> None:
    # Plans and state are compared across machines and versions: a change here breaks them.
    four = PrefixSet.parse(Afi.IPV4, ["192.0.2.0/24", "198.51.100.0/24"])
    six = PrefixSet.parse(Afi.IPV6, ["2001:db8::/32 le 48"])
    assert four.digest == "609b29982c16d5bfaa0c512fde13b9d55d998f1b41f7137a58041a1b7d650439"
    assert six.digest == "3b9838d0b7c7b41a30899e7c7a90e4cf0cd7088cfdc4acdcf3c8382e80ce6df0"


@given(st.integers(0, 2**33 - 1))
def test_runs_are_the_mask(mask: int) -> None:
    found = list(runs(mask))
    assert sum(span(ge, le) for ge, le in found) == mask
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(pairs)
@settings(max_examples=300, deadline=None)
def test_keys_outside_are_those_not_in_the_set(
    case: tuple[Afi, list[Entry], list[Entry]],
) -> None:
    afi, first, second = case
    keys = sorted({e[0] << 8 | e[1] for e in first})
    # Some of the set accept all that is below them, as blocked space does, and some do not.
    whole = [(a, n, n, afi.bits) for a, n, _, _ in second[::2]]
    blocked = PrefixSet.from_entries(afi, whole + second[1::2])
    assert blocked.keys_outside(keys) == [k for k in keys if not blocked.contains(k >> 8, k & 255)]


def test_a_large_set_is_quick_and_small() -> None:
    # Well under a second; a quadratic step would take minutes.
    keys = [(10 << 24 | n << 8) << 8 | 24 for n in range(60_000)]
    keys += [(11 << 24 | n << 9) << 8 | 24 for n in range(30_000)]
    made = PrefixSet.from_keys(Afi.IPV4, keys)
    assert made.prefix_count == 90_000
    assert made.entry_count < 30_100
    assert canonical({}, 32) == {}


class _OneAnswer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for raw in self.rfile:
            query = raw.strip().decode()
            if query == "!q":
                return
            if query == "!!":
                continue
            if query == "!a":
                self.wfile.write(b"F Missing required set name for A query\n")
            elif query == "!s-lc":
                self.wfile.write(b"A5\nDEMO\nC\n")
            elif query.startswith("!a"):
                body: bytes = self.server.body  # type: ignore[attr-defined]
                self.wfile.write(b"A%d\n%sC\n" % (len(body), body) if body else b"D\n")
            else:
                self.wfile.write(b"C\n")


@pytest.fixture(scope="module")
def bgpq4_aggregates() -> Iterator[object]:
    """Return a function: prefixes as text → bgpq4 -A's entries for them."""
    if shutil.which("bgpq4") is None:
        pytest.skip("bgpq4 is not installed")
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _OneAnswer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def run(afi: Afi, prefixes: list[str], more: int | None) -> list[Entry]:
        server.body = (" ".join(prefixes) + "\n").encode() if prefixes else b""  # type: ignore[attr-defined]
        argv = ["bgpq4", "-h", f"127.0.0.1:{server.server_address[1]}", "-Aj", "-pl", "x"]
        argv += ["-6"] if afi is Afi.IPV6 else []
        argv += ["-R", str(more)] if more else []
        done = subprocess.run([*argv, "AS-T"], capture_output=True, check=False, timeout=10)
        assert not done.stderr, done.stderr
        found = []
        for item in json.loads(done.stdout)["x"]:
            base = PrefixRange.parse(item["prefix"])
            le = item.get("less-equal", base.length)
            found.append((base.address, base.length, item.get("greater-equal", base.length), le))
        return found

    yield run
    server.shutdown()
    server.server_close()


singles = families.flatmap(
    lambda afi: st.tuples(
        st.just(afi),
        st.sets(
            st.tuples(st.integers(0, (1 << DEPTH) - 1), st.integers(afi.bits - DEPTH, afi.bits)),
            min_size=1,
            max_size=40,
        ),
        st.sampled_from([None, None, afi.bits - 1, afi.bits]),
    )
)


@given(case=singles)
@settings(max_examples=250, deadline=None)
def test_never_more_entries_than_bgpq4(
    bgpq4_aggregates: object, case: tuple[Afi, set[tuple[int, int]], int | None]
) -> None:
    afi, raw, more = case
    written = []
    for offset, length in sorted(raw):
        host = afi.bits - length
        address = (BASE[afi] + offset) >> host << host
        written.append((address, length, length, length))
    texts = sorted({format_entry(afi, e) for e in written})
    theirs = bgpq4_aggregates(afi, texts, more)  # type: ignore[operator]
    wanted = [(a, n, n, max(n, more) if more else n) for a, n, _, _ in written]
    ours = PrefixSet.from_entries(afi, wanted)
    assert accepted_by(theirs, afi) == accepted_by(ours.entries(), afi)
    assert ours.entry_count <= len(theirs)
