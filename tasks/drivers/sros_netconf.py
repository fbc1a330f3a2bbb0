"""A NETCONF session with an SR OS router: the login, requests and their answers (RFC 6241).

It is ncclient's, but for three things: the host key is verified against the file that was named,
every answer that is an error is raised, and messages have the framing of NETCONF 1.0 and a reader
of our own. ncclient 0.7 reads a large answer in 1.1 in quadratic time, and loses the session in 1.0
where a character arrives in two pieces (measured).
"""

from __future__ import annotations

import contextlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

from lxml import etree
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.manager import Manager
from ncclient.operations import RaiseMode, RPCError, TimeoutExpiredError
from ncclient.transport import SSHSession
from ncclient.transport.parser import DefaultXMLParser

from irrgate.errors import DeviceError
from tasks.driver_words import driver_words
from tasks.drivers.errors import ConnectionFailed, LoginRefused, TimedOut

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
CONF: Final = "urn:nokia.com:sros:ns:yang:sr:conf"
AUGMENTS: Final = "urn:nokia.com:sros:ns:yang:sr:ietf-netconf-augments"
PORT: Final = 830
_LOGIN_TIMEOUT: Final = 30
"""seconds for each part of a login; a request gets the driver's timeout"""
_KEEPALIVE: Final = 15
_MAX_ERRORS: Final = 5
"""errors of one answer that are passed on"""
_END: Final = b"]]>]]>"
_DATA: Final = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?data\b[^>]*>")
_SLOW: Final = "if it is only slow, raise timeout under connection_options.napalm.extras"


class Refused(DeviceError):  # noqa: N818 - as its neighbours in errors.py
    """The router's answer was an error: nothing of the request was done."""

    def __init__(self, subject: str, reason: str, *, tag: str, hint: str = "") -> None:
        super().__init__(subject, reason, hint=hint)
        self.tag = tag
        """RFC 6241, appendix A: such as lock-denied"""


class _Reader(DefaultXMLParser):  # type: ignore[misc]
    """Finds the ends of messages in bytes; a message is text once it is whole."""

    _parsing_pos10: int

    def _parse10(self) -> None:
        session = self._session
        session._buffer.seek(self._parsing_pos10)
        if _END not in session._buffer.read():
            self._parsing_pos10 = max(session._buffer.tell() - len(_END), 0)
            return
        message, _, rest = session._buffer.getvalue().partition(_END)
        session._buffer, self._parsing_pos10 = BytesIO(), 0
        session._dispatch_message(message.decode().strip())
        if rest.strip():
            self.parse(rest)


class _Handler(DefaultDeviceHandler):  # type: ignore[misc]
    """What we say in our hello, and that our messages have no prefixes."""

    def get_capabilities(self) -> list[str]:
        return [
            BASE,
            "urn:ietf:params:netconf:capability:candidate:1.0",
            "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
            "urn:ietf:params:netconf:capability:validate:1.1",
        ]

    def get_xml_parser(self, session: SSHSession) -> _Reader:
        return _Reader(session)

    def get_xml_base_namespace_dict(self) -> dict[None, str]:
        return {None: BASE}

    def get_xml_extra_prefix_kwargs(self) -> dict[str, dict[None, str]]:
        return {"nsmap": self.get_xml_base_namespace_dict()}


class _Session(SSHSession):  # type: ignore[misc]
    """Trusts the hosts of one file, where one is named."""

    def __init__(self, known_hosts: str | None) -> None:
        super().__init__(_Handler())
        self._known_hosts = known_hosts

    def load_known_hosts(self, filename: str | None = None) -> None:
        super().load_known_hosts(self._known_hosts or filename)


