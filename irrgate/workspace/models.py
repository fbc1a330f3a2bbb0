"""What the workspace's files may hold, key by key."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from irrgate.network import (
    DEFAULT_NOTIFY,
    ApplySettings,
    FilterNames,
    StateSettings,
)
from irrgate.workspace.fields import (
    AddressField,
    AsnField,
    DaysField,
    DurationField,
    EventsField,
    FreezeField,
    HostnameField,
    HoursField,
    MetricsField,
    NamedOnceField,
    NamesField,
    ObjectField,
    OwnPrefixField,
    RangeField,
    RoleField,
    ServerField,
    SourceField,
    StateUrlField,
    Text,
    TimeZoneField,
)

MAX_MAX_PREFIX: Final = 2**32 - 2
"""the most that EOS and Junos take as a limit"""

Ipv4Length = Annotated[int, Field(ge=8, le=32)]
Ipv6Length = Annotated[int, Field(ge=16, le=128)]
ShortIpv4Length = Annotated[int, Field(ge=0, le=32)]
ShortIpv6Length = Annotated[int, Field(ge=0, le=128)]
Count = Annotated[int, Field(ge=0)]
Part = Annotated[float, Field(ge=0, le=1)]
Limit = Annotated[int, Field(ge=1, le=MAX_MAX_PREFIX)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Entry(BaseModel):
    """A mapping of known keys; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Lengths(Entry):
    """The longest prefix per family."""

    ipv4: Ipv4Length | None = None
    ipv6: Ipv6Length | None = None


class ShortLengths(Entry):
    """The shortest prefix per family; 0 lets every prefix through."""

    ipv4: ShortIpv4Length | None = None
    ipv6: ShortIpv6Length | None = None


class Limits(Entry):
    """A number of prefixes per family."""

    ipv4: Limit | None = None
    ipv6: Limit | None = None


class IrrEntry(Entry):
    """network.yaml's irr."""

    servers: Annotated[list[ServerField], Field(min_length=1)]
    sources: Annotated[list[SourceField], Field(min_length=1)]
    timeout: Annotated[int, Field(ge=1, le=3600)] = 120
    workers: Annotated[int, Field(ge=1, le=64)] = 8


class FiltersEntry(Entry):
    """network.yaml's filters."""

    name: NamesField = FilterNames("IRR-{peer}-{afi}")
    max_length: Lengths = Lengths()
    more_specifics: bool = False
    special_use: bool = False


class GuardsEntry(Entry):
    """network.yaml's guards."""

    max_shrink: Part = 0.3
    max_growth: Annotated[float, Field(gt=0)] = 3.0
    max_prefixes: Limits = Limits()
    max_age: DurationField = timedelta(days=7)
    max_plan_age: DurationField = timedelta(hours=24)
    min_length: ShortLengths = ShortLengths()


_APPLY: Final = ApplySettings()
_STATE: Final = StateSettings()


class ApplyEntry(Entry):
    """network.yaml's apply."""

    canary: Count = _APPLY.canary
    batch: Annotated[int, Field(ge=1)] | None = _APPLY.batch
    max_failures: Count | None = _APPLY.max_failures
    revert_in: Annotated[int, Field(ge=60, le=3600)] = _APPLY.revert_in
    bgp_check: bool = _APPLY.bgp_check
    max_accepted_loss: Part = _APPLY.max_accepted_loss
    settle: Annotated[int, Field(ge=0, le=300)] = _APPLY.settle


class StateEntry(Entry):
    """network.yaml's state."""

    url: StateUrlField | None = _STATE.url
    keep: DurationField = _STATE.keep


class WindowEntry(Entry):
    """One window of change_windows' allow."""

    days: Annotated[list[DaysField], Field(min_length=1)]
    hours: HoursField


class ChangeWindowsEntry(Entry):
    """change_windows, of network.yaml or of a host's data."""

    time_zone: TimeZoneField
    allow: list[WindowEntry] = []
    freeze: list[FreezeField] = []


class DataEntry(Entry):
    """What irrgate reads of a host's data besides its sessions; the other keys are the user's."""

    change_windows: ChangeWindowsEntry | None = None
    commit_confirm: bool | None = None


class NetworkEntry(Entry):
    """network.yaml."""

    asn: AsnField
    prefixes: list[OwnPrefixField] = []
    irr: IrrEntry
    filters: FiltersEntry = FiltersEntry()
    guards: GuardsEntry = GuardsEntry()
    apply: ApplyEntry = ApplyEntry()
    state: StateEntry = StateEntry()
    notify: EventsField = sorted(DEFAULT_NOTIFY)
    metrics: MetricsField | None = None
    change_windows: ChangeWindowsEntry | None = None


class PeerFiltersEntry(Entry):
    """A peer's filters: any key of the network's, and what is left out is the network's."""

    name: NamedOnceField = None
    max_length: Lengths = Lengths()
    more_specifics: bool | None = None
    special_use: bool | None = None


Objects = Annotated[list[ObjectField], Field(min_length=1)]


class FamilyObjects(Entry):
    """as_sets for each family; a family that is left out gets no filter."""

    ipv4: Objects | None = None
    ipv6: Objects | None = None


def _as_sets_form(value: Any) -> str:
    return "families" if isinstance(value, dict) else "list"


AsSets = Annotated[
    Annotated[Objects, Tag("list")] | Annotated[FamilyObjects, Tag("families")],
    Discriminator(_as_sets_form),
]


class PeerEntry(Entry):
    """One neighbour of peers.yaml."""

    name: Text = ""
    role: RoleField
    as_sets: AsSets | None = None
    max_prefix: Limits = Limits()
    accept: list[RangeField] = []
    reject: list[RangeField] = []
    filters: PeerFiltersEntry = PeerFiltersEntry()


class SessionEntry(Entry):
    """One session of a host's data."""

    peer: AsnField
    address: AddressField


class ConnectionEntry(Entry):
    """Nornir's connection options; None is as if left out."""

    hostname: HostnameField | None = None
    port: Port | None = None
    username: str | None = None
    password: str | None = None
    platform: Text | None = None
    extras: dict[Any, Any] | None = None


class DefaultsEntry(Entry):
    """Nornir's defaults; None is as if left out."""

    hostname: HostnameField | None = None
    port: Port | None = None
    username: str | None = None
    password: str | None = None
    platform: Text | None = None
    data: dict[Any, Any] | None = None
    connection_options: dict[str, ConnectionEntry] = {}


class InventoryEntry(DefaultsEntry):
    """A host or group of Nornir's."""

    groups: list[Text] | None = None
