"""From one version of the schema to the next: as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text, update

from irrgate.errors import StateError
from irrgate.state.migration import prepare
from irrgate.state.schema import SCHEMA_VERSION, version
from irrgate.state.sqlite import open_file
from tests.unit.state.places import NAME, OLD, Place, good

Step = Callable[[Connection], None]


def add_a_column(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE good_filters ADD COLUMN note TEXT"))
    connection.execute(text("UPDATE good_filters SET note = name || '!'"))


def fill_it(connection: Connection) -> None:
    connection.execute(text("UPDATE good_filters SET note = note || '?'"))


def fail(connection: Connection) -> None:
    fill_it(connection)
    connection.execute(text("UPDATE nowhere SET note = ''"))


def migrate(place: Place, steps: list[Step]) -> None:
    newest = SCHEMA_VERSION + len(steps)
    by_version = dict(enumerate(steps, SCHEMA_VERSION))
    database = open_file(place.directory)
    try:
        with database.writing() as connection:
            prepare(connection, database.where, newest=newest, steps=by_version)
    finally:
        database.close()


def notes(place: Place) -> list[str]:
    database = open_file(place.directory)
    try:
        with database.reading() as connection:
            return list(connection.execute(text("SELECT note FROM good_filters")).scalars())
    finally:
        database.close()


def test_each_step_is_taken_once_and_in_order(place: Place) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
    migrate(place, [add_a_column])
    assert notes(place) == [f"{NAME}!"]
    migrate(place, [add_a_column, fill_it])
    migrate(place, [add_a_column, fill_it])
    assert notes(place) == [f"{NAME}!?"]
    with pytest.raises(StateError, match=rf"newer irrgate \(version {SCHEMA_VERSION + 2}"):
        place.open()


def test_a_step_that_fails_leaves_nothing_behind(place: Place) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
    with pytest.raises(StateError, match="nowhere"):
        migrate(place, [add_a_column, fail])
    with place.open() as state:
        assert state.good(NAME) == good()
    with pytest.raises(StateError, match="no such column"):
        notes(place)


def test_there_is_a_step_from_every_version_that_was_released() -> None:
    from irrgate.state.migration import STEPS  # noqa: PLC0415

    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_a_first_state_gets_the_index_by_router(place: Place) -> None:
    def indexes() -> list[str]:
        database = open_file(place.directory)
        try:
            with database.reading() as connection:
                found = text("SELECT name FROM sqlite_master WHERE type = 'index'")
                return list(connection.execute(found).scalars())
        finally:
            database.close()

    with place.open():
        pass
    database = open_file(place.directory)
    with database.writing() as connection:
        connection.execute(text("DROP INDEX host_filters_of"))
        connection.execute(update(version).values(version=1))
    database.close()
    assert "host_filters_of" not in indexes()
    with place.open() as state:
        assert state.stored().schema == SCHEMA_VERSION
    assert "host_filters_of" in indexes()
