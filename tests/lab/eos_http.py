"""The eAPI of an emulated EOS: JSON-RPC over HTTPS, with HTTP basic authentication."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import socket
import ssl
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.lab.device import LOOPBACK
from tests.lab.eos_cli import Cli, CommandFailed, LineCut, Outcome
from tests.lab.eos_switch import EosSwitch
from tests.lab.faults import FaultKind, Step

_HANDSHAKE_TIMEOUT = 10.0
_MAX_BODY = 256 * 1024 * 1024
_REASONS = {
    1000: "could not run command",
    1002: "invalid command",
    1003: "unconverted command",
    1005: "command unauthorized",
}
_GARBAGE = b"<html><body>502 Bad Gateway</body></html>"


class EapiServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; one thread a connection, the TLS handshake in that thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, switch: EosSwitch, port: int, certificate: Path, key: Path) -> None:
        self.switch = switch
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__((LOOPBACK, port), EapiHandler)

    def server_bind(self) -> None:
        # Without HTTPServer's look-up of the host's name, which may ask a name server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, int(self.socket.getsockname()[1])

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that goes away in mid-answer is what some tests are about.
        if not isinstance(sys.exception(), OSError | LineCut):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class EapiHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: EapiServer

    def setup(self) -> None:
        raw: socket.socket = self.request
        faults = self.server.switch.chassis.faults
        fault = faults.take(Step.CONNECT)
        if fault is not None:
            if fault.kind in (FaultKind.HANG, FaultKind.SLOW):
                faults.sleep(fault)
            if fault.kind is FaultKind.RESTART:
                self.server.switch.chassis.restart()
            if fault.kind is not FaultKind.SLOW:
                reset(raw)
                raise LineCut
        raw.settimeout(_HANDSHAKE_TIMEOUT)
        self.request = self.server.context.wrap_socket(raw, server_side=True)
        self.request.settimeout(None)
        super().setup()

    def finish(self) -> None:
        super().finish()
        with contextlib.suppress(OSError):
            self.request.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the apply log has what matters."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > _MAX_BODY:
            self._send(413, b"")
            return
        body = self.rfile.read(length)
        try:
            if not self._logged_in():
                return
            if self.path.rstrip("/") != "/command-api":
                self._send(404, b"")
                return
            self._answer(body)
        except LineCut:
            self.close_connection = True
            reset(self.connection)

    def _logged_in(self) -> bool:
        faults = self.server.switch.chassis.faults
        fault = faults.take(Step.LOGIN)
        if fault is not None:
            if fault.kind in (FaultKind.HANG, FaultKind.SLOW):
                faults.sleep(fault)
            if fault.kind is FaultKind.RESTART:
                self.server.switch.chassis.restart()
            if fault.kind is FaultKind.GARBAGE:
                self._send(200, _GARBAGE)
                return False
            if fault.kind not in (FaultKind.SLOW, FaultKind.ERROR):
                raise LineCut
        options = self.server.switch.chassis.options
        wanted = base64.b64encode(f"{options.username}:{options.password}".encode()).decode()
        given = self.headers.get("Authorization", "")
        right = hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())
        if right and (fault is None or fault.kind is not FaultKind.ERROR):
            return True
        self._send(401, b"Unable to authenticate user: Bad username/password combination\n")
        return False

    def _answer(self, body: bytes) -> None:
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
        cli = Cli(self.server.switch, self.server.switch.chassis.options.username, text=text)
        try:
            outcome = cli.run(commands)
        except CommandFailed as failed:
            self._send_rpc(request_id, error=_error(failed, commands, cli.outcome))
            return
        if outcome.hang is not None:
            self.server.switch.chassis.faults.sleep(outcome.hang)
        if outcome.cut:
            raise LineCut
        if outcome.garbage:
            self._send(200, _GARBAGE)
            return
        self._send_rpc(request_id, result=outcome.outputs)

    def _send_rpc(self, request_id: object, **content: object) -> None:
        answer = json.dumps({"jsonrpc": "2.0", "id": request_id, **content})
        self._send(200, answer.encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="COMMAND_API_AUTH"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def reset(connection: socket.socket) -> None:
    """Cut a connection with a TCP reset, so that the peer sees no orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.close()


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
