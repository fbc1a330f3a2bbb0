"""NX-API of an emulated NX-OS: JSON-RPC over HTTPS, a list of commands a request.

From Cisco's "NX-API CLI" guide: one object for one command, a list for several; a command that
fails has an `error` with the device's text below `data`, and the answer's status is 500 then
(napalm pull request 1461). `rollback: stop-on-error` leaves out the commands after it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.lab.https_server import GARBAGE, HttpsHandler, HttpsServer, LineCut
from tests.lab.nxos_cli import NxosCli
from tests.lab.nxos_config import CommandRefused
from tests.lab.nxos_switch import NxosSwitch

MAX_COMMANDS = 2000
"""in one request: no source has a number, and a client must not rely on there being none"""


class NxApiServer(HttpsServer):
    """The server of one switch."""

    def __init__(self, switch: NxosSwitch, port: int, certificate: Path, key: Path) -> None:
        self.switch = switch
        super().__init__(switch.chassis, port, certificate, key, NxApiHandler)


class NxApiHandler(HttpsHandler):
    """One connection."""

    path_served = "/ins"
    refused = b"<html><body><h1>401 Authorization Required</h1></body></html>"
    server: NxApiServer

    def answer(self, body: bytes) -> None:
        try:
            request = json.loads(body)
            calls = request if isinstance(request, list) else [request]
            if len(calls) > MAX_COMMANDS:
                self.send(413, b"<html><body>413 Request Entity Too Large</body></html>")
                return
            commands = [(call["id"], call["method"], call["params"]["cmd"]) for call in calls]
        except (ValueError, KeyError, TypeError) as exc:
            self.send(400, f"<html><body>400 Bad Request: {exc}</body></html>".encode())
            return
        stops = any(call.get("rollback") == "stop-on-error" for call in calls)
        cli = NxosCli(self.server.switch, self.server.chassis.options.username)
        answers = self._run(cli, commands, stops=stops and self.server.switch.stops_on_error)
        if cli.after.hang is not None:
            self.server.chassis.faults.sleep(cli.after.hang)
        if cli.after.cut:
            raise LineCut
        if cli.after.garbage:
            self.send(200, GARBAGE)
            return
        if self.server.switch.oddity == "busy":
            self.send(503, GARBAGE)
            return
        if self.server.switch.oddity == "short" and len(answers) > 1:
            del answers[-1]
        failed = any("error" in each for each in answers)
        found = answers if isinstance(request, list) and len(calls) > 1 else answers[0]
        self.send(500 if failed else 200, json.dumps(found).encode())

    def _run(
        self, cli: NxosCli, commands: list[tuple[object, str, str]], *, stops: bool
    ) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        try:
            for number, method, command in commands:
                data = method == "cli" and command.startswith("show ")
                try:
                    shown = cli.run(command, data=data)
                except CommandRefused as exc:
                    error = {
                        "code": -32602,
                        "message": "Invalid params",
                        "data": {"msg": f"{exc}\n"},
                    }
                    answers.append({"jsonrpc": "2.0", "error": error, "id": number})
                    if stops:
                        break
                    continue
                result: object = None
                if self.server.switch.oddity == "remark" and not data:
                    shown = shown or "Warning: think twice"
                if shown:
                    result = {"body": shown} if data else {"msg": shown}
                answers.append({"jsonrpc": "2.0", "result": result, "id": number})
        finally:
            with self.server.chassis.lock:
                self.server.switch.publish()
        return answers
