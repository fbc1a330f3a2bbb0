"""Nornir's rules of inheritance, over entries that remember where each value was written.

They are restated here because the domain knows no Nornir; a test compares them with Nornir's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from irrgate.workspace.complaints import Complaint
from irrgate.workspace.documents import Document, Path_
from irrgate.workspace.models import DefaultsEntry, InventoryEntry

CONNECTION: Final = "napalm"
"""the connection whose options are irrgate's"""


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and the place where it was written."""

    value: Any
    document: Document
    path: Path_

    def complaint(self, reason: str, hint: str = "") -> Complaint:
        """Return a complaint about the value, at its place."""
        return self.document.complaint(self.path, reason, hint)


@dataclass(frozen=True, slots=True)
class Element:
    """A host, a group, or the defaults."""

    entry: DefaultsEntry
    document: Document
    path: Path_

    @property
    def groups(self) -> list[str]:
        """Its own groups, as written."""
        return (self.entry.groups or []) if isinstance(self.entry, InventoryEntry) else []

    def attribute(self, key: str) -> Found | None:
        """Return its own hostname or platform."""
        value = getattr(self.entry, key)
        return None if value is None else Found(value, self.document, (*self.path, key))

    def connection(self, key: str) -> Found | None:
        """Return its own hostname or platform among the connection options."""
        options = self.entry.connection_options.get(CONNECTION)
        value = getattr(options, key) if options else None
        path = (*self.path, "connection_options", CONNECTION, key)
        return None if value is None else Found(value, self.document, path)

    def data(self, key: str) -> Found | None:
        """Return one value of its own data, None where it lacks the key."""
        data = self.entry.data or {}
        if key not in data:
            return None
        return Found(data[key], self.document, (*self.path, "data", key))


@dataclass(slots=True)
class Inventory:
    """hosts.yaml, groups.yaml and defaults.yaml; only entries without an error of their own."""

    hosts: dict[str, Element] = field(default_factory=dict)
    groups: dict[str, Element] = field(default_factory=dict)
    defaults: Element | None = None
    _extended: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def cycle(self) -> tuple[str, ...]:
        """Return the groups of one circle of inheritance, or nothing."""
        done: set[str] = set()

        def visit(name: str, trail: tuple[str, ...]) -> tuple[str, ...]:
            if name in trail:
                return trail[trail.index(name) :]
            if name in done or name not in self.groups:
                return ()
            for parent in self.groups[name].groups:
                if found := visit(parent, (*trail, name)):
                    return found
            done.add(name)
            return ()

        return next(filter(None, (visit(name, ()) for name in self.groups)), ())

    def has_all_groups(self, element: Element) -> bool:
        """Tell whether everything that the element inherits from is there; needs no cycle."""
        return all(
            name in self.groups and self.has_all_groups(self.groups[name])
            for name in element.groups
        )

    def extended_groups(self, element: Element) -> tuple[str, ...]:
        """Return all groups of an element in Nornir's order: each followed by its parents."""
        names: dict[str, None] = {}
        for name in element.groups:
            names[name] = None
            if name not in self._extended:
                self._extended[name] = self.extended_groups(self.groups[name])
            names.update(dict.fromkeys(self._extended[name]))
        return tuple(names)

    def effective(self, host: Element, key: str) -> Found | None:
        """Return the hostname or platform that a NAPALM connection to the host will use."""
        return self._connection(host, key) or self._attribute(host, key)

    def data(self, host: Element, key: str) -> Found | None:
        """Return `host[key]` as Nornir does: the first that has the key, nothing is merged."""
        for element in self._lineage(host):
            found = element.data(key)
            if found is not None:
                return found
        return None

    def _attribute(self, host: Element, key: str) -> Found | None:
        for element in self._lineage(host):
            found = element.attribute(key)
            if found is not None:
                return found
        return None

    def _connection(self, element: Element, key: str) -> Found | None:
        # In Nornir the defaults come in with the first group, before the second one is asked.
        found = element.connection(key)
        for name in element.groups:
            found = found or self._connection(self.groups[name], key)
        if found is None and self.defaults is not None:
            found = self.defaults.connection(key)
        return found

    def _lineage(self, host: Element) -> Iterator[Element]:
        yield host
        for name in self.extended_groups(host):
            yield self.groups[name]
        if self.defaults is not None:
            yield self.defaults
