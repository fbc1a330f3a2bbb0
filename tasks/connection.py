"""The Nornir connection to NAPALM: per-host settings, and hosts that are verified.

Beside nornir_napalm's plugin this one
- copies the connection's options for each host: Nornir shares a group's dict between its hosts,
  and a plugin that writes one host's port into it sends the others to that address (measured);
- verifies the TLS certificate or the SSH host key, which no core driver does by default.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nornir.core.configuration import Config

from irrgate.errors import DeviceError
from tasks.ssh_config import write_ssh_config

if TYPE_CHECKING:
    from napalm.base.base import NetworkDriver

CONNECTION: Final = "napalm"
"""The name under `connection_options`, the one that nornir_napalm's users write."""

DEFAULT_TIMEOUT: Final = 300
"""seconds for one request; a load of 300,000 lines is one request, and 60 would not do."""

CLEANUP_TIMEOUT: Final = 30
"""seconds for a request that gives something back; the end of the session does it as well"""

VERIFY: Final = "verify_host"
CA_FILE: Final = "ca_file"
KNOWN_HOSTS: Final = "known_hosts"

WORKSPACE_KEY: Final = "irrgate_workspace"
"""where the plugin finds the workspace's folder in Nornir's user_defined configuration"""
LOCK_KEY: Final = "irrgate_lock"
"""beside it: true where the router's configuration is to be ours while the connection lasts"""


