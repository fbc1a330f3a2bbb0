"""Two runs at once: each waits for the other's transaction, and none fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from irrgate.errors import StateError
from irrgate.state import State, sqlite
from irrgate.state.sqlite import open_file
from tests.unit.state.places import NOW, Place, deploy

ROOT: Final = Path(__file__).resolve().parents[3]

_DEPLOY: Final = """
import sys
from pathlib import Path
from tests.unit.state.places import Place, deploy
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    with Place(Path(sys.argv[1])).open() as state:
        deploy(state, {}, {})
"""


def test_many_runs_make_and_fill_one_state(place: Place) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _DEPLOY, place.directory], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        run.communicate()
    assert [run.returncode for run in runs] == [0] * 4
    with place.open() as state:
        assert sorted(each.id for each in state.deployments(100)) == list(range(1, 21))


def test_a_transaction_is_waited_for(place: Place) -> None:
    with place.open() as state:
        other = open_file(place.directory)
        inside = threading.Event()
        leave = threading.Event()

        def hold() -> None:
            with other.writing():
                inside.set()
                leave.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(10)
        threading.Timer(0.3, leave.set).start()
        assert not leave.is_set()
        assert state.deployments() == ()
        number = deploy(state, {}, {})
        assert leave.is_set()
        thread.join()
        other.close()
        assert state.deployment(number).began_at == NOW


def test_but_not_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    with place.open() as state:
        other = open_file(place.directory)
        with other.writing(), pytest.raises(StateError, match="in use by another program"):
            deploy(state, {}, {})
        other.close()


def test_what_fails_half_way_did_not_happen(place: Place) -> None:
    def name_a_filter_twice(state: State, number: int) -> None:
        with state._database.writing() as connection:
            for _ in range(2):
                connection.exec_driver_sql(
                    "INSERT INTO host_filters (deployment, host, name) VALUES (?, 'edge1', 'A')",
                    (number,),
                )

    with place.open() as state:
        number = deploy(state, {}, {}, outcome=None)
        with pytest.raises(StateError, match="contradicts"):
            name_a_filter_twice(state, number)
        assert state.deployment(number).hosts[0].before == {}


def test_what_is_written_is_on_disk_when_a_call_returns(place: Place) -> None:
    full = 2
    with place.open() as state, state._database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        }
    assert found == {"synchronous": full, "journal_mode": "wal", "foreign_keys": 1}


def test_only_what_needs_the_state_loads_sqlalchemy() -> None:
    script = "import sys, playbooks.cli; print('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
