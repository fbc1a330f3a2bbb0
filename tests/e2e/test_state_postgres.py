"""The state in PostgreSQL: all that holds in a file holds there, and a server can go away."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from irrgate.errors import LockedError, StateError
from irrgate.state import State, open_state
from irrgate.state.schema import SCHEMA_VERSION
from tests.e2e.postgres_cluster import PASSWORD, QUOTED, USER, Cluster, cluster, programs
from tests.unit.state.places import NAME, NOW, OLD, Place, deploy, good
from tests.unit.state.test_deployment_store import (
    TestDeployments,
    TestPruning,
    TestRolledBack,
    TestUnfinished,
    kept,
)
from tests.unit.state.test_filter_store import (
    TestAcceptances,
    TestGoodFilters,
    TestHeldFilters,
    TestPrefixSets,
)
from tests.unit.state.test_killed import TestKilled
from tests.unit.state.test_locks import TestHostLocks, soon_locked

__all__ = [
    "TestAcceptances",
    "TestDeployments",
    "TestGoodFilters",
    "TestHeldFilters",
    "TestHostLocks",
    "TestKilled",
    "TestPrefixSets",
    "TestPruning",
    "TestRolledBack",
    "TestUnfinished",
    "kept",
]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    found = programs()
    if found is None:
        told = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    with cluster(found) as started:
        yield started


@pytest.fixture
def place(server: Cluster, tmp_path: Path) -> Place:
    return Place(tmp_path, server.new_schema())


@pytest.fixture
def state(place: Place) -> Iterator[State]:
    with place.open() as opened:
        yield opened


def refused(url: str, tmp_path: Path) -> StateError:
    with pytest.raises(StateError) as caught:
        open_state(tmp_path, url, {})
    everything = f"{caught.value} {caught.value.hint}"
    for secret in (PASSWORD, QUOTED, "geh", "wrong-secret"):
        assert secret not in everything
    assert caught.value.hint
    return caught.value


def test_over_a_unix_socket_and_by_the_environment(server: Cluster, tmp_path: Path) -> None:
    url = server.socket_url(server.new_database())
    with open_state(tmp_path, None, {"IRRGATE_STATE_URL": url}) as state:
        deploy(state, {}, {})
        with state.lock("edge1", "ana") as lock:
            lock.check()
        assert str(server.directory) in state.where
    assert list(tmp_path.iterdir()) == []


def test_no_server_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told = refused(f"postgresql://{USER}:{QUOTED}@127.0.0.1:{port}/state", tmp_path)
    assert told.subject == f"the PostgreSQL database state at 127.0.0.1:{port}"
    assert "cannot be reached" in told.reason


def test_a_wrong_password(server: Cluster, tmp_path: Path) -> None:
    told = refused(server.url("postgres", password="wrong-secret"), tmp_path)
    assert "refuses the user or the password" in told.reason


def test_no_database_of_that_name(server: Cluster, tmp_path: Path) -> None:
    assert "does not exist" in refused(server.url("nowhere"), tmp_path).reason


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://{USER}:{QUOTED}@127.0.0.1/state",
        f"postgresql+psycopg2://{USER}:{QUOTED}@127.0.0.1/state",
        f"postgresql://{USER}:{PASSWORD}@127.0.0.1/state",
        f"postgresql://{USER}:{QUOTED}@127.0.0.1:geheim/state",
        f"postgresql://{USER}:{QUOTED}@127.0.0.1:70000/state",
        f"postgresql://{USER}:{QUOTED}@ho\x1bst/state",
        f"postgresql://{USER}:{QUOTED}@127.0.0.1",
        f"postgresql:{USER}:{QUOTED}",
        "geheim",
    ],
)
def test_what_is_no_url(url: str, tmp_path: Path) -> None:
    told = refused(url, tmp_path)
    assert told.subject == "state.url"
    assert "postgresql://USER@HOST/DATABASE" in told.hint


def test_one_of_a_newer_irrgate(server: Cluster, tmp_path: Path) -> None:
    database = server.new_database()
    open_state(tmp_path, server.url(database), {}).close()
    server.execute(sql.SQL("UPDATE irrgate_schema SET version = version + 1"), database)
    told = refused(server.url(database), tmp_path)
    assert f"(version {SCHEMA_VERSION + 1}; this one reads {SCHEMA_VERSION})" in told.reason


def test_a_table_of_another_program(server: Cluster, tmp_path: Path) -> None:
    database = server.new_database()
    server.execute(sql.SQL("CREATE TABLE songs (title text)"), database)
    open_state(tmp_path, server.url(database), {}).close()
    database = server.new_database()
    server.execute(sql.SQL("CREATE TABLE journal (title text)"), database)
    assert "'journal' and is no state" in refused(server.url(database), tmp_path).reason


def test_networks_in_schemas_of_their_own(server: Cluster, tmp_path: Path) -> None:
    places = [Place(tmp_path, server.new_schema()) for _ in range(2)]
    with places[0].open() as one, places[1].open() as two:
        deploy(one, {}, {})
        assert two.deployments() == ()
        with one.lock("edge1", "ana"), two.lock("edge1", "eva") as lock:
            lock.check()


def test_a_user_who_may_not_write(server: Cluster, tmp_path: Path) -> None:
    database = server.new_database()
    server.execute(sql.SQL(f"ALTER DATABASE {database} SET default_transaction_read_only = on"))
    assert "is read-only" in refused(server.url(database), tmp_path).reason


def test_a_lock_that_the_server_ended_is_lost(server: Cluster, place: Place, state: State) -> None:
    first, second = state.lock("edge1", "ana"), state.lock("edge2", "ana")
    first.check()
    server.execute(
        sql.SQL(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'irrgate'"
        )
    )
    with pytest.raises(LockedError, match="edge1: the lock on it was lost"):
        first.check()
    with place.open() as other, soon_locked(other):
        with pytest.raises(LockedError, match="eva"):
            state.lock("edge1", "ana")
        for lock in (first, second):
            with pytest.raises(LockedError, match="was lost"):
                lock.check()
            lock.release()
    with state.lock("edge2", "ana") as again:
        again.check()
        with pytest.raises(LockedError, match="was lost"):
            second.check()


def test_a_lock_that_somebody_gave_back_is_lost(place: Place, state: State) -> None:
    with state.lock("edge1", "ana") as lock:
        session = state._locks._session  # type: ignore[attr-defined]
        session.exec_driver_sql("SELECT pg_advisory_unlock_all()")
        with pytest.raises(LockedError, match="the server does not have it any more"):
            lock.check()
        with place.open() as other:
            other.lock("edge1", "eva").release()


def test_a_server_that_is_restarted(server: Cluster, place: Place, state: State) -> None:
    state.keep_good(good(), OLD)
    number = deploy(state, {}, {}, outcome=None)
    server.control("stop", "-m", "immediate")
    try:
        with pytest.raises(StateError, match=r"cannot be reached|was shut down") as caught:
            state.journal(number, "edge1", "commit", NOW)
        assert caught.value.hint
        with pytest.raises(StateError):
            state.lock("edge1", "ana")
    finally:
        server.control("start")
    state.journal(number, "edge1", "commit", NOW)
    assert state.good(NAME) == good()
    assert len(state.deployment(number).hosts[0].journal) == 1
    # Its lock went with the server, so it counts as left behind.
    with place.open() as other:
        assert other.unended_deployments() == (number,)


def test_a_server_that_was_restarted_while_nobody_asked(server: Cluster, state: State) -> None:
    state.keep_good(good(), OLD)
    server.restart()
    assert state.good(NAME) == good()


def test_what_is_written_is_on_disk_whatever_the_server_is_set_to(
    server: Cluster, tmp_path: Path
) -> None:
    database = server.new_database()
    server.execute(sql.SQL(f"ALTER DATABASE {database} SET synchronous_commit = off"))
    with open_state(tmp_path, server.url(database), {}) as state:
        with state._database.writing() as connection:
            found = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        assert found == "on"