class NapalmConnection:
    """A NAPALM driver that is open; Nornir's ConnectionPlugin.

    Beside NAPALM's own, `optional_args` may hold: `verify_host` (default true), `ca_file` (PEM, for
    TLS) and `known_hosts` (for SSH), both relative to the workspace; those of our own drivers are
    in docs/daemons.md.
    """

    def __init__(self) -> None:
        self.connection: Any = None

    def open(  # noqa: PLR0913, PLR0917 - Nornir's interface
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Open the driver; raises what the driver raises, or DeviceError for wrong options."""
        name = platform or ""
        settings = copy.deepcopy(extras or {})
        arguments: dict[str, Any] = settings.pop("optional_args", None) or {}
        if port is not None:
            arguments["port"] = port
        workspace = Path(configuration.user_defined[WORKSPACE_KEY]) if configuration else Path()
        verify = arguments.pop(VERIFY, True)
        if not isinstance(verify, bool):
            raise DeviceError(str(hostname), f"{VERIFY} must be true or false, not {verify!a}")
        paths = {key: arguments.pop(key, None) for key in (CA_FILE, KNOWN_HOSTS)}
        if name not in _VERIFIERS:
            raise DeviceError(str(hostname), f"no way to verify a router of platform {name!a}")
        if configuration and configuration.user_defined.get(LOCK_KEY):
            # For JunOSDriver, the one that has a lock to take. Without it the lock goes with the
            # commit, and the confirming commit takes along what others wrote in the meantime.
            arguments.setdefault("config_lock", True)
        after = _VERIFIERS[name](arguments, workspace, paths, verify)
        settings.setdefault("timeout", DEFAULT_TIMEOUT)
        driver = _driver_class(name)(
            hostname=hostname,
            username=username,
            password=password,
            optional_args=arguments,
            **settings,
        )
        after(driver)
        try:
            driver.open()
        except BaseException:
            # A login that succeeded and a lock that was not granted leave a session behind.
            _cut(driver)
            raise
        self.connection = driver

    def close(self) -> None:
        """Close the driver; a candidate of it is gone with it."""
        driver, self.connection = self.connection, None
        if driver is None:
            return
        hurry(driver)
        try:
            driver.close()
        except BaseException:
            _cut(driver)
            raise
        finally:
            # EOSDriver aborts its session once more when it is collected, whenever that is.
            if hasattr(driver, "config_session"):
                driver.config_session = None


def _driver_class(platform: str) -> Any:
    """Return the driver's class: one of our own, or what NAPALM has by this name."""
    # Loading NAPALM takes half a second, which only those should wait who go to a router.
    if platform in OWN_DRIVERS:
        module, name = OWN_DRIVERS[platform]
        return getattr(importlib.import_module(module), name)
    import napalm  # noqa: PLC0415

    return napalm.get_network_driver(platform)


def hurry(driver: NetworkDriver) -> None:
    """Let what cleans up wait for a router no longer than it must: it may be one that hangs."""
    device = getattr(driver, "device", None)
    transport = getattr(getattr(device, "connection", None), "transport", None)
    # PyEZ's Device has a timeout for each request, pyeapi's connection one for each socket.
    for holder in (device, transport):
        timeout = getattr(holder, "timeout", None)
        if isinstance(timeout, int | float):
            setattr(holder, "timeout", min(timeout, CLEANUP_TIMEOUT))  # noqa: B010 - of no type


def _cut(driver: NetworkDriver) -> None:
    """End the SSH session of a Junos router that does not answer any more.

    After a timeout JunOSDriver.close() times out as well and leaves the session standing, and
    with it the lock on the router's configuration (measured).
    """
    session = getattr(getattr(getattr(driver, "device", None), "_conn", None), "_session", None)
    if session is not None:
        with contextlib.suppress(Exception):
            session.close()


Prepare = Callable[["NetworkDriver"], None]
Verifier = Callable[[dict[str, Any], Path, Mapping[str, Any], bool], Prepare]


def _verify_eos(
    arguments: dict[str, Any], workspace: Path, paths: Mapping[str, Any], verify: bool
) -> Prepare:
    if verify and arguments.get("transport", "https") == "https":
        arguments["context"] = _trusting(workspace, paths[CA_FILE])
    return lambda _: None


def _trusting(workspace: Path, ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the system's CAs, or those of the file alone."""
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(workspace / ca_file))
    except ssl.SSLError as exc:
        reason = "it holds no certificate"
        raise DeviceError(CA_FILE, f"{CA_FILE} {ca_file} cannot be read: {reason}") from exc
    except OSError as exc:
        raise DeviceError(CA_FILE, f"{CA_FILE} {ca_file} cannot be read: {exc.strerror}") from exc


def _verify_junos(
    arguments: dict[str, Any], workspace: Path, paths: Mapping[str, Any], verify: bool
) -> Prepare:
    # A config of 100,000 prefixes is one XML text node, which lxml refuses without it.
    arguments.setdefault("huge_tree", True)
    if "ssh_config_file" not in arguments:
        known_hosts = workspace / (paths[KNOWN_HOSTS] or KNOWN_HOSTS)
        if verify and paths[KNOWN_HOSTS] and not known_hosts.is_file():
            reason = f"{KNOWN_HOSTS} {paths[KNOWN_HOSTS]} is not there"
            raise DeviceError(KNOWN_HOSTS, reason, hint="ssh-keyscan -p PORT ROUTER, then compare")
        if known_hosts.is_file():
            arguments["ssh_config_file"] = str(write_ssh_config(workspace, known_hosts))

    def prepare(driver: NetworkDriver) -> None:
        # JunOSDriver has no argument for it, and PyEZ's default is not to look.
        driver.device._hostkey_verify = verify

    return prepare


def _verify_own(
    arguments: dict[str, Any], workspace: Path, paths: Mapping[str, Any], verify: bool
) -> Prepare:
    """Pass on to a driver of our own what it needs to verify the router; it does it itself."""
    arguments[VERIFY] = verify
    known_hosts = workspace / (paths[KNOWN_HOSTS] or KNOWN_HOSTS)
    # One that is named and is not there is for the driver to complain about, which reads it.
    if paths[KNOWN_HOSTS] or known_hosts.is_file():
        arguments[KNOWN_HOSTS] = str(known_hosts)
    if paths[CA_FILE]:
        arguments[CA_FILE] = str(workspace / paths[CA_FILE])
    if "key_file" in arguments:
        arguments["key_file"] = str(workspace / Path(arguments["key_file"]).expanduser())
    return lambda _: None


def _verify_netconf(
    arguments: dict[str, Any], workspace: Path, paths: Mapping[str, Any], verify: bool
) -> Prepare:
    """Pass on what ncclient needs, which learns of a known_hosts file by an SSH configuration."""
    prepare = _verify_own(arguments, workspace, paths, verify)
    known_hosts = arguments.get(KNOWN_HOSTS)
    if verify and known_hosts and "ssh_config_file" not in arguments:
        if not Path(known_hosts).is_file():
            reason = f"{KNOWN_HOSTS} {paths[KNOWN_HOSTS]} is not there"
            raise DeviceError(KNOWN_HOSTS, reason, hint="irrgate check --devices --learn-keys")
        arguments["ssh_config_file"] = str(write_ssh_config(workspace, Path(known_hosts)))
    return prepare


OWN_DRIVERS: Final[Mapping[str, tuple[str, str]]] = {
    "bird": ("tasks.drivers.bird", "BirdDriver"),
    "frr": ("tasks.drivers.frr", "FrrDriver"),
    "frr_route_map": ("tasks.drivers.frr_route_map", "FrrRouteMapDriver"),
    "huawei_vrp": ("tasks.drivers.huawei_vrp", "HuaweiVrpDriver"),
    "nxos": ("tasks.drivers.nxos", "NxosDriver"),
    "nxos_ssh": ("tasks.drivers.nxos_ssh", "NxosSshDriver"),
    "ios": ("tasks.drivers.ios", "IosDriver"),
    "iosxr_netconf": ("tasks.drivers.iosxr_netconf", "IosxrNetconfDriver"),
    "openbgpd": ("tasks.drivers.openbgpd", "OpenbgpdDriver"),
    "sros": ("tasks.drivers.sros", "SrosDriver"),
    "ros": ("tasks.drivers.ros", "RosDriver"),
    "srl": ("tasks.drivers.srl", "SrlDriver"),
}
"""Our own drivers, or NAPALM's with our hardening: module and class, by platform."""
_VERIFIERS: Final[Mapping[str, Verifier]] = {
    "eos": _verify_eos,
    "junos": _verify_junos,
    **dict.fromkeys(OWN_DRIVERS, _verify_own),
    "iosxr_netconf": _verify_netconf,
}
