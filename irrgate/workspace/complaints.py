"""Every error of a workspace at once, each with its file and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from irrgate.errors import WorkspaceError


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One thing that is wrong; sorts by file, then line."""

    file: str
    line: int
    """from 1; 0 is the file as a whole"""
    reason: str
    hint: str = ""

    def as_error(self) -> WorkspaceError:
        """Return the error that people see, about `inventory/peers.yaml:12`."""
        subject = f"{self.file}:{self.line}" if self.line else self.file
        return WorkspaceError(subject, self.reason, hint=self.hint)


class WorkspaceErrors(WorkspaceError):  # noqa: N818 - the plural of its parent
    """All errors of a workspace, sorted by file and line; at least one."""

    def __init__(self, directory: str, errors: tuple[WorkspaceError, ...]) -> None:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(directory, f"{count} in the workspace")
        self.errors = errors

    def __str__(self) -> str:
        """Return one line for each error."""
        return "\n".join(str(error) for error in self.errors)


def workspace_errors(directory: str, complaints: Iterable[Complaint]) -> WorkspaceErrors:
    """Return the complaints, sorted and each once, as one error to raise."""
    return WorkspaceErrors(directory, tuple(each.as_error() for each in sorted(set(complaints))))
