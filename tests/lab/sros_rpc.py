"""The RPCs of the emulated SR OS router."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from tests.lab.device import Chassis
from tests.lab.faults import Step
from tests.lab.netconf_rpc import RefusedError, RpcError, Rpcs, cut_text, tag_of
from tests.lab.sros_database import CommitRequest, Database, Session
from tests.lab.sros_state import State

AUGMENTS_NS = "urn:nokia.com:sros:ns:yang:sr:ietf-netconf-augments"

_STEPS: Final = {
    "edit-config": Step.LOAD,
    "validate": Step.COMPARE,
    "cancel-commit": Step.ROLLBACK,
    "discard-changes": Step.DISCARD,
    "close-session": Step.CLOSE,
    "copy-config": Step.SAVE,
}


class Router(Rpcs[Session]):
    """What the router does for each request."""

    def __init__(
        self,
        chassis: Chassis,
        database: Database,
        state: State,
        kill_session: Callable[[int], bool],
    ) -> None:
        super().__init__(chassis)
        self._database = database
        self._state = state
        self._kill_session = kill_session
        self._handlers: Mapping[str, Callable[[Session, etree._Element], str]] = {
            "lock": self._lock,
            "unlock": self._unlock,
            "edit-config": self._edit,
            "discard-changes": self._discard,
            "validate": self._validate,
            "commit": self._commit,
            "cancel-commit": self._cancel,
            "copy-config": self._copy,
            "get-config": self._get_config,
            "get": self._get,
            "close-session": lambda _session, _request: "<ok/>",
            "kill-session": lambda _session, request: self._kill(request),
        }

    def step(self, request: etree._Element) -> Step | None:
        tag = tag_of(request)
        if tag == "commit":
            asked = _commit_request(request)
            with self.chassis.lock:
                confirming = bool(asked.persist_id) and not asked.confirmed
            return Step.CONFIRM if confirming else Step.COMMIT
        if tag == "get-config":
            return Step.GET_CONFIG if _source(request) == "running" else Step.COMPARE
        if tag == "get":
            return Step.BGP if request.find(".//{*}bgp") is not None else None
        return _STEPS.get(tag)

    def apply(self, session: Session, request: etree._Element) -> str:
        tag = tag_of(request)
        if tag not in self._handlers:
            said = f"MINOR: MGMT_CORE #2201: Unknown element - '{tag}'"
            raise RefusedError(RpcError(said, tag="unknown-element", bad_element=tag))
        return self._handlers[tag](session, request)

    def truncated(self, body: str) -> str:
        return cut_text(body, body.find("<configure"), body.rfind("</data>"))

    def _lock(self, session: Session, request: etree._Element) -> str:
        _candidate(request, "target")
        self._database.lock(session)
        return "<ok/>"

    def _unlock(self, session: Session, request: etree._Element) -> str:
        _candidate(request, "target")
        self._database.unlock(session)
        return "<ok/>"

    def _edit(self, session: Session, request: etree._Element) -> str:
        _candidate(request, "target")
        config = request.find("{*}config")
        for child in () if config is None else config.iterchildren("*"):
            self._database.edit(session, child)
        return "<ok/>"

    def _discard(self, session: Session, _: etree._Element) -> str:
        self._database.discard(session)
        return "<ok/>"

    def _validate(self, session: Session, _: etree._Element) -> str:
        del session
        self._database.validate()
        return "<ok/>"

    def _commit(self, session: Session, request: etree._Element) -> str:
        self._database.commit(session, _commit_request(request))
        return "<ok/>"

    def _cancel(self, session: Session, request: etree._Element) -> str:
        self._database.cancel(session, request.findtext("{*}persist-id", "").strip())
        return "<ok/>"

    def _copy(self, session: Session, request: etree._Element) -> str:
        wanted = request.find("{*}target/{*}startup"), request.find("{*}source/{*}running")
        if None in wanted:
            said = "MINOR: MGMT_CORE #2020: Operation is not supported on this datastore"
            raise RefusedError(RpcError(said, tag="operation-not-supported"))
        self._database.save(session)
        return "<ok/>"

    def _get_config(self, session: Session, request: etree._Element) -> str:
        del session
        source = _source(request)
        tree = self._database.running if source == "running" else self._database.candidate
        # Of filters, those that choose everything, or prefix-lists by their names.
        chosen = request.findall("{*}filter//{*}prefix-list/{*}name")
        names = frozenset((each.text or "").strip() for each in chosen) or None
        return f"<data>\n{tree.xml(names)}</data>"

    def _get(self, session: Session, request: etree._Element) -> str:
        del session
        return f"<data>\n{self._state.xml(request)}</data>"

    def _kill(self, request: etree._Element) -> str:
        number = request.findtext("{*}session-id", "").strip()
        if not number.isdecimal() or not self._kill_session(int(number)):
            raise RefusedError(RpcError(f"no such session: {number}", bad_element=number))
        return "<ok/>"


def _source(request: etree._Element) -> str:
    source = request.find("{*}source")
    found = [] if source is None else [tag_of(child) for child in source.iterchildren("*")]
    if found not in (["running"], ["candidate"]):
        raise RefusedError(RpcError("MINOR: MGMT_CORE #2005: Invalid datastore"))
    return found[0]


def _candidate(request: etree._Element, where: str) -> None:
    target = request.find(f"{{*}}{where}/{{*}}candidate")
    if target is None:
        said = "MINOR: MGMT_CORE #2020: Operation is not supported on this datastore"
        raise RefusedError(RpcError(said, tag="operation-not-supported"))


def _commit_request(request: etree._Element) -> CommitRequest:
    timeout = request.findtext("{*}confirm-timeout", "600").strip()
    if not timeout.isdecimal() or not int(timeout):
        said = f"MINOR: MGMT_CORE #2301: Invalid element value - '{timeout}'"
        raise RefusedError(RpcError(said, tag="invalid-value", bad_element="confirm-timeout"))
    return CommitRequest(
        confirmed=request.find("{*}confirmed") is not None,
        timeout=int(timeout),
        persist=request.findtext("{*}persist", "").strip(),
        persist_id=request.findtext("{*}persist-id", "").strip(),
        comment=request.findtext(f"{{{AUGMENTS_NS}}}comment", "").strip(),
    )
