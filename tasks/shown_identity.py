"""What a router shows to prove who it is: an SSH host key, or a TLS certificate.

It is taken without a login: nothing is sent but what begins the protocol.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from irrgate.errors import DeviceError

TIMEOUT: Final = 15
"""seconds for the connection, and again for what begins the protocol"""


class Proof(StrEnum):
    """By what a router proves who it is."""

    SSH = "SSH host key"
    TLS = "TLS certificate"


REACHED_BY: Final[Mapping[str, tuple[Proof, int]]] = {
    "eos": (Proof.TLS, 443),
    "junos": (Proof.SSH, 22),
    "bird": (Proof.SSH, 22),
    "frr": (Proof.SSH, 22),
    "frr_route_map": (Proof.SSH, 22),
    "openbgpd": (Proof.SSH, 22),
    "ios": (Proof.SSH, 22),
    "iosxr_netconf": (Proof.SSH, 830),
    "nxos": (Proof.TLS, 443),
    "nxos_ssh": (Proof.SSH, 22),
    "sros": (Proof.SSH, 830),
    "srl": (Proof.TLS, 443),
    "huawei_vrp": (Proof.SSH, 22),
    "ros": (Proof.TLS, 8729),
}
"""By platform: the proof, and the port where the inventory has none: the driver's own."""
WITHOUT_PROOF: Final = frozenset({"api", "http", "local"})
"""values of `transport` under optional_args for which there is none"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a router showed."""

    proof: Proof
    hostname: str
    port: int
    algorithm: str
    """ssh-ed25519, or empty for a certificate"""
    encoded: bytes
    """the key's blob, or the certificate as DER"""

    @property
    def fingerprint(self) -> str:
        """SHA-256, as ssh-keygen and openssl print it for each kind."""
        digest = hashlib.sha256(self.encoded).digest()
        if self.proof is Proof.TLS:
            return "SHA256 " + ":".join(f"{byte:02X}" for byte in digest)
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def known_as(self) -> str:
        """The host as known_hosts names it (sshd(8))."""
        return known_as(self.hostname, self.port)

    @property
    def line(self) -> str:
        """What is added to known_hosts, or to a file of certificates."""
        if self.proof is Proof.TLS:
            # What stands around a certificate is no part of it; it tells one that changed.
            name = self.known_as.encode("ascii", "backslashreplace").decode()
            return f"# {name}\n{ssl.DER_cert_to_PEM_cert(self.encoded)}"
        return f"{self.known_as} {self.algorithm} {base64.b64encode(self.encoded).decode()}\n"


def known_as(hostname: str, port: int) -> str:
    """Return a host as known_hosts names it (sshd(8))."""
    return hostname if port == 22 else f"[{hostname}]:{port}"


def known_keys(file: Path | None, name: str) -> dict[str, bytes]:
    """Return the keys that known_hosts has of a host, by their kind; DeviceError if unreadable."""
    if file is None or not file.is_file():
        return {}
    import paramiko  # noqa: PLC0415

    keys = paramiko.HostKeys()
    try:
        keys.load(str(file))
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise DeviceError(name, f"known_hosts {file} cannot be read: {why}") from exc
    return {kind: key.asbytes() for kind, key in (keys.lookup(name) or {}).items()}


def ask_identity(proof: Proof, hostname: str, port: int, kinds: Collection[str] = ()) -> Shown:
    """Return what the router shows; raises DeviceError where it does not come to that.

    Of an SSH server that has host keys of several kinds, one of `kinds` if it can be, since the
    drivers ask for those that they know as well.
    """
    try:
        with socket.create_connection((hostname, port), TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            if proof is Proof.TLS:
                return Shown(proof, hostname, port, "", _certificate(connection))
            return Shown(proof, hostname, port, *_host_key(connection, kinds))
    except TimeoutError as exc:
        raise DeviceError(hostname, f"port {port} did not answer in time") from exc
    except ssl.SSLError as exc:
        raise DeviceError(hostname, f"port {port} does not speak TLS: {exc.reason}") from exc
    except OSError as exc:
        raise DeviceError(hostname, f"port {port}: {exc.strerror or exc}") from exc


def _certificate(connection: socket.socket) -> bytes:
    # Nothing is believed of what is read here: a person compares it with the router's own.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(connection) as wrapped:
        return wrapped.getpeercert(binary_form=True) or b""


def _host_key(connection: socket.socket, kinds: Collection[str]) -> tuple[str, bytes]:
    # Loading paramiko takes 0.2 s, which only those should wait who learn keys.
    import paramiko  # noqa: PLC0415

    # Its preferences are those of the drivers, which are all on paramiko: they get the same key.
    transport: Any = paramiko.Transport(connection)
    options = transport.get_security_options()
    # An RSA key is `ssh-rsa`, whatever it signs by.
    options.key_types = sorted(
        options.key_types, key=lambda each: re.sub("^rsa-sha2-.*", "ssh-rsa", each) not in kinds
    )
    try:
        transport.start_client(timeout=TIMEOUT)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError) as exc:
        said = str(exc) or "it closed the connection"
        raise DeviceError(_peer(connection), f"does not speak SSH: {said}") from exc
    finally:
        transport.close()
    return str(key.get_name()), bytes(key.asbytes())


def _peer(connection: socket.socket) -> str:
    with contextlib.suppress(OSError):
        return str(connection.getpeername()[0])
    return "the router"
