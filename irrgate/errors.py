"""What can go wrong, one root and narrow children, each naming the object it is about.

A message is written for the person who reads it at night: what, where, why, and (in `hint`) what
to do. The command line prints `str(error)` and the hint, and never a traceback.
"""

from __future__ import annotations


class IrrgateError(Exception):
    """The root of everything that irrgate raises on purpose.

    `subject` is the object that the error is about (a file and line, an as-set, a router);
    `hint` is what the reader can do about it, or empty.
    """

    def __init__(self, subject: str, reason: str, *, hint: str = "") -> None:
        super().__init__(subject, reason)
        self.subject = subject
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"


class RpslError(IrrgateError, ValueError):
    """A string that is no ASN, set name or source name."""


class PrefixError(IrrgateError, ValueError):
    """A prefix or prefix range that cannot be."""


class WorkspaceError(IrrgateError):
    """A workspace file that cannot be read or does not say what it must."""


class SnapshotError(IrrgateError):
    """An IRR snapshot or dump that cannot be read or written."""


class IrrServerError(IrrgateError):
    """An IRR server that cannot be asked, or answers what the protocol does not have."""


class Bgpq4MissingError(IrrgateError):
    """bgpq4 cannot be started at all, which no other server or set would change."""


class PlatformError(IrrgateError):
    """A platform that irrgate does not know, or a filter that the platform cannot hold."""


class ParseError(IrrgateError):
    """A managed object in a running config that does not have the form that it must."""


class RenderError(IrrgateError):
    """A template that is missing or that cannot be rendered."""


class PlanError(IrrgateError):
    """A plan file that is truncated, altered, or made for something else."""


class DeviceError(IrrgateError):
    """A router that could not be reached, refused something, or answered nonsense."""


class StateError(IrrgateError):
    """A state that cannot be read or written, or that contradicts what is asked of it."""


class LockedError(IrrgateError):
    """A router on which another run is at work, or whose lock was lost."""


class MetricsError(IrrgateError):
    """A metrics file that cannot be written."""
