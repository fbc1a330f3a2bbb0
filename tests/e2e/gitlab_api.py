"""The part of GitLab's API that the pipeline speaks to: which merge request, and its notes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "note-token"


@dataclass
class GitlabApi:
    """What was posted, by path; `merged` is the merge request that every commit came with."""

    url: str = ""
    merged: int | None = 7
    notes: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


@contextmanager
def gitlab_api() -> Iterator[GitlabApi]:
    api = GitlabApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, content: object) -> None:
            allowed = self.headers["PRIVATE-TOKEN"] == TOKEN
            if not allowed:
                api.refused.append(self.path)
            self.send_response(200 if allowed else 401)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def do_GET(self) -> None:
            assert self.path == "/api/v4/projects/3/repository/commits/c0ffee/merge_requests"
            self._answer([] if api.merged is None else [{"iid": api.merged}])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            (part,) = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
            assert part.get_param("name", header="Content-Disposition") == "body"
            text = part.get_payload(decode=True)
            assert isinstance(text, bytes)
            api.notes.setdefault(self.path, []).append(text.decode())
            self._answer({"id": 1})

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}/api/v4"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield api
        server.shutdown()
