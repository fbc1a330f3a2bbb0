"""bgpq4's own text against irrgate's render, both read by irrgate's parser of the platform."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from irrgate.errors import IrrgateError, ParseError
from irrgate.irr.bgpq4 import LIST_NAME, parse_json
from irrgate.irr.snapshot import load_dumps
from irrgate.platforms import find_platform
from irrgate.platforms.platform import Platform, read_candidate
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from tests.lab.irr_process import irr_server
from tests.parity.printers import Printer
from tests.parity.sets import registry, set_name

MANAGED: Final = "IRR-"
NAMES: Final = {Afi.IPV4: "IRR-PARITY-V4", Afi.IPV6: "IRR-PARITY-V6"}
_WORKERS: Final = 4
_MAX_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of asking bgpq4."""

    name: str
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]

    def flags(self, afi: Afi) -> tuple[str, ...]:
        return ("-4", *self.ipv4) if afi is Afi.IPV4 else ("-6", *self.ipv6)


VARIANTS: Final = (
    Variant("single prefixes", (), ()),
    Variant("aggregated", ("-A",), ("-A",)),
    Variant("more specifics", ("-R", "24", "-m", "24"), ("-R", "48", "-m", "48")),
    Variant("aggregated more specifics", ("-A", "-R", "28"), ("-A", "-R", "64")),
    Variant("from a length on", ("-r", "24", "-R", "28"), ("-r", "48", "-R", "56")),
)


@dataclass
class Row:
    """What came of one platform's printer."""

    printer: Printer
    compared: int = 0
    different: int = 0
    by_own_rule: int = 0
    """of these: the entries are the same, and the platform evaluates them in another way"""
    examples: list[str] = field(default_factory=list)

    def add(self, what: str, *, same: bool, listed: bool) -> None:
        self.compared += 1
        if not same:
            self.different += 1
            self.by_own_rule += listed
            if not listed and len(self.examples) < _MAX_TOLD:
                self.examples.append(what)

    @property
    def unexplained(self) -> int:
        return self.different - self.by_own_rule


@contextmanager
def served(directory: Path, sets: int) -> Iterator[int]:
    """Serve the random sets; yields the port."""
    dump, snapshot = directory / "parity.db", directory / "parity.irr"
    dump.write_text(registry(sets), encoding="latin-1")
    load_dumps([dump], snapshot, on_problem=lambda _: None)
    with irr_server(snapshot) as server:
        yield server.port


def rows(port: int, printers: Sequence[Printer], numbers: Iterable[int]) -> list[Row]:
    """Compare the sets of these numbers, in both families and every variant."""
    asked = [(number, afi, variant) for number in numbers for afi in Afi for variant in VARIANTS]
    found = [Row(printer) for printer in printers]

    def ask(what: tuple[int, Afi, Variant]) -> tuple[bytes, list[str]]:
        number, afi, variant = what
        flags = (*variant.flags(afi), set_name(number))
        texts = [
            bgpq4(port, *each.flags, "-l", each.label(NAMES[afi]), *flags).decode()
            for each in printers
        ]
        return bgpq4(port, "-j", "-l", LIST_NAME, *flags), texts

    with ThreadPoolExecutor(_WORKERS) as pool:
        for what, (json, texts) in zip(asked, pool.map(ask, asked), strict=True):
            number, afi, variant = what
            keys, ranges = parse_json(json, afi)
            single = PrefixSet.from_keys(afi, keys)
            prefixes = single.union(PrefixSet.from_entries(afi, ranges))
            for row, text in zip(found, texts, strict=True):
                compare(row, f"{set_name(number)} {afi}, {variant.name}", prefixes, text)
    return found


def bgpq4(port: int, *arguments: str) -> bytes:
    done = subprocess.run(
        ["bgpq4", "-h", f"127.0.0.1:{port}", "-p", *arguments],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"ERROR" not in done.stderr, done.stderr
    return done.stdout


def compare(row: Row, what: str, prefixes: PrefixSet, text: str) -> None:
    platform = find_platform(row.printer.platform)
    ours = rendered(platform, prefixes)
    try:
        theirs = read(platform, row.printer, prefixes.afi, text)
    except IrrgateError as exc:
        row.add(f"{what}: {exc}", same=False, listed=False)
        return
    listed = row.printer.listed
    as_listed = listed is not None and listed(prefixes.afi, text) == ours
    told = f"{what}: bgpq4 has {theirs}, irrgate {ours}"
    row.add(told, same=theirs == ours, listed=as_listed)


def rendered(platform: Platform, prefixes: PrefixSet) -> PrefixSet:
    """What the platform's parser reads out of irrgate's own render."""
    name = NAMES[prefixes.afi]
    text = Renderer().render(platform.name, [platform.printed(name, prefixes, None)])
    found = read_candidate(platform, text, {}, {name: prefixes.afi})
    if found.lists[name].prefixes != prefixes:
        raise ParseError(name, "irrgate's own render says something else than it should")
    return found.lists[name].prefixes


def read(platform: Platform, printer: Printer, afi: Afi, text: str) -> PrefixSet:
    """What the platform's parser reads out of bgpq4's text, as it stands."""
    name = NAMES[afi]
    found = platform.parse(printer.running(text), {name: afi}, MANAGED)
    # bgpq4 prints no list at all for an empty set of some platforms.
    return found.lists[name].prefixes if name in found.lists else PrefixSet.empty(afi)
