"""What the drivers raise: irrgate's error with subject, reason and hint, and NAPALM's own too."""

from __future__ import annotations

import napalm.base.exceptions as napalm_errors

from irrgate.errors import DeviceError

# NAPALM ships no types, so its classes are of any type.


class ConnectionFailed(DeviceError, napalm_errors.ConnectionException):  # type: ignore[misc]  # noqa: N818
    """The router cannot be reached, is not the one that it should be, or the connection broke."""


class LoginRefused(DeviceError, napalm_errors.ConnectAuthError):  # type: ignore[misc]  # noqa: N818
    """The router did not accept the username with its password or key."""


class TimedOut(DeviceError, napalm_errors.CommandTimeoutException):  # type: ignore[misc]  # noqa: N818
    """A command did not end in time; what it did is not known."""


class CommandFailed(DeviceError, napalm_errors.CommandErrorException):  # type: ignore[misc]  # noqa: N818
    """A command on the router failed."""


class CandidateRefused(  # noqa: N818
    DeviceError,
    napalm_errors.MergeConfigException,  # type: ignore[misc]
    napalm_errors.ReplaceConfigException,  # type: ignore[misc]
):
    """The candidate, or the configuration with it in place, is not accepted; nothing changed."""


class CommitRefused(DeviceError, napalm_errors.CommitError):  # type: ignore[misc]  # noqa: N818
    """The commit, its confirmation or its undoing was not taken."""


class Locked(DeviceError, napalm_errors.LockError):  # type: ignore[misc]  # noqa: N818
    """Somebody else is at work on the router's files."""
