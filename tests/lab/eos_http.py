"""The eAPI of an emulated EOS: JSON-RPC over HTTPS, with HTTP basic authentication."""

from __future__ import annotations

import json
from pathlib import Path

from tests.lab.eos_cli import Cli, CommandFailed, Outcome
from tests.lab.eos_switch import EosSwitch
from tests.lab.https_server import GARBAGE, HttpsHandler, HttpsServer, LineCut

_REASONS = {
    1000: "could not run command",
    1002: "invalid command",
    1003: "unconverted command",
    1005: "command unauthorized",
}


class EapiServer(HttpsServer):
    """The server of one switch."""

    def __init__(self, switch: EosSwitch, port: int, certificate: Path, key: Path) -> None:
        self.switch = switch
        super().__init__(switch.chassis, port, certificate, key, EapiHandler)


class EapiHandler(HttpsHandler):
    """One connection."""

    path_served = "/command-api"
    refused = b"Unable to authenticate user: Bad username/password combination\n"
    server: EapiServer

    def answer(self, body: bytes) -> None:
        request_id: object = None
        try:
            request = json.loads(body)
            request_id = request.get("id")
            commands, text = _commands(request)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            code = -32700 if isinstance(exc, json.JSONDecodeError) else -32602
            self._send_rpc(request_id, error={"code": code, "message": f"Invalid request: {exc}"})
            return
        del body, request
        cli = Cli(self.server.switch, self.server.chassis.options.username, text=text)
        try:
            outcome = cli.run(commands)
        except CommandFailed as failed:
            self._send_rpc(request_id, error=_error(failed, commands, cli.outcome))
            return
        if outcome.hang is not None:
            self.server.chassis.faults.sleep(outcome.hang)
        if outcome.cut:
            raise LineCut
        if outcome.garbage:
            self.send(200, GARBAGE)
            return
        self._send_rpc(request_id, result=outcome.outputs)

    def _send_rpc(self, request_id: object, **content: object) -> None:
        answer = json.dumps({"jsonrpc": "2.0", "id": request_id, **content})
        self.send(200, answer.encode())


def _commands(request: dict[str, object]) -> tuple[list[str], bool]:
    if request.get("method") != "runCmds":
        raise ValueError("method not found")
    params = request["params"]
    if not isinstance(params, dict):
        raise TypeError("params must be named")
    if params.get("version") not in (1, "latest"):
        raise ValueError(f"version {params.get('version')!r}")
    commands = params["cmds"]
    if not isinstance(commands, list):
        raise TypeError("cmds must be a list")
    flat = [c if isinstance(c, str) else str(c["cmd"]) for c in commands]
    return flat, params.get("format") == "text"


def _error(failed: CommandFailed, commands: list[str], outcome: Outcome) -> dict[str, object]:
    command = commands[failed.index]
    where = f"CLI command {failed.index + 1} of {len(commands)} '{command}'"
    message = f"{where} failed: {_REASONS[failed.code]}"
    data = [*outcome.outputs[: failed.index], {"errors": [failed.text]}]
    return {"code": failed.code, "message": message, "data": data}
