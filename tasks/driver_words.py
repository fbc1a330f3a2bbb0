"""What a driver's exception says, in words for the person who reads it, and what to do about it.

The drivers raise what pyeapi, PyEZ, ncclient, paramiko, lxml and the standard library raise, and
the telling part is often wrapped: PyEZ calls anything that ends a connection within three seconds
ConnectRefusedError, an unknown host key included, and pyeapi says `unable to connect to eAPI` of
an answer that is no JSON. So the chain of causes is searched for the exception that knows, by its
class's name, since loading the libraries takes half a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_MAX_ERRORS: Final = 5
"""errors of one answer that are passed on; a candidate may have one for each line"""


@dataclass(frozen=True, slots=True)
class Words:
    """What was said, and what to do about it (or nothing)."""

    text: str
    hint: str = ""


def driver_words(exc: BaseException) -> Words:
    """Return what the exception says; its text may hold what a router sent."""
    chain = list(_chain(exc))
    for names, say in _SAYINGS:
        # The innermost first: an error while cleaning up hides the one that made it necessary.
        for each in reversed(chain):
            if type(each).__name__ in names:
                return say(each)
    return Words(str(exc).strip() or f"failed without a word ({type(exc).__name__})")


def _chain(exc: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = exc
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _always(text: str, hint: str = "") -> Callable[[Any], Words]:
    return lambda _: Words(text, hint)


def _command_error(exc: Any) -> Words:
    """pyeapi: which command of the request, and the router's words about it."""
    said = [
        str(error).strip()
        for output in exc.output or []
        if isinstance(output, dict)
        for error in output.get("errors", [])
    ]
    return Words(": ".join([str(exc.error_text), *_few(said)]))


def _rpc_error(exc: Any) -> Words:
    """PyEZ: the router's errors, each with what it stumbled over.

    NAPALM has classes of the same names that know nothing but their text.
    """
    given = getattr(exc, "errs", None)
    errors = given if isinstance(given, list) else []
    said = []
    for error in errors:
        if isinstance(error, dict) and error.get("message"):
            bad = error.get("bad_element")
            message = str(error["message"]).strip()
            said.append(f"{message} ({bad})" if bad and bad not in message else message)
    return Words("; ".join(_few(list(dict.fromkeys(said)))) or _text(exc))


def _text(exc: Any) -> str:
    return str(getattr(exc, "message", None) or exc).strip()


def _locked(exc: Any) -> Words:
    # NAPALM's LockError holds PyEZ's text; PyEZ's own is behind it in the chain.
    return Words(
        _rpc_error(exc).text, "somebody is at work on its configuration: try again when it is done"
    )


def _few(said: list[str]) -> list[str]:
    more = len(said) - _MAX_ERRORS
    return [*said[:_MAX_ERRORS], f"and {more} more"] if more > 0 else said


def _login(exc: Any) -> Words:
    if "transport shut down" in str(exc) or "EOF" in str(exc):
        return Words("closed the connection during the login")
    return _LOGIN_REFUSED


def _host_key(exc: Any) -> Words:
    found = re.search(r"\[([0-9a-f:]{47})\]", str(exc))
    fingerprint = f" MD5:{found[1]}" if found else ""
    return Words(
        f"its SSH host key{fingerprint} is not the one in known_hosts",
        "compare the key with the router's own, then put it into the workspace's known_hosts",
    )


def _certificate(exc: Any) -> Words:
    return Words(
        f"its TLS certificate is not trusted: {exc.verify_message}",
        "name the CA's or the router's own certificate as ca_file under optional_args",
    )


def _timeout(exc: Any) -> Words:
    return Words(f"did not answer {exc.cmd} within {exc.timeout} s", _SLOW)


def _system(exc: Any) -> Words:
    return Words(str(exc.strerror or exc))


def _eapi(exc: Any) -> Words:
    said = str(exc).removeprefix("Socket error during eAPI connection: ").strip()
    return _LOGIN_REFUSED if said.startswith("Unauthorized") else Words(said)


def _ssh(exc: Any) -> Words:
    if "protocol banner" in str(exc):
        return Words("closed the connection, or said what is not SSH")
    if "Could not open socket" in str(exc):
        return Words("does not accept connections")
    return Words(str(exc))


_LOGIN_REFUSED: Final = Words(
    "did not accept the username with its password or key",
    "set IRRGATE_USERNAME and IRRGATE_PASSWORD, or username and password in the inventory",
)
_SLOW: Final = "if it is only slow, raise timeout under connection_options.napalm.extras"
_CLOSED: Final = "closed the connection without an answer"

_SAYINGS: Final[tuple[tuple[tuple[str, ...], Callable[[Any], Words]], ...]] = (
    (("CommandError",), _command_error),
    (("SSHUnknownHostError",), _host_key),
    (("SSLCertVerificationError",), _certificate),
    (("AuthenticationError",), _login),
    (("SSHError",), _ssh),
    (("gaierror",), lambda exc: Words(f"its name cannot be resolved: {exc.strerror}")),
    (("ConnectionRefusedError",), _always("refused the connection")),
    (("ConnectionResetError", "RemoteDisconnected", "BrokenPipeError"), _always(_CLOSED)),
    (("SessionCloseError", "ConnectClosedError"), _always(_CLOSED)),
    (("RpcTimeoutError",), _timeout),
    (("TimeoutError", "ConnectTimeoutError"), _always("did not answer in time", _SLOW)),
    (("XMLSyntaxError",), _always("answered with what is not XML")),
    (("JSONDecodeError",), _always("answered with what is not eAPI's JSON")),
    (
        ("SessionLockedException",),
        _always(
            "another configuration session is open on it",
            "on the router, show configuration sessions lists it",
        ),
    ),
    (("LockError",), _locked),
    (("CommitError", "ConfigLoadError", "UnlockError", "RpcError"), _rpc_error),
    (("OSError",), _system),
    (("ConnectionError",), _eapi),
)
"""The first row that names a class of the chain says it; narrow classes stand before wide ones."""
