"""kill -9 in the middle of writing: every entry is there as a whole, or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from irrgate.state import Deployment
from tests.unit.state.places import NAME, Place

ROOT: Final = Path(__file__).resolve().parents[3]

_WRITE: Final = """
import sys
from pathlib import Path
from irrgate.state import State
from tests.unit.filters_made import prefixes
from irrgate.state import Deployment
from tests.unit.state.places import NAME, NOW, Place, good

def told(*words):
    print(*words, flush=True)

with Place(Path(sys.argv[1]), sys.argv[2] or None).open() as state:
    told("open")
    for turn in range(10_000):
        content = prefixes(*(f"10.{turn % 256}.{n}.0/24" for n in range(0, 256, 2)))
        hosts = [f"edge{n}" for n in range(20)]
        number = state.begin_deployment("apply", "ana", "", "abc", hosts, NOW)
        told("deployment", number)
        state.keep_good(good(content), content)
        told("good", content.digest)
        after = {f"IRR-AS{n}-V4": content.digest for n in range(50)}
        state.begin_host(number, "edge7", "eos", {}, after, NOW)
        told("begun", number)
        for step in range(3):
            state.journal(number, "edge7", f"step {step}", NOW, {"text": "x" * 5000})
            told("step", number, step)
"""


class TestKilled:
    @pytest.mark.parametrize("turn", range(3))
    def test_what_was_written_is_there_and_whole(self, place: Place, turn: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITE, place.directory, place.url or ""],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        moment = random.Random(turn)
        first = [process.stdout.readline() for _ in range(moment.randint(4, 40))]
        time.sleep(moment.uniform(0, 0.01))
        process.kill()
        told = [line.split() for line in [*first, *process.stdout.read().splitlines()]]
        process.stdout.close()
        process.wait()
        with place.open() as state:
            found = [state.deployment(each.id) for each in state.deployments(100_000)]
            content = [words[1] for words in told if words[0] == "good"]
            kept = state.good(NAME)
            assert kept is not None
            assert state.prefixes(kept.digest).digest == kept.digest
            assert kept.digest == content[-1] or told[-1][0] == "deployment"
            written = {tuple(words) for words in told if words[0] != "good"}
            there = entries(found)
            assert written <= there
            # The one that was under way may be there as well.
            assert len(there - written) <= 1


def entries(found: Iterable[Deployment]) -> set[tuple[str, ...]]:
    """Return what deployments hold in the words of the writer; each must be whole."""
    there: set[tuple[str, ...]] = set()
    for each in found:
        assert len(each.hosts) == 20
        there.add(("deployment", str(each.id)))
        host = each.hosts[7]
        assert len(host.after) == (50 if host.is_unfinished else 0)
        if host.is_unfinished:
            there.add(("begun", str(each.id)))
        for number, entry in enumerate(host.journal):
            assert entry.detail == {"text": "x" * 5000}
            there.add(("step", str(each.id), str(number)))
    return there
