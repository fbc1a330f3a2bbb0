"""The RPCs of the emulated IOS-XR device, as far as NAPALM's driver and irrgate's send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.device import Chassis
from tests.lab.faults import Step
from tests.lab.iosxr_bgp import bgp_xml
from tests.lab.iosxr_database import DEFAULT_TIMEOUT, CommitRequest, Database, Session
from tests.lab.iosxr_diff import VERSION
from tests.lab.netconf_rpc import RefusedError, RpcError, Rpcs, cut_text, error_xml, tag_of

CLI_NS = "http://cisco.com/ns/yang/Cisco-IOS-XR-cli-cfg"
DIFF_NS = "http://cisco.com/ns/yang/Cisco-IOS-XR-cli-diff-act"
BGP_NS = "http://cisco.com/ns/yang/Cisco-IOS-XR-ipv4-bgp-oper"

_STEPS: Final = {
    "edit-config": Step.LOAD,
    "get-config": Step.GET_CONFIG,
    "get-cli-config-diff": Step.COMPARE,
    "discard-changes": Step.DISCARD,
    "cancel-commit": Step.ROLLBACK,
    "close-session": Step.CLOSE,
}


class Router(Rpcs[Session]):
    """What the device does for each request."""

    garbage = f'<data><cli xmlns="{CLI_NS}"><<< 0x7f?'

    def __init__(
        self, chassis: Chassis, database: Database, kill_session: Callable[[int], bool]
    ) -> None:
        super().__init__(chassis)
        self._database = database
        self._kill_session = kill_session
        self.warnings: list[str] = []
        """what is said of each commit, which is done all the same"""
        self._handlers: Mapping[str, Callable[[Session, etree._Element], str]] = {
            "lock": self._lock,
            "unlock": self._unlock,
            "edit-config": self._edit,
            "get-config": self._get_config,
            "get": self._get,
            "get-cli-config-diff": self._diff,
            "discard-changes": self._discard,
            "commit": self._commit,
            "cancel-commit": self._cancel,
            "close-session": lambda _session, _request: "<ok/>",
            "kill-session": self._kill,
        }

    def step(self, request: etree._Element) -> Step | None:
        tag = tag_of(request)
        if tag == "get":
            return Step.BGP if request.find(f".//{{{BGP_NS}}}bgp") is not None else None
        if tag != "commit":
            return _STEPS.get(tag)
        if request.find("{*}confirmed") is not None:
            return Step.COMMIT
        with self.chassis.lock:
            if self._database.trial is not None:
                return Step.CONFIRM
            # One that changes nothing is asked to see whether another's waits.
            return Step.COMMIT if self._database.anything_to_commit() else None

    def apply(self, session: Session, request: etree._Element) -> str:
        tag = tag_of(request)
        if tag not in self._handlers:
            bad = RpcError("", bad_element=tag, tag="unknown-element")
            raise RefusedError(bad)
        return self._handlers[tag](session, request)

    def truncated(self, body: str) -> str:
        start = body.find(">", body.find("<cli") if "<cli" in body else body.find("<response")) + 1
        return cut_text(body, start, max(body.rfind("</cli>"), body.rfind("</response>")))

    def _lock(self, session: Session, request: etree._Element) -> str:
        _candidate_only(request)
        self._database.lock(session)
        return "<ok/>"

    def _unlock(self, session: Session, request: etree._Element) -> str:
        _candidate_only(request)
        self._database.unlock(session)
        return "<ok/>"

    def _edit(self, session: Session, request: etree._Element) -> str:
        _candidate_only(request)
        cli = request.find(f"{{*}}config/{{{CLI_NS}}}cli")
        if cli is None:
            raise RefusedError(RpcError("", bad_element="config", tag="bad-element"))
        if len(cli):
            # What was not escaped is an element by now.
            raise RefusedError(RpcError("", bad_element=tag_of(cli[0]), tag="unknown-element"))
        self._database.load(session, cli.text or "")
        return "<ok/>"

    def _get_config(self, _session: Session, request: etree._Element) -> str:
        if request.find(f"{{*}}filter/{{{CLI_NS}}}cli") is None:
            raise RefusedError("this emulated device shows its configuration as CLI text alone")
        return f'<data><cli xmlns="{CLI_NS}">\n{escape(self.running_text())}\n</cli></data>'

    def running_text(self, *, changed: bool = True) -> str:
        """The running config as the device prints it; when and by whom it was changed, or not."""
        database = self._database
        when = datetime.fromtimestamp(database.changed_at, UTC).strftime("%a %b %e %H:%M:%S %Y")
        last = f"!! Last configuration change at {when} by {database.changed_by}\n"
        text = database.running.text()
        return f"!! IOS XR Configuration {VERSION}\n{last if changed else ''}!\n{text}end\n"

    def _get(self, _session: Session, request: etree._Element) -> str:
        if request.find(f".//{{{BGP_NS}}}bgp") is not None:
            return f"<data>{bgp_xml(self.chassis.neighbors.now)}</data>"
        name = next((k[9:] for k in self._database.running.blocks if k.startswith("hostname ")), "")
        return f"<data>{_facts_xml(name, self.chassis.clock.now())}</data>"

    def _diff(self, session: Session, _request: etree._Element) -> str:
        text = escape(self._database.compare(session))
        return f'<response xmlns="{DIFF_NS}">{text}</response>'

    def _discard(self, session: Session, _request: etree._Element) -> str:
        self._database.discard(session)
        return "<ok/>"

    def _commit(self, session: Session, request: etree._Element) -> str:
        self._database.commit(session, _commit_request(request))
        # <ok/> is sent when there is neither an error nor a warning (RFC 6241).
        warnings = [RpcError(each, severity="warning") for each in self.warnings]
        return error_xml(RefusedError(*warnings)) or "<ok/>"

    def _cancel(self, session: Session, request: etree._Element) -> str:
        self._database.cancel(session, request.findtext("{*}persist-id", "").strip())
        return "<ok/>"

    def _kill(self, _session: Session, request: etree._Element) -> str:
        number = request.findtext("{*}session-id", "").strip()
        if not number.isdecimal() or not self._kill_session(int(number)):
            raise RefusedError(RpcError("", bad_element="session-id", tag="invalid-value"))
        return "<ok/>"


def _candidate_only(request: etree._Element) -> None:
    if request.find("{*}target/{*}candidate") is None:
        raise RefusedError(RpcError("", bad_element="target", tag="invalid-value"))


def _commit_request(request: etree._Element) -> CommitRequest:
    seconds = 0
    if request.find("{*}confirmed") is not None:
        text = request.findtext("{*}confirm-timeout", str(DEFAULT_TIMEOUT)).strip()
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise RefusedError(RpcError("", bad_element="confirm-timeout", tag="invalid-value"))
        seconds = int(text)
    persist, token = (
        request.findtext(f"{{*}}{name}", "").strip() for name in ("persist", "persist-id")
    )
    return CommitRequest(seconds, persist, token)


def _facts_xml(name: str, uptime: float) -> str:
    base = "http://cisco.com/ns/yang/Cisco-IOS-XR"
    return (
        f'<system-time xmlns="{base}-shellutil-oper"><uptime><host-name>{escape(name)}</host-name>'
        f"<uptime>{int(uptime)}</uptime></uptime></system-time>"
        f'<interfaces xmlns="{base}-pfi-im-cmd-oper"><interfaces><interface>'
        "<interface-name>MgmtEth0/RP0/CPU0/0</interface-name></interface></interfaces></interfaces>"
        f'<inventory xmlns="{base}-invmgr-oper"><entities><entity><name>Rack 0</name><attributes>'
        f"<inv-basic-bag><software-revision>{VERSION}</software-revision>"
        "<model-name>R-IOSXRV9000-CC</model-name><serial-number>LAB</serial-number>"
        "</inv-basic-bag></attributes></entity></entities></inventory>"
    )
