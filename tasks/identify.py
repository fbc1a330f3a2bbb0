"""Ask a router who it is, without a login."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nornir.core.task import Result, Task

from tasks.connection import CA_FILE, CONNECTION, KNOWN_HOSTS, VERIFY
from tasks.device_errors import device_errors
from tasks.shown_identity import (
    REACHED_BY,
    WITHOUT_PROOF,
    Proof,
    Shown,
    ask_identity,
    known_as,
    known_keys,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a router showed, and the file in which it must be known."""

    shown: Shown | None
    """None where nothing proves who the router is: `why` says so"""
    file: Path | None
    """known_hosts, or the router's ca_file; None where no ca_file is named"""
    why: str = ""


def identify(task: Task, directory: Path) -> Result:
    """Take the host key or the certificate that the router shows; logs in nowhere.

    `directory` is the workspace, to which the names of files are relative.

    Returns:
        Result with `result`: Identity.
    """
    host = task.host
    parameters = host.get_connection_parameters(CONNECTION)
    arguments = (parameters.extras or {}).get("optional_args") or {}
    transport = str(arguments.get("transport", ""))
    if transport in WITHOUT_PROOF:
        why = f"transport {transport}: nothing proves which router it is"
        return Result(host=host, result=Identity(None, None, why))
    if arguments.get(VERIFY, True) is False:
        return Result(host=host, result=Identity(None, None, f"{VERIFY} is false"))
    proof, default_port = REACHED_BY[host.platform or ""]
    port = parameters.port or arguments.get("port") or default_port
    named = arguments.get(KNOWN_HOSTS if proof is Proof.SSH else CA_FILE)
    if named is None and proof is Proof.SSH:
        named = KNOWN_HOSTS
    file = directory / named if named else None
    hostname = parameters.hostname or host.name
    with device_errors(host, "ask who it is"):
        kinds = known_keys(file, known_as(hostname, int(port))) if proof is Proof.SSH else {}
        shown = ask_identity(proof, hostname, int(port), kinds)
    return Result(host=host, result=Identity(shown, file))
