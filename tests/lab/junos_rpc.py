"""The RPCs of the emulated Junos device: from the bytes of a request to the bytes of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.device import Chassis
from tests.lab.faults import Step
from tests.lab.junos_database import CommitRequest, Database, Session
from tests.lab.junos_facts import Facts
from tests.lab.junos_select import select, to_xml
from tests.lab.junos_tree import render
from tests.lab.netconf_rpc import RefusedError, RpcError, Rpcs, cut_text, error_xml, tag_of

JUNOS_NS = "http://xml.juniper.net/junos/23.4R1/junos"
XNM_NS = "http://xml.juniper.net/xnm/1.1/xnm"

_STEPS: Final = {
    "load-configuration": Step.LOAD,
    "close-session": Step.CLOSE,
    "get-instance-information": Step.BGP,
    "get-bgp-summary-information": Step.BGP,
    "get-bgp-neighbor-information": Step.BGP,
}


class Router(Rpcs[Session]):
    """What the device does for each request."""

    namespaces = f' xmlns:junos="{JUNOS_NS}"'
    garbage = "<configuration-information><<< 0x7f?"

    def __init__(
        self,
        chassis: Chassis,
        database: Database,
        facts: Facts,
        kill_session: Callable[[int], bool],
    ) -> None:
        super().__init__(chassis)
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

    def step(self, request: etree._Element) -> Step | None:
        tag = tag_of(request)
        step = _STEPS.get(tag)
        if tag == "load-configuration" and (number := request.get("rollback")) is not None:
            step = Step.DISCARD if number == "0" else Step.ROLLBACK
        elif tag == "get-configuration":
            step = Step.GET_CONFIG if request.get("compare") is None else Step.COMPARE
        elif tag == "commit-configuration":
            with self.chassis.lock:
                confirming = self._database.is_confirming(_commit_request(request))
                changed = self._database.changed_by is not None
            step = (Step.ROLLBACK if changed else Step.CONFIRM) if confirming else Step.COMMIT
        return step

    def apply(self, session: Session, request: etree._Element) -> str:
        tag = tag_of(request)
        if tag in self._handlers:
            return self._handlers[tag](session, request)
        if tag in self._facts:
            return self._facts[tag](request)
        raise RefusedError(RpcError("syntax error", bad_element=tag))

    def truncated(self, body: str) -> str:
        start = body.find(">", body.find("<configuration-")) + 1
        end = body.rfind("</configuration-t")
        if end < 0:
            start = body.rfind("<configuration-output>") + 22
            end = body.rfind("</configuration-output")
        return cut_text(body, start, end)

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
        return error_xml(RefusedError(said)) + "<ok/>"

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
        body = error_xml(RefusedError(*errors)) if errors else "<ok/>"
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
