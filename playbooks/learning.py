"""The composition behind `check --devices --learn-keys`: who the routers are, once and for all.

A key that is new is shown with its fingerprint, and written only when a person says so. One that
is another than the known one is never written: that is what an attack looks like.
"""

from __future__ import annotations

import re
import socket
import ssl
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from irrgate.errors import DeviceError, IrrgateError, WorkspaceError
from irrgate.network import Workspace
from irrgate.printable import printable
from irrgate.whole_file import write_whole
from tasks.identify import Identity, identify
from tasks.inventory import limited, open_inventory
from tasks.shown_identity import TIMEOUT, Proof, Shown, known_keys

_LEARNED: Final = re.compile(
    r"^# (\S+)\n(-----BEGIN CERTIFICATE-----\n[^-]*\n-----END CERTIFICATE-----)", re.MULTILINE
)
"""a certificate that was learned, and of which router"""


class Standing(StrEnum):
    """How what a router shows stands to what is known of it."""

    KNOWN = "known"
    NEW = "new"
    CHANGED = "changed"
    """another one is known"""
    UNPROVEN = "not proven"
    """nothing to learn: the user has switched it off, or there is no file to write it to"""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Learned:
    """One router."""

    router: str
    standing: Standing
    detail: str
    hint: str = ""
    shown: Shown | None = None
    file: Path | None = None
    """where it must be known"""


def look(
    workspace: Workspace, environ: Mapping[str, str], limit: tuple[str, ...], workers: int
) -> list[Learned]:
    """Ask each router who it is; writes nothing."""
    nornir = limited(open_inventory(workspace, environ, workers), workspace, limit)
    results = nornir.run(task=identify, directory=workspace.directory)
    learned = []
    for name, result in sorted(results.items()):
        error = result[0].exception
        if isinstance(error, IrrgateError):
            learned.append(Learned(name, Standing.FAILED, error.reason, error.hint))
        elif error is not None:
            raise error
        else:
            learned.append(_judge(name, result[0].result))
    return learned


def learn(found: Iterable[Learned]) -> list[Path]:
    """Write what is new where it must be known; return the files, each written whole or not.

    Raises WorkspaceError for a file that cannot be read or written.
    """
    added: dict[Path, list[str]] = {}
    for each in found:
        if each.standing is Standing.NEW and each.file is not None and each.shown is not None:
            added.setdefault(each.file, []).append(each.shown.line)
    for path, lines in added.items():
        try:
            old = _read(path) if path.is_file() else _carried_over(path)
            if old and not old.endswith("\n"):
                old += "\n"
            _write(path, old + "".join(dict.fromkeys(lines)))
        except OSError as exc:
            raise WorkspaceError(str(path), f"cannot be written: {exc.strerror}") from exc
    return sorted(added)


def _judge(name: str, identity: Identity) -> Learned:
    shown = identity.shown
    if shown is None:
        return Learned(name, Standing.UNPROVEN, identity.why)
    says = printable(f"{shown.algorithm} {shown.fingerprint}".strip())
    try:
        judge = _judge_key if shown.proof is Proof.SSH else _judge_certificate
        standing, detail, hint = judge(shown, identity.file)
    except DeviceError as exc:
        return Learned(name, Standing.FAILED, exc.reason, exc.hint)
    return Learned(name, standing, f"{says}{detail}", hint, shown, identity.file)


Judgement = tuple[Standing, str, str]


def _judge_key(shown: Shown, file: Path | None) -> Judgement:
    known = known_keys(file, shown.known_as)
    if known.get(shown.algorithm) == shown.encoded:
        return Standing.KNOWN, "", ""
    if known:
        # One of another kind is what somebody in between has as well, who has not the known one.
        others = "another one" if shown.algorithm in known else " and ".join(sorted(known))
        hint = (
            f"compare it with the router's own; if it is right, ssh-keygen -f {file} -R "
            f"'{shown.known_as}', and learn it again"
        )
        return Standing.CHANGED, f", and {file} has {others}", hint
    return Standing.NEW, "", ""


def _judge_certificate(shown: Shown, file: Path | None) -> Judgement:
    is_there = file is not None and file.is_file()
    if file is None or is_there:
        why = _refusal(shown, _trusting(file))
        if not why:
            return Standing.KNOWN, "", ""
        if file is None:
            hint = "name a ca_file under optional_args, such as certificates.pem, and learn again"
            return Standing.UNPROVEN, f", not trusted: {why}", hint
    learned = _learned_certificates(file, shown.known_as) if is_there else []
    if learned and shown.encoded not in learned:
        hint = (
            f"compare it with the router's own; if it is right, delete the certificate below "
            f"`# {shown.known_as}` in {file}, and learn it again"
        )
        return Standing.CHANGED, f", and {file} has another one", hint
    why = _refusal(shown, ssl.create_default_context(cadata=shown.line))
    if why:
        # Its name is not the router's, or it stands for nothing by itself.
        hint = (
            "give the router a certificate of its own for the name that the inventory has, or put "
            f"the CA's into {file}"
        )
        return Standing.FAILED, f", of no use even when it is known: {why}", hint
    return Standing.NEW, "", ""


def _trusting(file: Path | None) -> ssl.SSLContext | None:
    """Return a context that trusts a file's certificates (None: the system's); None: it has none.

    Raises DeviceError where it cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return None
    except OSError as exc:
        raise DeviceError(str(file), f"ca_file {file} cannot be read: {exc.strerror}") from exc


def _learned_certificates(file: Path, known_as: str) -> list[bytes]:
    """Return those of a router that were learned, as DER."""
    return [
        ssl.PEM_cert_to_DER_cert(pem)
        for router, pem in _LEARNED.findall(_read(file))
        if router == known_as
    ]


def _refusal(shown: Shown, context: ssl.SSLContext | None) -> str:
    """Return why a client of this context refuses the certificate; empty: it does not."""
    if context is None:
        return "the file holds no certificate"
    try:
        with (
            socket.create_connection((shown.hostname, shown.port), TIMEOUT) as connection,
            context.wrap_socket(connection, server_hostname=shown.hostname) as wrapped,
        ):
            if wrapped.getpeercert(binary_form=True) != shown.encoded:
                return "it shows one certificate now and another then"
    except ssl.SSLCertVerificationError as exc:
        return printable(exc.verify_message)
    except OSError as exc:
        raise DeviceError(shown.hostname, f"port {shown.port}: {exc.strerror or exc}") from exc
    return ""


def _carried_over(path: Path) -> str:
    """Return what a new file begins with.

    As soon as the workspace has a known_hosts, the user's own does not count any more: what stands
    there goes with it.
    """
    own = Path("~/.ssh/known_hosts").expanduser()
    if path.name != "known_hosts" or not own.is_file():
        return ""
    return _read(own)


def _read(path: Path) -> str:
    # Whatever a person has written beside the keys stays as it is.
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A link stays one: other workspaces may have the same file.
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    write_whole(path, text.encode(errors="surrogateescape"), mode)
