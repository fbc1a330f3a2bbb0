"""NX-API: commands as JSON-RPC over HTTPS, each answer of which is read."""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import requests

from tasks.driver_words import driver_words
from tasks.drivers.errors import (
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    LoginRefused,
    TimedOut,
)

LINES: Final = 500
"""of a request, some 70 kB: NX-API ends a request that takes more than 300 s, which are 0.6 s for
each of them, and what a router still runs when its client is gone is not more than these"""
CONNECT_TIMEOUT: Final = 30
"""seconds; an answer gets the driver's timeout"""

_CONFIG: Final = {"rollback": "stop-on-error"}
"""what the router does with the rest of a request after a line that it refuses; what it did not
know of it before is why a request never holds lines that add and lines that remove"""
_NO_API: Final = "is NX-API on? `feature nxapi`, and `show nxapi` tells the port"


class NxApi:
    """A session of requests; NAPALM's getters use it as their `device`."""

    def __init__(
        self, hostname: str, url: str, login: tuple[str, str], timeout: float, verify: bool | str
    ) -> None:
        """Take `verify` as requests has it: true, false, or the file of the CAs to trust."""
        self.hostname = hostname
        self._url = url
        self._timeout = timeout
        self._session = requests.Session()
        # No proxy and no other CAs from the environment: this is the way to a router.
        self._session.trust_env = False
        self._session.auth = login
        self._session.verify = verify
        if not verify:
            # The user has switched it off by name: no word about it with each request.
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")
        self._session.headers["content-type"] = "application/json-rpc"

    def close(self) -> None:
        """End the session; the router has nothing of it."""
        self._session.close()

    def show(self, command: str, raw_text: bool = False) -> Any:
        """Return what a command prints, or the same as data; raises CommandFailed."""
        result = self._results([command], "cli_ascii" if raw_text else "cli", {})[0]
        part = "msg" if raw_text else "body"
        found = result.get(part) if isinstance(result, dict) else result
        return ("" if raw_text else {}) if found is None else found

    def config_list(self, lines: Sequence[str]) -> list[Any]:
        """Have lines taken, LINES a request; raises CommitRefused at the first that is refused."""
        results: list[Any] = []
        for start in range(0, len(lines), LINES):
            chunk = list(lines[start : start + LINES])
            try:
                answered = self._results(chunk, "cli", _CONFIG)
            except CommandFailed as exc:
                raise CommitRefused(self.hostname, exc.reason) from exc
            for line, result in zip(chunk, answered, strict=True):
                if said := " ".join(_words(result)):
                    raise CommitRefused(self.hostname, f"{line}: {said}")
            results += answered
        return results

    def _results(self, commands: list[str], method: str, more: Mapping[str, str]) -> list[Any]:
        """Return the result of each command; raises CommandFailed for the first that failed."""
        calls = [
            {
                "jsonrpc": "2.0",
                "method": method,
                "params": {"cmd": command, "version": 1},
                "id": number,
                **more,
            }
            for number, command in enumerate(commands, 1)
        ]
        response = self._post(json.dumps(calls))
        answers = self._answers(response)
        for number, command in enumerate(commands, 1):
            error = answers.get(number, {}).get("error")
            if error is not None:
                raise CommandFailed(self.hostname, f"{command}: {_error_text(error)}")
        missing = [c for number, c in enumerate(commands, 1) if number not in answers]
        if missing or len(answers) > len(commands):
            said = f"answered {len(answers)} of {len(commands)} commands"
            raise ConnectionFailed(self.hostname, said)
        return [answers[number].get("result") for number in range(1, len(commands) + 1)]

    def _post(self, body: str) -> requests.Response:
        wait = (min(self._timeout, CONNECT_TIMEOUT), self._timeout)
        try:
            return self._session.post(self._url, data=body, timeout=wait)
        except requests.RequestException as exc:
            words = driver_words(exc)
            kind = TimedOut if isinstance(exc, requests.ReadTimeout) else ConnectionFailed
            raise kind(self.hostname, words.text, hint=words.hint) from exc

    def _answers(self, response: requests.Response) -> dict[int, dict[str, Any]]:
        """Return the answers by the number of the command; raises what is no answer at all."""
        status = response.status_code
        if status in {401, 403}:
            raise LoginRefused(
                self.hostname,
                "did not accept the username with its password",
                hint="set IRRGATE_USERNAME and IRRGATE_PASSWORD, or username and password in the "
                "inventory",
            )
        try:
            # A command that failed comes with status 500, and its answer all the same.
            found = json.loads(response.content)
            listed = found if isinstance(found, list) else [found]
            answers = {int(each["id"]): each for each in listed}
        except (ValueError, TypeError, KeyError) as exc:
            if status == requests.codes.ok:
                raise ConnectionFailed(
                    self.hostname, "answered with what is not NX-API's JSON"
                ) from exc
            reason = f"answered with HTTP status {status} {response.reason}".rstrip()
            raise ConnectionFailed(self.hostname, reason, hint=_NO_API) from exc
        if len(answers) < len(listed):
            raise ConnectionFailed(self.hostname, "answered a command twice")
        return answers


def trusted(hostname: str, ca_file: str | None, *, verify: bool) -> bool | str:
    """Return what certificates to trust, as requests has it; raises ConnectionFailed."""
    if not verify or ca_file is None:
        return verify
    try:
        ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as exc:
        reason = f"ca_file {ca_file} cannot be read: it holds no certificate"
        raise ConnectionFailed(hostname, reason) from exc
    except OSError as exc:
        reason = f"ca_file {ca_file} cannot be read: {exc.strerror}"
        raise ConnectionFailed(hostname, reason) from exc
    return str(Path(ca_file))


def _words(result: Any) -> Iterator[str]:
    """Yield what a line was answered with, which is nothing for one that was simply taken."""
    if isinstance(result, str):
        yield from result.split()
    elif isinstance(result, dict):
        for each in result.values():
            yield from _words(each)
    elif isinstance(result, list):
        for each in result:
            yield from _words(each)


def _error_text(error: Any) -> str:
    """Return the router's own words, which are deeper in than the protocol's."""
    data = error.get("data") if isinstance(error, dict) else None
    said = data.get("msg") if isinstance(data, dict) else data
    outer = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(said or outer or "failed without a word").split())
