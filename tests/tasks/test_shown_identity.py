"""By what each platform's routers prove who they are."""

from __future__ import annotations

import asyncio

import asyncssh

from irrgate.platforms import PLATFORMS
from tasks.connection import _driver_class
from tasks.shown_identity import REACHED_BY, Proof, Shown, ask_identity


def test_every_platform_has_a_proof_and_it_is_the_promised_one() -> None:
    assert PLATFORMS.keys() <= REACHED_BY.keys()
    for name, platform in PLATFORMS.items():
        assert REACHED_BY[name][0] == platform.capabilities.verified_host


def test_the_port_is_the_one_that_the_driver_goes_to() -> None:
    for name in ("junos", "iosxr_netconf"):
        assert _driver_class(name)("192.0.2.1", "u", "p").port == REACHED_BY[name][1]


def test_known_hosts_names_a_port_that_is_not_22() -> None:
    shown = Shown(Proof.SSH, "192.0.2.1", 22, "ssh-ed25519", b"\0\0\0\x0bssh-ed25519")
    assert shown.line == "192.0.2.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n"
    other = Shown(Proof.SSH, "192.0.2.1", 830, "ssh-ed25519", b"")
    assert other.line.startswith("[192.0.2.1]:830 ")


def test_of_a_router_with_keys_of_two_kinds_the_known_one_is_asked_for() -> None:
    keys = [asyncssh.generate_private_key(kind) for kind in ("ssh-ed25519", "ssh-rsa")]

    async def shown(*kinds: str) -> str:
        async with asyncssh.listen("127.0.0.1", 0, server_host_keys=keys) as server:
            asked = (Proof.SSH, "127.0.0.1", server.get_port(), kinds)
            return (await asyncio.to_thread(ask_identity, *asked)).algorithm

    assert asyncio.run(shown()) == "ssh-ed25519"
    assert asyncio.run(shown("ssh-rsa")) == "ssh-rsa"
    assert asyncio.run(shown("ssh-dss")) == "ssh-ed25519"
