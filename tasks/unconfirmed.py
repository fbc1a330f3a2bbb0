"""What a NAPALM driver knows of commits that wait to be confirmed, and of its own sessions.

EOSDriver confirms and takes back by the name of its configuration session, aborts it when it is
closed, and leaves it on the router when the process dies. So sessions get names by which a later
run knows its own, and the name moves from one connection to the next.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from nornir.core.inventory import Host

from tasks.connection import CONNECTION
from tasks.device_errors import device_errors

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver

SESSION_PREFIX: Final = "irrgate"
SESSION_OWNER: Final = "0"
"""the owner where there is no state to tell this irrgate from another"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A commit that waits to be confirmed."""

    session: str
    """EOS: its configuration session; Junos: the commit's revision"""
    seconds: int
    """left until the router takes it back; -1 where the router does not tell"""


@runtime_checkable
class KnowsOwnCommit(Protocol):
    """A driver of our own that can tell a commit of this irrgate from a person's."""

    def is_own_commit(self, pending: str, message: str) -> bool:
        """Tell whether the commit `pending` of `_get_pending_commits` is the one of `message`."""


@runtime_checkable
class SavesConfig(Protocol):
    """A driver of our own whose commits are gone after a restart unless they are saved."""

    def save_config(self) -> None:
        """Make what is running what the router starts with."""


@runtime_checkable
class MarksCommit(Protocol):
    """A driver of our own that knows its commit, also after a restart, by what it noted before.

    The mark is there once a candidate is loaded, and is journalled before the commit is sent.
    """

    commit_mark: str


@runtime_checkable
class AsksByWaiting(Protocol):
    """A driver of our own whose router tells whether a commit waits only by letting it wait on.

    `wait_on` is how many seconds it then waits from when it was asked.
    """

    wait_on: int


def name_session(driver: NetworkDriver, owner: str) -> None:
    """Give the driver's next session a name that `clear_leftovers` of the same owner knows."""
    if getattr(driver, "config_session", "") is None:
        driver.config_session = f"{SESSION_PREFIX}-{owner}-{secrets.token_hex(4)}"


def session_of(driver: NetworkDriver) -> str:
    """Return the name of the driver's session, or its mark; empty where it has none."""
    if isinstance(driver, MarksCommit):
        return driver.commit_mark
    return getattr(driver, "config_session", None) or ""


def adopt(driver: NetworkDriver, session: str, seconds: float) -> None:
    """Let the driver confirm or take back the commit of a session that another driver made.

    That commit must not come to wait for longer than `seconds` from now.
    """
    if isinstance(driver, AsksByWaiting):
        driver.wait_on = max(1, int(seconds))
    if session and isinstance(driver, MarksCommit):
        driver.commit_mark = session
    elif session and hasattr(driver, "config_session"):
        driver.config_session = session


def let_go(driver: NetworkDriver) -> None:
    """Make the driver forget its session, so that closing it leaves the commit pending."""
    if hasattr(driver, "config_session"):
        driver.config_session = None


def pending_commit(host: Host, driver: NetworkDriver) -> Pending | None:
    """Return the commit that waits to be confirmed on the router, whoever made it."""
    with device_errors(host, "look for a commit to be confirmed"):
        # has_pending_commit() is this call's truth value; the name and the time are needed too.
        found = driver._get_pending_commits()
    for session, seconds in found.items():
        return Pending(str(session), int(seconds))
    return None


def is_of(host: Host, driver: NetworkDriver, pending: Pending, session: str, message: str) -> bool:
    """Tell whether a pending commit is the one of this session (eos), or of this message (junos).

    It may be a person's who came between: to confirm that, or to take it back, is not for us.
    """
    if hasattr(driver, "config_session"):
        return pending.session == session
    if isinstance(driver, KnowsOwnCommit):
        with device_errors(host, "look whose commit is to be confirmed"):
            return driver.is_own_commit(pending.session, message)
    if not hasattr(driver, "device"):
        # A daemon has no commits but irrgate's: what waits there was put there by no person.
        return True
    with device_errors(host, "look whose commit is to be confirmed"):
        newest = driver.device.rpc.get_commit_information().find("commit-history")
        return newest is not None and (newest.findtext("log") or "").strip() == message


def save(host: Host, driver: NetworkDriver) -> None:
    """Make a commit that stays outlast a restart, where that takes more than to commit it."""
    if isinstance(driver, SavesConfig):
        with device_errors(host, "save"):
            driver.save_config()


def clear_leftovers(host: Host, driver: NetworkDriver, owner: str) -> None:
    """Abort the uncommitted sessions that runs of this owner left when they died.

    Only while the router's lock is held: then no other run of this owner has one.
    """
    if not hasattr(driver, "config_session"):
        return
    with device_errors(host, "look for sessions that were left behind"):
        sessions = driver._run_commands(["show configuration sessions"])[0]["sessions"]
        for name, session in sorted(sessions.items()):
            ours = name.startswith(f"{SESSION_PREFIX}-{owner}-")
            if ours and session.get("state") == "pending":
                driver.config_session = name
                driver.discard_config()


def drop_connection(host: Host) -> None:
    """Close the host's connection as well as it can be, without touching what is pending."""
    plugin = host.connections.get(CONNECTION)
    if plugin is None:
        return
    if plugin.connection is not None:
        let_go(plugin.connection)
    with contextlib.suppress(Exception):
        host.close_connection(CONNECTION)
    host.connections.pop(CONNECTION, None)
