"""What the emulated Junos device answers when it refuses something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RpcError:
    """One `<rpc-error>`."""

    message: str
    severity: str = "error"
    bad_element: str = ""
    path: str = ""
    line: int = 0


class RefusedError(Exception):
    """A request that was refused; not all of its errors need be more than warnings."""

    def __init__(self, *errors: RpcError | str) -> None:
        self.errors = tuple(RpcError(e) if isinstance(e, str) else e for e in errors)
        super().__init__("; ".join(error.message for error in self.errors))

    @classmethod
    def of(cls, messages: Iterable[str]) -> RefusedError:
        return cls(*messages)
