"""The JSON-RPC server of an emulated SR Linux: HTTPS, basic authentication, one POST a request."""

from __future__ import annotations

import json
from typing import ClassVar

from tests.lab.https_server import GARBAGE, HttpsHandler, LineCut
from tests.lab.srl_router import SrlRouter
from tests.lab.srl_rpc import Rpc


class SrlHandler(HttpsHandler):
    """One connection."""

    path_served = "/jsonrpc"
    refused = b""
    router: ClassVar[SrlRouter]

    def answer(self, body: bytes) -> None:
        request = json.loads(body)
        given, self.router.next_answer = self.router.next_answer, None
        if given is not None:
            text = str(given["text"]).replace("{id}", str(request.get("id"))).encode()
            self._send_short(int(str(given["status"])), text, int(str(given.get("more", 0))))
            return
        rpc = Rpc(self.router, self.server.chassis.options.username)
        answer = rpc.answer(request)
        if rpc.hang is not None:
            self.server.chassis.faults.sleep(rpc.hang)
        if rpc.cut:
            raise LineCut
        if rpc.garbage:
            self.send(200, GARBAGE)
            return
        content = json.dumps({**answer, "id": request.get("id"), "jsonrpc": "2.0"}).encode()
        self.send(200, content[: len(content) // 2] if rpc.truncated else content)

    def _send_short(self, status: int, body: bytes, more: int) -> None:
        """Send an answer that is announced as so many bytes more than it has."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def serving(router: SrlRouter) -> type[SrlHandler]:
    """The handler of one router's requests."""
    return type("Handler", (SrlHandler,), {"router": router})
