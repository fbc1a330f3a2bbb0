"""A service that notifications are posted to, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hunter2-token"


@dataclass
class Service:
    """What was posted, by path; /refuse answers 500, /hang nothing."""

    port: int = 0
    posted: dict[str, list[Any]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.port}/{path}"


@contextmanager
def hook_service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            service.posted.setdefault(self.path, []).append(json.loads(self.rfile.read(length)))
            service.headers.append(dict(self.headers))
            if "hang" in self.path:
                service.released.wait(60)
            # A service may repeat what it was sent, token and all.
            self.send_response(500 if "refuse" in self.path else 200, f"{TOKEN} said")
            self.end_headers()
            self.wfile.write(str(self.headers).encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield service
        service.released.set()
        server.shutdown()
