"""The RPCs of the emulated Junos device: from the bytes of a request to the bytes of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from tests.lab.device import Chassis
from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.junos_database import CommitRequest, Database, Session
from tests.lab.junos_errors import RefusedError, RpcError
from tests.lab.junos_facts import Facts
from tests.lab.junos_select import select, to_xml
from tests.lab.junos_tree import render

NETCONF_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"
JUNOS_NS = "http://xml.juniper.net/junos/23.4R1/junos"
XNM_NS = "http://xml.juniper.net/xnm/1.1/xnm"

_STEPS: Final = {
    "load-configuration": Step.LOAD,
    "close-session": Step.CLOSE,
    "get-instance-information": Step.BGP,
    "get-bgp-summary-information": Step.BGP,
    "get-bgp-neighbor-information": Step.BGP,
}
_GARBAGE: Final = "<configuration-information><<< 0x7f?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on the line (None: the line is cut), and whether the session ends."""

    data: bytes | None
    ends: bool = False


CUT = Answer(None, ends=True)


class Router:
    """Answers requests, each in a thread of its own; the chassis lock makes them take turns."""

    def __init__(
        self,
        chassis: Chassis,
        database: Database,
        facts: Facts,
        kill_session: Callable[[int], bool],
    ) -> None:
        self._chassis = chassis
        self._database = database
        self._kill_session = kill_session
        self._facts: Mapping[str, Callable[[etree._Element], str]] = facts.answers()
        self._handlers: Mapping[str, Callable[[Session, etree._Element], str]] = {
            "lock-configuration": self._lock,
            "unlock-configuration": self._unlock,
            "open-configuration": self._open,
            "close-configuration": self._close,
            "load-configuration": self._load,
            "get-configuration": self._get,
            "commit-configuration": self._commit,
            "close-session": lambda _session, _request: "<ok/>",
            "kill-session": lambda _session, request: self._kill(request),
        }

    def answer(self, session: Session, message: bytes) -> Answer:
        """Do what a message asks; faults strike here."""
        try:
            root = _parse(message)
        except etree.XMLSyntaxError as exc:
            return Answer(_reply({}, _errors(RefusedError(f"syntax error: {exc}"))))
        attributes = {"message-id": str(root.get("message-id", ""))}
        request = root[0] if len(root) else etree.Element("nothing")
        try:
            fault = self._fault(request)
        except RefusedError as exc:
            return Answer(_reply(attributes, _errors(exc)))
        if fault is not None and fault.kind in {FaultKind.HANG, FaultKind.DROP, FaultKind.REFUSE}:
            if fault.kind is FaultKind.HANG:
                self._chassis.faults.sleep(fault)
            return CUT
        if fault is not None and fault.kind is FaultKind.RESTART:
            self._chassis.restart()
        if fault is not None and fault.kind is FaultKind.ERROR:
            said = RefusedError(fault.text or "internal error: the request could not be done")
            return Answer(_reply(attributes, _errors(said)))
        body = self._apply(session, request)
        ends = _tag(request) == "close-session"
        if fault is None:
            return Answer(_reply(attributes, body), ends)
        return self._spoilt(fault, attributes, body, ends)

    def _spoilt(self, fault: Fault, attributes: dict[str, str], body: str, ends: bool) -> Answer:
        match fault.kind:
            case FaultKind.DROP_AFTER:
                return CUT
            case FaultKind.HANG_AFTER:
                self._chassis.faults.sleep(fault)
                return CUT
            case FaultKind.RESTART_AFTER:
                self._chassis.restart()
            case FaultKind.SLOW:
                self._chassis.faults.sleep(fault)
            case FaultKind.GARBAGE:
                body = fault.text or _GARBAGE
            case FaultKind.TRUNCATE:
                body = _truncated(body)
            case _:
                pass
        return Answer(_reply(attributes, body), ends)

    def _fault(self, request: etree._Element) -> Fault | None:
        tag = _tag(request)
        step = _STEPS.get(tag)
        if tag == "load-configuration" and (number := request.get("rollback")) is not None:
            step = Step.DISCARD if number == "0" else Step.ROLLBACK
        elif tag == "get-configuration":
            step = Step.GET_CONFIG if request.get("compare") is None else Step.COMPARE
        elif tag == "commit-configuration":
            with self._chassis.lock:
                confirming = self._database.is_confirming(_commit_request(request))
                changed = self._database.changed_by is not None
            step = (Step.ROLLBACK if changed else Step.CONFIRM) if confirming else Step.COMMIT
        return None if step is None else self._chassis.faults.take(step)

    def _apply(self, session: Session, request: etree._Element) -> str:
        tag = _tag(request)
        with self._chassis.lock:
            try:
                if tag in self._handlers:
                    return self._handlers[tag](session, request)
                if tag in self._facts:
                    return self._facts[tag](request)
                raise RefusedError(RpcError("syntax error", bad_element=tag))
            except RefusedError as exc:
                return _errors(exc)

    def _lock(self, session: Session, _: etree._Element) -> str:
        self._database.lock(session)
        return "<ok/>"

    def _unlock(self, session: Session, _: etree._Element) -> str:
        self._database.unlock(session)
        return "<ok/>"

    def _open(self, session: Session, request: etree._Element) -> str:
        if request.find("{*}private") is None:
            raise RefusedError(RpcError("syntax error", bad_element="open-configuration"))
        self._database.open_private(session)
        said = RpcError("uncommitted changes will be discarded on exit", severity="warning")
        return _errors(RefusedError(said)) + "<ok/>"

    def _close(self, session: Session, _: etree._Element) -> str:
        self._database.close_private(session)
        return "<ok/>"

    def _load(self, session: Session, request: etree._Element) -> str:
        number = request.get("rollback")
        if number is not None:
            self._database.roll_back(session, _rollback(number))
            return "<load-configuration-results><ok/></load-configuration-results>"
        text = request.findtext("{*}configuration-text")
        action = request.get("action", "merge")
        if text is None or action not in {"merge", "replace", "override"}:
            said = f"this emulated device loads text, as merge, replace or override, not {action}"
            raise RefusedError(RpcError(said, bad_element="load-configuration"))
        refused = self._database.load(session, text, action)
        errors = [
            RpcError(
                error.message,
                severity="warning" if error.warning else "error",
                bad_element=error.bad_element,
                path=error.path,
                line=error.line,
            )
            for error in refused
        ]
        body = _errors(RefusedError(*errors)) if errors else "<ok/>"
        return f"<load-configuration-results>{body}</load-configuration-results>"

    def _get(self, session: Session, request: etree._Element) -> str:
        if request.get("compare") is not None:
            number = _rollback(request.get("rollback", "0"))
            text = escape(self._database.compare(session, number))
            output = f"<configuration-output>{text}</configuration-output>"
            return f"<configuration-information>{output}</configuration-information>"
        committed = request.get("database") == "committed"
        tree = self._database.running if committed else self._database.tree(session)
        tree = select(tree, request.find("{*}configuration"))
        if request.get("format") == "text":
            text = escape(self._header(committed) + render(tree))
            return f'<configuration-text xmlns="{XNM_NS}">\n{text}</configuration-text>'
        return f'<configuration xmlns="{XNM_NS}">{to_xml(tree)}</configuration>'

    def _header(self, committed: bool) -> str:
        commit = self._database.history.commits[0]
        what = "commit" if committed else "changed"
        return f"## Last {what}: {commit.revision} by {commit.user}\n"

    def _commit(self, session: Session, request: etree._Element) -> str:
        self._database.commit(session, _commit_request(request))
        return "<ok/>"

    def _kill(self, request: etree._Element) -> str:
        number = request.findtext("{*}session-id", "").strip()
        if not number.isdecimal() or not self._kill_session(int(number)):
            raise RefusedError(RpcError(f"no such session: {number}", bad_element=number))
        return "<ok/>"


