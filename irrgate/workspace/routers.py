"""hosts.yaml, groups.yaml and defaults.yaml as routers with their sessions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic_core import PydanticCustomError

from irrgate.network import Router, Session
from irrgate.platforms import REFUSED
from irrgate.prefixes import Afi
from irrgate.windows import ChangeWindows
from irrgate.workspace import fields
from irrgate.workspace.complaints import Complaint
from irrgate.workspace.documents import Document, Path_
from irrgate.workspace.inheritance import Element, Found, Inventory
from irrgate.workspace.models import DataEntry, DefaultsEntry, InventoryEntry, SessionEntry
from irrgate.workspace.neighbours import Neighbours
from irrgate.workspace.opening_hours import change_windows
from irrgate.workspace.validation import complain_of_nothing, validate

T = TypeVar("T")

SESSIONS: Final = "sessions"
CHANGE_WINDOWS: Final = "change_windows"
COMMIT_CONFIRM: Final = "commit_confirm"
SETTINGS: Final = (CHANGE_WINDOWS, COMMIT_CONFIRM)


@dataclass(slots=True)
class InventoryReader:
    """Reads the three files of Nornir's inventory; None stands for a file that is not there."""

    hosts: Document
    groups: Document | None
    defaults: Document | None
    known_platforms: Collection[str]
    neighbours: Neighbours | None
    """None when peers.yaml cannot be read: then sessions are not compared with it"""
    whole: bool
    """False when groups or defaults are there and cannot be read: then nothing is inherited"""
    windows: ChangeWindows | None
    """the network's, for hosts without their own"""
    complaints: list[Complaint]
    inventory: Inventory = field(default_factory=Inventory)
    sessions: dict[tuple[str, Path_], tuple[Session, ...]] = field(default_factory=dict)
    """by the place where they are written; only lists without an error"""
    settings: dict[tuple[str, Path_], Any] = field(default_factory=dict)
    """the values of SETTINGS, in the same way"""

    def routers(self) -> Mapping[str, Router]:
        """Return the routers by name; `complaints` gets what is wrong with them."""
        inventory = self.inventory
        inventory.hosts = self.elements(self.hosts)
        if self.groups is not None:
            inventory.groups = self.elements(self.groups)
        if self.defaults is not None:
            self.read_data(self.defaults, (), self.defaults.value)
            entry = validate(DefaultsEntry, self.defaults, (), self.defaults.value, self.complaints)
            if entry is None:
                self.whole = False
            else:
                inventory.defaults = Element(entry, self.defaults, ())
        if not self.whole:
            return {}
        self.check_groups()
        if circle := inventory.cycle():
            first = inventory.groups[circle[0]]
            self.complaints.append(
                first.document.complaint(
                    (*first.path, "groups"),
                    f"the groups {' > '.join((*circle, circle[0]))} inherit from each other",
                )
            )
            return {}
        routers = (self.router(name, inventory.hosts[name]) for name in sorted(inventory.hosts))
        return MappingProxyType({router.name: router for router in routers if router})

    def elements(self, document: Document) -> dict[str, Element]:
        """Return the hosts or groups of a file that have no error of their own."""
        if not isinstance(document.value, dict):
            self.complaints.append(
                document.complaint(
                    (), f"a mapping of names is expected, not {fields.kind(document.value)}"
                )
            )
            return {}
        elements: dict[str, Element] = {}
        for name, value in document.value.items():
            path = (name,)
            try:
                fields.key_name(name)
            except PydanticCustomError as exc:
                context = exc.context or {}
                self.complaints.append(document.complaint(path, context["reason"], context["hint"]))
            self.read_data(document, path, value)
            entry = validate(InventoryEntry, document, path, value, self.complaints)
            if entry is not None and isinstance(name, str):
                elements[name] = Element(entry, document, path)
        return elements

    def check_groups(self) -> None:
        """Complain of groups that no file defines."""
        written = self.groups.value if self.groups and isinstance(self.groups.value, dict) else {}
        known = [str(name) for name in written]
        for element in (*self.inventory.hosts.values(), *self.inventory.groups.values()):
            for index, name in enumerate(element.groups):
                if name not in written:
                    self.complaints.append(
                        element.document.complaint(
                            (*element.path, "groups", index),
                            f"{element.path[0]}: the group {fields.shown(name)} is not in "
                            "inventory/groups.yaml",
                            fields.nearest(name, known) if known else "",
                        )
                    )

    def router(self, name: str, host: Element) -> Router | None:
        """Return the host with what it inherits, None where an error stands in the way."""
        if not self.inventory.has_all_groups(host):
            return None
        platform = self.platform(name, host)
        hostname = self.inventory.effective(host, "hostname")
        if hostname is None:
            self.complaints.append(
                host.document.complaint(
                    host.path, f"{name}: no hostname, its own or inherited", "add hostname: ADDRESS"
                )
            )
        found = self.inventory.data(host, SESSIONS)
        sessions = self.sessions.get((found.document.file, found.path)) if found else ()
        if platform is None or hostname is None or sessions is None:
            return None
        groups = self.inventory.extended_groups(host)
        return Router(
            name=name,
            platform=platform,
            hostname=hostname.value,
            groups=groups,
            sessions=sessions,
            windows=self.setting(host, CHANGE_WINDOWS, self.windows),
            commit_confirm=self.setting(host, COMMIT_CONFIRM, True),
        )

    def setting(self, host: Element, key: str, default: T) -> T:
        """Return the nearest value of a key of SETTINGS, whole; one with an error is not used."""
        found = self.inventory.data(host, key)
        read: T = (
            self.settings.get((found.document.file, found.path), default) if found else default
        )
        return read

    def platform(self, name: str, host: Element) -> str | None:
        """Return the NAPALM driver of a host, or complain where it was written."""
        known = sorted(self.known_platforms)
        found = self.inventory.effective(host, "platform")
        if found is None:
            self.complaints.append(
                host.document.complaint(
                    host.path,
                    f"{name}: no platform, its own or inherited",
                    f"add platform: one of {', '.join(known)}",
                )
            )
            return None
        if found.value not in known:
            reason = f"irrgate has no platform {fields.shown(found.value)}"
            hint = fields.nearest(found.value, known)
            if found.value in REFUSED:
                why, hint = REFUSED[str(found.value)]
                reason = f"platform {found.value} {why}"
            self.complaints.append(
                found.complaint(f"{_owner(found)}: {reason}", hint),
            )
            return None
        return str(found.value)

    def read_data(self, document: Document, path: Path_, entry: Any) -> None:
        """Read our keys of the data of a host, a group or the defaults, whoever inherits them."""
        data = entry.get("data") if isinstance(entry, dict) else None
        if not isinstance(data, dict):
            return
        path = (*path, "data")
        for key in data:
            meant = _meant_as(key) if isinstance(key, str) else None
            if meant is not None:
                self.complaints.append(
                    document.complaint(
                        (*path, key),
                        f"{_label(path)}: no such key: {fields.shown(key)}",
                        f"did you mean {meant}?",
                    )
                )
        self.read_settings(document, path, {key: data[key] for key in SETTINGS if key in data})
        if SESSIONS in data:
            self.read_sessions(document, (*path, SESSIONS), data[SESSIONS])

    def read_settings(self, document: Document, path: Path_, data: dict[str, Any]) -> None:
        """Read the change windows and whether the commit timer may be used."""
        for key in data:
            complain_of_nothing(document, (*path, key), self.complaints)
        entry = validate(DataEntry, document, path, data, self.complaints)
        if entry is None:
            return
        if entry.change_windows is not None:
            windows = change_windows(entry.change_windows)
            self.settings[document.file, (*path, CHANGE_WINDOWS)] = windows
        if entry.commit_confirm is not None:
            self.settings[document.file, (*path, COMMIT_CONFIRM)] = entry.commit_confirm

    def read_sessions(self, document: Document, path: Path_, written: Any) -> None:
        """Read the sessions that stand at the path."""
        if not isinstance(written, list):
            self.complaints.append(
                document.complaint(
                    path,
                    f"{_label(path)}: a list is expected, not {fields.kind(written)}",
                    "- {peer: AS64500, address: 192.0.2.1}",
                )
            )
            return
        sessions = self.distinct_sessions(document, path, written)
        if len(sessions) == len(written):
            self.sessions[document.file, path] = tuple(sorted(sessions))

    def distinct_sessions(
        self, document: Document, path: Path_, written: list[Any]
    ) -> list[Session]:
        """Return the sessions of a list that are right, each address once."""
        lines: dict[str, int] = {}
        sessions: list[Session] = []
        for index, value in enumerate(written):
            place = Found(value, document, (*path, index))
            entry = validate(SessionEntry, document, place.path, value, self.complaints)
            if entry is None:
                continue
            address = str(entry.address)
            if address in lines:
                self.complaints.append(
                    place.complaint(
                        f"{_label(path)}: {address} is here again; it is on line "
                        f"{lines[address]} already",
                        "one session has one neighbour: correct the address or take one out",
                    )
                )
                continue
            lines[address] = document.line(place.path)
            session = self.session(place, entry)
            if session is not None:
                sessions.append(session)
        return sessions

    def session(self, place: Found, entry: SessionEntry) -> Session | None:
        """Return one session, or complain where its peer has no filter for it."""
        afi = Afi.IPV4 if entry.address.version == 4 else Afi.IPV6
        has_filter = False
        if self.neighbours is not None:
            label = _label(place.path)
            if entry.peer not in self.neighbours.named:
                self.complaints.append(
                    place.complaint(
                        f"{label}: {entry.peer} is not in inventory/peers.yaml",
                        "add it there, or correct the ASN",
                    )
                )
                return None
            peer = self.neighbours.peers.get(entry.peer)
            has_filter = peer is not None and peer.has_filter
            if peer is not None and has_filter and not peer.has_filter_for(afi):
                self.complaints.append(
                    place.complaint(
                        f"{label}: {entry.peer} has no {afi} filter for the session with "
                        f"{entry.address}: its as_sets name no {afi}",
                        f"add as_sets for {afi} in inventory/peers.yaml",
                    )
                )
                return None
        return Session(entry.peer, afi, str(entry.address), has_filter)


def _owner(found: Found) -> str:
    return (
        str(found.path[0])
        if len(found.path) > 1 and found.path[0] != "connection_options"
        else ("defaults")
    )


def _label(path: Path_) -> str:
    """Return the host or group of a path into its data, and the keys below it."""
    keys = [str(step) for step in path if isinstance(step, str)]
    owner, below = ("defaults", keys) if path[0] == "data" else (keys[0], keys[1:])
    return f"{owner} {'.'.join(below)}"


@lru_cache(maxsize=1024)
def _meant_as(key: str) -> str | None:
    """Return our key for which a key of a host's own data is a slip; all others are theirs."""
    ours = (SESSIONS, *SETTINGS)
    close = get_close_matches(key.lower(), ours, n=1, cutoff=0.85)
    return None if key in ours or not close else close[0]
