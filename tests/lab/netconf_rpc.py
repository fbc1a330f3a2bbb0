"""NETCONF's messages: from the bytes of a request to the bytes of its answer, faults in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from tests.lab.device import Chassis
from tests.lab.faults import Fault, FaultKind, Step

NETCONF_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on the line (None: the line is cut), and whether the session ends."""

    data: bytes | None
    ends: bool = False


CUT = Answer(None, ends=True)


@dataclass(frozen=True, slots=True)
class RpcError:
    """One `<rpc-error>`; not every router has a message for each."""

    message: str
    severity: str = "error"
    bad_element: str = ""
    path: str = ""
    line: int = 0
    tag: str = "operation-failed"
    type: str = "protocol"
    info: str = ""
    """XML beside the bad element, as it stands in error-info"""


class RefusedError(Exception):
    """A request that was refused; not all of its errors need be more than warnings."""

    def __init__(self, *errors: RpcError | str) -> None:
        self.errors = tuple(RpcError(e) if isinstance(e, str) else e for e in errors)
        super().__init__("; ".join(error.message for error in self.errors))

    @classmethod
    def of(cls, messages: Iterable[str]) -> RefusedError:
        return cls(*messages)


class Rpcs(ABC, Generic[S]):
    """Answers requests, each in a thread of its own; the chassis lock makes them take turns."""

    namespaces: ClassVar[str] = ""
    """further attributes of each rpc-reply"""
    garbage: ClassVar[str] = "<data><<< 0x7f?"

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis

    @abstractmethod
    def step(self, request: etree._Element) -> Step | None:
        """Which step a request is, for the faults; RefusedError when it cannot be told."""

    @abstractmethod
    def apply(self, session: S, request: etree._Element) -> str:
        """Do what a request asks, under the chassis lock; its answer's body, or RefusedError."""

    def truncated(self, body: str) -> str:
        """The body with the second half of its text gone: still XML, as a cut file would be."""
        start, end = body.find(">") + 1, body.rfind("</")
        return cut_text(body, start, end)

    def answer(self, session: S, message: bytes) -> Answer:
        """Do what a message asks; faults strike here."""
        try:
            root = parse_message(message)
        except etree.XMLSyntaxError as exc:
            return Answer(self._reply({}, error_xml(RefusedError(f"syntax error: {exc}"))))
        attributes = {"message-id": str(root.get("message-id", ""))}
        request = root[0] if len(root) else etree.Element("nothing")
        try:
            step = self.step(request)
        except RefusedError as exc:
            return Answer(self._reply(attributes, error_xml(exc)))
        fault = None if step is None else self.chassis.faults.take(step)
        if fault is not None and fault.kind in {FaultKind.HANG, FaultKind.DROP, FaultKind.REFUSE}:
            if fault.kind is FaultKind.HANG:
                self.chassis.faults.sleep(fault)
            return CUT
        if fault is not None and fault.kind is FaultKind.RESTART:
            self.chassis.restart()
        if fault is not None and fault.kind is FaultKind.ERROR:
            said = RefusedError(fault.text or "internal error: the request could not be done")
            return Answer(self._reply(attributes, error_xml(said)))
        body = self._apply(session, request)
        ends = tag_of(request) == "close-session"
        if fault is None:
            return Answer(self._reply(attributes, body), ends)
        return self._spoilt(fault, attributes, body, ends)

    def _spoilt(self, fault: Fault, attributes: dict[str, str], body: str, ends: bool) -> Answer:
        match fault.kind:
            case FaultKind.DROP_AFTER:
                return CUT
            case FaultKind.HANG_AFTER:
                self.chassis.faults.sleep(fault)
                return CUT
            case FaultKind.RESTART_AFTER:
                self.chassis.restart()
            case FaultKind.SLOW:
                self.chassis.faults.sleep(fault)
            case FaultKind.GARBAGE:
                body = fault.text or self.garbage
            case FaultKind.TRUNCATE:
                body = self.truncated(body)
            case _:
                pass
        return Answer(self._reply(attributes, body), ends)

    def _apply(self, session: S, request: etree._Element) -> str:
        with self.chassis.lock:
            try:
                return self.apply(session, request)
            except RefusedError as exc:
                return error_xml(exc)

    def _reply(self, attributes: Mapping[str, str], body: str) -> bytes:
        given = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
        opening = f'<rpc-reply xmlns="{NETCONF_NS}"{self.namespaces}{given}>'
        return f"{opening}\n{body}\n</rpc-reply>\n".encode()


def parse_message(message: bytes) -> etree._Element:
    # A router does not fetch what a client names; a config of 25 MB is one text node.
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    return etree.fromstring(message.strip(), parser)


def tag_of(element: etree._Element) -> str:
    return etree.QName(element).localname


def error_xml(refused: RefusedError) -> str:
    """The `<rpc-error>` elements of a refusal."""
    return "".join(_error(error) for error in refused.errors)


def _error(error: RpcError) -> str:
    parts = [
        f"<rpc-error><error-type>{error.type}</error-type><error-tag>{error.tag}</error-tag>",
        f"<error-severity>{error.severity}</error-severity>",
    ]
    if error.path:
        parts.append(f"<error-path>{escape(error.path)}</error-path>")
    if error.message:
        parts.append(f"<error-message>{escape(error.message)}</error-message>")
    if error.line:
        parts.append(f"<line-number>{error.line}</line-number>")
    bad = f"<bad-element>{escape(error.bad_element)}</bad-element>" if error.bad_element else ""
    if bad or error.info:
        parts.append(f"<error-info>{bad}{error.info}</error-info>")
    return "".join([*parts, "</rpc-error>"])


def cut_text(body: str, start: int, end: int) -> str:
    """The body without the second half of what stands from `start` to `end`."""
    if start <= 0 or end <= start:
        return body
    middle = (start + end) // 2
    entity = body.rfind("&", start, middle)
    if entity >= 0 and ";" not in body[entity:middle]:
        middle = entity
    return body[:middle] + body[end:]