class Netconf:
    """One session; `timeout` is in seconds, for each request."""

    def __init__(self, name: str, session: _Session, manager: Manager) -> None:
        self._name = name
        self._session = session
        self._manager = manager
        self._is_broken = False

    @classmethod
    def open(  # noqa: PLR0913 - what a login needs
        cls,
        hostname: str,
        username: str,
        password: str,
        timeout: float,
        *,
        port: int = PORT,
        known_hosts: str | None = None,
        verify: bool = True,
        key_file: str | None = None,
        use_agent: bool = True,
        ssh_config_file: str | None = None,
    ) -> Self:
        """Log in; the host key must be in `known_hosts`, or in the user's own where that is None.

        `~/.ssh/config` (or `ssh_config_file`) gives what is not given here. Raises
        ConnectionFailed or LoginRefused.
        """
        if verify and known_hosts and not Path(known_hosts).is_file():
            raise ConnectionFailed(
                hostname,
                f"known_hosts {known_hosts} is not there",
                hint="ssh-keyscan -p PORT ROUTER, then compare the key with the router's own",
            )
        own = Path("~/.ssh/config").expanduser()
        config = ssh_config_file or (str(own) if own.is_file() else None)
        session = _Session(known_hosts)
        try:
            session.connect(
                host=hostname,
                port=port,
                username=username or None,
                password=password or None,
                key_filename=key_file,
                allow_agent=use_agent,
                look_for_keys=key_file is None,
                hostkey_verify=verify,
                ssh_config=config,
                timeout=min(timeout, _LOGIN_TIMEOUT),
                keepalive=_KEEPALIVE,
            )
        except Exception as exc:
            # Of paramiko, ncclient, the socket module, and the libraries that read keys.
            if session.transport is not None:
                with contextlib.suppress(Exception):
                    session.close()
            words = driver_words(exc)
            is_login = type(exc).__name__ == "AuthenticationError"
            kind = LoginRefused if is_login else ConnectionFailed
            raise kind(hostname, words.text, hint=words.hint) from exc
        manager = Manager(session, _Handler(), timeout=timeout, raise_mode=RaiseMode.ERRORS)
        manager.huge_tree = True
        return cls(hostname, session, manager)

    @property
    def timeout(self) -> float:
        """Seconds for a request."""
        return float(self._manager.timeout)

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._manager.timeout = seconds

    @property
    def is_alive(self) -> bool:
        """True while another request could be made."""
        return bool(self._session.connected) and not self._is_broken

    def offers(self, capability: str) -> bool:
        """Tell whether the router's hello has a capability, by the beginning of its URI."""
        return any(str(uri).startswith(capability) for uri in self._manager.server_capabilities)

    def ask(self, request: etree._Element) -> str:
        """Return the answer as XML; raises Refused, TimedOut or ConnectionFailed.

        After either of the last two, what became of the request is not known, and the session is
        of no use any more.
        """
        operation = etree.QName(request).localname
        try:
            answer: str = self._manager.rpc(request).xml
        except RPCError as exc:
            raise _refused(self._name, exc) from exc
        except TimeoutExpiredError as exc:
            self._is_broken = True
            seconds = f"{self.timeout:.0f} s"
            raise TimedOut(
                self._name, f"did not answer {operation} within {seconds}", hint=_SLOW
            ) from exc
        except Exception as exc:
            # Of ncclient's transport, of paramiko, and lxml's where the answer is no XML.
            self._is_broken = True
            words = driver_words(exc)
            raise ConnectionFailed(self._name, words.text, hint=words.hint) from exc
        return answer

    def data(self, request: etree._Element) -> str:
        """Return what stands in the answer's `data`; raises as `ask` does."""
        answer = self.ask(request)
        start, end = _DATA.search(answer), answer.rfind("</")
        end = answer.rfind("</", 0, end)
        if start is None:
            raise ConnectionFailed(self._name, "answered without any data")
        if "xmlns:" in answer[: start.end()]:
            # What stands in it may need the prefixes that are declared around it.
            return _standing_alone(answer)
        return answer[start.end() : end] if end > start.end() else ""

    def close(self) -> None:
        """End the session; one that is broken without asking the router for it."""
        if self.is_alive:
            with contextlib.suppress(DeviceError):
                self.ask(element("close-session"))
        with contextlib.suppress(Exception):
            self._session.close()


def element(
    tag: str, *children: etree._Element | str, ns: str = BASE, **given: str
) -> etree._Element:
    """Return an element of a namespace, with attributes, text, and elements in it."""
    default: Any = {None: ns}
    made: etree._Element = etree.Element(f"{{{ns}}}{tag}", dict(given), nsmap=default)
    for child in children:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def _standing_alone(answer: str) -> str:
    parser = etree.XMLParser(resolve_entities=False, huge_tree=True)
    data = etree.fromstring(answer.encode(), parser)[0]
    return "".join(etree.tostring(child, encoding="unicode") for child in data)


def _refused(name: str, exc: Any) -> Refused:
    errors = [exc] if exc.errlist is None else list(exc.errlist)
    said = list(dict.fromkeys(" ".join(filter(None, _words(error))) for error in errors))
    more = len(said) - _MAX_ERRORS
    shown = [*said[:_MAX_ERRORS], *([f"and {more} more"] if more > 0 else [])]
    tag = next((str(error.tag) for error in errors if error.tag), "")
    hint = ""
    if tag == "lock-denied":
        hint = (
            "somebody is at work on its configuration: try again when it is done; in the mixed "
            "configuration mode SR OS has no lock, and irrgate needs model-driven"
        )
    return Refused(name, "; ".join(shown) or "refused it without a word", tag=tag, hint=hint)


def _words(error: Any) -> tuple[str, str]:
    message = " ".join(str(error.message or "").split())
    found = re.search(r"<(?:\w+:)?bad-element[^>]*>([^<]*)<", str(error.info or ""))
    bad = found[1].strip() if found else ""
    return message, f"({bad})" if bad and bad not in message else ""
