"""SR Linux's JSON-RPC: one HTTPS request, one answer, and whatever may go wrong between them.

Each request has a connection of its own, whose certificate is verified: nothing is ever sent on a
connection that the router may have closed in the meantime, so that no request is sent twice.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

from irrgate.errors import DeviceError
from tasks.driver_words import driver_words
from tasks.drivers.errors import CommandFailed, ConnectionFailed, LoginRefused, TimedOut

Json = dict[str, Any]

_MAX_WORDS: Final = 300
"""characters of an answer that is not JSON-RPC's"""


class Refused(CommandFailed):
    """The router understood the request, and says no."""


class JsonRpc:
    """The JSON-RPC server of one router."""

    def __init__(  # noqa: PLR0913 - a server's whole identity
        self,
        hostname: str,
        port: int,
        *,
        username: str,
        password: str,
        timeout: float,
        context: ssl.SSLContext,
    ) -> None:
        self.hostname = hostname
        self._port = port
        self._timeout = timeout
        self._context = context
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self._ids = count(1)

    def get(self, paths: Sequence[str], datastore: str) -> list[Any]:
        """Return what stands at each path, in their order."""
        commands = [{"path": path, "datastore": datastore} for path in paths]
        found = self.call("get", {"commands": commands})
        if len(found) != len(paths):
            raise self._nonsense("answered with more or less than it was asked for")
        return found

    def tool(self, path: str) -> None:
        """Run an operational command."""
        commands = [{"action": "update", "path": path}]
        self.call("set", {"datastore": "tools", "commands": commands})

    def call(self, method: str, params: Mapping[str, object]) -> list[Any]:
        """Return the list `result` of one request; raises Refused with the router's words.

        Also ConnectionFailed, LoginRefused, TimedOut: then what the request did is not known.
        """
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        body = json.dumps(request, separators=(",", ":")).encode()
        status, content = self._post(body)
        if status in {401, 403}:
            raise LoginRefused(
                self.hostname,
                "did not accept the username with its password or key",
                hint="set IRRGATE_USERNAME and IRRGATE_PASSWORD, or username and password in the "
                "inventory",
            )
        if status == 413:
            raise Refused(self.hostname, f"does not take a request of {len(body):,} bytes")
        if status != 200:
            said = content[:_MAX_WORDS].decode(errors="replace").strip()
            raise CommandFailed(self.hostname, f"answered with HTTP status {status}: {said}")
        return self._result(content, number)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            self.hostname, self._port, timeout=self._timeout, context=self._context
        )
        try:
            connection.request("POST", "/jsonrpc", body, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except TimeoutError as exc:
            raise self._because(exc, TimedOut) from exc
        except http.client.IncompleteRead as exc:
            reason = "closed the connection in the middle of its answer"
            raise ConnectionFailed(self.hostname, reason) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise self._because(exc, ConnectionFailed) from exc
        finally:
            connection.close()

    def _because(self, exc: Exception, kind: type[DeviceError]) -> DeviceError:
        words = driver_words(exc)
        return kind(self.hostname, words.text, hint=words.hint)

    def _result(self, content: bytes, number: int) -> list[Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as exc:
            raise self._nonsense("answered with what is not JSON, or cut off") from exc
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise self._nonsense("answered another request")
        error = answer.get("error")
        if error is not None:
            said = error.get("message") if isinstance(error, dict) else error
            raise Refused(self.hostname, str(said).strip())
        result = answer.get("result")
        if not isinstance(result, list):
            raise self._nonsense("answered without a result")
        return result

    def _nonsense(self, reason: str) -> DeviceError:
        return CommandFailed(self.hostname, reason)
