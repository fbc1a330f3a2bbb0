"""The HTTPS side of an emulated router: TLS, HTTP basic authentication, and faults before those.

A request is the body of a POST; what it means, a subclass of HttpsHandler says.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import socket
import ssl
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.lab.device import LOOPBACK, Chassis
from tests.lab.faults import FaultKind, Step

GARBAGE = b"<html><body>502 Bad Gateway</body></html>"

_HANDSHAKE_TIMEOUT = 10.0
_MAX_BODY = 256 * 1024 * 1024


class LineCut(Exception):  # noqa: N818 - no error of the device: the connection goes
    """The connection is cut; nothing more of the request is run."""


class HttpsServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; one thread a connection, the TLS handshake in that thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        chassis: Chassis,
        port: int,
        certificate: Path,
        key: Path,
        handler: type[HttpsHandler],
    ) -> None:
        self.chassis = chassis
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__((LOOPBACK, port), handler)

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


class HttpsHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    path_served: ClassVar[str]
    refused: ClassVar[bytes]
    """what is said to a wrong password"""
    server: HttpsServer

    def answer(self, body: bytes) -> None:
        """Answer one request that is from the device's user; may raise LineCut."""
        raise NotImplementedError

    def setup(self) -> None:
        raw: socket.socket = self.request
        faults = self.server.chassis.faults
        fault = faults.take(Step.CONNECT)
        if fault is not None:
            if fault.kind in (FaultKind.HANG, FaultKind.SLOW):
                faults.sleep(fault)
            if fault.kind is FaultKind.RESTART:
                self.server.chassis.restart()
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
            self.send(413, b"")
            return
        body = self.rfile.read(length)
        try:
            if not self._logged_in():
                return
            if self.path.rstrip("/") != self.path_served:
                self.send(404, b"")
                return
            self.answer(body)
        except LineCut:
            self.close_connection = True
            reset(self.connection)

    def _logged_in(self) -> bool:
        faults = self.server.chassis.faults
        fault = faults.take(Step.LOGIN)
        if fault is not None:
            if fault.kind in (FaultKind.HANG, FaultKind.SLOW):
                faults.sleep(fault)
            if fault.kind is FaultKind.RESTART:
                self.server.chassis.restart()
            if fault.kind is FaultKind.GARBAGE:
                self.send(200, GARBAGE)
                return False
            if fault.kind not in (FaultKind.SLOW, FaultKind.ERROR):
                raise LineCut
        options = self.server.chassis.options
        wanted = base64.b64encode(f"{options.username}:{options.password}".encode()).decode()
        given = self.headers.get("Authorization", "")
        right = hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())
        if right and (fault is None or fault.kind is not FaultKind.ERROR):
            return True
        self.send(401, self.refused)
        return False

    def send(self, status: int, body: bytes) -> None:
        """Send one answer."""
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