def _parse(message: bytes) -> etree._Element:
    # A router does not fetch what a client names; a config of 25 MB is one text node.
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    return etree.fromstring(message.strip(), parser)


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname


def _commit_request(request: etree._Element) -> CommitRequest:
    minutes = 0
    if request.find("{*}confirmed") is not None:
        text = request.findtext("{*}confirm-timeout", "10").strip()
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise RefusedError(RpcError("value out of range 1..65535", bad_element=text))
        minutes = int(text)
    return CommitRequest(
        log=request.findtext("{*}log", "").strip(),
        confirm_minutes=minutes,
        check=request.find("{*}check") is not None,
    )


def _rollback(text: str) -> int:
    if not text.isdecimal() or int(text) > 49:
        raise RefusedError(RpcError("rollback number out of range 0..49", bad_element=text))
    return int(text)


def _reply(attributes: Mapping[str, str], body: str) -> bytes:
    given = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    opening = f'<rpc-reply xmlns="{NETCONF_NS}" xmlns:junos="{JUNOS_NS}"{given}>'
    return f"{opening}\n{body}\n</rpc-reply>\n".encode()


def _errors(refused: RefusedError) -> str:
    return "".join(_error(error) for error in refused.errors)


def _error(error: RpcError) -> str:
    parts = [
        "<rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>",
        f"<error-severity>{error.severity}</error-severity>",
    ]
    if error.path:
        parts.append(f"<error-path>{escape(error.path)}</error-path>")
    parts.append(f"<error-message>{escape(error.message)}</error-message>")
    if error.line:
        parts.append(f"<line-number>{error.line}</line-number>")
    if error.bad_element:
        bad = f"<bad-element>{escape(error.bad_element)}</bad-element>"
        parts.append(f"<error-info>{bad}</error-info>")
    return "".join([*parts, "</rpc-error>"])


def _truncated(body: str) -> str:
    """The body with the second half of its text gone: still XML, as a cut file would be."""
    start, end = body.find(">", body.find("<configuration-")) + 1, body.rfind("</configuration-t")
    if end < 0:
        start, end = body.rfind("<configuration-output>") + 22, body.rfind("</configuration-output")
    if start <= 0 or end <= start:
        return body
    middle = (start + end) // 2
    entity = body.rfind("&", start, middle)
    if entity >= 0 and ";" not in body[entity:middle]:
        middle = entity
    return body[:middle] + body[end:]
