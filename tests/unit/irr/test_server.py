"""What the server keeps in bounds, seen from inside; tests/e2e has the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from irrgate.irr import resolver
from irrgate.irr import server as server_module
from irrgate.irr import session as session_module
from irrgate.irr.current_registry import CurrentRegistry
from irrgate.irr.registry import RegisteredSet
from irrgate.irr.resolver import Selection
from irrgate.irr.server import IrrServer, ServerSettings
from tests.unit.irr.registries import loaded

CLIENTS = 40


def test_long_work_is_done_in_a_few_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client wants a set whose resolution pauses often; all get it, a few at a time."""
    text = "".join(f"as-set: AS-N{n}\nmembers: AS-N{n + 1}\nsource: TEST\n\n" for n in range(200))
    text += "as-set: AS-N200\nmembers: AS64500\nsource: TEST\n\n"
    text += "route: 192.0.2.0/24\norigin: AS64500\nsource: TEST\n"
    monkeypatch.setattr(resolver, "SLICE", 1)
    monkeypatch.setattr(server_module, "_TURN_SECONDS", 0.0)
    at_work, most = 0, 0
    origins_of = resolver.origins_of

    def counted(selection: Selection, root: RegisteredSet) -> Generator[None, None, list[int]]:
        nonlocal at_work, most
        # The first pause is before a place was asked for.
        yield
        at_work += 1
        most = max(most, at_work)
        found = yield from origins_of(selection, root)
        at_work -= 1
        return found

    monkeypatch.setattr(session_module, "origins_of", counted)

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"!!\n!a4AS-N0\n!q\n")
        answer = await reader.read()
        writer.close()
        return answer

    async def run(path: Path) -> list[bytes]:
        registries = CurrentRegistry(path, pytest.fail)
        server = IrrServer(registries, ServerSettings(snapshot=path))
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        try:
            return await asyncio.gather(*(ask(port) for _ in range(CLIENTS)))
        finally:
            listener.close()
            await server.end()
            registries.close()

    with loaded(tmp_path, text) as found:
        assert found.report.kept == 202
    answers = asyncio.run(run(tmp_path / "snapshot.irr"))
    assert answers == [b"A13\n192.0.2.0/24\nC\n"] * CLIENTS
    assert 2 <= most <= 8
