"""The fields of workspace files: what people write becomes a type, or a reason why not."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Hashable
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from irrgate.errors import IrrgateError
from irrgate.network import FilterNames, IrrServer, NotifyEvent, Role
from irrgate.prefixes import PrefixRange
from irrgate.rpsl import MAX_ASN, Asn, RpslObject, SourceName, parse_asn, parse_object, parse_source
from irrgate.windows import Freeze, parse_days, parse_hours, time_zones
from irrgate.workspace.documents import Unclear

T = TypeVar("T")

OWN_REASON: Final = "irrgate"
"""pydantic's error type for a reason that is already a sentence of ours"""

MAX_TEXT: Final = 200
NEVER_A_NETWORK: Final = frozenset({0, 23456, 65535, MAX_ASN})
"""RFC 7607, RFC 6793 (AS_TRANS), RFC 7300: not even a lab's"""

MAX_AGE: Final = timedelta(days=3650)

STATE_SCHEMES: Final = ("postgresql", "postgresql+psycopg", "sqlite")
TEXTFILE: Final = ".prom"
"""what node_exporter's textfile collector reads; it passes over every other name"""

_DURATION: Final = re.compile(r"([0-9]{1,9})([dhms])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def refuse(reason: str, hint: str = "") -> NoReturn:
    """Make pydantic report `reason` as it is."""
    raise PydanticCustomError(OWN_REASON, "{reason}", {"reason": reason, "hint": hint})


def kind(value: object) -> str:
    """Return what a value is, in words for someone who wrote YAML; never the value itself."""
    if isinstance(value, bool):
        return "true or false"
    names: dict[type, str] = {str: "text", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a mapping", type(None): "nothing", Unclear: "a number or date"}
    return names.get(type(value), "this")


def nearest(word: str, known: list[str]) -> str:
    """Return a hint that names the known word nearest to `word`, or all of them."""
    by_fold = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_fold, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_fold[close[0]]}?"
    return f"known: {', '.join(known)}"


def shown(value: object) -> str:
    """Return a value on one line, without a control character, and not too much of it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = ascii(value.text if isinstance(value, Unclear) else value)
    return text if len(text) <= 60 else f"{text[:56]}..."


def text(value: object) -> str:
    """Return `value` if it is text of at most 200 printable characters."""
    if isinstance(value, Unclear):
        refuse(f"text is expected, and {shown(value)} may be read as a number", "put it in quotes")
    if not isinstance(value, str):
        refuse(f"text is expected, not {kind(value)}", "put it in quotes")
    if len(value) > MAX_TEXT:
        refuse(f"{len(value)} characters long, at most {MAX_TEXT} are allowed")
    if not value.isprintable():
        refuse(f"{shown(value)} holds a character that cannot be printed")
    return value


def _parsed(parse: Callable[[str], T]) -> Callable[[object], T]:
    def read(value: object) -> T:
        try:
            return parse(text(value))
        except IrrgateError as exc:
            refuse(str(exc), exc.hint)

    return read


def asn(value: object) -> Asn:
    """Read AS64500, as64500, or 64500 with or without quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    elif not isinstance(value, str):
        refuse(f"an ASN is expected, not {shown(value)}", "write AS64500")
    try:
        number = parse_asn(f"AS{value}" if value.isdecimal() else value)
    except IrrgateError as exc:
        refuse(str(exc), exc.hint)
    if number.number in NEVER_A_NETWORK:
        refuse(f"{number} is reserved and can be no network")
    return number


def role(value: object) -> Role:
    """Read one of RFC 9234's roles."""
    word = text(value)
    try:
        return Role(word)
    except ValueError:
        roles = [str(each) for each in Role]
        refuse(f"{shown(word)} is no role: one of {', '.join(roles)}", nearest(word, roles))


def address(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read the address of a neighbour."""
    word = text(value)
    try:
        read = ipaddress.ip_address(word)
    except ValueError:
        hint = "write it without /" if "/" in word else ""
        refuse(f"{shown(word)} is no IP address", hint)
    if isinstance(read, ipaddress.IPv6Address) and read.scope_id is not None:
        refuse(f"{shown(word)}: a neighbour's address has no %interface")
    if read.is_unspecified or read.is_multicast:
        refuse(f"{shown(word)} can be no neighbour's address")
    return read


def own_prefix(value: object) -> PrefixRange:
    """Read a prefix without ge or le."""
    read = _parsed(PrefixRange.parse)(value)
    if not read.is_single:
        refuse(
            f"{shown(value)}: a prefix without ge, le or ^ is expected",
            "the more specifics of our own prefixes are covered anyway",
        )
    return read


def duration(value: object) -> timedelta:
    """Read 7d, 12h, 30m or 90s; above 0."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse(f"a duration is expected, not {shown(value)}", "write 7d, 12h, 30m or 90s")
    read = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta(0) < read <= MAX_AGE:
        refuse(f"{shown(value)}: a duration lies between 1s and {MAX_AGE.days}d")
    return read


def unseen(value: object) -> str:
    """Return `value` if it is printable text; no refusal shows it, since it may be a secret."""
    if not isinstance(value, str):
        refuse(f"text is expected, not {kind(value)}", "put it in quotes")
    if not value.isprintable():
        refuse("holds a character that cannot be printed")
    return value


def state_url(value: object) -> str:
    """Read the URL of the state's database; what any library takes for a password is refused."""
    url = unseen(value)
    scheme, _, rest = url.partition("://")
    is_file = scheme.startswith("sqlite")
    if _holds_password(url, rest, is_file=is_file):
        refuse(
            "a password cannot stand in the inventory",
            "put the whole URL into IRRGATE_STATE_URL, or use ~/.pgpass",
        )
    if scheme not in STATE_SCHEMES:
        refuse(
            "not the URL of a database that irrgate knows",
            "as in postgresql+psycopg://irrgate@db.example.net/irrgate, or sqlite:////srv/state.db",
        )
    if is_file and not (rest.startswith("//") and rest.strip("/")):
        refuse(
            "the path of a file is expected after sqlite:///, from the root on",
            "as in sqlite:////srv/irrgate/state.db",
        )
    return url


def _holds_password(url: str, rest: str, *, is_file: bool) -> bool:
    # SQLAlchemy takes all up to the last @ for user and password, where urllib stops at / ? or #.
    user, at, _ = rest.rpartition("@")
    if at and ":" in user and not is_file:
        return True
    try:
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        refuse("not a URL", "as in postgresql+psycopg://irrgate@db.example.net/irrgate")
    return any(key.lower() in {"password", "sslpassword"} for key, _ in query)


def event(value: object) -> NotifyEvent:
    """Read what people are told of."""
    word = _no_address(unseen(value))
    try:
        return NotifyEvent(word)
    except ValueError:
        events = [str(each) for each in NotifyEvent]
        refuse(f"not an event: one of {', '.join(events)}", nearest(word, events))


def _no_address(value: T) -> T:
    """Refuse where a notification goes: that may hold a token."""
    if isinstance(value, str) and ":" in value:
        refuse(
            "names the events, not where they are sent to",
            "put the URL into IRRGATE_NOTIFY of the environment: it may hold a token",
        )
    return value


def metrics_file(value: object) -> Path:
    """Read the path of a file for node_exporter's textfile collector."""
    word = text(value)
    path = Path(word)
    if not path.is_absolute() or ".." in path.parts:
        refuse(f"{shown(word)}: a path from the root on is expected, without ..")
    if path.suffix != TEXTFILE:
        refuse(
            f"{shown(word)}: the file's name must end in {TEXTFILE}",
            "node_exporter reads no others",
        )
    return path


def time_zone(value: object) -> str:
    """Read the name of a time zone, such as America/Bogota."""
    word = text(value)
    if word not in time_zones():
        by_fold = {zone.lower(): zone for zone in time_zones()}
        close = get_close_matches(word.lower(), sorted(by_fold), n=1, cutoff=0.7)
        hint = f"did you mean {by_fold[close[0]]}?" if close else "as in America/Bogota, or UTC"
        refuse(f"{shown(word)} is no time zone", hint)
    return word


def freeze(value: object) -> Freeze:
    """Read a date or a range of dates, in quotes or without."""
    return _parsed(Freeze.parse)(value.text if isinstance(value, Unclear) else value)


def hostname(value: object) -> str:
    """Read what a router is reached by: a name or an address, never an option."""
    word = text(value)
    if not word or word.startswith("-") or any(c.isspace() or c in "/\\@" for c in word):
        refuse(f"{shown(word)} is no host name or address")
    return word


def key_name(name: Hashable) -> str:
    """Return the name of a host or group, which becomes part of a file's path and of a log."""
    if not isinstance(name, str):
        refuse(f"the name {shown(name)} is not text", "put it in quotes")
    word = text(name)
    if not word or len(word.encode()) > 100:
        refuse(f"the name {shown(word)} must have 1 to 100 bytes")
    if "/" in word or "\\" in word or ".." in word or word[0] in ".-":
        refuse(f"the name {shown(word)} cannot hold / or .. or begin with . or -: it names a file")
    if word != word.strip():
        refuse(f"the name {shown(word)} begins or ends with white space")
    return word


def _never(reason: str) -> Callable[[Any], None]:
    def read(_: Any) -> None:
        refuse(reason)

    return read


Text = Annotated[str, PlainValidator(text)]
AsnField = Annotated[Asn, PlainValidator(asn)]
RoleField = Annotated[Role, PlainValidator(role)]
AddressField = Annotated[ipaddress.IPv4Address | ipaddress.IPv6Address, PlainValidator(address)]
ObjectField = Annotated[RpslObject, PlainValidator(_parsed(parse_object))]
SourceField = Annotated[SourceName, PlainValidator(_parsed(parse_source))]
ServerField = Annotated[IrrServer, PlainValidator(_parsed(IrrServer.parse))]
NamesField = Annotated[FilterNames, PlainValidator(_parsed(FilterNames.parse))]
RangeField = Annotated[PrefixRange, PlainValidator(_parsed(PrefixRange.parse))]
OwnPrefixField = Annotated[PrefixRange, PlainValidator(own_prefix)]
DurationField = Annotated[timedelta, PlainValidator(duration)]
HostnameField = Annotated[str, PlainValidator(hostname)]
StateUrlField = Annotated[str, PlainValidator(state_url)]
EventsField = Annotated[
    list[Annotated[NotifyEvent, PlainValidator(event)]], BeforeValidator(_no_address)
]
MetricsField = Annotated[Path, PlainValidator(metrics_file)]
TimeZoneField = Annotated[str, PlainValidator(time_zone)]
DaysField = Annotated[frozenset[int], PlainValidator(_parsed(parse_days))]
HoursField = Annotated[tuple[int, int], PlainValidator(_parsed(parse_hours))]
FreezeField = Annotated[Freeze, PlainValidator(freeze)]
NamedOnceField = Annotated[
    None, PlainValidator(_never("a peer's filters cannot have a name of their own"))
]
