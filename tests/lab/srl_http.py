"""The JSON-RPC server of an emulated SR Linux: HTTPS, basic authentication, one POST a request."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.lab.device import LOOPBACK
from tests.lab.eos_cli import LineCut
from tests.lab.eos_http import reset
from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.srl_router import SrlRouter
from tests.lab.srl_rpc import Rpc

_HANDSHAKE_TIMEOUT = 10.0
_GARBAGE = b"<html><body>502 Bad Gateway</body></html>"


class SrlServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; one thread a connection, the TLS handshake in that thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, router: SrlRouter, port: int, certificate: Path, key: Path) -> None:
        self.router = router
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__((LOOPBACK, port), SrlHandler)

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


class SrlHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SrlServer

    def setup(self) -> None:
        raw: socket.socket = self.request
        fault = self._fault(Step.CONNECT)
        if fault is not None and fault.kind is not FaultKind.SLOW:
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
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            if not self._logged_in():
                return
            if self.path.rstrip("/") != "/jsonrpc":
                self._send(404, b"")
                return
            self._answer(json.loads(body))
        except LineCut:
            self.close_connection = True
            reset(self.connection)

    def _fault(self, step: Step) -> Fault | None:
        faults = self.server.router.chassis.faults
        fault = faults.take(step)
        if fault is not None and fault.kind in (FaultKind.HANG, FaultKind.SLOW):
            faults.sleep(fault)
        if fault is not None and fault.kind is FaultKind.RESTART:
            self.server.router.chassis.restart()
        return fault

    def _logged_in(self) -> bool:
        fault = self._fault(Step.LOGIN)
        if fault is not None and fault.kind is FaultKind.GARBAGE:
            self._send(200, _GARBAGE)
            return False
        if fault is not None and fault.kind not in (FaultKind.SLOW, FaultKind.ERROR):
            raise LineCut
        options = self.server.router.chassis.options
        wanted = base64.b64encode(f"{options.username}:{options.password}".encode()).decode()
        given = self.headers.get("Authorization", "")
        right = hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())
        if right and (fault is None or fault.kind is not FaultKind.ERROR):
            return True
        self._send(401, b"")
        return False

    def _answer(self, request: dict[str, Any]) -> None:
        given, self.server.router.next_answer = self.server.router.next_answer, None
        if given is not None:
            text = str(given["text"]).replace("{id}", str(request.get("id")))
            self._send(int(str(given["status"])), text.encode(), int(str(given.get("more", 0))))
            return
        rpc = Rpc(self.server.router, self.server.router.chassis.options.username)
        answer = rpc.answer(request)
        if rpc.hang is not None:
            self.server.router.chassis.faults.sleep(rpc.hang)
        if rpc.cut:
            raise LineCut
        if rpc.garbage:
            self._send(200, _GARBAGE)
            return
        content = json.dumps({**answer, "id": request.get("id"), "jsonrpc": "2.0"}).encode()
        self._send(200, content[: len(content) // 2] if rpc.truncated else content)

    def _send(self, status: int, body: bytes, more: int = 0) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="jsonrpc"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or more > 0
